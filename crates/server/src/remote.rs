//! Pictures from elsewhere, only where whoever runs the desk allowed it.
//!
//! A request that names an address makes this machine knock there, which is a way into networks the
//! asker cannot reach. So: HTTPS only, one parser for the address, the name resolved once, every
//! address it gives checked, the connection made to exactly the address that was checked, and all of it
//! again on every redirect. No proxy, no cookies, no keys, and bounds on size and time.

pub(crate) mod address;
mod exchange;
mod place;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use self::exchange::{Reply, exchange};
use self::place::Place;
use crate::tls::{self, NoCertificates};

/// More is no way to a picture.
const REDIRECTS: usize = 3;
/// For one picture, redirects included.
const WHOLE: Duration = Duration::from_secs(20);
/// For all pictures of a request.
const TOGETHER: Duration = Duration::from_secs(60);

/// Why a picture could not be brought.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(
        "`{0}` is not an https address of a picture; use https:// or send the picture itself as a data: URI"
    )]
    Place(String),
    /// Said like `Private`: who asks must not learn which names an inner network has.
    #[error("{0} is not a server on the public internet; send the picture itself as a data: URI")]
    Unknown(String),
    #[error("{0} is not a server on the public internet; send the picture itself as a data: URI")]
    Private(String),
    #[error("{host} could not be reached ({reason}); send the picture itself as a data: URI")]
    Unreachable { host: String, reason: String },
    #[error("{host} answered {status} instead of a picture; check the address")]
    Status { host: String, status: u16 },
    #[error("{0} sends the request around in circles; give the picture's last address")]
    Redirects(String),
    #[error("the picture at {host} is larger than {limit} bytes; use a smaller one")]
    TooLarge { host: String, limit: u64 },
    #[error("{0} took too long; send the picture itself as a data: URI")]
    TooSlow(String),
}

impl FetchError {
    /// As the log may hold it: an address may carry a password or a signature, a host does not.
    pub(crate) fn logged(&self) -> String {
        match self {
            Self::Place(_) => "its address is not an https address".to_owned(),
            other => other.to_string(),
        }
    }
}

type Resolved = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Brings pictures from elsewhere.
pub struct Fetcher {
    tls: TlsConnector,
    resolve: fn(String, u16) -> Resolved,
    permits: fn(IpAddr) -> bool,
    whole: Duration,
    together: Duration,
}

impl Fetcher {
    /// Trusts whom this machine trusts.
    pub fn new() -> Result<Self, NoCertificates> {
        Ok(Self::over(tls::of_this_machine()?))
    }

    fn over(tls: TlsConnector) -> Self {
        Self {
            tls,
            resolve: |host, port| {
                Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
            },
            permits: address::is_public,
            whole: WHOLE,
            together: TOGETHER,
        }
    }

    /// How long all pictures of one request may take.
    pub(crate) fn together(&self) -> Duration {
        self.together
    }

    /// The bytes at this address, at most `limit` of them.
    pub(crate) async fn fetch(&self, url: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let place = Place::read(url)?;
        let host = place.host().to_owned();
        let fetched = timeout(self.whole, self.follow(place, limit)).await;
        fetched.unwrap_or(Err(FetchError::TooSlow(host)))
    }

    async fn follow(&self, mut place: Place, limit: u64) -> Result<Vec<u8>, FetchError> {
        for _ in 0..=REDIRECTS {
            let address = self.checked_address(&place).await?;
            match exchange(&self.tls, address, &place, limit).await? {
                Reply::Picture(bytes) => return Ok(bytes),
                Reply::Elsewhere(location) => place = place.join(&location)?,
            }
        }
        Err(FetchError::Redirects(place.host().to_owned()))
    }

    /// The address to connect to. A name with any address that may not be
    /// asked is refused whole: it is not a name of a public server.
    async fn checked_address(&self, place: &Place) -> Result<SocketAddr, FetchError> {
        let host = place.host();
        let unknown = || FetchError::Unknown(host.to_owned());
        let found = match place.literal() {
            Some(address) => vec![SocketAddr::new(address, place.port())],
            None => {
                let resolved = (self.resolve)(host.to_owned(), place.port()).await;
                resolved.map_err(|_| unknown())?
            }
        };
        if !found.iter().all(|address| (self.permits)(address.ip())) {
            return Err(FetchError::Private(host.to_owned()));
        }
        // IPv4 first: a machine without IPv6 can reach it for certain.
        let first = found
            .iter()
            .find(|address| address.is_ipv4())
            .or(found.first());
        first.copied().ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests;
