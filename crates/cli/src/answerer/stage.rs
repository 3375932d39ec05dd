//! How far the engine is, and what holds its answers to a shape: what the places that were taken need beyond the call
//! that took them.

use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};

use desk::{Refusal, Shape};
use engine::{Constraint, Handle};

use super::grammar::Grammars;

/// The engine, from its loading on.
pub struct Engine {
    stage: RwLock<Stage>,
    /// Made when the first answer is asked for in a shape.
    grammars: OnceLock<Result<Grammars, String>>,
}

/// How far the engine is.
pub enum Stage {
    Loading { percent: u8, what: &'static str },
    Ready(Handle),
    Failed { message: String },
}

impl Engine {
    /// One that has only just begun.
    pub fn new() -> Self {
        let what = "reading the configuration";
        Self {
            stage: RwLock::new(Stage::Loading { percent: 0, what }),
            grammars: OnceLock::new(),
        }
    }

    pub fn set(&self, stage: Stage) {
        *self.stage.write().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    /// Says that the model will not become ready.
    pub fn fail(&self, message: String) {
        self.set(Stage::Failed { message });
    }

    pub fn stage(&self) -> RwLockReadGuard<'_, Stage> {
        self.stage.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine's handle, or why there is none.
    pub fn handle(&self) -> Result<Handle, Refusal> {
        match &*self.stage() {
            Stage::Ready(handle) => Ok(handle.clone()),
            Stage::Loading { percent, .. } => Err(Refusal::not_ready(*percent)),
            Stage::Failed { message } => Err(Refusal::model_failed(message)),
        }
    }

    /// What holds an answer to the shape it should have.
    pub fn constraint(
        &self,
        handle: &Handle,
        shape: &Shape,
    ) -> Result<Option<Box<dyn Constraint>>, Refusal> {
        if *shape == Shape::Free {
            return Ok(None);
        }
        let grammars = self
            .grammars
            .get_or_init(|| Grammars::of(handle.vocabulary()));
        let grammars = grammars.as_ref().map_err(|error| {
            tracing::error!(error, "no grammars for this model");
            Refusal::answer_failed()
        })?;
        grammars.constraint(shape)
    }
}
