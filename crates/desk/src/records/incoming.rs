//! An export read back: the file as a stream of parts, none of them larger than it may be.
//!
//! The file comes from outside. Its parts are read one after another and checked before anybody sees
//! them, so that a file cannot take more memory than its largest part may have. Where facts about
//! pictures come from: their first bytes, not what the file says.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::RolePreset;
use super::exported::{ExportedConversation, ExportedPicture, SCHEMA, VERSION};
use crate::Refusal;

/// The longest string: a picture of 20 MB in base64.
const STRING_BYTES: u64 = 29 * 1024 * 1024;
/// The largest conversation.
const PART_BYTES: u64 = 64 * 1024 * 1024;
/// A conversation lies in a list in an object.
const PART_DEPTH: u32 = 3;

/// A part of an export.
#[derive(Debug)]
pub enum Part {
    Picture(ExportedPicture),
    Role(RolePreset),
    Conversation(Box<ExportedConversation>),
}

/// Reads an export and hands its parts on, in the order of the file. `take` says false when nobody
/// wants more.
pub fn read(source: impl Read, take: &mut dyn FnMut(Part) -> bool) -> Result<(), Refusal> {
    let mut source = BufReader::with_capacity(64 * 1024, source);
    let first = source.fill_buf().map_err(Refusal::import_unfit)?;
    match first {
        [] => return Err(Refusal::import_unfit("it is empty")),
        [b'P', b'K', ..] | [0x1f, 0x8b, ..] => {
            return Err(Refusal::import_unfit(
                "it is compressed; unpack it and import the JSON file inside",
            ));
        }
        _ => {}
    }
    let bounded = Bounded::new(source);
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(bounded));
    let whole = Whole { take };
    let read = whole.deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| Refusal::import_unfit(shortened(&error.to_string())))
}

/// A message that may quote the file, at a length that people can read.
fn shortened(message: &str) -> String {
    const CHARACTERS: usize = 240;
    match message.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

/// Counts along as JSON passes, and stops before a string or a part grows too large.
struct Bounded<R> {
    source: R,
    depth: u32,
    in_string: bool,
    is_escaped: bool,
    string_bytes: u64,
    part_bytes: u64,
}

impl<R> Bounded<R> {
    fn new(source: R) -> Self {
        Self {
            source,
            depth: 0,
            in_string: false,
            is_escaped: false,
            string_bytes: 0,
            part_bytes: 0,
        }
    }

    fn pass(&mut self, byte: u8) -> Result<(), &'static str> {
        self.part_bytes += 1;
        if self.part_bytes > PART_BYTES {
            return Err(match self.depth < PART_DEPTH {
                true => "64 MB of it hold nothing",
                false => "one of its conversations is larger than 64 MB",
            });
        }
        if self.in_string {
            self.string_bytes += 1;
            if self.string_bytes > STRING_BYTES {
                return Err("a text or picture in it is larger than 20 MB");
            }
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return Ok(());
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.string_bytes = 0;
            }
            b'{' | b'[' => {
                self.depth = self.depth.saturating_add(1);
                if self.depth <= PART_DEPTH {
                    self.part_bytes = 0;
                }
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(())
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        for byte in buffer.iter().take(count) {
            self.pass(*byte).map_err(io::Error::other)?;
        }
        Ok(count)
    }
}

/// The outermost object.
struct Whole<'a> {
    take: &'a mut dyn FnMut(Part) -> bool,
}

const ORDER: [&str; 5] = ["schema", "version", "pictures", "roles", "conversations"];

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an export of Lookdesk's records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        for expected in ORDER {
            let name: Option<String> = map.next_key()?;
            if name.as_deref() != Some(expected) {
                let names = ORDER.join(", ");
                let found = name.unwrap_or_else(|| "nothing".into());
                return Err(A::Error::custom(format_args!(
                    "an export has the fields {names}, in this order; {found} stands where \
                     {expected} should be"
                )));
            }
            match expected {
                "schema" => {
                    let schema: String = map.next_value()?;
                    if schema != SCHEMA {
                        return Err(A::Error::custom(format_args!("its schema is not {SCHEMA}")));
                    }
                }
                "version" => {
                    let version: u64 = map.next_value()?;
                    if !(1..=VERSION).contains(&version) {
                        return Err(A::Error::custom(format_args!(
                            "it has version {version} of the schema, and this Lookdesk reads versions 1 \
                             to {VERSION}; use a newer one"
                        )));
                    }
                }
                "pictures" => map.next_value_seed(List {
                    take: self.take,
                    part: Part::Picture,
                })?,
                "roles" => map.next_value_seed(List {
                    take: self.take,
                    part: Part::Role,
                })?,
                _ => map.next_value_seed(List {
                    take: self.take,
                    part: |conversation| Part::Conversation(Box::new(conversation)),
                })?,
            }
        }
        match map.next_entry::<String, IgnoredAny>()? {
            None => Ok(()),
            Some((name, _)) => Err(A::Error::custom(format_args!("unknown field {name}"))),
        }
    }
}

/// A list whose elements are handed on one by one.
struct List<'a, T> {
    take: &'a mut dyn FnMut(Part) -> bool,
    part: fn(T) -> Part,
}

impl<'de, T: serde::Deserialize<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de, T: serde::Deserialize<'de>> Visitor<'de> for List<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            if !(self.take)((self.part)(element)) {
                return Err(A::Error::custom("it was not wanted any more"));
            }
        }
        Ok(())
    }
}

/// What kind of picture bytes are, by how they begin; only kinds that a browser shows and runs
/// nothing of.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        [b'B', b'M', ..] => Some("image/bmp"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(file: &[u8]) -> Result<usize, String> {
        let mut count = 0;
        let taken = read(file, &mut |_| {
            count += 1;
            true
        });
        taken.map(|()| count).map_err(|refusal| refusal.message)
    }

    const HEAD: &str = r#"{"schema":"lookdesk-records","version":1,"pictures":[],"roles":[],"#;

    #[test]
    fn an_empty_export_has_no_parts() {
        assert_eq!(
            parts(format!("{HEAD}\"conversations\":[]}}").as_bytes()),
            Ok(0)
        );
    }

    #[test]
    fn files_that_are_no_exports_are_refused_in_words() {
        let deep = format!("{HEAD}\"conversations\":{}", "[".repeat(100_000));
        let later = HEAD.replace(":1,", ":3,");
        for (file, says) in [
            (&b""[..], "empty"),
            (b"PK\x03\x04zip", "compressed"),
            (b"\x1f\x8bgzip", "compressed"),
            (b"hello", "expected"),
            (b"[]", "expected"),
            (b"{}", "schema"),
            (br#"{"schema":"other","version":1}"#, "lookdesk-records"),
            (br#"{"version":1}"#, "in this order"),
            (later.as_bytes(), "version 3"),
            (HEAD.as_bytes(), "EOF"),
            (deep.as_bytes(), ""),
        ] {
            let message = parts(file).expect_err("refused");
            assert!(message.contains(says), "{message} should say {says}");
            assert!(message.ends_with("Nothing was changed."));
        }
        let after = format!("{HEAD}\"conversations\":[]}} and more");
        assert!(parts(after.as_bytes()).is_err());
    }

    #[test]
    fn a_string_without_end_is_refused_before_it_fills_memory() {
        let head = format!("{HEAD}\"conversations\":[{{\"title\":\"");
        let endless = head.as_bytes().chain(io::repeat(b'a'));
        let mut never = |_| true;
        let refusal = read(endless, &mut never).expect_err("refused");
        assert!(refusal.message.contains("larger than 20 MB"), "{refusal}");
        let head = format!("{HEAD}\"conversations\":[{{\"rounds\":[");
        let endless = head.as_bytes().chain(io::repeat(b' '));
        let refusal = read(endless, &mut never).expect_err("refused");
        assert!(refusal.message.contains("larger than 64 MB"), "{refusal}");
        let endless = b"{".chain(io::repeat(b' '));
        let refusal = read(endless, &mut never).expect_err("refused");
        assert!(refusal.message.contains("hold nothing"), "{refusal}");
    }

    #[test]
    fn only_pictures_are_pictures() {
        for bytes in [
            &b""[..],
            b"<svg",
            b"<html>",
            b"%PDF",
            b"RIFF1234WAVE",
            b"GIF89",
        ] {
            assert_eq!(media_type(bytes), None);
        }
        assert_eq!(media_type(b"GIF89a..."), Some("image/gif"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = parts(&bytes);
            let inside = [HEAD.as_bytes(), b"\"conversations\":[", &bytes].concat();
            proptest::prop_assert!(parts(&inside).is_err());
        }
    }
}
