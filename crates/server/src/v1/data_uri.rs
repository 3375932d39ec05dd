//! Pictures inside a request: `data:image/png;base64,...`. What the URI calls itself does not count; the
//! bytes say what they are.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Clients differ in whether they pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a data URI has no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataFault {
    /// It is none, or not in base64.
    Shape,
    /// It holds more than it may; this many bytes.
    TooLarge(u64),
}

/// Whether this is meant to be a data URI.
pub(super) fn is_data(url: &str) -> bool {
    url.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// The bytes of a data URI, at most `limit` of them.
pub(super) fn bytes(url: &str, limit: u64) -> Result<Vec<u8>, DataFault> {
    let rest = url.get(5..).ok_or(DataFault::Shape)?;
    let (kind, data) = rest.split_once(',').ok_or(DataFault::Shape)?;
    let encoded = kind
        .rsplit(';')
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("base64"));
    if !encoded {
        return Err(DataFault::Shape);
    }
    let data = data.trim();
    let size = (data.trim_end_matches('=').len() as u64).saturating_mul(3) / 4;
    if size > limit {
        return Err(DataFault::TooLarge(size));
    }
    BASE64.decode(data).map_err(|_| DataFault::Shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_with_and_without_its_padding() {
        for url in [
            "data:image/png;base64,YWI=",
            "data:image/png;base64,YWI",
            "DATA:;BASE64,YWI=",
            "data:text/plain;charset=utf-8;base64,YWI=\n",
        ] {
            assert!(is_data(url));
            assert_eq!(bytes(url, 10), Ok(b"ab".to_vec()), "{url}");
        }
    }

    #[test]
    fn anything_else_is_no_picture() {
        for url in [
            "data:image/png,plain",
            "data:image/png;base64",
            "data:image/png;base64,%%%",
            "data:",
            "灯:image",
        ] {
            assert_eq!(bytes(url, 10), Err(DataFault::Shape), "{url}");
        }
        assert!(!is_data("灯:image"));
    }

    #[test]
    fn a_picture_over_the_limit_is_not_decoded() {
        let url = format!("data:image/png;base64,{}", "A".repeat(400));
        assert_eq!(bytes(&url, 299), Err(DataFault::TooLarge(300)));
        assert_eq!(bytes(&url, 300).map(|bytes| bytes.len()), Ok(300));
    }
}
