//! Random scripts of questions that come, leave and are cancelled, in random room, with and without guesses: every
//! answer is to the token the one that is given alone, or as far as it came the beginning of it.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use engine::{Answer, Event, FinishReason, Finished, Handle, Request, Speculation, SubmitError};
use proptest::prelude::*;

use crate::stage::{ask, at_rest, engine_with, question};

/// Reference checkpoints and the demo model.
const MODELS: [&str; 3] = ["tiny-a", "tiny-b", "demo"];
/// The longest answer. A greedy answer of fewer tokens is its beginning.
const TOKENS: usize = 90;

/// Questions that share a picture, words, the beginning of their words, all or nothing.
const QUESTIONS: [(&[&str], &str); 8] = [
    (&["label"], "What is the model?"),
    (&["photo"], "What is the model?"),
    (&["label"], "What is the model? And the date?"),
    (&[], "What is E102? What is E102? What is E102?"),
    (&["odd", "gray"], "Which of them?"),
    (&["gray", "odd"], "Which of them?"),
    (&[], "0 0 0 0 0 0"),
    (&["photo"], "W"),
];

fn asked(which: usize, tokens: usize) -> Request {
    let (pictures, words) = QUESTIONS[which];
    question(pictures, words, tokens)
}

/// The longest answer to a question, with or without text in its last tokens, and how it ended.
#[derive(Clone)]
struct Whole {
    ids: Vec<u32>,
    tokens: usize,
    reason: FinishReason,
}

/// What a model says to each question when nobody else is there, nothing was asked before and nothing is guessed.
fn alone(model: &'static str) -> Vec<Whole> {
    static KNOWN: LazyLock<Mutex<HashMap<&str, Vec<Whole>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().expect("no other test failed");
    let answers = known.entry(model).or_insert_with(|| {
        let engine = engine_with(model, |options| {
            options.speculation = Speculation::Off;
            options.most_running = 1;
        });
        let answer = |which| {
            engine.forget();
            let answered = ask(&engine, asked(which, TOKENS));
            let finished = answered.finished();
            Whole {
                tokens: finished.usage.completion_tokens,
                reason: finished.finish_reason,
                ids: answered.ids,
            }
        };
        (0..QUESTIONS.len()).map(answer).collect()
    });
    answers.clone()
}

#[derive(Debug, Clone)]
enum Act {
    Ask {
        which: usize,
        tokens: usize,
        client: Option<u8>,
    },
    /// Hears the next event of somebody's answer.
    Hear(usize),
    /// Asks it to end, and hears how far it came.
    Cancel(usize),
    /// Leaves without a word.
    Vanish(usize),
    Pause(u64),
    Forget,
}

#[derive(Debug, Clone)]
struct Room {
    cache_tokens: usize,
    running: usize,
    waiting: usize,
    speculation: Speculation,
}

fn act() -> impl Strategy<Value = Act> {
    let ask = (0..QUESTIONS.len(), 1..=TOKENS, prop::option::of(0_u8..3));
    prop_oneof![
        8 => ask.prop_map(|(which, tokens, client)| Act::Ask { which, tokens, client }),
        3 => any::<usize>().prop_map(Act::Hear),
        1 => any::<usize>().prop_map(Act::Cancel),
        1 => any::<usize>().prop_map(Act::Vanish),
        2 => (0_u64..8).prop_map(Act::Pause),
        1 => Just(Act::Forget),
    ]
}

fn room() -> impl Strategy<Value = Room> {
    let speculation =
        prop::sample::select(vec![Speculation::Off, Speculation::On, Speculation::Auto]);
    // Room for one of the longest, or for all of them.
    (512_usize..2500, 1_usize..9, 1_usize..24, speculation).prop_map(
        |(cache_tokens, running, waiting, speculation)| Room {
            cache_tokens,
            running,
            waiting,
            speculation,
        },
    )
}

/// An answer, and what was heard of it.
struct Heard {
    answer: Answer,
    which: usize,
    tokens: usize,
    ids: Vec<u32>,
    cancelled: bool,
    end: Option<Finished>,
}

impl Heard {
    /// Hears one event; false after the last.
    fn next(&mut self) -> Result<bool, TestCaseError> {
        let Some(event) = self.answer.next_event() else {
            return Ok(false);
        };
        prop_assert!(self.end.is_none(), "{:?} after the end", event);
        match event {
            Event::Delta(delta) => self.ids.extend(delta.tokens.iter().map(|token| token.id)),
            Event::Finished(finished) => self.end = Some(finished),
            Event::Failed(why) => return Err(TestCaseError::fail(why.to_string())),
            Event::Queued { .. } | Event::Reading { .. } | Event::Prefill { .. } => {}
        }
        Ok(true)
    }

    fn ends_as_alone(mut self, engine: &Handle, alone: &[Whole]) -> Result<(), TestCaseError> {
        while self.next()? {}
        let whole = &alone[self.which];
        let expected = &whole.ids[..self.tokens.min(whole.ids.len())];
        prop_assert!(expected.starts_with(&self.ids), "{:?}", self.ids);
        let Some(end) = self.end else {
            return Err(TestCaseError::fail("it has no end"));
        };
        if end.finish_reason == FinishReason::Cancelled {
            prop_assert!(self.cancelled);
            return Ok(());
        }
        prop_assert_eq!(end.usage.completion_tokens, self.tokens.min(whole.tokens));
        // Tokens at the end that have no text are told by nobody.
        let untold = &expected[self.ids.len()..];
        let untold = engine.vocabulary().tokenizer.decode(untold, true);
        prop_assert_eq!(untold, "");
        let is_cut = end.finish_reason == FinishReason::Length && self.tokens <= whole.tokens;
        let is_whole = end.finish_reason == whole.reason && self.tokens >= whole.tokens;
        prop_assert!(is_cut || is_whole, "it ended with {:?}", end.finish_reason);
        Ok(())
    }
}

fn play(engine: &Handle, acts: Vec<Act>, alone: &[Whole]) -> Result<(), TestCaseError> {
    let mut here: Vec<Heard> = Vec::new();
    for act in acts {
        match act {
            Act::Ask {
                which,
                tokens,
                client,
            } => {
                let mut request = asked(which, tokens);
                request.client = client.map(|client| client.to_string());
                match engine.submit(request) {
                    Ok(answer) => here.push(Heard {
                        answer,
                        which,
                        tokens,
                        ids: Vec::new(),
                        cancelled: false,
                        end: None,
                    }),
                    Err(SubmitError::Busy { .. } | SubmitError::OverShare { .. }) => {}
                    Err(other) => return Err(TestCaseError::fail(other.to_string())),
                }
            }
            Act::Pause(ms) => thread::sleep(Duration::from_millis(ms)),
            Act::Forget => engine.forget(),
            Act::Hear(_) | Act::Cancel(_) | Act::Vanish(_) if here.is_empty() => {}
            Act::Hear(at) => {
                let at = at % here.len();
                here[at].next()?;
            }
            Act::Cancel(at) => {
                let at = at % here.len();
                here[at].cancelled = true;
                here[at].answer.cancel();
            }
            Act::Vanish(at) => drop(here.swap_remove(at % here.len())),
        }
    }
    for heard in here {
        heard.ends_as_alone(engine, alone)?;
    }
    let stats = at_rest(engine);
    prop_assert_eq!(stats.kv.cached + stats.kv.free, stats.kv.total);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_else_happens_an_answer_is_the_one_that_is_given_alone(
        model in prop::sample::select(MODELS.to_vec()),
        room in room(),
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let alone = alone(model);
        let engine = engine_with(model, |options| {
            options.cache_tokens = Some(room.cache_tokens);
            options.most_running = room.running;
            options.most_waiting = room.waiting;
            options.speculation = room.speculation;
        });
        play(&engine, acts, &alone)?;
    }
}
