//! Days on a command line.

/// Milliseconds from 1970 to the beginning of a day such as `2026-11-21`, in UTC.
pub fn day(text: &str) -> Result<i64, String> {
    let wrong = || "a day is written like 2026-11-21".to_owned();
    let parts: Vec<_> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return Err(wrong());
    };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return Err(wrong());
    }
    let number = |part: &str| part.parse::<u16>().map_err(|_| wrong());
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return Err(wrong());
    }
    if !(1..=days_of(year, month)).contains(&day) {
        return Err(format!("{text} is not a day of the calendar"));
    }
    let years = (1970..year).map(|year| if leap(year) { 366 } else { 365 });
    let months = (1..month).map(|month| i64::from(days_of(year, month)));
    let days = years.sum::<i64>() + months.sum::<i64>() + i64::from(day) - 1;
    Ok(days * 24 * 60 * 60 * 1000)
}

fn leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u16, month: u16) -> u16 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_its_instant() {
        assert_eq!(day("1970-01-01"), Ok(0));
        assert_eq!(day("2000-03-01"), Ok(951_868_800_000));
        assert_eq!(day("2024-02-29"), Ok(1_709_164_800_000));
        assert_eq!(day("2026-11-21"), Ok(1_795_219_200_000));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026",
            "2026-11",
            "21.11.2026",
            "2026-13-01",
            "2026-02-29",
            "2026-00-10",
            "2026-11-00",
            "1969-12-31",
            "2026-1-1",
            "+026-01-01",
            "2026-11-21T10:00",
        ] {
            assert!(day(text).is_err(), "{text}");
        }
    }
}
