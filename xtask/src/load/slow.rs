//! Clients that send a byte now and then to hold a place: in the head of a request, and in its body. Each is
//! cut off in bounded time, and others are answered meanwhile.

use std::thread;
use std::time::{Duration, Instant};

use super::Found;
use super::http::{self, Connection};

const EACH: usize = 24;
const PAUSE: Duration = Duration::from_millis(400);
/// A head has 30 s. A body has 10 s to get going; one of which so little came waits for no room. A busy machine is
/// late.
const HEAD_WITHIN: Duration = Duration::from_secs(36);
const BODY_WITHIN: Duration = Duration::from_secs(26);
/// How long somebody else may wait for a reply that takes no work.
const OTHERS_WITHIN: Duration = Duration::from_secs(5);

/// Runs them all at once.
pub fn clients(address: &str) -> Found {
    let started = Instant::now();
    let (heads, bodies, longest) = thread::scope(|scope| {
        let heads: Vec<_> = (0..EACH).map(|_| scope.spawn(|| head(address))).collect();
        let bodies: Vec<_> = (0..EACH).map(|_| scope.spawn(|| body(address))).collect();
        let mut longest = Duration::ZERO;
        let mut others = Ok(());
        while heads.iter().any(|head| !head.is_finished()) && started.elapsed() < HEAD_WITHIN {
            let asked = Instant::now();
            let reply = http::ask(address, "GET", "/healthz", b"", OTHERS_WITHIN);
            longest = longest.max(asked.elapsed());
            others = others.and(reply.map(drop));
            thread::sleep(PAUSE);
        }
        (joined(heads), joined(bodies), others.map(|()| longest))
    });
    let (heads, bodies, longest) = (heads?, bodies?, longest?);
    Ok(format!(
        "{EACH} that send a head bytewise were cut off within {:.1} s, {EACH} that send a body so within \
         {:.1} s; others waited {} ms at most",
        heads.as_secs_f64(),
        bodies.as_secs_f64(),
        longest.as_millis()
    ))
}

/// The longest of all.
fn joined(
    clients: Vec<thread::ScopedJoinHandle<'_, Result<Duration, String>>>,
) -> Result<Duration, String> {
    let mut longest = Duration::ZERO;
    for client in clients {
        let took = client.join().map_err(|_| "a slow client fell over")??;
        longest = longest.max(took);
    }
    Ok(longest)
}

fn head(address: &str) -> Result<Duration, String> {
    let started = Instant::now();
    let mut connection = open(address)?;
    let head = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\nx-slow: ");
    let bytes = head.bytes().chain(std::iter::repeat(b'a'));
    trickle(&mut connection, bytes, started, HEAD_WITHIN)
        .map_err(|why| format!("a head that comes bytewise: {why}"))
}

fn body(address: &str) -> Result<Duration, String> {
    let started = Instant::now();
    let mut connection = open(address)?;
    let path = "/v1/chat/completions";
    let head = connection.head("POST", path, "application/json", 10_000_000);
    let sent = connection.send(head.as_bytes());
    sent.map_err(|error| format!("a slow body: {error}"))?;
    let bytes = b"{\"messages\": [".iter().copied();
    let bytes = bytes.chain(std::iter::repeat(b' '));
    trickle(&mut connection, bytes, started, BODY_WITHIN)
        .map_err(|why| format!("a body that comes bytewise: {why}"))
}

fn open(address: &str) -> Result<Connection, String> {
    // Reading stands still only as long as the pause between two bytes.
    Connection::open(address, PAUSE).map_err(|error| format!("no connection: {error}"))
}

/// Sends a byte and listens, until the server replies with an error or hangs up.
fn trickle(
    connection: &mut Connection,
    bytes: impl Iterator<Item = u8>,
    started: Instant,
    within: Duration,
) -> Result<Duration, String> {
    for byte in bytes {
        if connection.send(&[byte]).is_err() {
            return Ok(started.elapsed());
        }
        match connection.reply_head() {
            Ok(head) if (400..500).contains(&head.status) => return Ok(started.elapsed()),
            Ok(head) => return Err(format!("status {}", head.status)),
            Err(error) if is_silence(&error) => {}
            Err(_) => return Ok(started.elapsed()),
        }
        if started.elapsed() > within {
            return Err(format!("still listened to after {} s", within.as_secs()));
        }
    }
    Ok(started.elapsed())
}

fn is_silence(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}
