//! How many connections each address holds, so that one cannot hold them all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections by address.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of an address; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Member {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Crowd {
    /// `most`: connections that one address may hold.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            held: Mutex::default(),
        })
    }

    /// One more connection, unless the address holds all it may.
    pub(super) fn join(self: &Arc<Self>, address: IpAddr) -> Option<Member> {
        let address = address.to_canonical();
        let mut held = self.held();
        let held = held.entry(address).or_default();
        if *held >= self.most {
            return None;
        }
        *held += 1;
        Some(Member {
            crowd: self.clone(),
            address,
        })
    }

    /// Numbers are whole whatever happened while they were locked.
    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Entry::Occupied(mut held) = self.crowd.held().entry(self.address) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
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
    fn an_address_that_holds_all_it_may_leaves_room_for_others() {
        let crowd = Crowd::new(2);
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        let first = crowd.join(one).expect("room");
        let _second = crowd.join(one).expect("room");
        assert!(crowd.join(one).is_none());
        assert!(crowd.join(address("::ffff:10.0.0.1")).is_none());
        assert!(crowd.join(other).is_some());
        drop(first);
        assert!(crowd.join(one).is_some());
    }

    #[test]
    fn addresses_that_have_gone_are_forgotten() {
        let crowd = Crowd::new(1);
        drop(crowd.join(address("10.0.0.1")));
        assert!(crowd.held().is_empty());
    }
}
