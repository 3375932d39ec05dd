//! Fields of a change that tell "left out" from "null": the first stays as it is, the second clears.

use serde::{Deserialize, Deserializer};

/// A field that is there, even if it says null.
pub(super) fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
