//! Somebody comes with a large picture while another hears an answer.

use std::thread;
use std::time::{Duration, Instant};

use engine::Event;

use crate::stage::{at_rest, bitmap, engine_with, question};

#[test]
fn words_go_on_while_a_large_picture_is_read() {
    let engine = engine_with("demo", |options| {
        options.context_tokens = Some(4000);
        options.image_tokens = 2048;
    });
    let first = engine
        .submit(question(&[], "Tell me a lot", 3000))
        .expect("accepted");
    while !matches!(first.next_event(), Some(Event::Delta(_))) {}
    let canceller = first.canceller();
    let listener = thread::spawn(move || {
        let words = first.filter(|event| matches!(event, Event::Delta(_)));
        words.map(|_| Instant::now()).collect::<Vec<_>>()
    });

    let mut newcomer = question(&["photo"], "What is it?", 1);
    newcomer.pictures = vec![bitmap(1440, 0)];
    let second = engine.submit(newcomer).expect("accepted");
    let (mut reading, mut read) = (None, None);
    for event in second {
        match event {
            Event::Reading { cached: false, .. } => reading = Some(Instant::now()),
            Event::Prefill { .. } => {
                read.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
    }
    canceller.cancel();
    let words = listener.join().expect("it listens to the end");
    at_rest(&engine);

    let (reading, read) = (
        reading.expect("it was read"),
        read.expect("it was computed"),
    );
    let meanwhile = words
        .iter()
        .filter(|&&at| at > reading && at < read)
        .count();
    // A piece takes about 250 ms, a word comes after each, unless a single block of the tower takes longer.
    let pieces = (read - reading).as_millis() / 250;
    let least = usize::try_from(pieces.min(4))
        .expect("a few")
        .saturating_sub(1);
    assert!(
        meanwhile >= least,
        "{meanwhile} words in {:?}",
        read - reading
    );
    let longest = words.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(
        longest < Some((read - reading).max(Duration::from_secs(2))),
        "{longest:?}"
    );
}
