//! How fast one address may ask, whatever key it brings: what keeps guessing of keys slow and one
//! machine from taking the desk for itself.
//!
//! This machine itself is not limited: who is on it needs no request to slow it down, and a proxy in
//! front speaks for everybody. An IPv6 network of 64 bits counts as one address, for it is one
//! customer's.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::bucket::Bucket;
use crate::error::ApiError;

/// Addresses remembered at the same time.
const ADDRESSES: usize = 16 * 1024;

/// The pace of every address.
#[derive(Debug)]
pub(crate) struct Rates {
    per_minute: u32,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Rates {
    /// So many requests a minute from one address.
    pub fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            buckets: Mutex::default(),
        }
    }

    /// Counts a request, or says when to come back.
    pub fn take(&self, address: IpAddr, now: Instant) -> Result<(), ApiError> {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Ok(());
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ADDRESSES {
            buckets.retain(|_, bucket| !bucket.is_full(now));
            if buckets.len() >= ADDRESSES {
                // Forgetting is kinder than turning strangers away, and as bounded.
                buckets.clear();
            }
        }
        let bucket = buckets.entry(network(address));
        let bucket = bucket.or_insert_with(|| Bucket::per_minute(self.per_minute));
        bucket
            .take(now)
            .map_err(|retry_after_s| ApiError::TooFast { retry_after_s })
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let host = u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !host))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn every_address_has_its_own_pace_and_this_machine_none() {
        let rates = Rates::new(2);
        let now = Instant::now();
        let [first, second] = ["192.0.2.1", "192.0.2.2"].map(address);
        assert_eq!(rates.take(first, now), Ok(()));
        assert_eq!(rates.take(first, now), Ok(()));
        let slow = Err(ApiError::TooFast { retry_after_s: 30 });
        assert_eq!(rates.take(first, now), slow);
        assert_eq!(rates.take(address("::ffff:192.0.2.1"), now), slow);
        assert_eq!(rates.take(second, now), Ok(()));
        for own in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            for _ in 0..5 {
                assert_eq!(rates.take(address(own), now), Ok(()), "{own}");
            }
        }
    }

    #[test]
    fn a_whole_ipv6_network_counts_as_one() {
        let rates = Rates::new(1);
        let now = Instant::now();
        assert_eq!(rates.take(address("2001:db8::1"), now), Ok(()));
        assert!(rates.take(address("2001:db8::2"), now).is_err());
        assert_eq!(rates.take(address("2001:db8:0:1::1"), now), Ok(()));
    }

    #[test]
    fn very_many_addresses_take_bounded_memory() {
        let rates = Rates::new(1);
        let now = Instant::now();
        for number in 0..ADDRESSES as u32 + 10 {
            let from = IpAddr::from(number.wrapping_add(1 << 28).to_be_bytes());
            assert_eq!(rates.take(from, now), Ok(()));
        }
        let buckets = rates.buckets.lock().expect("nobody panicked");
        assert!(buckets.len() <= ADDRESSES);
    }
}
