//! What time it is, in the records' measure.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 UTC.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// An hour.
pub const HOUR_MS: i64 = 60 * 60 * 1000;
/// A day.
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// The end of the year 9999: later instants are mistakes.
pub const LATEST: i64 = 253_402_300_799_999;
