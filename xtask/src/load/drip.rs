//! Clients that send their question drop by drop, and clients that read their answer so, beside the many: that may
//! cost them their own time, and nobody else's.

use std::thread::{Scope, sleep};
use std::time::{Duration, Instant};

use super::http::Connection;
use super::questions::Question;

/// How many there are of all kinds.
pub const ALL: usize = 2 * EACH + LARGE;
const EACH: usize = 8;
/// What these have sent is kept in memory, which is held to be flat meanwhile.
const LARGE: usize = 1;
const PAUSE: Duration = Duration::from_millis(100);
/// What a client with much to send has sent before it slows down: enough to be given room for all of it.
const FAST: usize = 1_100_000;
const BODY_BYTES: usize = 10_000_000;
/// A little more than the slowest that is listened to.
const DROP: usize = 2048;
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts them; they go on `until` then.
pub fn all<'scope>(
    scope: &'scope Scope<'scope, '_>,
    address: &'scope str,
    questions: &'scope [Question],
    (from, until): (Instant, Instant),
) {
    // Whoever is cut off or refused begins anew.
    let over = move || {
        sleep(PAUSE);
        Instant::now() >= until
    };
    let begin = move || sleep(from.saturating_duration_since(Instant::now()));
    for client in 0..EACH {
        scope.spawn(move || {
            begin();
            while !over() {
                let _ = send(address, b"{\"messages\": [", 1, until);
            }
        });
        scope.spawn(move || {
            if client >= LARGE {
                return;
            }
            begin();
            let blanks = vec![b' '; FAST];
            while !over() {
                let _ = send(address, &blanks, DROP, until);
            }
        });
        scope.spawn(move || {
            begin();
            while !over() {
                if let Some(question) = questions.get(client % questions.len().max(1)) {
                    let _ = read(address, question, until);
                }
            }
        });
    }
}

/// Sends the opening of a large body at once and then a drop now and then.
fn send(address: &str, opening: &[u8], drop: usize, until: Instant) -> std::io::Result<()> {
    let mut connection = Connection::open(address, PATIENCE)?;
    let path = "/v1/chat/completions";
    let head = connection.head("POST", path, "application/json", BODY_BYTES);
    connection.send(head.as_bytes())?;
    connection.send(opening)?;
    let drop = vec![b' '; drop];
    while Instant::now() < until {
        sleep(PAUSE);
        connection.send(&drop)?;
    }
    Ok(())
}

/// Asks and takes a piece of the answer now and then.
fn read(address: &str, question: &Question, until: Instant) -> std::io::Result<()> {
    let mut connection = question.begin(address, PATIENCE)?;
    let head = connection.reply_head()?;
    while head.status == 200 && Instant::now() < until && connection.piece(&head)?.is_some() {
        sleep(PAUSE);
    }
    Ok(())
}
