//! From rows to words: how columns are read, and what text may hold.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::Refusal;

/// Reads columns as the types that the records use.
pub trait Columns {
    fn text(&self, name: &str) -> Result<String, Refusal>;
    fn maybe_text(&self, name: &str) -> Result<Option<String>, Refusal>;
    fn whole(&self, name: &str) -> Result<i64, Refusal>;
    fn maybe_whole(&self, name: &str) -> Result<Option<i64>, Refusal>;

    /// A number that cannot be negative.
    fn count<T: TryFrom<i64>>(&self, name: &str) -> Result<T, Refusal> {
        let number = self.whole(name)?;
        T::try_from(number).map_err(|_| unreadable(name, &number))
    }

    /// 1 or 0.
    fn flag(&self, name: &str) -> Result<bool, Refusal> {
        Ok(self.whole(name)? != 0)
    }

    /// An id, or a hash.
    fn id<T: std::str::FromStr>(&self, name: &str) -> Result<T, Refusal> {
        let text = self.text(name)?;
        text.parse().map_err(|_| unreadable(name, &text))
    }

    /// An id, or a hash.
    fn maybe_id<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let parse = |text: String| text.parse().map_err(|_| unreadable(name, &text));
        self.maybe_text(name)?.map(parse).transpose()
    }

    /// One of a few words, such as a state.
    fn word<T: DeserializeOwned>(&self, name: &str) -> Result<T, Refusal> {
        from_word(self.text(name)?).map_err(|error| unreadable(name, &error))
    }

    /// One of a few words, such as a state.
    fn maybe_word<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let parse = |text| from_word(text).map_err(|error| unreadable(name, &error));
        self.maybe_text(name)?.map(parse).transpose()
    }

    /// A small document.
    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Refusal> {
        serde_json::from_str(&self.text(name)?).map_err(|error| unreadable(name, &error))
    }

    /// A small document.
    fn maybe_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let parse =
            |text: String| serde_json::from_str(&text).map_err(|error| unreadable(name, &error));
        self.maybe_text(name)?.map(parse).transpose()
    }
}

impl Columns for AnyRow {
    fn text(&self, name: &str) -> Result<String, Refusal> {
        Ok(self.try_get(name)?)
    }

    fn maybe_text(&self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.try_get(name)?)
    }

    fn whole(&self, name: &str) -> Result<i64, Refusal> {
        Ok(self.try_get(name)?)
    }

    fn maybe_whole(&self, name: &str) -> Result<Option<i64>, Refusal> {
        Ok(self.try_get(name)?)
    }
}

fn unreadable(column: &str, why: &dyn std::fmt::Display) -> Refusal {
    tracing::error!(column, %why, "a row of the records cannot be read");
    Refusal::records_failed()
}

/// One of a few words, as it is stored.
pub fn word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Only enums without fields come here; they are words.
        other => format!("{other:?}"),
    }
}

fn from_word<T: DeserializeOwned>(text: String) -> Result<T, serde_json::Error> {
    serde_json::from_value(serde_json::Value::String(text))
}

/// A small document, as it is stored.
pub fn document<T: Serialize>(value: &T) -> String {
    // Plain data with names as keys: nothing that JSON could not say.
    serde_json::to_string(value).unwrap_or_default()
}

/// Text that both databases can hold: PostgreSQL knows no NUL. The length in UTF-16 stays, so that
/// marks still fit.
pub fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Refuses a field that is too long; `limit` in characters.
pub fn bounded(field: &str, text: &str, limit: usize) -> Result<(), Refusal> {
    if text.len() > limit && text.chars().count() > limit {
        let allowed = format!("at most {limit} characters");
        return Err(Refusal::field_out_of_range(field, &allowed));
    }
    Ok(())
}

/// The most characters of each field.
pub mod limits {
    pub const TITLE: usize = 200;
    pub const CUSTOMER: usize = 200;
    pub const QUESTION: usize = 64 * 1024;
    pub const ROLE: usize = 64 * 1024;
    pub const ROLE_NAME: usize = 100;
    pub const ASKER: usize = 200;
    pub const ANSWER: usize = 1024 * 1024;
    pub const CORRECTION: usize = 20_000;
    pub const LABEL: usize = 1000;
    pub const READING: usize = 20_000;
    pub const QUERY: usize = 200;
}
