//! What of a model lies on which device.
//!
//! - [`gpus`]: which GPUs there are, and why one is passed over.
//! - [`sizes`]: what every part of a model takes.
//! - [`plan`](mod@plan): what goes where, a pure function of the two; [`table`]: the same in words.
//! - [`composite`]: several devices as one of the op contract.
//!
//! It knows neither weights nor questions.
#![forbid(unsafe_code)]

pub mod composite;
pub mod gpus;
pub mod plan;
pub mod sizes;
pub mod table;

pub use composite::{Composite, Device};
pub use gpus::{Card, Found, Gpus, Machine};
pub use plan::{Gpu, Placement, Share, Wish, plan};
pub use sizes::{Precision, Steps, cpu_precision};
