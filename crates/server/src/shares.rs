//! Places for requests that are here at the same time and take no place with the engine: uploads, and questions that are
//! only counted. It knows amounts and names.
//!
//! Who gets one is decided as the engine decides on its places: a client gets another as long as it holds fewer than are
//! left, and more are left than the quarter that is kept for those who hold none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::Asker;

/// One in so many places is kept for clients that hold none.
const KEPT: usize = 4;

/// So many places.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    most: usize,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    /// Places of each client; none is 0.
    each: HashMap<Arc<str>, usize>,
}

/// A place, until this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Shares,
    client: Arc<str>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoShare {
    /// So many are here.
    Full(usize),
    /// So many of them are the client's.
    Own(usize),
}

impl Shares {
    pub fn new(most: usize) -> Self {
        let held = Arc::default();
        Self { most, held }
    }

    /// One more, if the client may have it.
    pub fn take(&self, client: &Asker) -> Result<Share, NoShare> {
        let client: Arc<str> = client.0.as_str().into();
        let mut held = self.held();
        let left = self.most.saturating_sub(held.all);
        let own = held.each.get(&client).copied().unwrap_or(0);
        let is_fair = own == 0 || own < left && left > self.most / KEPT;
        if left == 0 || !is_fair {
            return Err(match left > 0 && own > 0 {
                true => NoShare::Own(own),
                false => NoShare::Full(held.all),
            });
        }
        held.all += 1;
        *held.each.entry(client.clone()).or_default() += 1;
        let shares = self.clone();
        Ok(Share { shares, client })
    }

    /// Each change is whole before the lock is let go, so a panic leaves counts that are still right.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held();
        held.all -= 1;
        if let Some(own) = held.each.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                held.each.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many as the client gets, and why there are no more.
    fn all(shares: &Shares, client: &str) -> (Vec<Share>, NoShare) {
        let client = Asker(client.to_owned());
        let mut held = Vec::new();
        loop {
            match shares.take(&client) {
                Ok(share) => held.push(share),
                Err(why) => return (held, why),
            }
        }
    }

    #[test]
    fn a_client_alone_gets_half_and_whoever_comes_new_finds_one() {
        let shares = Shares::new(32);
        let (script, why) = all(&shares, "script");
        assert_eq!((script.len(), why), (16, NoShare::Own(16)));
        let (second, why) = all(&shares, "second");
        assert_eq!((second.len(), why), (8, NoShare::Own(8)));
        let others: Vec<_> = (0..10).map(|n| all(&shares, &n.to_string())).collect();
        let counts: Vec<_> = others.iter().map(|(held, _)| held.len()).collect();
        assert_eq!(counts, [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
        assert_eq!(others[9].1, NoShare::Full(32));
        drop((script, second, others));
        let held = shares.held();
        assert_eq!((held.all, held.each.len()), (0, 0));
    }
}
