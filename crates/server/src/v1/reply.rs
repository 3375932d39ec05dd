//! What the replies of both interfaces share: names, times, log-probabilities.

use std::time::{SystemTime, UNIX_EPOCH};

use desk::{TokenPiece, TopToken};
use serde::Serialize;
use utoipa::ToSchema;

/// A probability of nothing has no logarithm that JSON could hold.
const LEAST: f32 = -9999.0;

/// Everybody is served alike.
pub(super) const SERVICE_TIER: &str = "default";

/// A name nobody else has, such as `chatcmpl-3f…`.
pub(super) fn new_id(kind: &str) -> String {
    let mut bytes = [0; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // A name is no secret; two of the same harm nobody.
        tracing::warn!(%error, "no random bytes for a name");
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}{hex}")
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// A token and how likely the model found it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TokenLogprob {
    /// Its text, as far as its bytes are text.
    pub token: String,
    /// Natural logarithm of its probability, before settings change it.
    pub logprob: f32,
    /// Its bytes, often only a part of a character.
    pub bytes: Vec<u8>,
    /// The likeliest tokens at this place.
    pub top_logprobs: Vec<TopLogprob>,
}

/// A token that might have stood there.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TopLogprob {
    /// Its text, as far as its bytes are text.
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl From<TokenPiece> for TokenLogprob {
    fn from(piece: TokenPiece) -> Self {
        Self {
            token: String::from_utf8_lossy(&piece.bytes).into_owned(),
            logprob: piece.logprob.max(LEAST),
            bytes: piece.bytes,
            top_logprobs: piece.top.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<TopToken> for TopLogprob {
    fn from(top: TopToken) -> Self {
        Self {
            token: String::from_utf8_lossy(&top.bytes).into_owned(),
            logprob: top.logprob.max(LEAST),
            bytes: top.bytes,
        }
    }
}
