//! `lookdesk export` and `lookdesk import`: records out of and into the data directory, as the page does
//! it, without a desk running.

mod day;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use desk::records::{
    ConversationId, ExportFormat, ExportPictures, ExportWish, ImportSource, Imported, PictureSize,
    Records,
};
use futures_util::StreamExt;
use model::picture::{PictureLimits, decode};
use tokio::runtime::{Builder, Runtime};

use self::day::day;
use crate::data::{self, DataOptions};
use crate::failure::{Failure, Outcome};
use crate::output::note;

/// Take records out: everything, a time, or one conversation
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// File to write [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Its form
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Only this conversation
    #[arg(long, value_name = "ID")]
    pub conversation: Option<ConversationId>,
    /// Only conversations with a question on or after this day, such as 2026-11-21 (UTC)
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub from: Option<i64>,
    /// Only conversations with a question before this day (UTC)
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub to: Option<i64>,
    /// Whether the pictures come along
    #[arg(long, value_enum, default_value_t)]
    pub pictures: Pictures,
    #[command(flatten)]
    pub data: DataOptions,
}

/// Bring exported records in; what is here already stays as it is
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A JSON file that `lookdesk export` or the page has written; - reads stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub data: DataOptions,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Everything; can be imported
    #[default]
    Json,
    /// A table with a row for each answer
    Csv,
}

/// Whether the pictures come along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Pictures {
    /// They do
    #[default]
    Bytes,
    /// Only their hashes do
    Hash,
}

impl ExportArgs {
    fn wish(&self) -> ExportWish {
        ExportWish {
            format: match self.format {
                Format::Json => ExportFormat::Json,
                Format::Csv => ExportFormat::Csv,
            },
            conversation: self.conversation,
            from: self.from,
            to: self.to,
            pictures: match self.pictures {
                Pictures::Bytes => ExportPictures::Bytes,
                Pictures::Hash => ExportPictures::Hash,
            },
            // Whoever writes the file names it.
            utc_offset_minutes: None,
        }
    }
}

/// Runs `lookdesk export`.
pub fn export(args: &ExportArgs) -> Outcome {
    let place = args.data.place(None)?;
    existing(place.data_dir.as_deref())?;
    runtime()?.block_on(async {
        let records = data::open(&place).await?;
        let written = match &args.output {
            None => write_out(&records, args.wish(), &mut io::stdout()).await,
            Some(path) => write_file(&records, args.wish(), path).await,
        };
        records.close().await;
        written
    })
}

/// Runs `lookdesk import`.
pub fn import(args: &ImportArgs) -> Outcome {
    let source = source(&args.file)?;
    let place = args.data.place(None)?;
    runtime()?.block_on(async {
        let records = data::open(&place).await?;
        let look = |bytes: &[u8]| {
            let picture = decode(bytes, &PictureLimits::default()).ok()?;
            Some(PictureSize {
                width: picture.width,
                height: picture.height,
            })
        };
        let imported = records.import_checked(source, None, Arc::new(look)).await;
        records.close().await;
        let imported = imported?;
        note(&format!(
            "{} conversations, {} questions, {} answers and {} pictures came in; {} conversations \
             were here already",
            imported.conversations,
            imported.rounds,
            imported.answers,
            imported.pictures,
            imported.skipped
        ));
        if imported.damaged_pictures > 0 {
            note(&damage(&imported));
        }
        Ok(())
    })
}

/// The file, which is read twice. What comes through a pipe, or is a pipe itself, is put down first.
fn source(path: &Path) -> Outcome<ImportSource> {
    let failed = |error: io::Error| Failure::at(path.display(), &error);
    let mut stream: Box<dyn Read> = match path.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => {
            let file = File::open(path).map_err(failed)?;
            if file.metadata().map_err(failed)?.is_file() {
                return Ok(Box::new(file));
            }
            Box::new(file)
        }
    };
    // Without a name: nobody else can open it, and it is gone with the program.
    let mut put_down = tempfile::tempfile().map_err(failed)?;
    io::copy(&mut stream, &mut put_down).map_err(failed)?;
    put_down.rewind().map_err(failed)?;
    Ok(Box::new(put_down))
}

/// Which pictures could not be read.
fn damage(imported: &Imported) -> String {
    let named = imported.damaged.iter().map(|picture| match &picture.title {
        Some(title) => format!("\n  {} in \u{201c}{title}\u{201d}", picture.id),
        None => format!("\n  {}", picture.id),
    });
    let unnamed = imported.damaged_pictures - named.len() as u64;
    let more = match unnamed {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    format!(
        "{} of the pictures cannot be read and were left out; what was asked and said about them \
         came in:{}{more}",
        imported.damaged_pictures,
        named.collect::<String>()
    )
}

/// Records are there already: taking out of an empty place is a mistake in its name.
fn existing(directory: Option<&Path>) -> Outcome {
    match directory {
        Some(directory) if !directory.is_dir() => Err(Failure::Failed(format!(
            "{} is not there; name the directory of the records with --data-dir DIR",
            directory.display()
        ))),
        _ => Ok(()),
    }
}

/// Writes beside the file first, so that a half-written one never stands in its place.
async fn write_file(records: &Records, wish: ExportWish, path: &Path) -> Outcome {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let whole = async {
        let mut file = private(&beside)?;
        write_out(records, wish, &mut file).await?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        Ok(())
    };
    let written: Outcome = whole.await;
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    match written {
        Err(Failure::Failed(text)) => Err(Failure::Failed(format!("{}: {text}", path.display()))),
        written => written,
    }
}

/// A new file that only its owner can read: customers' words and pictures will stand in it.
fn private(path: &Path) -> io::Result<File> {
    // One that was left over may be open to others.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

async fn write_out(records: &Records, wish: ExportWish, to: &mut impl Write) -> Outcome {
    let mut pieces = records.export(wish, None).await?;
    while let Some(piece) = pieces.next().await {
        to.write_all(&piece?).map_err(unwritten)?;
    }
    to.flush().map_err(unwritten)
}

fn unwritten(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::PipeClosed,
        _ => Failure::at("cannot write the export", &error),
    }
}

fn runtime() -> Outcome<Runtime> {
    Ok(Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}
