//! What time it is, in the records' measure, and what day that is.

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

/// The day of an instant, such as `2026-11-21`, on a clock that is so far ahead of UTC. Instants that no
/// record has are the nearest that one could have.
pub fn day_of(at: i64, ahead_minutes: i32) -> String {
    let there = at.clamp(0, LATEST) + i64::from(ahead_minutes) * 60_000;
    date(there.div_euclid(DAY_MS))
}

/// Days since 1970 as a date of the Gregorian calendar.
///
/// Source: the era arithmetic of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
pub fn date(days: i64) -> String {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates_also_in_leap_years() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (20_778, "2026-11-21"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn an_instant_is_on_another_day_elsewhere() {
        let late = 20_778 * DAY_MS + 23 * HOUR_MS;
        assert_eq!(day_of(late, 0), "2026-11-21");
        assert_eq!(day_of(late, 60), "2026-11-22");
        assert_eq!(day_of(late - 23 * HOUR_MS, -60), "2026-11-20");
        assert_eq!(day_of(i64::MIN, 0), "1970-01-01");
        assert_eq!(day_of(i64::MAX, 0), "9999-12-31");
    }
}
