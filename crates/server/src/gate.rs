//! The one gate in front of every route but `/healthz`: deny unless the
//! request is addressed to us and, when it changes something, comes from our
//! own page or from no page at all. Keys will be asked for here as well.

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::Response;

use crate::error::ApiError;
use crate::hosts::AllowedHosts;
use crate::shared::Shared;

/// Lets a request through or says why not.
pub(crate) async fn gate(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let host = addressed_host(&shared.hosts, request.uri(), request.headers())?;
    if !request.method().is_safe() {
        from_our_page(host, request.headers())?;
    }
    Ok(next.run(request).await)
}

/// The host this request is addressed to, if it is one of ours.
fn addressed_host<'a>(
    hosts: &AllowedHosts,
    uri: &Uri,
    headers: &'a HeaderMap,
) -> Result<&'a str, ApiError> {
    let mut named = headers.get_all(HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else {
        return Err(ApiError::HostNotAllowed { host: None });
    };
    let host = host
        .to_str()
        .map_err(|_| ApiError::HostNotAllowed { host: None })?;
    // A request line may name a host of its own; it must be the same one.
    let contradicted = uri
        .authority()
        .is_some_and(|authority| !authority.as_str().eq_ignore_ascii_case(host));
    if contradicted || !hosts.allows(host) {
        let host = Some(host.to_owned());
        return Err(ApiError::HostNotAllowed { host });
    }
    Ok(host)
}

/// Browsers say where a request comes from; other programs need not.
fn from_our_page(host: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    if let Some(origin) = headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        return match authority {
            Some(authority) if authority.eq_ignore_ascii_case(host) => Ok(()),
            _ => Err(ApiError::OriginNotAllowed),
        };
    }
    match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(ApiError::OriginNotAllowed),
    }
}
