//! The records of a desk that is served: opened before the port is told, swept every hour.

use std::time::Duration;

use clap::Args;
use desk::RecordsFacts;
use desk::records::{Records, RecordsPlace};
use tokio::time::interval;

use crate::data::DataOptions;
use crate::failure::Outcome;

/// Between two sweeps.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// What is kept of what is asked.
#[derive(Debug, Args)]
pub struct RecordsOptions {
    #[command(flatten)]
    pub data: DataOptions,
    /// Delete conversations for good, pinned ones too, when nothing was asked or answered in them for so many days
    /// [default: never]
    #[arg(long, value_name = "N", help_heading = "Records",
          value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_days: Option<u32>,
    /// Keep everything in memory and nothing on disk: when the desk ends, all is forgotten
    #[arg(long, help_heading = "Records", conflicts_with_all = ["data_dir", "database", "keep_days"])]
    pub no_records: bool,
    /// The largest file that can be imported over the page
    #[arg(long, value_name = "N", help_heading = "Records", default_value_t = 512,
          value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub import_megabytes: u64,
}

impl RecordsOptions {
    /// Where they are kept.
    pub fn place(&self) -> Outcome<RecordsPlace> {
        match self.no_records {
            true => Ok(RecordsPlace::default()),
            false => self.data.place(self.keep_days),
        }
    }

    /// What the page says of them.
    pub fn facts(&self) -> RecordsFacts {
        RecordsFacts {
            kept: !self.no_records,
            keep_days: self.keep_days,
            import_bytes: self.import_megabytes << 20,
        }
    }

    /// What the person who started the desk should know.
    pub fn words(&self) -> Outcome<String> {
        Ok(match self.no_records {
            true => {
                "nothing is kept: when the desk ends, all that was asked is forgotten".to_owned()
            }
            false => format!("records are kept in {}", self.data.words()?),
        })
    }
}

/// Deletes what is due, now and every hour, for as long as it is let.
pub async fn sweep(records: Records) {
    let mut hours = interval(HOUR);
    loop {
        hours.tick().await;
        match records.sweep().await {
            Ok(swept) => tracing::debug!(?swept, "the records were swept"),
            Err(refusal) => tracing::warn!(refusal = refusal.message, "the records were not swept"),
        }
    }
}
