//! Packed weights kept from one start to the next.
//!
//! A backend packs the weights of a checkpoint into a layout of its own, which takes much longer
//! than reading them. What it packed is kept in the user's cache directory, never beside the
//! weights, and mapped at the next start.
//!
//! What it knows: named runs of bytes with a kind and a shape, and when they may be used again: the
//! same weights by content, the same precision, the same layout, and every byte as it was written.
//! What it does not know: any layout, any kind, any device.
//!
//! The life of an entry: [`PackCache::content_key`] says which weights these are; [`PackCache::open`]
//! maps what was packed from them; if there is nothing, [`PackCache::create`] begins a file that
//! takes its name only when it is complete. Every failure leaves a program that works, slower.
//!
//! The file is described in `layout`. It is this project's own, so what is in it can be changed at
//! any time by raising `layout::FORMAT_VERSION`: older files are no longer found, and go when newer
//! ones need their place.

mod cache;
mod content;
mod directory;
mod error;
mod key;
mod layout;
mod packed;
mod records;
mod upkeep;
mod writer;

pub use cache::{Opened, PackCache};
pub use content::Keyed;
pub use error::{Damage, PackError};
pub use key::{ContentKey, PackKey};
pub use packed::{Packed, PackedEntry};
pub use writer::PackWriter;

#[cfg(test)]
mod tests;
