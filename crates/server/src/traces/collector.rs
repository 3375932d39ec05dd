//! Where spans go: one address, which whoever runs the desk named, and one request for each batch.

use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use axum::http::Uri;
use axum::http::header::{HOST, HeaderValue};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::tls::{self, NoCertificates};

/// For one batch, reply included.
const WHOLE: Duration = Duration::from_secs(3);
/// A collector has little to say.
const REPLY_BYTES: usize = 64 * 1024;
/// Where a collector takes spans, below the address it goes by.
const PATH: &str = "/v1/traces";

/// The address of a collector, such as `http://127.0.0.1:4318`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    secure: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    authority: String,
    path: String,
}

/// What is no address of a collector.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "this is no address of an OpenTelemetry collector; it looks like http://127.0.0.1:4318, and what a collector \
     wants to know of its caller goes into OTEL_EXPORTER_OTLP_HEADERS"
)]
pub struct EndpointFault;

impl FromStr for Endpoint {
    type Err = EndpointFault;

    fn from_str(url: &str) -> Result<Self, EndpointFault> {
        let uri: Uri = url.parse().map_err(|_| EndpointFault)?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(EndpointFault),
        };
        let authority = uri.authority().ok_or(EndpointFault)?;
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let port = match authority.port() {
            Some(port) => port.as_str().parse().map_err(|_| EndpointFault)?,
            None if authority.as_str().len() > authority.host().len() => return Err(EndpointFault),
            None if secure => 443,
            None => 80,
        };
        if host.is_empty() || authority.as_str().contains('@') || uri.query().is_some() {
            return Err(EndpointFault);
        }
        let base = uri.path().trim_end_matches('/');
        Ok(Self {
            secure,
            host: host.to_owned(),
            port,
            authority: authority.as_str().to_owned(),
            path: format!("{}{PATH}", base.strip_suffix(PATH).unwrap_or(base)),
        })
    }
}

impl Endpoint {
    /// Where batches are sent.
    pub(super) fn url(&self) -> String {
        let Self {
            authority, path, ..
        } = self;
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{authority}{path}")
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url())
    }
}

/// Sends batches. The thread that waits for them belongs to the exporter and has no reactor, so they travel on the
/// runtime of the server.
pub(super) struct Collector {
    endpoint: Endpoint,
    tls: Option<TlsConnector>,
    runtime: Handle,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collector({})", self.endpoint)
    }
}

impl Collector {
    /// A collector at this address; where it is secure, known by what this machine trusts.
    pub fn new(endpoint: Endpoint, runtime: Handle) -> Result<Self, NoCertificates> {
        let tls = match endpoint.secure {
            true => Some(tls::of_this_machine()?),
            false => None,
        };
        Ok(Self {
            endpoint,
            tls,
            runtime,
        })
    }
}

impl HttpClient for Collector {
    fn send_bytes<'me, 'sent>(
        &'me self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sent>>
    where
        'me: 'sent,
        Self: 'sent,
    {
        let sending = send(self.endpoint.clone(), self.tls.clone(), request);
        // The clock is the runtime's as well.
        let sending = self.runtime.spawn(async { timeout(WHOLE, sending).await });
        Box::pin(async { sending.await?? })
    }
}

async fn send(
    endpoint: Endpoint,
    tls: Option<TlsConnector>,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
    match tls {
        None => exchange(stream, &endpoint, request).await,
        Some(tls) => {
            let name = ServerName::try_from(endpoint.host.clone())?;
            exchange(tls.connect(name, stream).await?, &endpoint, request).await
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    endpoint: &Endpoint,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the exchange, also where that takes too long.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let (mut head, body) = request.into_parts();
    head.uri = endpoint.path.parse()?;
    head.headers
        .insert(HOST, HeaderValue::from_str(&endpoint.authority)?);
    let request = Request::from_parts(head, Full::new(body));
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, REPLY_BYTES).collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_its_address_with_or_without_the_path() {
        for (named, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
            (
                "https://collector.example/otlp",
                "https://collector.example/otlp/v1/traces",
            ),
            (
                "http://127.0.0.1:4318/v1/traces",
                "http://127.0.0.1:4318/v1/traces",
            ),
        ] {
            let endpoint: Endpoint = named.parse().expect(named);
            assert_eq!(endpoint.to_string(), url);
        }
        let six: Endpoint = "http://[::1]".parse().expect("an address");
        assert_eq!((six.host.as_str(), six.port), ("::1", 80));
    }

    #[test]
    fn anything_else_is_refused_with_what_it_should_look_like() {
        for wrong in [
            "",
            "127.0.0.1:4318",
            "grpc://127.0.0.1:4317",
            "http://",
            "http://name:secret@collector.example",
            "http://collector.example:99999",
            "http://collector.example/?key=secret",
            "/v1/traces",
        ] {
            assert_eq!(wrong.parse::<Endpoint>(), Err(EndpointFault), "{wrong}");
        }
        assert!(EndpointFault.to_string().contains("http://127.0.0.1:4318"));
    }
}
