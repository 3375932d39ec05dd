//! Who may use the desk: settled before the port opens.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use server::{CorsOrigins, Fetcher, KeyRing};

use super::place;
use crate::failure::{Failure, Outcome};

/// Who may use the desk.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub struct AccessOptions {
    /// Ask for a key from this file; `lookdesk key new NAME` makes its lines. Lines added or taken out
    /// count at once
    #[arg(long, value_name = "FILE", conflicts_with = "allow_anonymous")]
    pub api_key_file: Option<PathBuf>,
    /// Let everybody in who can reach the desk, also from other machines
    #[arg(long)]
    pub allow_anonymous: bool,
    /// A further name people reach this desk by, such as desk.example; may be given several times
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,
    /// A web page elsewhere that may use /v1, such as `https://app.example`; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    pub cors_origin: Vec<String>,
    /// The most requests a minute from one address; this machine itself is not limited
    #[arg(long, value_name = "N", default_value_t = 600,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_minute: u32,
    /// Fetch pictures that requests name by https address; public addresses only
    #[arg(long)]
    pub allow_remote_images: bool,
}

impl AccessOptions {
    /// The keys to ask for. A desk that others can reach has them, or says that it wants none.
    pub fn keys(&self, host: IpAddr) -> Outcome<Option<KeyRing>> {
        if let Some(path) = &self.api_key_file {
            return Ok(Some(KeyRing::of_file(path)?));
        }
        match place::reach(host) {
            Some(who) if !self.allow_anonymous => Err(Failure::Usage(format!(
                "--host {host} lets {who} use this desk; ask for keys with --api-key-file FILE \
                 (`lookdesk key new NAME >> FILE` makes one), or let everybody in with \
                 --allow-anonymous"
            ))),
            _ => Ok(None),
        }
    }

    /// The pages elsewhere that may come in.
    pub fn cors(&self) -> Outcome<CorsOrigins> {
        let origins = CorsOrigins::new(&self.cors_origin);
        origins.map_err(|error| Failure::Usage(error.to_string()))
    }

    /// What brings pictures from elsewhere, if anything may.
    pub fn remote(&self) -> Outcome<Option<Fetcher>> {
        match self.allow_remote_images {
            true => Ok(Some(Fetcher::new()?)),
            false => Ok(None),
        }
    }
}
