//! A picture as the desk holds it: its bytes as they came, and what they are.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The name of a picture: the BLAKE3 hash of its bytes, 64 hex digits.
///
/// Full length on purpose: a shorter name could be made to collide, and one
/// person's question would be answered from another person's picture.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(
    value_type = String,
    pattern = "^[0-9a-f]{64}$",
    example = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
)]
pub struct PictureId([u8; 32]);

/// Text that cannot be the name of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a picture's id is 64 hexadecimal digits; use the one that came back from the upload")]
pub struct NotAPictureId;

impl PictureId {
    /// The name of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for PictureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl FromStr for PictureId {
    type Err = NotAPictureId;

    fn from_str(text: &str) -> Result<Self, NotAPictureId> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| NotAPictureId)?;
        Ok(Self(*hash.as_bytes()))
    }
}

impl TryFrom<String> for PictureId {
    type Error = NotAPictureId;

    fn try_from(text: String) -> Result<Self, NotAPictureId> {
        text.parse()
    }
}

impl From<PictureId> for String {
    fn from(id: PictureId) -> String {
        id.to_string()
    }
}

/// What a file turned out to be when somebody who can read pictures opened it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PictureFacts {
    /// Read from the bytes, never from a name or a header.
    pub media_type: String,
    /// Pixels, as the picture is shown (after any rotation it asks for).
    pub width: u32,
    /// Pixels, as the picture is shown.
    pub height: u32,
    /// How many tokens it takes in a question.
    pub tokens: u32,
}

/// A picture on the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its name, which follows from `bytes`.
    id: PictureId,
    /// The file exactly as it came; shared, so that nobody copies 20 MB.
    bytes: Arc<[u8]>,
    /// What it is.
    facts: PictureFacts,
}

impl Picture {
    /// Names the bytes and keeps the facts beside them.
    pub fn new(bytes: impl Into<Arc<[u8]>>, facts: PictureFacts) -> Self {
        let bytes = bytes.into();
        let id = PictureId::of(&bytes);
        Self { id, bytes, facts }
    }

    /// Its name.
    pub fn id(&self) -> PictureId {
        self.id
    }

    /// The file exactly as it came.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// What it is.
    pub fn facts(&self) -> &PictureFacts {
        &self.facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_road_through_text() {
        let id = PictureId::of(b"label");
        assert_eq!(id.to_string().parse(), Ok(id));
        let json = serde_json::to_string(&id).expect("plain data");
        assert_eq!(serde_json::from_str::<PictureId>(&json).expect("same"), id);
    }

    #[test]
    fn the_empty_file_has_the_hash_blake3_publishes() {
        assert_eq!(
            PictureId::of(b"").to_string(),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        );
    }

    #[test]
    fn text_of_another_shape_is_no_id() {
        for text in [
            "",
            "abc",
            "../../etc/passwd",
            &"g".repeat(64),
            &"a".repeat(65),
        ] {
            assert_eq!(text.parse::<PictureId>(), Err(NotAPictureId), "{text}");
        }
    }
}
