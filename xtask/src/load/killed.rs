//! `kill -9` while questions are answered, and while the program starts: the next start is ready and its
//! answers are the same.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Found;
use super::crowd;
use super::desk::Desk;
use super::questions::{Asked, Question};

const CLIENTS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(30);
/// After so many answers there is load to be killed under.
const ANSWERS: usize = 24;
/// How long after their beginning starts are killed.
const STARTS_MS: [u64; 5] = [0, 10, 30, 100, 300];

/// Kills, starts again at the same place, compares.
pub fn run(program: &Path, questions: &[Question], alone: &[String]) -> Found {
    let desk = Desk::start(program, 0)?;
    let port = desk.port();
    let address = desk.address.clone();
    let over = AtomicBool::new(false);
    let answers = AtomicUsize::new(0);
    let broken = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (over, answers, address) = (&over, &answers, address.as_str());
                scope.spawn(move || {
                    let questions = questions.iter().cycle().skip(client);
                    for question in questions.take_while(|_| !over.load(Ordering::Relaxed)) {
                        match question.ask(address, PATIENCE) {
                            Ok(Asked::Answered(..)) => {
                                answers.fetch_add(1, Ordering::Relaxed);
                            }
                            Ok(Asked::Refused(_)) => thread::sleep(Duration::from_millis(100)),
                            // Nobody is there any more.
                            Err(_) => return 1,
                        }
                    }
                    0
                })
            })
            .collect();
        let started = Instant::now();
        while answers.load(Ordering::Relaxed) < ANSWERS && started.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
        let killed = desk.kill();
        over.store(true, Ordering::Relaxed);
        let broken: usize = clients.into_iter().map(|c| c.join().unwrap_or(0)).sum();
        killed.map(|()| broken)
    })?;
    if broken == 0 {
        return Err("nobody was being answered when it was killed: this shows nothing".to_owned());
    }
    for wait_ms in STARTS_MS {
        let desk = Desk::begin(program, port)?;
        thread::sleep(Duration::from_millis(wait_ms));
        desk.kill()?;
    }
    let started = Instant::now();
    let mut again = Desk::start(program, port)?;
    let ready = started.elapsed();
    let told = crowd::alone(&again, questions)?;
    let differs = told
        .iter()
        .zip(alone)
        .position(|(told, right)| told != right);
    if let Some(at) = differs {
        return Err(format!(
            "after it, question {at} is answered with {:?}",
            told.get(at)
        ));
    }
    again.stands()?;
    Ok(format!(
        "killed under {CLIENTS} clients ({broken} saw their answers break off) and {} times while it \
         started; then ready after {} ms at the same port, {} answers as before",
        STARTS_MS.len(),
        ready.as_millis(),
        told.len()
    ))
}
