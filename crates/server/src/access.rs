//! Who may use the desk, and how fast: keys, sign-in, rates. The gate asks here; nothing here knows a
//! route.

mod bucket;
mod cookies;
pub mod keys;
mod rates;
mod ring;
pub(crate) mod signin;
mod signin_page;
mod tongue;

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use desk::AskedBy;
use tokio::sync::OwnedSemaphorePermit;

pub use keys::{Keys, KeysError, NewKey};
pub(crate) use rates::Rates;
pub use ring::KeyRing;

pub(crate) use self::keys::Key;
use crate::error::ApiError;

/// The address a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub IpAddr);

/// In whose name a request is made; who shares one takes turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asker(pub String);

impl Asker {
    /// Who asks, for the desk. An address is nobody's name.
    pub fn by(&self) -> AskedBy {
        AskedBy {
            turn: self.0.clone(),
            name: self.name().map(str::to_owned),
        }
    }

    /// The name of the key, where keys are used.
    pub fn name(&self) -> Option<&str> {
        self.0.strip_prefix("key ")
    }
}

/// The key a request came with, where keys are used.
#[derive(Clone, Debug)]
pub(crate) struct Brought(pub Option<Arc<Key>>);

impl Brought {
    /// Places for more answers than the one that a request is counted for.
    pub fn also(&self, more: u32) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        match (&self.0, more) {
            (None, _) | (_, 0) => Ok(None),
            (Some(key), more) => key.also(more),
        }
    }
}

/// The key a request brings, if keys are asked for.
pub(crate) fn key_of(keys: &Keys, headers: &HeaderMap) -> Result<Arc<Key>, ApiError> {
    let secret = match headers.get(AUTHORIZATION) {
        Some(value) => Some(bearer(value.as_bytes()).ok_or(ApiError::KeyWrong)?),
        None => signin::cookie(headers),
    };
    let secret = secret.ok_or(ApiError::KeyMissing)?;
    keys.find(secret).ok_or(ApiError::KeyWrong)
}

/// What stands after `Bearer`, whose case does not matter.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, secret) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| secret.trim_ascii())
}
