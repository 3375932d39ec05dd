//! The web page, embedded when the program was built.
//!
//! Files named by their content (`/assets/`) may be kept forever; everything
//! else is asked for again each time. An address of the page's own router gets
//! `index.html`.

use std::borrow::Cow;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::error::ApiError;
use crate::shared::Shared;

/// What `/` says when the page was not built.
pub const HOW_TO_BUILD: &str = "This build of Lookdesk has no page inside. Run `npm ci && npm run \
     build` in web/, then build Lookdesk again. The API is here all the same: /openapi.json\n";

const INDEX: &str = "index.html";

/// A file of the page.
pub struct PageFile {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// What it is, such as `text/html`.
    pub media_type: String,
    /// A hash of its bytes.
    pub hash: String,
}

/// Finds a file of the page by its path, which has no slash in front.
pub type PageFiles = fn(&str) -> Option<PageFile>;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Embedded;

/// The page that was embedded.
pub(crate) fn embedded(path: &str) -> Option<PageFile> {
    let file = Embedded::get(path)?;
    let hash = file.metadata.sha256_hash();
    let mut media_type = file.metadata.mimetype().to_owned();
    if media_type.starts_with("text/") {
        media_type.push_str("; charset=utf-8");
    }
    Some(PageFile {
        bytes: file.data,
        media_type,
        hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

/// Whether a page is inside.
pub fn is_built() -> bool {
    Embedded::get(INDEX).is_some()
}

/// Whatever no other route knows.
pub(crate) async fn page(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(ApiError::NotFound);
    }
    let path = uri.path().strip_prefix('/').unwrap_or_default();
    if let Some(file) = (shared.page)(path) {
        return send(file, &headers, path.starts_with("assets/"));
    }
    if !is_page_address(path) {
        return Err(ApiError::NotFound);
    }
    match (shared.page)(INDEX) {
        Some(index) => send(index, &headers, false),
        None => Ok((StatusCode::NOT_FOUND, HOW_TO_BUILD).into_response()),
    }
}

/// Whether the page's own router may know this path: plain words, no file, and
/// nothing of the API.
fn is_page_address(path: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
    path.chars().all(word) && !["api", "v1"].iter().any(|api| is_within(path, api))
}

/// Whether a path is this folder or lies in it.
fn is_within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn send(file: PageFile, headers: &HeaderMap, forever: bool) -> Result<Response, ApiError> {
    // Weak: compression changes the bytes that travel.
    let etag = HeaderValue::from_str(&format!("W/\"{}\"", file.hash));
    let etag = etag.map_err(|_| ApiError::Internal)?;
    let media_type = HeaderValue::from_str(&file.media_type).map_err(|_| ApiError::Internal)?;
    let keep = match forever {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let known = headers.get(IF_NONE_MATCH) == Some(&etag);
    let described = [
        (CONTENT_TYPE, media_type),
        (ETAG, etag),
        (CACHE_CONTROL, HeaderValue::from_static(keep)),
    ];
    Ok(match known {
        true => (StatusCode::NOT_MODIFIED, described).into_response(),
        false => (described, file.bytes).into_response(),
    })
}
