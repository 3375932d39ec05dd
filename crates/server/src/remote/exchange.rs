//! One request to one checked address, and what came of it.

use std::fmt::Display;
use std::net::SocketAddr;

use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HOST, LOCATION, USER_AGENT,
};
use axum::http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::FetchError;
use super::place::Place;

const HEAD_BYTES: usize = 32 * 1024;

/// What a server sent.
pub(super) enum Reply {
    /// Bytes that should be a picture.
    Picture(Vec<u8>),
    /// The picture is elsewhere.
    Elsewhere(String),
}

/// Ends the connection with the exchange.
struct Ends(AbortHandle);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Asks the server at `address` for the place.
pub(super) async fn exchange(
    tls: &TlsConnector,
    address: SocketAddr,
    place: &Place,
    limit: u64,
) -> Result<Reply, FetchError> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| unreachable(place, error))?;
    let name = ServerName::try_from(place.bare_host().to_owned());
    let name = name.map_err(|error| unreachable(place, error))?;
    let stream = tls
        .connect(name, stream)
        .await
        .map_err(|error| unreachable(place, error))?;
    let mut http = http1::Builder::new();
    http.max_buf_size(HEAD_BYTES);
    let (mut sender, connection) = http
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(place, error))?;
    let task = tokio::spawn(async move {
        // What went wrong is told to the exchange as well.
        let _ = connection.await;
    });
    let _ends = Ends(task.abort_handle());
    let request = Request::get(place.path())
        .header(HOST, place.authority())
        .header(USER_AGENT, concat!("lookdesk/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "image/*")
        .header(ACCEPT_ENCODING, "identity")
        .body(Empty::<Bytes>::new())
        .map_err(|error| unreachable(place, error))?;
    let response = sender.send_request(request).await;
    let response = response.map_err(|error| unreachable(place, error))?;
    let status = response.status();
    if is_redirect(status) {
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|text| text.to_str().ok());
        return match location {
            Some(location) => Ok(Reply::Elsewhere(location.to_owned())),
            None => Err(status_error(place, status)),
        };
    }
    if status != StatusCode::OK || response.headers().contains_key(CONTENT_ENCODING) {
        return Err(status_error(place, status));
    }
    let announced = response.headers().get(CONTENT_LENGTH);
    let announced: Option<u64> = announced.and_then(|text| text.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(too_large(place, limit));
    }
    bounded(response.into_body(), place, limit)
        .await
        .map(Reply::Picture)
}

async fn bounded(mut body: Incoming, place: &Place, limit: u64) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreachable(place, error))?;
        let Ok(chunk) = frame.into_data() else {
            continue;
        };
        if (bytes.len() as u64).saturating_add(chunk.len() as u64) > limit {
            return Err(too_large(place, limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn unreachable(place: &Place, reason: impl Display) -> FetchError {
    FetchError::Unreachable {
        host: place.host().to_owned(),
        reason: reason.to_string(),
    }
}

fn status_error(place: &Place, status: StatusCode) -> FetchError {
    FetchError::Status {
        host: place.host().to_owned(),
        status: status.as_u16(),
    }
}

fn too_large(place: &Place, limit: u64) -> FetchError {
    let host = place.host().to_owned();
    FetchError::TooLarge { host, limit }
}
