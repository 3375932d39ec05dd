//! What a caller asks of the engine, and why it may be refused before any work starts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::chat::Message;
use model::picture::PictureError;

use crate::constraint::Constraint;
use crate::sampling::Sampling;

/// One question: a conversation with its pictures, and how to answer it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The conversation so far; `Part::Picture(n)` names an index into `pictures`.
    pub messages: Vec<Message>,
    /// The files as they were uploaded (JPEG, PNG, ...), still encoded.
    pub pictures: Vec<Arc<[u8]>>,
    /// The most tokens of one picture; `None`, and at most, what the engine was started with.
    pub image_tokens: Option<usize>,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// The most tokens to generate.
    pub max_tokens: usize,
    /// The answer ends before the first of these.
    pub stop: Vec<String>,
    /// How many likely alternatives to report beside each token (0: none).
    pub top_logprobs: usize,
    /// Go on past the model's own end tokens (for measuring speed).
    pub ignore_eos: bool,
    /// Write `Picture N: ` before each picture.
    pub number_pictures: bool,
    /// Who asks. Clients that wait take turns, so that one with many questions does not hold up the
    /// others; all without a name count as one. A client with a name gets no more places than are left for others.
    pub client: Option<String>,
    /// How long after `submit` the answer ends, however far it is, with reason `timed_out`.
    pub time_limit: Option<Duration>,
    /// Restricts which tokens may come next.
    pub constraint: Option<Box<dyn Constraint>>,
    /// Asked while the question is prepared; from then on its [`crate::Answer`] says whether it is wanted.
    pub wanted: Wanted,
}

/// Whether somebody still wants a question answered. Preparing it asks between its pictures and between the stages of
/// each, and goes no further where nobody does.
#[derive(Clone)]
pub struct Wanted(Arc<dyn Fn() -> bool + Send + Sync>);

impl Wanted {
    /// For as long as this says so.
    pub fn as_long_as(is_wanted: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_wanted))
    }

    /// Says [`SubmitError::Unwanted`] where nobody wants it any more.
    pub(crate) fn check(&self) -> Result<(), SubmitError> {
        match (self.0)() {
            true => Ok(()),
            false => Err(SubmitError::Unwanted),
        }
    }
}

/// Wanted, whatever happens.
impl Default for Wanted {
    fn default() -> Self {
        Self::as_long_as(|| true)
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wanted").field(&(self.0)()).finish()
    }
}

impl Request {
    /// A request with the default settings: temperature 0.25, 256 tokens.
    pub fn new(messages: Vec<Message>, pictures: Vec<Arc<[u8]>>) -> Self {
        Self {
            messages,
            pictures,
            image_tokens: None,
            sampling: Sampling::default(),
            max_tokens: 256,
            stop: Vec::new(),
            top_logprobs: 0,
            ignore_eos: false,
            number_pictures: false,
            client: None,
            time_limit: None,
            constraint: None,
            wanted: Wanted::default(),
        }
    }
}

/// Why a request was refused before it took a place in the queue.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// A picture that cannot be read; `index` counts from 0 in `Request::pictures`.
    #[error("picture {}: {source}", index + 1)]
    Picture {
        /// Which of the request's pictures.
        index: usize,
        /// What is wrong with it.
        source: PictureError,
    },
    /// The conversation cannot be turned into a prompt.
    #[error(transparent)]
    Prompt(#[from] model::prompt::PromptError),
    /// A setting out of its range.
    #[error(transparent)]
    Sampling(#[from] crate::sampling::SamplingError),
    /// Stop strings that cannot be used.
    #[error(transparent)]
    Stop(#[from] crate::stop::StopError),
    /// Nothing to generate was asked for.
    #[error("max_tokens is 0; ask for at least one token")]
    NoTokens,
    /// Prompt and answer together can never fit.
    #[error(
        "the question needs {needed} tokens ({prompt} for the prompt, of them {image} for pictures, \
         and {answer} for the answer) but this model was started with room for {limit}; \
         ask with fewer or smaller pictures, fewer rounds or a shorter answer"
    )]
    TooLong {
        /// Tokens in all.
        needed: usize,
        /// Prompt tokens, pictures included.
        prompt: usize,
        /// Picture tokens.
        image: usize,
        /// Tokens kept for the answer.
        answer: usize,
        /// The context this engine was started with.
        limit: usize,
    },
    /// The queue is full.
    #[error("{waiting} questions are waiting already; try again in about {retry_after_s} s")]
    Busy {
        /// How many wait.
        waiting: usize,
        /// A fair time to come back.
        retry_after_s: u64,
    },
    /// The client holds its share of the places.
    #[error(
        "you have {held} questions here already, being answered or waiting, and the places that are left are \
         kept for others; try again in about {retry_after_s} s"
    )]
    OverShare {
        /// How many the client has.
        held: usize,
        /// A fair time to come back.
        retry_after_s: u64,
    },
    /// The device answers nothing any more.
    #[error("{0}")]
    Lost(String),
    /// Whoever asked has left before the question was in the queue.
    #[error("nobody waits for this answer any more")]
    Unwanted,
    /// The worker has stopped.
    #[error("the engine has stopped; start lookdesk again")]
    Stopped,
}
