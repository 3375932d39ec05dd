//! A token bucket: so many at once, then as they come back.

use std::time::Instant;

/// How much of a rate is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    capacity: f64,
    per_second: f64,
    left: f64,
    /// When `left` was true; nothing was taken before the first use.
    since: Option<Instant>,
}

impl Bucket {
    /// A minute's worth at once, then evenly.
    pub fn per_minute(count: u32) -> Self {
        let capacity = f64::from(count.max(1));
        Self {
            capacity,
            per_second: capacity / 60.0,
            left: capacity,
            since: None,
        }
    }

    /// Takes one, or says in how many seconds there is one again.
    pub fn take(&mut self, now: Instant) -> Result<(), u64> {
        self.refill(now);
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - self.left) / self.per_second;
        // A hair over a whole second is rounding, not another second.
        Err(((wait - 1e-6).ceil() as u64).max(1))
    }

    /// Whether it is as if nothing had ever been taken.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left >= self.capacity
    }

    fn refill(&mut self, now: Instant) {
        let since = self.since.replace(now).unwrap_or(now);
        let passed = now.saturating_duration_since(since).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.capacity);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_minutes_worth_goes_at_once_and_comes_back_evenly() {
        let mut bucket = Bucket::per_minute(60);
        let start = Instant::now();
        for _ in 0..60 {
            assert_eq!(bucket.take(start), Ok(()));
        }
        assert_eq!(bucket.take(start), Err(1));
        let later = start + Duration::from_secs(2);
        assert_eq!(bucket.take(later), Ok(()));
        assert_eq!(bucket.take(later), Ok(()));
        assert_eq!(bucket.take(later), Err(1));
        assert!(!bucket.is_full(later));
        assert!(bucket.is_full(later + Duration::from_secs(61)));
    }

    #[test]
    fn a_slow_rate_says_how_long_to_wait() {
        let mut bucket = Bucket::per_minute(2);
        let start = Instant::now();
        assert_eq!([bucket.take(start), bucket.take(start)], [Ok(()), Ok(())]);
        assert_eq!(bucket.take(start), Err(30));
        assert_eq!(bucket.take(start + Duration::from_secs(20)), Err(10));
    }
}
