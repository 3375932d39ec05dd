//! The fetcher against a real HTTPS server on this machine, which the tests permit by name of its
//! address; everything else stays forbidden.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Request, StatusCode};
use desk::testing::{ScriptedAnswerer, small_office};
use http_body_util::BodyExt;
use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tower::ServiceExt;

use super::*;
use crate::{AllowedHosts, Server, ServerOptions};

const LIMIT: u64 = 1000;
/// The largest that a desk takes.
const LARGE: usize = 20 * 1024 * 1024;
const LATE: Duration = Duration::from_millis(700);

/// A server that answers each path with fixed text.
struct Elsewhere {
    port: u16,
    /// How many requests have come.
    requests: Arc<AtomicUsize>,
    fetcher: Fetcher,
}

fn permits_this_machine(address: IpAddr) -> bool {
    address == IpAddr::from([127, 0, 0, 1]) || address::is_public(address)
}

/// Names as a hostile resolver would give them.
fn resolve(host: String, port: u16) -> Resolved {
    let addresses: &[[u8; 4]] = match host.as_str() {
        "pictures.example" => &[[127, 0, 0, 1]],
        "inner.example" => &[[10, 0, 0, 7]],
        "cloud.example" => &[[169, 254, 169, 254]],
        "mixed.example" => &[[127, 0, 0, 1], [192, 168, 0, 1]],
        _ => &[],
    };
    let addresses = addresses
        .iter()
        .map(|&address| SocketAddr::from((address, port)));
    let addresses = addresses.collect();
    Box::pin(async move { Ok(addresses) })
}

fn answer(path: &str, port: u16) -> Option<String> {
    let to = |place: &str| {
        format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n")
    };
    Some(match path {
        "/picture" => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbytes".into(),
        "/missing" => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(),
        "/packed" => {
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nbytes".into()
        }
        "/announced" => "HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n".into(),
        "/endless" => format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}",
            format!("200\r\n{}\r\n", "x".repeat(512)).repeat(8)
        ),
        "/relative" => to("/picture"),
        "/around" => to(&format!("https://pictures.example:{port}/around")),
        "/plain" => to("http://pictures.example/picture"),
        "/file" => to("file:///etc/passwd"),
        "/inner" => to("https://inner.example/"),
        "/cloud" => to("https://cloud.example/latest/meta-data"),
        "/number" => to("https://127.0.0.2/"),
        "/mapped" => to("https://[::ffff:127.0.0.1]/"),
        "/six" => to("https://[::1]/"),
        "/drip" => "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n".into(),
        "/late" => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".into(),
        "/large" => format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n"),
        "/swells" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".into(),
        "/nowhere" => "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".into(),
        _ => return None,
    })
}

/// What follows the head, where that is a story of its own.
async fn go_on(path: &str, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    match path {
        // More than a byte every pause that anybody would call silence.
        "/drip" => loop {
            stream.write_all(b"x").await?;
            stream.flush().await?;
            sleep(Duration::from_millis(20)).await;
        },
        "/late" => {
            stream.flush().await?;
            sleep(LATE).await;
            stream.write_all(b"bytes").await
        }
        "/large" => {
            let piece = vec![b'x'; 1024 * 1024];
            for _ in 0..LARGE / piece.len() {
                stream.write_all(&piece).await?;
            }
            Ok(())
        }
        "/swells" => {
            let piece = format!("100\r\n{}\r\n", "x".repeat(256));
            loop {
                stream.write_all(piece.as_bytes()).await?;
                stream.flush().await?;
                sleep(Duration::from_millis(20)).await;
            }
        }
        _ => Ok(()),
    }
}

async fn elsewhere() -> Elsewhere {
    let made = generate_simple_self_signed(["pictures.example".to_owned()]);
    let made = made.expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocols")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                assert!(!head.to_ascii_lowercase().contains("cookie"));
                let path = head.split(' ').nth(1).unwrap_or_default();
                match answer(path, port) {
                    Some(text) => {
                        let _ = stream.write_all(text.as_bytes()).await;
                        let _ = go_on(path, &mut stream).await;
                        let _ = stream.shutdown().await;
                    }
                    // Never answers.
                    None => tokio::time::sleep(Duration::from_secs(60)).await,
                }
            });
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("our own");
    let fetcher = Fetcher {
        resolve,
        permits: permits_this_machine,
        whole: Duration::from_secs(2),
        together: Duration::from_secs(2),
        ..Fetcher::over(tls::trusting(roots).expect("a connector"))
    };
    Elsewhere {
        port,
        requests,
        fetcher,
    }
}

impl Elsewhere {
    async fn fetch(&self, path: &str) -> Result<Vec<u8>, FetchError> {
        let url = format!("https://pictures.example:{}{path}", self.port);
        self.fetcher.fetch(&url, LIMIT).await
    }
}

#[tokio::test]
async fn a_picture_is_brought_also_over_a_redirect() {
    let elsewhere = elsewhere().await;
    for path in ["/picture", "/relative"] {
        assert_eq!(elsewhere.fetch(path).await.expect(path), b"bytes");
    }
}

#[tokio::test]
async fn a_redirect_into_a_private_network_is_not_followed() {
    let elsewhere = elsewhere().await;
    for path in ["/inner", "/cloud", "/number", "/mapped", "/six"] {
        let error = elsewhere.fetch(path).await.expect_err(path);
        assert!(matches!(error, FetchError::Private(_)), "{path}: {error}");
    }
    for path in ["/plain", "/file"] {
        let error = elsewhere.fetch(path).await.expect_err(path);
        assert!(matches!(error, FetchError::Place(_)), "{path}: {error}");
    }
}

#[tokio::test]
async fn a_name_with_one_private_address_is_refused_whole() {
    let elsewhere = elsewhere().await;
    for host in [
        "mixed.example",
        "inner.example",
        "[::1]",
        "127.0.0.2",
        "10.0.0.1",
    ] {
        let url = format!("https://{host}:{}/picture", elsewhere.port);
        let error = elsewhere.fetcher.fetch(&url, LIMIT).await.expect_err(host);
        assert!(matches!(error, FetchError::Private(_)), "{host}: {error}");
    }
    let error = elsewhere
        .fetcher
        .fetch("https://gone.example/", LIMIT)
        .await;
    assert!(matches!(error, Err(FetchError::Unknown(_))));
}

#[tokio::test]
async fn what_never_ends_or_never_comes_is_cut_off() {
    let elsewhere = elsewhere().await;
    let around = elsewhere.fetch("/around").await;
    assert!(matches!(around, Err(FetchError::Redirects(_))));
    for path in ["/announced", "/endless"] {
        let large = elsewhere.fetch(path).await;
        assert!(
            matches!(large, Err(FetchError::TooLarge { limit: LIMIT, .. })),
            "{path}"
        );
    }
    let silent = elsewhere.fetch("/silent").await;
    assert!(matches!(silent, Err(FetchError::TooSlow(_))));
}

#[tokio::test]
async fn a_picture_that_drips_is_given_up_when_its_time_is_over() {
    let elsewhere = elsewhere().await;
    let asked = Instant::now();
    let dripped = elsewhere.fetch("/drip").await;
    assert!(
        matches!(dripped, Err(FetchError::TooSlow(_))),
        "{dripped:?}"
    );
    let took = asked.elapsed();
    // It would drip for eighteen seconds.
    assert!((2..15).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test]
async fn a_picture_that_swells_is_given_up_at_the_byte_too_many_and_not_at_its_end() {
    let elsewhere = elsewhere().await;
    // It never ends; had its time been over first, that would be said.
    let swollen = elsewhere.fetch("/swells").await;
    assert!(
        matches!(swollen, Err(FetchError::TooLarge { limit: LIMIT, .. })),
        "{swollen:?}"
    );
}

/// A desk that may fetch, who answers there, and where pictures are.
fn desk(elsewhere: Elsewhere) -> (Server, Arc<ScriptedAnswerer>, u16) {
    let bound = "127.0.0.1:8501".parse().expect("an address");
    let hosts = AllowedHosts::new(bound, &[]).expect("no hosts");
    let options = ServerOptions {
        remote: Some(elsewhere.fetcher),
        ..ServerOptions::new(hosts)
    };
    let (office, answerer) = small_office();
    (Server::new(office, options), answerer, elsewhere.port)
}

/// A question about pictures at these paths, which may take so many seconds.
fn about(paths: &[&str], port: u16, timeout: Option<f64>) -> Request<Body> {
    let picture = |path: &&str| {
        let url = format!("https://pictures.example:{port}{path}");
        json!({"type": "image_url", "image_url": {"url": url}})
    };
    let content: Vec<_> = paths.iter().map(picture).collect();
    let question = json!({"messages": [{"role": "user", "content": content}], "timeout": timeout});
    let request = Request::post("/v1/chat/completions")
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(question.to_string()));
    request.expect("a request")
}

/// Asks a desk that may fetch about pictures at these paths.
async fn ask_about(elsewhere: Elsewhere, paths: &[&str]) -> (StatusCode, Value) {
    let (server, _, port) = desk(elsewhere);
    sent(&server, about(paths, port, None)).await
}

async fn sent(server: &Server, request: Request<Body>) -> (StatusCode, Value) {
    let reply = server.router().oneshot(request).await;
    let reply = reply.expect("the router never fails");
    let status = reply.status();
    let body = reply
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    (status, serde_json::from_slice(&body).expect("JSON"))
}

#[tokio::test]
async fn nothing_is_fetched_for_who_gets_no_place() {
    let elsewhere = elsewhere().await;
    let requests = Arc::clone(&elsewhere.requests);
    let (server, answerer, port) = desk(elsewhere);
    answerer.set_places(0);
    let (status, reply) = sent(&server, about(&["/picture"], port, None)).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{reply}");
    assert_eq!(reply["error"]["code"], "queue_full");
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn while_pictures_are_fetched_others_may_have_the_place() {
    let mut elsewhere = elsewhere().await;
    (elsewhere.fetcher.whole, elsewhere.fetcher.together) = (WHOLE, TOGETHER);
    let (server, answerer, port) = desk(elsewhere);
    answerer.set_places(1);
    let ask = || tokio::spawn(server.router().oneshot(about(&["/silent"], port, None)));
    let mut asking = ask();
    for _ in 0..20 {
        if asking.is_finished() {
            // There was no place when it came.
            asking = ask();
        }
        let question = json!({"messages": [{"role": "user", "content": "which code?"}]});
        let request = Request::post("/v1/chat/completions")
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(question.to_string()));
        let (status, reply) = sent(&server, request.expect("a request")).await;
        assert_eq!(status, StatusCode::OK, "{reply}");
        sleep(Duration::from_millis(5)).await;
    }
    asking.abort();
    assert_eq!((answerer.places_taken(), answerer.asked().len()), (0, 20));
}

#[tokio::test]
async fn a_time_limit_holds_while_pictures_are_fetched() {
    let mut elsewhere = elsewhere().await;
    (elsewhere.fetcher.whole, elsewhere.fetcher.together) = (WHOLE, TOGETHER);
    let (server, answerer, port) = desk(elsewhere);
    let asked = Instant::now();
    let (status, reply) = sent(&server, about(&["/silent"], port, Some(0.3))).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT, "{reply}");
    assert_eq!(reply["error"]["code"], "timed_out", "{reply}");
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert_eq!(answerer.places_taken(), 0);
}

#[tokio::test]
async fn pictures_elsewhere_may_together_be_as_large_as_a_request() {
    let mut elsewhere = elsewhere().await;
    (elsewhere.fetcher.whole, elsewhere.fetcher.together) = (WHOLE, TOGETHER);
    // Each is as large as a picture may be; the third exceeds 48 MB.
    let (status, reply) = ask_about(elsewhere, &["/large"; 3]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{reply}");
    let error = &reply["error"];
    assert_eq!(
        error["param"], "messages[0].content[2].image_url.url",
        "{error}"
    );
    let words = error["message"].as_str().expect("words");
    assert!(words.contains("larger than 8388608 bytes"), "{words}");
}

#[tokio::test]
async fn pictures_elsewhere_have_one_time_limit_together() {
    let elsewhere = elsewhere().await;
    let asked = Instant::now();
    // None of the eight is late for itself.
    let (status, reply) = ask_about(elsewhere, &["/late"; 8]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{reply}");
    let words = reply["error"]["message"].as_str().expect("words");
    assert!(words.contains("took too long to fetch"), "{words}");
    assert!(asked.elapsed() < 8 * LATE, "it waited for all of them");
}

#[tokio::test]
async fn an_answer_that_is_no_picture_is_said_with_its_status() {
    let elsewhere = elsewhere().await;
    for (path, wanted) in [("/missing", 404), ("/packed", 200), ("/nowhere", 302)] {
        match elsewhere.fetch(path).await {
            Err(FetchError::Status { status, .. }) => assert_eq!(status, wanted, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_its_name_is_not_asked() {
    let elsewhere = elsewhere().await;
    let stranger = Fetcher {
        resolve,
        permits: permits_this_machine,
        ..Fetcher::over(tls::trusting(RootCertStore::empty()).expect("a connector"))
    };
    let url = format!("https://pictures.example:{}/picture", elsewhere.port);
    let error = stranger
        .fetch(&url, LIMIT)
        .await
        .expect_err("nobody is trusted");
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
}
