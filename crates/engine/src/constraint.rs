//! A say in which tokens may come next: what constrained output (a JSON schema, a grammar) hooks into.
//!
//! The engine asks before every draw and reports every token that was drawn, in order, exactly once,
//! also when it guesses tokens ahead or computes a prompt anew. It knows nothing of grammars.
//! End tokens are the engine's own business: it lets them through exactly when `may_end` says so.

use std::fmt;

/// Why an answer cannot go on under its constraint; a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConstraintError(pub String);

/// Restricts one answer. Called on the engine's worker thread: be quick.
pub trait Constraint: Send + fmt::Debug {
    /// Sets the logit of every token that may not come next to negative infinity and leaves the
    /// others alone. `logits`: one per row of the model's table, [`crate::Vocabulary::size`]. What it does to
    /// end tokens does not count. A call may be repeated before the next `accept`.
    fn mask(&mut self, logits: &mut [f32]) -> Result<(), ConstraintError>;

    /// Takes note of the token that was drawn; never an end token.
    fn accept(&mut self, token: u32) -> Result<(), ConstraintError>;

    /// Whether the answer would be complete if it ended here.
    fn may_end(&mut self) -> bool;

    /// A copy in the same state, so that a request can be asked several times over.
    fn boxed_clone(&self) -> Box<dyn Constraint>;
}

impl Clone for Box<dyn Constraint> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}
