//! Pages of other sites that may use the interface for programs, and only that: the desk's own routes
//! belong to its own page.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// The origins that may come in.
#[derive(Clone, Debug, Default)]
pub struct CorsOrigins(Vec<HeaderValue>);

/// An origin option that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin; write scheme and host as in https://app.example, without a path")]
pub struct NotAnOrigin(String);

impl CorsOrigins {
    /// Takes origins such as `https://app.example`.
    pub fn new(given: &[String]) -> Result<Self, NotAnOrigin> {
        let origins = given
            .iter()
            .map(|origin| read(origin).ok_or(NotAnOrigin(origin.clone())));
        Ok(Self(origins.collect::<Result<_, _>>()?))
    }

    /// The origin of a page that is a guest here, if this request comes from
    /// one and goes where guests may go.
    pub(crate) fn guest(&self, request: &Request) -> Option<HeaderValue> {
        let origin = request.headers().get(ORIGIN)?;
        let open = request.uri().path().starts_with("/v1/");
        (open && self.0.contains(origin)).then(|| origin.clone())
    }
}

/// An origin as browsers write it: lower case, no path.
fn read(text: &str) -> Option<HeaderValue> {
    let uri: Uri = text.parse().ok()?;
    let scheme = uri.scheme_str()?;
    let authority = uri.authority()?.as_str();
    let plain = matches!(scheme, "http" | "https") && !authority.contains('@');
    let origin = format!("{scheme}://{authority}").to_ascii_lowercase();
    let whole = text.to_ascii_lowercase() == origin;
    (plain && whole)
        .then(|| HeaderValue::from_str(&origin).ok())
        .flatten()
}

/// Whether a browser asks beforehand what a page may do.
pub(crate) fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to that.
pub(crate) fn preflight() -> Response {
    let allowed = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, x-request-id, openai-organization, openai-project, \
             x-stainless-arch, x-stainless-helper-method, x-stainless-lang, x-stainless-os, x-stainless-package-version, \
             x-stainless-retry-count, x-stainless-runtime, x-stainless-runtime-version, \
             x-stainless-timeout",
        ),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, allowed).into_response()
}

/// The same response, readable by the guest.
pub(crate) fn readable(mut response: Response, guest: HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, guest);
    headers.append(VARY, HeaderValue::from_static("origin"));
    let exposed = HeaderValue::from_static("x-request-id, retry-after");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_nothing_else() {
        let good = [
            "https://app.example",
            "http://localhost:3000",
            "HTTPS://App.example",
        ];
        assert!(CorsOrigins::new(&good.map(str::to_owned)).is_ok());
        for wrong in [
            "*",
            "null",
            "app.example",
            "https://app.example/",
            "https://app.example/path",
            "https://user@app.example",
            "ftp://app.example",
            "",
        ] {
            let origins = CorsOrigins::new(&[wrong.to_owned()]);
            assert_eq!(origins.err(), Some(NotAnOrigin(wrong.to_owned())));
        }
    }
}
