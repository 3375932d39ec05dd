//! The keys people and programs were given.
//!
//! A key is 256 random bits, so nobody can guess one and a fast hash is enough: the file holds the
//! BLAKE3 hash of each key, never the key, and whoever reads the file cannot use it. A key is looked
//! for by comparing its hash with every line's, each in constant time.
//!
//! The file has one line per key; `#` begins a remark:
//!
//! ```text
//! front-desk  blake3:9f86d0…  per_minute=120 at_once=8
//! ```

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::bucket::Bucket;
use crate::error::ApiError;

/// No team has this many; bounds what a wrong path can make us read.
const FILE_BYTES: u64 = 1024 * 1024;
const NAME_CHARACTERS: usize = 64;
/// What a new key may do unless its line is changed.
const PER_MINUTE: u32 = 120;
const AT_ONCE: u32 = 8;
/// So that a key is recognised where it should not be, such as in a log.
const PREFIX: &str = "ld_";
const SECRET_BYTES: usize = 32;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It cannot be read.
    #[error("cannot read the key file {path}: {source}")]
    Read {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is far too large.
    #[error("{path} is larger than {FILE_BYTES} bytes; that is no key file")]
    TooLarge {
        /// Where it is.
        path: PathBuf,
    },
    /// A line that says something else.
    #[error(
        "line {line} of the key file: {fault}; `lookdesk key new NAME` prints a line that fits"
    )]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// Without keys nobody could come in.
    #[error("the key file holds no key; `lookdesk key new NAME` makes one")]
    Empty,
    /// A name that cannot stand in the file.
    #[error("`{0}` cannot be a key's name; use up to {NAME_CHARACTERS} letters, digits, - _ . @")]
    Name(String),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum LineFault {
    #[error("it needs a name and `blake3:` with 64 hexadecimal digits")]
    Shape,
    #[error("its name may hold only letters, digits and - _ . @")]
    Name,
    #[error("its name stands in the file twice")]
    Twice,
    #[error("limits are written per_minute=N and at_once=N, with N at least 1")]
    Limit,
}

/// Every key that may come in.
#[derive(Debug)]
pub struct Keys {
    keys: Vec<Arc<Key>>,
}

/// One key.
pub struct Key {
    name: String,
    hash: blake3::Hash,
    per_minute: Option<u32>,
    rate: Option<Mutex<Bucket>>,
    at_once: Option<(u32, Arc<Semaphore>)>,
}

/// A key that was just made.
#[derive(Debug)]
pub struct NewKey {
    /// Shown once and kept nowhere.
    pub secret: String,
    /// For the key file.
    pub line: String,
}

impl Keys {
    /// Understands the text of a key file.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let mut keys: Vec<Arc<Key>> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let at = |fault| KeysError::Line {
                line: index + 1,
                fault,
            };
            let key = Key::parse(line).map_err(at)?;
            if keys.iter().any(|known| known.name == key.name) {
                return Err(at(LineFault::Twice));
            }
            keys.push(Arc::new(key));
        }
        match keys.is_empty() {
            true => Err(KeysError::Empty),
            false => Ok(Self { keys }),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The same keys, where those of before that did not change are still themselves: what they have
    /// used of their limits stays used.
    pub(super) fn keeping(mut self, before: &Self) -> Self {
        for key in &mut self.keys {
            if let Some(same) = before.keys.iter().find(|known| known.is_like(key)) {
                *key = same.clone();
            }
        }
        self
    }

    /// The key with this secret. Looks at all of them, whichever it is.
    pub(crate) fn find(&self, secret: &[u8]) -> Option<Arc<Key>> {
        let hash = blake3::hash(secret);
        let mut found = None;
        for key in &self.keys {
            // Comparing two BLAKE3 hashes takes the same time wherever they differ.
            if key.hash == hash {
                found = Some(key.clone());
            }
        }
        found
    }
}

/// The text of a key file.
pub(super) fn read_text(path: &Path) -> Result<String, KeysError> {
    let failed = |source| KeysError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut text = String::new();
    let read = file.take(FILE_BYTES + 1).read_to_string(&mut text);
    match read.map_err(failed)? as u64 > FILE_BYTES {
        true => Err(KeysError::TooLarge {
            path: path.to_owned(),
        }),
        false => Ok(text),
    }
}

/// Makes a key.
pub fn new_key(name: &str) -> Result<NewKey, KeysError> {
    if !is_name(name) {
        return Err(KeysError::Name(name.to_owned()));
    }
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(KeysError::Random)?;
    let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let hash = blake3::hash(secret.as_bytes()).to_hex();
    let line = format!("{name}  blake3:{hash}  per_minute={PER_MINUTE} at_once={AT_ONCE}");
    Ok(NewKey { secret, line })
}

impl Key {
    fn parse(line: &str) -> Result<Self, LineFault> {
        let mut words = line.split_whitespace();
        let (Some(name), Some(hash)) = (words.next(), words.next()) else {
            return Err(LineFault::Shape);
        };
        if !is_name(name) {
            return Err(LineFault::Name);
        }
        let hex = hash.strip_prefix("blake3:").ok_or(LineFault::Shape)?;
        let hash = blake3::Hash::from_hex(hex).map_err(|_| LineFault::Shape)?;
        let mut key = Self {
            name: name.to_owned(),
            hash,
            per_minute: None,
            rate: None,
            at_once: None,
        };
        for word in words {
            let (setting, number) = word.split_once('=').ok_or(LineFault::Limit)?;
            let number: u32 = number.parse().map_err(|_| LineFault::Limit)?;
            match (setting, number) {
                (_, 0) => return Err(LineFault::Limit),
                ("per_minute", _) => {
                    key.per_minute = Some(number);
                    key.rate = Some(Mutex::new(Bucket::per_minute(number)));
                }
                ("at_once", _) => {
                    let permits = Arc::new(Semaphore::new(number as usize));
                    key.at_once = Some((number, permits));
                }
                _ => return Err(LineFault::Limit),
            }
        }
        Ok(key)
    }

    /// Whether both say the same: name, secret and limits.
    fn is_like(&self, other: &Self) -> bool {
        let limits = |key: &Self| {
            (
                key.per_minute,
                key.at_once.as_ref().map(|(limit, _)| *limit),
            )
        };
        self.name == other.name && self.hash == other.hash && limits(self) == limits(other)
    }

    /// Who was given it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Lets one more request of this key begin, and holds its place until the
    /// permit is dropped.
    pub(crate) fn begin(&self, now: Instant) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        let permit = match &self.at_once {
            None => None,
            Some((limit, permits)) => {
                let permit = permits.clone().try_acquire_owned();
                Some(permit.map_err(|_| ApiError::TooManyAtOnce { limit: *limit })?)
            }
        };
        if let Some(rate) = &self.rate {
            let mut rate = rate.lock().unwrap_or_else(PoisonError::into_inner);
            let slow = |retry_after_s| ApiError::TooFast { retry_after_s };
            rate.take(now).map_err(slow)?;
        }
        Ok(permit)
    }
}

impl Key {
    /// Lets a request that has begun give so many answers more than one, and holds their places.
    pub(crate) fn also(&self, more: u32) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        let Some((limit, permits)) = &self.at_once else {
            return Ok(None);
        };
        if more >= *limit {
            return Err(ApiError::Field {
                param: "n".to_owned(),
                message: format!(
                    "`n` must be at most {limit}: this key may have {limit} answers at the same time."
                ),
            });
        }
        let permits = permits.clone().try_acquire_many_owned(more);
        let busy = |_| ApiError::TooManyAtOnce { limit: *limit };
        permits.map(Some).map_err(busy)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    (1..=NAME_CHARACTERS).contains(&name.len()) && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        Keys::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn a_new_key_opens_with_its_line_and_no_other_secret_does() {
        let made = new_key("front-desk").expect("random bytes");
        assert!(!made.line.contains(&made.secret));
        let keys = Keys::parse(&format!("# our keys\n\n{}\n", made.line)).expect("one key");
        let found = keys.find(made.secret.as_bytes()).expect("known");
        assert_eq!(found.name(), "front-desk");
        let mut other = made.secret.clone();
        other.push('x');
        for wrong in ["", "ld_", &other, &made.secret[1..]] {
            assert!(keys.find(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn two_keys_are_never_the_same() {
        let secrets = [(); 8].map(|()| new_key("a").expect("random bytes").secret);
        for (index, secret) in secrets.iter().enumerate() {
            assert!(secret.len() > 40, "{secret}");
            assert!(!secrets[..index].contains(secret));
        }
    }

    #[test]
    fn a_line_that_is_no_key_is_named_with_its_fault() {
        let hash = blake3::hash(b"x").to_hex();
        assert!(fault("").contains("holds no key"));
        assert!(fault("# only remarks").contains("holds no key"));
        assert!(fault("front").starts_with("line 1"));
        assert!(fault("\nfront sha256:00").starts_with("line 2"));
        assert!(fault(&format!("fr/ont blake3:{hash}")).contains("name"));
        assert!(fault(&format!("a blake3:{hash} at_once=0")).contains("at least 1"));
        assert!(fault(&format!("a blake3:{hash} fast")).contains("per_minute=N"));
        assert!(fault(&format!("a blake3:{hash}\na blake3:{hash}")).contains("twice"));
        assert!(matches!(new_key("a b"), Err(KeysError::Name(_))));
    }

    #[test]
    fn a_key_has_its_own_pace() {
        let hash = blake3::hash(b"x").to_hex();
        let keys = Keys::parse(&format!("a blake3:{hash} per_minute=3 at_once=2"));
        let key = keys.expect("one key").find(b"x").expect("known");
        let now = Instant::now();
        let first = key.begin(now).expect("free");
        let _second = key.begin(now).expect("free");
        let full = key.begin(now).expect_err("two are running");
        assert_eq!(full, ApiError::TooManyAtOnce { limit: 2 });
        drop(first);
        let _third = key.begin(now).expect("one has ended");
        drop(_second);
        let fast = key.begin(now).expect_err("three within a minute");
        assert!(matches!(
            fast,
            ApiError::TooFast {
                retry_after_s: 1..=20
            }
        ));
    }
}
