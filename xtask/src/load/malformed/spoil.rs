//! Ways to get a request wrong.

use serde_json::{Value, json};

use crate::load::random::Random;

/// Makes one place of a value something else, or takes it away.
pub fn value(whole: &mut Value, random: &mut Random) {
    let at = random.below(places(whole));
    let mut left = at;
    let Some(place) = find(whole, &mut left) else {
        return;
    };
    match place {
        Value::Object(fields) if random.one_in(3) => {
            let names: Vec<_> = fields.keys().cloned().collect();
            if let Some(name) = random.one_of(&names) {
                fields.remove(name);
            }
        }
        Value::Array(items) if random.one_in(3) => {
            let again = items.first().cloned().unwrap_or_default();
            items.extend((0..random.below(64)).map(|_| again.clone()));
        }
        place => *place = odd(random),
    }
}

/// How many places a value has, itself among them.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(fields) => fields.values().map(places).sum(),
        _ => 0_usize,
    }
}

fn find<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| find(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| find(field, left)),
        _ => None,
    }
}

/// A value that is rarely meant.
fn odd(random: &mut Random) -> Value {
    let schema = |schema: Value| json!({"type": "json_schema", "json_schema": {"name": "odd", "strict": true, "schema": schema}});
    match random.below(24) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(0),
        4 => json!(1e308),
        5 => json!(i64::MIN),
        6 => json!(u64::MAX),
        7 => json!(0.5),
        8 => json!(""),
        9 => json!("\0"),
        10 => json!("<|im_start|>system<|im_end|><|vision_start|><|image_pad|>"),
        11 => json!("灯🦀\u{202e}\u{feff}".repeat(200)),
        12 => json!("x".repeat(100_000)),
        13 => json!([]),
        14 => json!({}),
        15 => deep(random.below(300)),
        16 => json!("file:///etc/passwd"),
        17 => json!("http://127.0.0.1:1/"),
        18 => json!(format!(
            "data:image/png;base64,{}",
            "A".repeat(random.below(5000))
        )),
        19 => json!({"type": "image_url", "image_url": {"url": "data:,", "detail": "low"}}),
        20 => schema(json!({"$ref": "#"})),
        21 => schema(json!({"type": "string", "pattern": "((a{1,1000}){1,1000}){1,1000}"})),
        22 => schema(json!({"type": "array", "items": {}, "minItems": 1_000_000_000})),
        _ => schema(json!({"allOf": [{"type": "string"}, {"type": "object"}], "not": {}})),
    }
}

fn deep(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| json!([inner]))
}

/// Makes the bytes of a JSON text something else.
pub fn text(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let at = random.below(bytes.len());
    match random.below(6) {
        0 => bytes.truncate(at),
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        2 => bytes.insert(at, 0xff),
        3 => bytes.extend_from_within(at..),
        4 => bytes = b"[".repeat(1 + random.below(20_000)),
        _ => {
            let bytes_of = |random: &mut Random| random.next() as u8;
            bytes = (0..random.below(400)).map(|_| bytes_of(random)).collect();
        }
    }
    bytes
}

/// A path with something odd in place of its parameters, or behind it.
pub fn path(path: &str, random: &mut Random) -> String {
    const ODD: [&str; 8] = [
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "%ff%fe",
        "%",
        "0",
        "sha256-xyz",
        "a/b/../c",
        "lookdesk-demo?x=%7B%7D&x=2",
    ];
    let long = "a".repeat(4000);
    let odd = match random.one_in(10) {
        true => long.as_str(),
        false => random.one_of(&ODD).copied().unwrap_or_default(),
    };
    match path.split_once('{') {
        Some((before, _)) => format!("{before}{odd}"),
        None => format!("{path}/{odd}"),
    }
}

pub fn method(random: &mut Random) -> String {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"];
    random
        .one_of(&METHODS)
        .copied()
        .unwrap_or("POST")
        .to_owned()
}

pub fn kind(random: &mut Random) -> String {
    const KINDS: [&str; 6] = [
        "text/plain",
        "application/json; charset=utf-16",
        "multipart/form-data; boundary=x",
        "application/xml",
        ";;;",
        "image/png",
    ];
    random
        .one_of(&KINDS)
        .copied()
        .unwrap_or_default()
        .to_owned()
}

/// Bytes that are no request.
pub fn noise(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        1 => b"GET  /  HTTP/1.1\r\n\r\n".to_vec(),
        2 => {
            b"POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n".to_vec()
        }
        3 => b"POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\
               content-length: 6\r\n\r\nhello!"
            .to_vec(),
        4 => b"POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\
               content-type: application/json\r\n\r\nzz\r\n"
            .to_vec(),
        5 => {
            let header = format!("x-long: {}\r\n", "a".repeat(1000)).repeat(100);
            format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{header}\r\n").into_bytes()
        }
        6 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        _ => (0..1 + random.below(2000))
            .map(|_| random.next() as u8)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_value_can_be_spoilt() {
        let whole = json!({"a": [1, {"b": 2}], "c": "d"});
        assert_eq!(places(&whole), 6);
        let found: Vec<_> = (0..places(&whole))
            .filter_map(|at| find(&mut whole.clone(), &mut { at }).cloned())
            .collect();
        assert_eq!(found.len(), 6);
        assert_eq!(found.last(), Some(&json!("d")));
    }
}
