//! Over a real socket: what only a connection can show.

use std::net::SocketAddr;
use std::time::Duration;

use desk::testing::{ScriptedAnswerer, ask, delta, done};
use server::{ServeLimits, serve};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::stage::stage;

const PATIENCE: Duration = Duration::from_secs(10);
/// The largest picture.
const LARGEST: usize = 20 * 1024 * 1024;

struct Running {
    address: SocketAddr,
    answerer: Arc<ScriptedAnswerer>,
    end: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn start(limits: ServeLimits) -> Running {
    let stage = stage();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (end, ended) = oneshot::channel();
    let ended = async {
        let _ = ended.await;
    };
    let served = tokio::spawn(serve(listener, stage.server, limits, ended));
    Running {
        address,
        answerer: stage.answerer,
        end,
        served,
    }
}

impl Running {
    /// Asks over a new connection.
    async fn ask(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await;
        self.ask_on(stream.expect("a connection")).await
    }

    /// A connection from one of this machine's own addresses.
    async fn connect_from(&self, address: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        let local = format!("{address}:0").parse().expect("an address");
        socket.bind(local).expect("an address of this machine");
        let stream = socket.connect(self.address).await;
        stream.expect("a connection")
    }

    /// Announces a file of the largest size that a picture may have, and sends so much of it.
    async fn upload_from(&self, address: &str, sent: usize) -> TcpStream {
        let mut stream = self.connect_from(address).await;
        let head = format!(
            "POST /api/pictures HTTP/1.1\r\nhost: {}\r\ncontent-length: {LARGEST}\r\n\r\n",
            self.address,
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(&vec![0; sent]).await.expect("sent");
        stream
    }

    async fn ask_on(&self, mut stream: TcpStream) -> TcpStream {
        let body = serde_json::to_string(&ask("?", &[])).expect("plain data");
        let head = format!(
            "POST /api/answers HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(body.as_bytes()).await.expect("sent");
        stream
    }
}

/// Reads until `word` has come.
async fn read_until(stream: &mut TcpStream, word: &str) -> String {
    let mut seen = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&seen).contains(word) {
            let read = stream.read_buf(&mut seen).await.expect("readable");
            assert_ne!(
                read,
                0,
                "closed before {word}: {}",
                String::from_utf8_lossy(&seen)
            );
        }
    };
    timeout(PATIENCE, reading).await.expect("in time");
    String::from_utf8_lossy(&seen).into_owned()
}

async fn until(mut happened: impl FnMut() -> bool) {
    let waiting = async {
        while !happened() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("in time");
}

#[tokio::test]
async fn words_arrive_one_by_one_while_the_answer_is_still_running() {
    let running = start(ServeLimits::default()).await;
    let script = running.answerer.will_wait();
    let mut stream = running.ask().await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for word in ["WAN", "light", "off"] {
        script.send(delta(word));
        let seen = read_until(&mut stream, word).await;
        assert!(!seen.contains("event: done"));
    }
    script.send(done());
    read_until(&mut stream, "event: done").await;
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_answer() {
    let running = start(ServeLimits::default()).await;
    let script = running.answerer.will_wait();
    let mut stream = running.ask().await;
    read_until(&mut stream, "\r\n\r\n").await;
    script.send(delta("WAN"));
    read_until(&mut stream, "WAN").await;
    assert!(!script.is_cancelled());
    drop(stream);
    until(|| script.is_cancelled()).await;
}

#[tokio::test]
async fn a_server_that_ends_lets_a_running_answer_finish() {
    let running = start(ServeLimits::default()).await;
    let script = running.answerer.will_wait();
    let mut stream = running.ask().await;
    read_until(&mut stream, "\r\n\r\n").await;
    running.end.send(()).expect("still serving");
    let closed = async {
        while TcpStream::connect(running.address).await.is_ok() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, closed).await.expect("nobody comes in");
    assert!(!running.served.is_finished());
    script.send(delta("done soon"));
    script.send(done());
    read_until(&mut stream, "event: done").await;
    timeout(PATIENCE, running.served)
        .await
        .expect("in time")
        .expect("no panic");
    assert!(!script.is_cancelled());
}

#[tokio::test]
async fn an_answer_that_outlasts_the_grace_is_told_so_and_cancelled() {
    let limits = ServeLimits {
        grace: Duration::from_millis(50),
        ..ServeLimits::default()
    };
    let running = start(limits).await;
    let script = running.answerer.will_wait();
    let mut stream = running.ask().await;
    read_until(&mut stream, "\r\n\r\n").await;
    running.end.send(()).expect("still serving");
    let seen = read_until(&mut stream, "event: error").await;
    assert!(seen.contains("shutting_down"), "{seen}");
    timeout(PATIENCE, running.served)
        .await
        .expect("in time")
        .expect("no panic");
    assert!(script.is_cancelled());
}

#[tokio::test]
async fn a_client_that_never_finishes_its_head_is_let_go() {
    let limits = ServeLimits {
        head_time: Duration::from_millis(50),
        ..ServeLimits::default()
    };
    let running = start(limits).await;
    let mut stream = TcpStream::connect(running.address)
        .await
        .expect("a connection");
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: loc")
        .await
        .expect("sent");
    let mut rest = Vec::new();
    let closed = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    closed.expect("closed in time").expect("closed cleanly");
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let running = start(ServeLimits::default()).await;
    let mut stream = TcpStream::connect(running.address)
        .await
        .expect("a connection");
    let head = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
        "y".repeat(100_000)
    );
    // The server may close while we still write.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("in time");
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_address_with_all_connections_it_may_have_is_let_in_again_when_one_ends() {
    let limits = ServeLimits {
        connections_each: 1,
        ..ServeLimits::default()
    };
    let running = start(limits).await;
    let script = running.answerer.will_wait();
    let mut first = running.ask().await;
    read_until(&mut first, "\r\n\r\n").await;
    let mut second = running.ask().await;
    let mut rest = Vec::new();
    let closed = timeout(PATIENCE, second.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "closed at once");
    assert!(rest.is_empty());
    assert!(!script.is_cancelled(), "the first one is left alone");
    drop(first);
    let let_in = async {
        loop {
            let mut next = running.ask().await;
            let mut rest = [0; 12];
            if next.read_exact(&mut rest).await.is_ok() {
                return rest;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let seen = timeout(PATIENCE, let_in).await.expect("in time");
    assert_eq!(&seen, b"HTTP/1.1 200");
}

/// Only Linux has more addresses of its own than one.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_brings_no_key_is_told_apart_by_the_address_of_the_connection() {
    let running = start(ServeLimits::default()).await;
    for address in ["127.0.0.2", "127.0.0.3"] {
        let stream = running.connect_from(address).await;
        let mut stream = running.ask_on(stream).await;
        read_until(&mut stream, "\"done\"").await;
        let asked = running.answerer.asked().pop().expect("asked");
        assert_eq!(asked.asker, Some(format!("address {address}")));
    }
}

/// Only Linux has more addresses of its own than one.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_address_that_holds_room_for_many_uploads_leaves_another_its_own() {
    let running = start(ServeLimits::default()).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(running.upload_from("127.0.0.2", LARGEST / 10).await);
    }
    sleep(Duration::from_millis(200)).await;
    let uploading = running.upload_from("127.0.0.3", LARGEST);
    let mut other = timeout(PATIENCE / 2, uploading).await.expect("room");
    // It is no picture, which only shows once there was room for all of it.
    let seen = timeout(PATIENCE / 2, read_until(&mut other, "picture_type")).await;
    assert!(seen.expect("in time").starts_with("HTTP/1.1 415"));
}
