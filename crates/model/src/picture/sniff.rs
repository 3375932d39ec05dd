//! What a file is, told by its first bytes.
//!
//! Names and declared types are never asked: mail programs and phones get them wrong. Files that are
//! often sent in place of a picture are recognised too, so that the answer can say what to do.

use std::fmt;

/// A kind of picture that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureFormat {
    /// JPEG.
    Jpeg,
    /// PNG; of an animated one the still picture.
    Png,
    /// Windows bitmap.
    Bmp,
    /// WebP; of an animated one the first frame.
    WebP,
    /// GIF; the first frame.
    Gif,
}

impl PictureFormat {
    /// The media type for HTTP.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Bmp => "image/bmp",
            Self::WebP => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    /// The usual ending of a file name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Bmp => "bmp",
            Self::WebP => "webp",
            Self::Gif => "gif",
        }
    }
}

impl fmt::Display for PictureFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Bmp => "BMP",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
        })
    }
}

/// A kind of file that is recognised and refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForeignKind {
    /// HEIF with HEVC, as iPhones save photos.
    Heic,
    /// HEIF with AV1.
    Avif,
    /// TIFF, and the raw files of many cameras.
    Tiff,
    /// JPEG XL.
    JpegXl,
    /// A drawing in XML.
    Svg,
    /// A PDF document.
    Pdf,
    /// A Photoshop document.
    Photoshop,
    /// An icon file.
    Icon,
    /// Moving pictures in MP4, QuickTime, Matroska or AVI.
    Video,
    /// A zip file, which office documents are too.
    Archive,
    /// A web page, often saved in place of the picture on it.
    WebPage,
    /// Nothing known.
    Unknown,
}

impl ForeignKind {
    /// The name, with its article, to stand after "This file is".
    pub fn name(self) -> &'static str {
        match self {
            Self::Heic => "a HEIC photo",
            Self::Avif => "an AVIF picture",
            Self::Tiff => "a TIFF or camera raw picture",
            Self::JpegXl => "a JPEG XL picture",
            Self::Svg => "an SVG drawing",
            Self::Pdf => "a PDF document",
            Self::Photoshop => "a Photoshop document",
            Self::Icon => "an icon file",
            Self::Video => "a video",
            Self::Archive => "a zip archive or office document",
            Self::WebPage => "a web page",
            Self::Unknown => "not a picture in a known format",
        }
    }

    /// What to do instead, as a sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Heic => {
                "Open it and export it as JPEG, or take a screenshot of it; on an iPhone, Settings > \
                 Camera > Formats > Most Compatible makes new photos JPEG."
            }
            Self::Avif | Self::Tiff | Self::JpegXl | Self::Photoshop | Self::Icon => {
                "Open it and export it as JPEG or PNG, or take a screenshot of it."
            }
            Self::Svg => "Open it in a browser and take a screenshot, or export it as PNG.",
            Self::Pdf => "Take a screenshot of the page you ask about, or export that page as PNG.",
            Self::Video => "Pause it at the right moment and take a screenshot.",
            Self::Archive => "Unpack or open it and send the picture inside.",
            Self::WebPage => "Open it and save the picture itself, or take a screenshot.",
            Self::Unknown => "Send a JPEG, PNG, WebP, GIF or BMP, or take a screenshot of it.",
        }
    }

    /// A name that never changes, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Heic => "heic",
            Self::Avif => "avif",
            Self::Tiff => "tiff",
            Self::JpegXl => "jpeg_xl",
            Self::Svg => "svg",
            Self::Pdf => "pdf",
            Self::Photoshop => "photoshop",
            Self::Icon => "icon",
            Self::Video => "video",
            Self::Archive => "archive",
            Self::WebPage => "web_page",
            Self::Unknown => "unknown",
        }
    }
}

/// What `bytes` are.
pub(super) fn sniff(bytes: &[u8]) -> Result<PictureFormat, ForeignKind> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Ok(PictureFormat::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(PictureFormat::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(PictureFormat::Gif),
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
        ] => Ok(PictureFormat::WebP),
        // The two reserved words are zero in every bitmap and keep text such as "BMW" out.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Ok(PictureFormat::Bmp),
        _ => Err(foreign(bytes)),
    }
}

fn foreign(bytes: &[u8]) -> ForeignKind {
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => iso_media(bytes),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => ForeignKind::Tiff,
        [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => ForeignKind::JpegXl,
        [b'8', b'B', b'P', b'S', ..] => ForeignKind::Photoshop,
        [0, 0, 1, 0, ..] => ForeignKind::Icon,
        [0x1A, 0x45, 0xDF, 0xA3, ..] => ForeignKind::Video,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => ForeignKind::Video,
        [b'P', b'K', 3, 4, ..] => ForeignKind::Archive,
        _ => text(bytes),
    }
}

/// ISO base media files name their brands in the first box: major, version, then compatible ones.
fn iso_media(bytes: &[u8]) -> ForeignKind {
    let head = &bytes[8..bytes.len().min(64)];
    let (brands, _) = head.as_chunks::<4>();
    let has = |wanted: &[&[u8; 4]]| brands.iter().any(|brand| wanted.contains(&brand));
    if has(&[b"avif", b"avis"]) {
        ForeignKind::Avif
    } else if has(&[
        b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1",
    ]) {
        ForeignKind::Heic
    } else {
        ForeignKind::Video
    }
}

fn text(bytes: &[u8]) -> ForeignKind {
    let head = bytes[..bytes.len().min(4096)].to_ascii_lowercase();
    let has = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    let first = head
        .iter()
        .find(|&&byte| !byte.is_ascii_whitespace() && byte < 0x80);
    if has(b"%pdf-") {
        ForeignKind::Pdf
    } else if first != Some(&b'<') {
        ForeignKind::Unknown
    } else if has(b"<html") || has(b"<!doctype html") {
        ForeignKind::WebPage
    } else if has(b"<svg") {
        ForeignKind::Svg
    } else {
        ForeignKind::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        for (bytes, format) in [
            (b"\xFF\xD8\xFF\xE0".as_slice(), PictureFormat::Jpeg),
            (b"\x89PNG\r\n\x1A\n", PictureFormat::Png),
            (b"GIF89a", PictureFormat::Gif),
            (b"RIFF\x10\0\0\0WEBPVP8 ", PictureFormat::WebP),
            (b"BM\x10\x20\0\0\0\0\0\0\x36\0", PictureFormat::Bmp),
        ] {
            assert_eq!(sniff(bytes), Ok(format));
        }
    }

    #[test]
    fn files_sent_in_place_of_a_picture_are_named() {
        for (bytes, kind) in [
            (
                b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice(),
                ForeignKind::Heic,
            ),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", ForeignKind::Heic),
            (b"\0\0\0\x1Cftypmif1\0\0\0\0mif1avif", ForeignKind::Avif),
            (b"\0\0\0\x18ftypavif\0\0\0\0avif", ForeignKind::Avif),
            (b"\0\0\0\x18ftypmp42\0\0\0\0isom", ForeignKind::Video),
            (b"\0\0\0\x14ftypqt  ", ForeignKind::Video),
            (b"\x1A\x45\xDF\xA3", ForeignKind::Video),
            (b"II*\0\x08\0\0\0", ForeignKind::Tiff),
            (b"MM\0*\0\0\0\x08", ForeignKind::Tiff),
            (b"%PDF-1.7\n", ForeignKind::Pdf),
            (b"junk before %PDF-1.4", ForeignKind::Pdf),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=", ForeignKind::Svg),
            (b"\xEF\xBB\xBF <SVG viewBox", ForeignKind::Svg),
            (b"<!DOCTYPE html><html><svg>", ForeignKind::WebPage),
            (b"PK\x03\x04", ForeignKind::Archive),
            (b"8BPS\0\x01", ForeignKind::Photoshop),
            (b"\xFF\x0A\0\0", ForeignKind::JpegXl),
            (b"BMW 320i, see picture", ForeignKind::Unknown),
            (b"hello", ForeignKind::Unknown),
            (b"\0\0\0\0ftyp", ForeignKind::Video),
            (b"", ForeignKind::Unknown),
        ] {
            assert_eq!(
                sniff(bytes),
                Err(kind),
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}
