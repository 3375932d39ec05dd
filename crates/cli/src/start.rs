//! From the options of a command to a running engine, with a progress line while it loads.

use engine::{EngineOptions, Handle, ModelSource};

use crate::failure::Outcome;
use crate::options::{MODEL_VARIABLE, ModelOptions};
use crate::output::note;
use crate::waiting::Waiting;

/// Loads the model that the options name. Says so when that is the demo model.
pub fn engine(options: &ModelOptions) -> Outcome<Handle> {
    let source = options.source();
    if matches!(source, ModelSource::Embedded { .. }) {
        note(&format!(
            "no model named (--model DIR or {MODEL_VARIABLE}), so the small demo model answers; \
             it reads generated labels and panels only"
        ));
    }
    load(&source, &options.engine())
}

/// Loads a model.
pub fn load(source: &ModelSource, options: &EngineOptions) -> Outcome<Handle> {
    let waiting = Waiting::new("loading the model");
    let handle = engine::load(source, options, &mut |progress| {
        let percent = (progress.done.clamp(0.0, 1.0) * 100.0).round() as u64;
        waiting.progress(
            format!("loading the model: {} %", progress.what),
            percent,
            100,
        );
    })?;
    let info = handle.info();
    info.notes.iter().for_each(|line| note(line));
    let shared = info.placement.as_ref();
    if let Some(placement) = shared.filter(|placement| placement.shares.len() > 1) {
        placement.table("processor").lines().for_each(note);
    }
    Ok(handle)
}
