//! The engine: requests in, events out. It turns pictures and messages into tokens, runs the model
//! on one worker thread that owns all device state, samples, and streams what was said.
//!
//! It knows nothing of HTTP, of conversations kept between questions, or of files other than a
//! model directory.

#![forbid(unsafe_code)]

pub mod constraint;
pub mod event;
pub mod handle;
pub mod histogram;
mod kv;
pub mod load;
mod lookup;
pub mod memory;
mod pace;
mod prepare;
mod recent;
pub mod repetition;
pub mod request;
mod runner;
pub mod sampling;
mod scheduler;
mod speculation;
pub mod stats;
pub mod stop;
mod words;
mod worker;

pub use constraint::{Constraint, ConstraintError};
pub use event::{
    Delta, Event, Failure, Fault, FinishReason, Finished, Memory, Timings, Token, TopToken, Usage,
};
pub use handle::{
    Answer, Canceller, EngineInfo, Handle, PictureFacts, QueueLoad, Reserved, TokenCount,
    Vocabulary,
};
pub use load::{
    DeviceChoice, EngineOptions, Fit, LoadError, ModelSize, ModelSource, Places, Precision,
    Progress, fit, load, load_on, places, stored_wide,
};
pub use request::{Request, SubmitError, Wanted};
pub use speculation::Speculation;
pub use stats::Stats;
