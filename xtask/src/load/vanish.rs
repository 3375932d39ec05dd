//! Clients that leave without a word: while they send, while they wait, while they read. Nothing of theirs
//! may stay behind: no question, no page of the cache in use, no thread and no open file.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Found;
use super::desk::{Desk, Holds};
use super::http::Connection;
use super::questions::{Question, has_words};

/// So many at the same time, each with an address of its own: as many as are answered and wait, and a few that are
/// refused. Where all have the same address they are one client, and half of the places is all they get.
const AT_ONCE: usize = 64;
const PATIENCE: Duration = Duration::from_secs(60);
/// A question that nobody waits for ends with its next step.
const REST_WITHIN: Duration = Duration::from_secs(5);
/// Threads that read bodies are let go after ten idle seconds.
const LET_GO_WITHIN: Duration = Duration::from_secs(20);
/// How often a client that was refused tries again.
const TRIES: usize = 100;

/// Where a client was when it left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Sending,
    Asked,
    Opened,
    InWords,
    Refused,
}

/// Lets `count` clients vanish and looks at what is left of them.
pub fn run(desk: &Desk, questions: &[Question], count: usize, before: Option<Holds>) -> Found {
    let next = AtomicUsize::new(0);
    let left = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let client = next.fetch_add(1, Ordering::Relaxed);
                    if client >= count {
                        break;
                    }
                    let gone = vanish(client, &desk.address, questions);
                    left.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(gone);
                }
            });
        }
    });
    let left = left.into_inner().unwrap_or_else(PoisonError::into_inner);
    let rest = desk.comes_to_rest(REST_WITHIN)?;
    if let Some(before) = before {
        desk.lets_go(before, LET_GO_WITHIN)?;
    }
    let left: Vec<Left> = left.into_iter().collect::<Result<_, _>>()?;
    let counted = |which| left.iter().filter(|&&left| left == which).count();
    let in_words = counted(Left::InWords);
    if in_words == 0 && count > 3 {
        return Err("nobody was in the middle of an answer: this shows nothing".to_owned());
    }
    let held = before.map_or_else(String::new, |holds| {
        let Holds { threads, files } = holds;
        format!(", and no more than the {threads} threads and {files} files of before")
    });
    Ok(format!(
        "{count} clients vanished ({} while sending, {} when they had asked, {} when the answer opened, \
         {in_words} in the middle of words, {} were refused to the end); {} ms later nobody is answered, \
         nobody waits, no page is in use{held}",
        counted(Left::Sending),
        counted(Left::Asked),
        counted(Left::Opened),
        counted(Left::Refused),
        rest.as_millis(),
    ))
}

fn vanish(client: usize, address: &str, questions: &[Question]) -> Result<Left, String> {
    let question = questions.get(client % questions.len().max(1));
    let question = question.ok_or("there are no questions")?;
    let fault = |error: std::io::Error| format!("{}: {error}", question.name);
    match client % 4 {
        0 => {
            let mut connection = Connection::open_as(client, address, PATIENCE).map_err(fault)?;
            let body = question.body();
            let head = connection.head(
                "POST",
                "/v1/chat/completions",
                "application/json",
                body.len(),
            );
            let half = body.get(..body.len() / 2).unwrap_or_default();
            connection.send(head.as_bytes()).map_err(fault)?;
            connection.send(half).map_err(fault)?;
            Ok(Left::Sending)
        }
        1 => {
            question
                .begin_as(client, address, PATIENCE)
                .map_err(fault)?;
            Ok(Left::Asked)
        }
        way => {
            for _ in 0..TRIES {
                let connection = question.begin_as(client, address, PATIENCE);
                let mut connection = connection.map_err(fault)?;
                let head = connection.reply_head().map_err(fault)?;
                match head.status {
                    200 if way == 2 => return Ok(Left::Opened),
                    200 => {
                        return hear_a_word(&mut connection, &head)
                            .map(|()| Left::InWords)
                            .map_err(fault);
                    }
                    429 => thread::sleep(Duration::from_millis(100)),
                    status => return Err(format!("{}: status {status}", question.name)),
                }
            }
            Ok(Left::Refused)
        }
    }
}

/// Reads until the answer has begun.
fn hear_a_word(connection: &mut Connection, head: &super::http::Reply) -> std::io::Result<()> {
    while let Some(piece) = connection.piece(head)? {
        if has_words(&piece) {
            return Ok(());
        }
    }
    Err(ErrorKind::UnexpectedEof.into())
}
