//! What the decoder does not say about a JPEG: whether it is whole, and what its four inks mean.
//!
//! The decoder fills what is missing of a truncated file with grey. An answer about a grey half is
//! an invention, so a file without its end is refused. And it takes every four-ink picture for
//! Adobe's inverted kind; without Adobe's marker that would be a negative, so it is refused too.
//! Source: ITU-T T.81, annex B; Adobe technical note 5116.

use super::{PictureError, PictureFormat};

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;
const APP14: u8 = 0xEE;

/// What stands before the first scan, and whether the file has its end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Facts {
    /// Third-lowest nibble of the start-of-frame marker: 0 baseline, 1 extended, 2 progressive.
    frame: Option<u8>,
    precision: u8,
    components: u8,
    adobe: bool,
    complete: bool,
}

/// Refuses what would be decoded into something else than the picture.
pub(super) fn check(bytes: &[u8]) -> Result<(), PictureError> {
    let facts = read(bytes);
    let unsupported = |feature| {
        Err(PictureError::VariantUnsupported {
            format: PictureFormat::Jpeg,
            feature,
        })
    };
    match facts.frame {
        None | Some(0..=2) => {}
        Some(3 | 7 | 11 | 15) => return unsupported("lossless compression"),
        Some(9 | 10 | 13 | 14) => return unsupported("arithmetic coding"),
        Some(_) => return unsupported("hierarchical compression"),
    }
    if facts.frame.is_some() && facts.precision != 8 {
        return unsupported("more than 8 bits per colour");
    }
    if facts.components == 4 && !facts.adobe {
        return unsupported("print colours (CMYK) without saying which kind");
    }
    if !facts.complete {
        return Err(PictureError::Damaged {
            format: PictureFormat::Jpeg,
            detail: "no end-of-image marker after the first scan".to_owned(),
        });
    }
    Ok(())
}

/// Walks the segments up to the first scan, then looks for the end. Never fails: what cannot be
/// read is left at its default, and the decoder says what is wrong with it.
fn read(bytes: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        // Fill bytes and stray bytes between segments are legal enough to be skipped.
        let Some(at) = rest.iter().position(|&byte| byte == 0xFF) else {
            return facts;
        };
        let [0xFF, marker, after @ ..] = &rest[at..] else {
            return facts;
        };
        match *marker {
            // Markers without a length, padding, and stuffed bytes.
            0x00 | 0x01 | 0xD0..=0xD8 => rest = after,
            0xFF => rest = &rest[at + 1..],
            END_OF_IMAGE => return facts,
            marker => {
                let [high, low, ..] = after else { return facts };
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let Some(body) = after.get(2..length) else {
                    return facts;
                };
                match (marker, body) {
                    // All start-of-frame markers; C4, C8 and CC are tables.
                    (0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF, body) => {
                        facts.frame = Some(marker & 0x0F);
                        facts.precision = body.first().copied().unwrap_or(0);
                        facts.components = body.get(5).copied().unwrap_or(0);
                    }
                    (APP14, body) => facts.adobe |= body.starts_with(b"Adobe"),
                    (START_OF_SCAN, _) => {
                        facts.complete = has_end(&after[length..]);
                        return facts;
                    }
                    _ => {}
                }
                rest = &after[length..];
            }
        }
    }
}

/// Inside a scan 0xFF is always followed by a stuffed zero, so the pair cannot occur by chance. Nearly
/// always it is the last thing in the file.
fn has_end(scan: &[u8]) -> bool {
    scan.windows(2)
        .rev()
        .any(|pair| pair == [0xFF, END_OF_IMAGE])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of a frame of `components`, optional Adobe marker, one scan and optional end.
    fn file(frame: u8, precision: u8, components: u8, adobe: bool, end: bool) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xD8];
        if adobe {
            bytes.extend(b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\0");
        }
        bytes.extend([0xFF, 0xC0 | frame, 0, 8, precision, 0, 1, 0, 1, components]);
        bytes.extend([0xFF, START_OF_SCAN, 0, 3, 0, 0x12, 0xFF, 0x00, 0x34]);
        if end {
            bytes.extend([0xFF, END_OF_IMAGE]);
        }
        bytes
    }

    fn code(bytes: &[u8]) -> &'static str {
        check(bytes).map_or_else(|error| error.code(), |()| "ok")
    }

    #[test]
    fn ordinary_files_pass() {
        for frame in [0, 1, 2] {
            assert_eq!(code(&file(frame, 8, 3, false, true)), "ok");
        }
        assert_eq!(code(&file(0, 8, 4, true, true)), "ok");
    }

    #[test]
    fn bytes_after_the_end_are_none_of_our_business() {
        let mut bytes = file(0, 8, 3, false, true);
        bytes.extend(b"maker notes");
        assert_eq!(code(&bytes), "ok");
    }

    #[test]
    fn a_file_without_its_end_is_damaged() {
        assert_eq!(code(&file(0, 8, 3, false, false)), "picture_damaged");
        assert_eq!(code(b"\xFF\xD8\xFF"), "picture_damaged");
    }

    #[test]
    fn the_end_of_a_thumbnail_does_not_count() {
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9];
        bytes.extend(&file(0, 8, 3, false, false)[2..]);
        assert_eq!(code(&bytes), "picture_damaged");
    }

    #[test]
    fn rare_forms_are_refused_by_name() {
        assert_eq!(
            code(&file(3, 8, 3, false, true)),
            "picture_variant_unsupported"
        );
        assert_eq!(
            code(&file(9, 8, 3, false, true)),
            "picture_variant_unsupported"
        );
        assert_eq!(
            code(&file(1, 12, 3, false, true)),
            "picture_variant_unsupported"
        );
        assert_eq!(
            code(&file(0, 8, 4, false, true)),
            "picture_variant_unsupported"
        );
    }
}
