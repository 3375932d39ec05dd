//! The desk: what a support team does with pictures and questions.
//!
//! It takes pictures in, keeps them by the hash of their bytes, checks a
//! question and hands it to whoever answers. It knows neither HTTP nor
//! tensors: above it sits a server that speaks HTTP, below it an [`Answerer`]
//! that may be the engine in this process, a remote one, or a script in a
//! test.
//!
//! The types here are also the shapes on the wire: a field has one name in
//! Rust, in JSON and on the page, and each type derives its own schema.

#![forbid(unsafe_code)]

mod answerer;
mod channel;
mod check;
mod desk;
mod event;
mod picture;
mod question;
pub mod records;
mod refusal;
mod request;
mod sample;
mod shelf;
mod status;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod wishes;

pub use answerer::Answerer;
pub use channel::{AnswerSender, AnswerStream, Gone, answer_channel};
pub use desk::{Desk, DeskLimits};
pub use event::{AnswerEvent, FinishReason, Timings, TokenPiece, TopToken, Usage};
pub use picture::{Picture, PictureFacts, PictureId};
pub use question::{Piece, Question, Settings, Turn};
pub use refusal::{Class, Code, Refusal};
pub use request::{AnswerRequest, AskedSettings, Message, Part, Role};
pub use sample::{BothLanguages, Sample};
pub use shelf::{PictureShelf, ShelfFull};
pub use status::{
    Defaults, DeskStatus, DeviceFacts, EngineLimits, EngineStatus, Figures, Limits, Memory,
    ModelFacts, Queue, State,
};
pub use wishes::{Shape, TokenCount, Wishes};
