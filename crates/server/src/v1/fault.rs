//! What is wrong with a field, in words for whoever wrote the request. The parser speaks of its own types; nobody
//! else should have to.
//!
//! Facts: the sentences of `serde` and `serde_json`, which the tests hold on to. A sentence that is not known keeps
//! to the place and says no more.

use crate::error::ApiError;

/// The most of a wrong value that is repeated.
const SHOWN: usize = 40;
/// The most of a place that is: names in it may be the request's own.
const PLACE: usize = 120;

/// The refusal for what the parser said about this place; `.` is the whole request.
pub(super) fn refused(place: &str, said: &str) -> ApiError {
    let place = match place {
        "." => "",
        place => up_to(place, PLACE),
    };
    // Only where it begins so: further on, the words may be the request's own.
    let missing = said.strip_prefix("missing field `");
    if let Some((field, _)) = missing.and_then(|rest| rest.split_once('`')) {
        let param = match place {
            "" => field.to_owned(),
            place => format!("{place}.{field}"),
        };
        let message = format!("`{param}` is missing.");
        return ApiError::Field { param, message };
    }
    let param = match place {
        "" => "body".to_owned(),
        place => place.to_owned(),
    };
    let message = match wrong(said) {
        Some(wrong) => format!("`{param}` {wrong}."),
        None => format!("`{param}` is not what it must be; /docs says what it is."),
    };
    ApiError::Field { param, message }
}

/// What the value is, and what it must be.
fn wrong(said: &str) -> Option<String> {
    if let Some(named) = said.strip_prefix("unknown variant `") {
        let (value, expected) = named.rsplit_once("`, expected ")?;
        let names: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        return Some(format!(
            "must be {}, not {:?}",
            either(&names),
            up_to(value, SHOWN)
        ));
    }
    if let Some(rest) = said.strip_prefix("invalid type: ") {
        let (found, expected) = rest.rsplit_once(", expected ")?;
        return Some(format!(
            "must be {}, not {}",
            wanted(expected)?,
            kind(found)?
        ));
    }
    if let Some(rest) = said.strip_prefix("invalid value: ") {
        let (found, expected) = rest.rsplit_once(", expected ")?;
        return Some(format!(
            "must be {}, not {}",
            wanted(expected)?,
            kind(found)?
        ));
    }
    // An object may be read from a list of its fields; nobody means that.
    let listed = said.starts_with("invalid length ") && said.contains(" struct ");
    listed.then(|| "must be an object, not a list".to_owned())
}

/// What the parser calls what it expects.
fn wanted(expected: &str) -> Option<&str> {
    Some(match expected {
        "u32" => "a whole number from 0 to 4294967295",
        "i64" => "a whole number that fits into 64 bits",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "string or map" => "a text",
        "a sequence" => "a list",
        "a map" => "an object",
        _ if expected.starts_with("struct ") => "an object",
        // Ours, in plain words.
        _ if expected.starts_with("a ") || expected.starts_with("an ") => expected,
        _ => return None,
    })
}

/// What the parser calls what it found. Numbers and truth values stand in it as they were sent, texts are not repeated.
fn kind(found: &str) -> Option<String> {
    let value = found.split('`').nth(1);
    Some(match found.split([' ', '`']).next()? {
        "null" | "unit" => "null".to_owned(),
        "boolean" | "integer" | "floating" => up_to(value?, SHOWN).to_owned(),
        "string" => "a text".to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        _ => return None,
    })
}

/// `"a"`, `"b"` or `"c"`.
fn either(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match quoted.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        all => all.concat(),
    }
}

fn up_to(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters);
    end.map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}
