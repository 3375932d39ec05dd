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
mod closer;
mod conversations;
mod desk;
mod event;
pub mod evidence;
pub mod history;
mod lane;
pub mod marks;
mod picture;
mod picture_box;
mod presence;
mod question;
pub mod records;
mod refusal;
mod request;
pub mod rounds;
mod sample;
mod shelf;
mod status;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod unread;
mod wishes;

pub use answerer::{Answerer, Reservation};
pub use channel::{AnswerSender, AnswerStream, Gone, answer_channel};
pub use conversations::{AskedBy, AskedReading, Conversations, EvidenceFound};
pub use desk::{Desk, DeskLimits};
pub use event::{AnswerEvent, FinishReason, Timings, TokenPiece, TopToken, Usage};
pub use marks::Marker;
pub use picture::{Picture, PictureFacts, PictureId};
pub use picture_box::{NotABox, PictureBox};
pub use presence::{Presence, Stay};
pub use question::{Piece, Question, Settings, Turn};
pub use refusal::{Class, Code, Refusal};
pub use request::{AnswerRequest, AskedSettings, Message, Part, Role};
pub use sample::{BothLanguages, Sample};
pub use shelf::{PictureShelf, ShelfFull};
pub use status::{
    Defaults, DeskStatus, DeviceFacts, Durations, EngineLimits, EngineStatus, Figures, GpuReading,
    Limits, Memory, ModelFacts, Queue, Readings, RecordsFacts, State,
};
pub use wishes::{Shape, TokenCount, Wishes};
