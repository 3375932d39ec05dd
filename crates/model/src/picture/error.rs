//! Why a picture cannot be used, said to the person who sent it.
//!
//! Each variant has a stable code and open fields, so that a page can say the same in another
//! language.

use super::{ForeignKind, PictureFormat};

const MEGABYTE: u64 = 1 << 20;

/// A picture cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// No bytes at all.
    #[error("This picture file is empty. Send it again.")]
    Empty,
    /// More bytes than allowed.
    #[error(
        "This picture is {} MB; the limit is {} MB. Try a smaller one.",
        bytes.div_ceil(MEGABYTE),
        limit / MEGABYTE
    )]
    TooLarge {
        /// Bytes of the file.
        bytes: u64,
        /// The most allowed.
        limit: u64,
    },
    /// A kind of file that is not read here; told by its first bytes, not its name.
    #[error("This file is {}, which cannot be read here. {}", kind.name(), kind.advice())]
    TypeUnsupported {
        /// What it is.
        kind: ForeignKind,
    },
    /// The right kind of file, in a rare form that is not read here.
    #[error(
        "This {format} uses {feature}, which cannot be read here. Save it as an ordinary JPEG or PNG."
    )]
    VariantUnsupported {
        /// How it is stored.
        format: PictureFormat,
        /// The rare form, as part of the sentence.
        feature: &'static str,
    },
    /// The bytes do not make a whole picture.
    #[error("This {format} picture is damaged or incomplete. Save or send it again.")]
    Damaged {
        /// How it is stored.
        format: PictureFormat,
        /// What the decoder said; for the log.
        detail: String,
    },
    /// More pixels than allowed, whatever the file's size.
    #[error(
        "This picture has {width} x {height} pixels; the limit is {} million. Try a smaller one.",
        limit / 1_000_000
    )]
    TooManyPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The most pixels allowed.
        limit: u64,
    },
    /// So long and narrow that nothing on it could be read.
    #[error(
        "This picture is {width} x {height} pixels, more than {limit} times as long as wide. \
         Cut out the part you ask about."
    )]
    TooThin {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The largest ratio allowed.
        limit: u32,
    },
}

impl PictureError {
    /// A name that never changes, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "picture_empty",
            Self::TooLarge { .. } => "picture_too_large",
            Self::TypeUnsupported { .. } => "picture_type_unsupported",
            Self::VariantUnsupported { .. } => "picture_variant_unsupported",
            Self::Damaged { .. } => "picture_damaged",
            Self::TooManyPixels { .. } => "picture_too_many_pixels",
            Self::TooThin { .. } => "picture_too_thin",
        }
    }
}
