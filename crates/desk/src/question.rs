//! A question as the answerer gets it: checked, its pictures at hand, every
//! setting decided.

use std::sync::Arc;
use std::time::Duration;

use crate::{Picture, Presence, Role, Shape};

/// A question that the desk has found fit to ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Oldest first; the last one is the user's.
    pub turns: Vec<Turn>,
    /// How to answer.
    pub settings: Settings,
    /// What the answer must look like.
    pub shape: Shape,
    /// How many likely alternatives to report beside each token.
    pub alternatives: u32,
    /// Go on past the model's own end; see [`crate::Wishes::ignore_eos`].
    pub ignore_eos: bool,
    /// Who asks; see [`crate::Wishes::asker`].
    pub asker: Option<String>,
    /// How long it may take in all, waiting included. What was said by then is the answer.
    pub time_limit: Option<Duration>,
    /// Whether the asker still waits. Once the question is taken in, its stream says so.
    pub presence: Presence,
}

impl Question {
    /// Its pictures, in reading order.
    pub fn pictures(&self) -> impl Iterator<Item = &Arc<Picture>> {
        let pieces = self.turns.iter().flat_map(|turn| &turn.pieces);
        pieces.filter_map(|piece| match piece {
            Piece::Picture(picture) => Some(picture),
            Piece::Text(_) => None,
        })
    }

    /// The question of one of several answers, counted from 0: the same seed would give the same answer every time.
    pub fn nth(&self, index: u32) -> Self {
        let mut question = self.clone();
        let seed = question.settings.seed.as_mut();
        seed.into_iter()
            .for_each(|seed| *seed = seed.wrapping_add(u64::from(index)));
        question
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// In reading order.
    pub pieces: Vec<Piece>,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Words.
    Text(String),
    /// A picture, held for as long as the question lives.
    Picture(Arc<Picture>),
}

/// How to answer; see [`crate::AskedSettings`] for what each one does.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the asked settings document the same names")]
pub struct Settings {
    pub temperature: f32,
    pub top_p: f32,
    pub top_k: u32,
    pub presence_penalty: f32,
    pub repetition_penalty: f32,
    /// `None` lets the answerer pick one.
    pub seed: Option<u64>,
    pub max_tokens: u32,
    pub image_tokens: u32,
    pub stop: Vec<String>,
}
