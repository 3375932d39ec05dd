//! Answers under a constraint on the next token.

use engine::{Constraint, ConstraintError, FinishReason, Request, Speculation};

use crate::stage::{ask, at_rest, engine_with, question};

/// Exactly these tokens, one set of choices after another; complete only at the end.
#[derive(Debug, Clone)]
struct Steps {
    choices: Vec<Vec<u32>>,
    at: usize,
}

impl Constraint for Steps {
    fn mask(&mut self, logits: &mut [f32]) -> Result<(), ConstraintError> {
        let allowed = self.choices.get(self.at).cloned().unwrap_or_default();
        for (id, logit) in logits.iter_mut().enumerate() {
            if !allowed.contains(&(id as u32)) {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }

    fn accept(&mut self, token: u32) -> Result<(), ConstraintError> {
        match self.choices.get(self.at) {
            Some(allowed) if allowed.contains(&token) => {
                self.at += 1;
                Ok(())
            }
            _ => Err(ConstraintError(format!("{token} at {}", self.at))),
        }
    }

    fn may_end(&mut self) -> bool {
        self.at == self.choices.len()
    }

    fn boxed_clone(&self) -> Box<dyn Constraint> {
        Box::new(self.clone())
    }
}

fn under(choices: Vec<Vec<u32>>, temperature: f32) -> Request {
    let mut request = question(&["photo"], "What is it?", 100);
    request.sampling.temperature = temperature;
    request.sampling.repetition_penalty = 1.1;
    request.ignore_eos = false;
    request.constraint = Some(Box::new(Steps { choices, at: 0 }));
    request
}

#[test]
fn only_allowed_tokens_are_said_and_the_answer_ends_when_it_is_complete() {
    let choices: Vec<Vec<u32>> = (0..30).map(|at| vec![100 + at % 3, 200 + at % 3]).collect();
    for speculation in [Speculation::Off, Speculation::On] {
        let engine = engine_with("tiny-a", |options| options.speculation = speculation);
        for temperature in [0.0, 1.0] {
            let answered = ask(&engine, under(choices.clone(), temperature));
            assert_eq!(answered.finished().finish_reason, FinishReason::Stop);
            assert_eq!(answered.finished().usage.completion_tokens, 31);
            let fits = answered
                .ids
                .iter()
                .zip(&choices)
                .all(|(id, allowed)| allowed.contains(id));
            assert!(fits && answered.ids.len() == 30, "{:?}", answered.ids);
        }
    }
}

#[test]
fn guesses_change_no_token_of_a_constrained_answer() {
    let choices: Vec<Vec<u32>> = (0..60).map(|at| vec![100 + at % 4, 300 + at % 4]).collect();
    let [without, with] = [Speculation::Off, Speculation::On].map(|speculation| {
        let engine = engine_with("tiny-b", |options| options.speculation = speculation);
        let mut request = under(choices.clone(), 1.0);
        request.sampling.seed = Some(3);
        (
            ask(&engine, request).ids,
            at_rest(&engine).speculation.proposed,
        )
    });
    assert_eq!(with.0, without.0);
    assert!(with.1 > 0);
}

#[test]
fn where_nothing_may_come_next_the_answer_fails_and_says_why() {
    let engine = engine_with("tiny-a", |_| {});
    let answered = ask(&engine, under(vec![vec![7], Vec::new(), vec![8]], 0.0));
    let why = answered.end.expect_err("a failure");
    assert!(why.contains("constraint"), "{why}");
    assert_eq!(answered.ids, [7]);
    assert_eq!(at_rest(&engine).requests.failed, 1);
    ask(&engine, question(&[], "Still there?", 4)).finished();
}
