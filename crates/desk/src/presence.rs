//! Whether somebody still waits for what is done for them: work that takes a while asks between its steps, and ends
//! where nobody does. It knows neither who waits nor for what.

use tokio::sync::watch;

/// Somebody waits, for as long as this is held.
#[derive(Debug)]
pub struct Stay {
    _waits: watch::Sender<()>,
}

/// Sees whether whoever asked is still there. By default somebody always is.
#[derive(Clone, Debug, Default)]
pub struct Presence(Option<watch::Receiver<()>>);

impl Presence {
    /// Somebody who begins to wait, and how that is seen.
    pub fn begins() -> (Stay, Self) {
        let (_waits, present) = watch::channel(());
        (Stay { _waits }, Self(Some(present)))
    }

    /// Whether nobody waits any more.
    pub fn has_left(&self) -> bool {
        let present = self.0.as_ref();
        present.is_some_and(|present| present.has_changed().is_err())
    }

    /// Ready when nobody waits any more.
    pub async fn left(&self) {
        match self.0.clone() {
            Some(mut present) => while present.changed().await.is_ok() {},
            None => std::future::pending().await,
        }
    }
}

/// The same where the same person is meant: what is compared are questions.
impl PartialEq for Presence {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => one.same_channel(other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn who_leaves_is_seen_to_have_left_by_all_who_look() {
        let (stay, presence) = Presence::begins();
        let other = presence.clone();
        assert!(!presence.has_left() && other.left().now_or_never().is_none());
        drop(stay);
        assert!(presence.has_left() && other.has_left());
        assert!(other.left().now_or_never().is_some());
        let always = Presence::default();
        assert!(!always.has_left() && always.left().now_or_never().is_none());
    }
}
