//! How many values JSON holds, counted before any of them is kept. A list of one number is four bytes on the wire
//! and a hundred times that in memory, so the size of a body says nothing of what it becomes.
//!
//! What is wrong with JSON is left to whoever reads it: it ends the count, and nothing that comes after it is kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::error::ApiError;

/// The most values in a body, names of fields included. A schema of two thousand properties has some twenty
/// thousand, a conversation a few for each message.
pub(crate) const MOST_VALUES: u32 = 100_000;
/// What a value takes once it is read: lists grow ahead of what they hold.
const VALUE_BYTES: u64 = 256;

/// What this body takes in memory beside its texts, unless it holds too much.
pub(crate) fn unfolded(json: &[u8]) -> Result<u64, ApiError> {
    let mut count = Count { values: 0 };
    let mut json = serde_json::Deserializer::from_slice(json);
    // A fault is found again, and told, when the values are read.
    let _ = Value(&mut count).deserialize(&mut json);
    match count.values > MOST_VALUES {
        true => Err(ApiError::TooManyValues { limit: MOST_VALUES }),
        false => Ok(u64::from(count.values) * VALUE_BYTES),
    }
}

struct Count {
    values: u32,
}

impl Count {
    fn one<E: Error>(&mut self) -> Result<(), E> {
        self.values += 1;
        match self.values > MOST_VALUES {
            true => Err(E::custom("too many values")),
            false => Ok(()),
        }
    }
}

/// A value and all within it.
struct Value<'a>(&'a mut Count);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        self.0.one()?;
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Value(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(Value(&mut *self.0))?.is_some() {
            map.next_value_seed(Value(&mut *self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(json: &str) -> Result<u64, ApiError> {
        unfolded(json.as_bytes()).map(|bytes| bytes / VALUE_BYTES)
    }

    #[test]
    fn every_value_and_every_name_counts_and_a_text_counts_once() {
        for (json, count) in [
            ("0", 1),
            ("[]", 1),
            ("[[0],[0]]", 5),
            (r#"{"a":null,"b":[true,-1,1.5]}"#, 8),
            (r#""a long text, with [brackets], \"quotes\" and é""#, 1),
        ] {
            assert_eq!(values(json), Ok(count), "{json}");
        }
    }

    #[test]
    fn as_many_as_there_may_be_pass_and_one_more_does_not() {
        let list = |count: u32| format!("[{}0]", "0,".repeat(count as usize - 2));
        let most = u64::from(MOST_VALUES);
        assert_eq!(values(&list(MOST_VALUES)), Ok(most));
        let limit = MOST_VALUES;
        let refused = Err(ApiError::TooManyValues { limit });
        assert_eq!(values(&list(MOST_VALUES + 1)), refused);
    }

    #[test]
    fn what_is_no_json_is_left_to_its_reader() {
        let deep = "[".repeat(100_000);
        for json in ["", "{", "[0,", "{\"a\":}", "nil", "{1:2}", deep.as_str()] {
            assert!(values(json).is_ok());
        }
    }
}
