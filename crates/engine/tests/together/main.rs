//! Many questions at once through the engine's front door: each gets the answer it would get alone,
//! whatever the others do, and nothing of it stays behind.

mod constraint;
mod leaving;
mod newcomer;
mod random;
mod same_answers;
mod sharing;
mod stage;
