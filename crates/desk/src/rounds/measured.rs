//! What is known of an answer's cost where the answerer does not say: it failed, or was left half-way.
//!
//! Measured from what passed by on the way to the asker, so it knows nothing of the engine's own parts:
//! how long pictures and prompt took stays 0.

use tokio::time::Instant;

use crate::{AnswerEvent, Timings, Usage};

/// Figures of an answer that runs.
#[derive(Debug)]
pub struct Measured {
    began: Instant,
    /// When the first words came, and the last.
    spoke: Option<(Instant, Instant)>,
    usage: Usage,
    /// Tokens that came with the first words; the speed is that of the others.
    first_tokens: u32,
}

impl Measured {
    /// Begins with the question.
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            spoke: None,
            usage: Usage::default(),
            first_tokens: 0,
        }
    }

    /// Takes an event in as it passes.
    pub fn pass(&mut self, event: &AnswerEvent) {
        match event {
            AnswerEvent::Reading { tokens, .. } => {
                let image_tokens = self.usage.image_tokens.saturating_add(*tokens);
                self.usage.image_tokens = image_tokens;
            }
            AnswerEvent::Prefill { total, .. } => self.usage.prompt_tokens = *total,
            AnswerEvent::Delta { text, tokens } if !text.is_empty() || !tokens.is_empty() => {
                let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
                let said = self.usage.completion_tokens.saturating_add(count);
                self.usage.completion_tokens = said;
                let now = Instant::now();
                match &mut self.spoke {
                    Some((_, last)) => *last = now,
                    None => {
                        self.spoke = Some((now, now));
                        self.first_tokens = count;
                    }
                }
            }
            _ => {}
        }
    }

    /// The figures; none where no word came.
    pub fn figures(&self) -> Option<(Usage, Timings)> {
        let (first, last) = self.spoke?;
        let decode = last.duration_since(first).as_secs_f64();
        let later = self.usage.completion_tokens - self.first_tokens;
        let timings = Timings {
            ttft_ms: first.duration_since(self.began).as_secs_f64() * 1000.0,
            decode_ms: decode * 1000.0,
            decode_tokens_per_s: match decode > 0.0 {
                true => f64::from(later) / decode,
                false => 0.0,
            },
            ..Timings::default()
        };
        Some((self.usage, timings))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;
    use crate::testing::token;

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_counted_and_timed() {
        let mut measured = Measured::new();
        for picture in 1..=2 {
            measured.pass(&AnswerEvent::Reading {
                picture,
                of: 2,
                tokens: 300,
                cached: picture == 1,
            });
        }
        for done in [10, 640] {
            measured.pass(&AnswerEvent::Prefill { done, total: 640 });
        }
        assert_eq!(measured.figures(), None, "no word yet");
        advance(Duration::from_millis(250)).await;
        measured.pass(&token("E1", -0.1));
        for _ in 0..4 {
            advance(Duration::from_millis(50)).await;
            measured.pass(&token("02", -0.1));
        }
        let (usage, timings) = measured.figures().expect("words");
        let counted = (usage.prompt_tokens, usage.image_tokens);
        assert_eq!((counted, usage.completion_tokens), ((640, 600), 5));
        assert_eq!((timings.ttft_ms, timings.decode_ms), (250.0, 200.0));
        assert_eq!(timings.decode_tokens_per_s, 20.0);
    }
}
