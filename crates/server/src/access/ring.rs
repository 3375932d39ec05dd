//! The keys in force, and the file they are read from: a line added or taken out counts at once,
//! without a restart.
//!
//! The file is small, so it is read again whole, at most once a second and only when somebody asks
//! for a key; its text says whether anything changed, which no clock can get wrong. What cannot be
//! read or understood changes nothing: the keys of before stay in force, and the log says so once. A
//! key whose line stays keeps its pace and its running requests. A pipe is read once: it has nothing
//! to say a second time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::keys::{self, Keys, KeysError};

/// How long a change may go unseen.
const PAUSE: Duration = Duration::from_secs(1);

/// The keys that may come in just now.
#[derive(Debug)]
pub struct KeyRing {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    keys: Arc<Keys>,
    /// What the file was like when it was last looked at.
    seen: Seen,
    looked: Instant,
}

/// A file's text, or why it has none.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Text(blake3::Hash),
    Fault(String),
}

impl KeyRing {
    /// The keys of a file, as it is and as it will be.
    pub fn of_file(path: &Path) -> Result<Self, KeysError> {
        let text = keys::read_text(path)?;
        Ok(Self {
            file: is_file(path).then(|| path.to_owned()),
            state: Mutex::new(State {
                keys: Arc::new(Keys::parse(&text)?),
                seen: Seen::Text(blake3::hash(text.as_bytes())),
                looked: Instant::now(),
            }),
        })
    }

    /// The keys in force. May look into the file.
    pub fn keys(&self) -> Arc<Keys> {
        self.keys_at(Instant::now())
    }

    fn keys_at(&self, now: Instant) -> Arc<Keys> {
        // No code that holds the lock can leave the state half changed.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &self.file
            && now.saturating_duration_since(state.looked) >= PAUSE
        {
            state.looked = now;
            // Opening a pipe would wait for whoever writes into it.
            if is_file(file) || !file.exists() {
                state.look(file);
            }
        }
        state.keys.clone()
    }
}

fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|facts| facts.is_file())
}

/// Keys that never change.
impl From<Keys> for KeyRing {
    fn from(keys: Keys) -> Self {
        Self {
            file: None,
            state: Mutex::new(State {
                keys: Arc::new(keys),
                seen: Seen::Fault(String::new()),
                looked: Instant::now(),
            }),
        }
    }
}

impl State {
    fn look(&mut self, file: &Path) {
        let text = keys::read_text(file);
        let seen = match &text {
            Ok(text) => Seen::Text(blake3::hash(text.as_bytes())),
            Err(error) => Seen::Fault(error.to_string()),
        };
        if seen == self.seen {
            return;
        }
        self.seen = seen;
        match text.and_then(|text| Keys::parse(&text)) {
            Ok(read) => {
                let keys = read.keeping(&self.keys);
                tracing::info!(file = %file.display(), keys = keys.count(), "read the key file again");
                self.keys = Arc::new(keys);
            }
            Err(error) => tracing::error!(
                file = %file.display(),
                %error,
                "the key file changed and cannot be used; the keys of before stay in force"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::keys::new_key;

    /// A key file that changes under a ring, and the time it is looked at.
    struct Scene {
        directory: tempfile::TempDir,
        ring: KeyRing,
        now: Instant,
    }

    impl Scene {
        fn new(text: &str) -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("keys");
            std::fs::write(&path, text).expect("written");
            let ring = KeyRing::of_file(&path).expect("a key file");
            let now = Instant::now() + PAUSE;
            Self {
                directory,
                ring,
                now,
            }
        }

        fn write(&self, text: &str) {
            std::fs::write(self.directory.path().join("keys"), text).expect("written");
        }

        /// Whether the secret opens, a pause later.
        fn opens(&mut self, secret: &str) -> bool {
            self.now += PAUSE;
            let keys = self.ring.keys_at(self.now);
            keys.find(secret.as_bytes()).is_some()
        }
    }

    #[test]
    fn a_line_added_opens_and_a_line_taken_out_opens_no_more() {
        let [one, two] = ["one", "two"].map(|name| new_key(name).expect("random bytes"));
        let mut scene = Scene::new(&one.line);
        assert!(scene.opens(&one.secret) && !scene.opens(&two.secret));
        scene.write(&format!("{}\n{}\n", one.line, two.line));
        assert!(scene.opens(&one.secret) && scene.opens(&two.secret));
        scene.write(&two.line);
        assert!(!scene.opens(&one.secret) && scene.opens(&two.secret));
    }

    #[test]
    fn a_damaged_file_an_empty_one_and_none_leave_the_keys_of_before() {
        let [one, two] = ["one", "two"].map(|name| new_key(name).expect("random bytes"));
        let mut scene = Scene::new(&one.line);
        for damage in ["one hunter2", "", "# nothing\n", &one.line[..30]] {
            scene.write(damage);
            assert!(scene.opens(&one.secret), "{damage}");
        }
        std::fs::remove_file(scene.directory.path().join("keys")).expect("removed");
        assert!(scene.opens(&one.secret));
        scene.write(&two.line);
        assert!(!scene.opens(&one.secret) && scene.opens(&two.secret));
    }

    #[test]
    fn the_file_is_looked_at_once_a_second_at_most() {
        let [one, two] = ["one", "two"].map(|name| new_key(name).expect("random bytes"));
        let mut scene = Scene::new(&one.line);
        assert!(scene.opens(&one.secret));
        scene.write(&two.line);
        let soon = scene.now + PAUSE / 2;
        let keys = scene.ring.keys_at(soon);
        assert!(keys.find(one.secret.as_bytes()).is_some());
        assert!(!scene.opens(&one.secret));
    }

    #[test]
    fn a_key_whose_line_stays_keeps_its_pace() {
        let [one, two] = ["one", "two"].map(|name| new_key(name).expect("random bytes"));
        let (line, _) = one.line.rsplit_once("  ").expect("limits");
        let mut scene = Scene::new(&format!("{line} at_once=1"));
        scene.now += PAUSE;
        let find = |scene: &Scene| {
            let keys = scene.ring.keys_at(scene.now);
            keys.find(one.secret.as_bytes()).expect("known")
        };
        let running = find(&scene).begin(scene.now).expect("free");
        scene.write(&format!("{}\n{line}   at_once=1 # theirs\n", two.line));
        assert!(scene.opens(&two.secret));
        assert!(find(&scene).begin(scene.now).is_err(), "one is running");
        scene.write(&format!("{line} at_once=2"));
        assert!(!scene.opens(&two.secret));
        let _other = find(&scene).begin(scene.now).expect("another limit");
        drop(running);
    }
}
