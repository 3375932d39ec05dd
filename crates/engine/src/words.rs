//! The outgoing side of an answer: tokens become text that is whole characters, free of stop strings,
//! with the tokens behind it.

use std::sync::Arc;

use model::detokenizer::Detokenizer;
use model::tokenizer::Tokenizer;

use crate::event::{Delta, Token, TopToken};
use crate::sampling::Sampled;
use crate::stop::StopFilter;

/// Text of one answer as it grows.
pub(crate) struct Words {
    tokenizer: Arc<Tokenizer>,
    detokenizer: Detokenizer,
    stop: StopFilter,
    /// Tokens whose text has not been given out yet.
    waiting: Vec<Token>,
}

impl Words {
    pub(crate) fn new(tokenizer: Arc<Tokenizer>, stop: StopFilter) -> Self {
        let detokenizer = Detokenizer::new(Arc::clone(&tokenizer), true);
        Self {
            tokenizer,
            detokenizer,
            stop,
            waiting: Vec::new(),
        }
    }

    /// Takes a token; returns what can be said now, if anything.
    pub(crate) fn push(&mut self, sampled: &Sampled) -> Option<Delta> {
        self.waiting.push(self.token(sampled));
        let piece = self.detokenizer.push(sampled.id);
        let text = self.stop.push(&piece);
        self.delta(text)
    }

    /// A stop string was reached.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.stopped().is_some()
    }

    /// The end of the answer: what was held back.
    pub(crate) fn finish(&mut self) -> Option<Delta> {
        let rest = self.detokenizer.finish();
        let mut text = self.stop.push(&rest);
        if !self.stopped() {
            text.push_str(&self.stop.finish());
        }
        self.delta(text)
    }

    fn delta(&mut self, text: String) -> Option<Delta> {
        (!text.is_empty()).then(|| Delta {
            text,
            tokens: std::mem::take(&mut self.waiting),
        })
    }

    fn token(&self, sampled: &Sampled) -> Token {
        let top = sampled.top.iter().map(|&(id, logprob)| TopToken {
            id,
            text: self.text_of(id),
            logprob,
        });
        Token {
            id: sampled.id,
            text: self.text_of(sampled.id),
            logprob: sampled.logprob,
            top: top.collect(),
        }
    }

    fn text_of(&self, id: u32) -> String {
        String::from_utf8_lossy(self.tokenizer.token_bytes(id)).into_owned()
    }
}
