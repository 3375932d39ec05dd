//! The one gate in front of every route but `/healthz`: deny unless the
//! request is addressed to us, comes from our own page or from no page at all
//! when it changes something, does not come too fast, and brings a key where
//! keys are asked for.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use tokio::sync::OwnedSemaphorePermit;

use crate::access::{Asker, Brought, Key, Peer, key_of, signin};
use crate::cors;
use crate::error::ApiError;
use crate::held::holding;
use crate::hosts::AllowedHosts;
use crate::shared::Shared;

/// Lets a request through or says why not.
pub(crate) async fn gate(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let guest = shared.cors.guest(&request);
    let preflight = guest.is_some() && cors::is_preflight(&request);
    let response = match admit(&shared, &request, guest.is_some(), preflight) {
        Ok(_) if preflight => cors::preflight(),
        Ok(admitted) => pass(request, next, admitted).await,
        // A person at a browser is shown the way in.
        Err(ApiError::KeyMissing | ApiError::KeyWrong) if wants_a_page(&request) => {
            Redirect::to("/signin").into_response()
        }
        Err(error) => error.into_response(),
    };
    match guest {
        Some(guest) => cors::readable(response, guest),
        None => response,
    }
}

async fn pass(
    mut request: Request,
    next: Next,
    Admitted { asker, key, permit }: Admitted,
) -> Response {
    request.extensions_mut().insert(asker);
    request.extensions_mut().insert(Brought(key));
    holding(next.run(request).await, permit)
}

/// A request that may pass.
struct Admitted {
    /// In whose name.
    asker: Asker,
    key: Option<Arc<Key>>,
    /// Its place among that key's requests.
    permit: Option<OwnedSemaphorePermit>,
}

impl Admitted {
    fn anonymous(asker: Asker) -> Self {
        Self {
            asker,
            key: None,
            permit: None,
        }
    }
}

/// How the request may pass, if it may.
fn admit(
    shared: &Shared,
    request: &Request,
    guest: bool,
    preflight: bool,
) -> Result<Admitted, ApiError> {
    let host = addressed_host(&shared.hosts, request.uri(), request.headers())?;
    let changes = !request.method().is_safe();
    if changes && !guest {
        from_our_page(host, request.headers())?;
    }
    let now = Instant::now();
    let peer = request.extensions().get::<Peer>();
    // Without a socket there is nobody but ourselves.
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0);
    shared.rates.take(address, now)?;
    let anonymous = Asker(format!("address {}", address.to_canonical()));
    let Some(keys) = &shared.keys else {
        return Ok(Admitted::anonymous(anonymous));
    };
    // A browser asks beforehand without the key.
    if preflight || signin::OPEN.contains(&request.uri().path()) {
        return Ok(Admitted::anonymous(anonymous));
    }
    let key = key_of(&keys.keys(), request.headers())?;
    // Looking is free; what makes us work is counted.
    let permit = if changes { key.begin(now)? } else { None };
    Ok(Admitted {
        asker: Asker(format!("key {}", key.name())),
        key: Some(key),
        permit,
    })
}

/// Whether somebody opens an address in a browser.
fn wants_a_page(request: &Request) -> bool {
    let accept = request.headers().get(ACCEPT);
    let html = accept.is_some_and(|accept| {
        accept
            .to_str()
            .is_ok_and(|accept| accept.contains("text/html"))
    });
    request.method() == Method::GET && html
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use desk::testing::small_office;
    use tower::ServiceExt;

    use super::*;
    use crate::{Server, ServerOptions};

    #[tokio::test]
    async fn an_address_that_asks_too_fast_is_slowed_whatever_it_asks() {
        let bound = "127.0.0.1:8501".parse().expect("an address");
        let hosts = AllowedHosts::new(bound, &[]).expect("no hosts");
        let options = ServerOptions {
            per_minute: Some(2),
            ..ServerOptions::new(hosts)
        };
        let server = Server::new(small_office().0, options);
        let ask = async |address: &str, path: &str| {
            let request = Request::get(path)
                .header(HOST, "localhost")
                .body(Body::empty());
            let mut request = request.expect("a request");
            let peer = Peer(address.parse().expect("an address"));
            request.extensions_mut().insert(peer);
            let response = server.router().oneshot(request).await;
            response.expect("the router never fails").status()
        };
        for path in ["/api/status", "/v1/models"] {
            assert_eq!(ask("192.0.2.1", path).await, StatusCode::OK);
        }
        for path in [
            "/api/status",
            "/v1/models",
            "/signin",
            "/metrics",
            "/nothing",
        ] {
            let status = ask("192.0.2.1", path).await;
            assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        }
        assert_eq!(ask("192.0.2.1", "/healthz").await, StatusCode::OK);
        assert_eq!(ask("192.0.2.2", "/v1/models").await, StatusCode::OK);
        assert_eq!(ask("127.0.0.1", "/v1/models").await, StatusCode::OK);
    }
}
