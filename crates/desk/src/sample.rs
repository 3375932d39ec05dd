//! Ready-made questions that make an empty desk inviting: one click asks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Picture;

/// A ready-made question with its pictures.
#[derive(Clone, Debug)]
pub struct Sample {
    /// A short stable name.
    pub id: String,
    /// In the order the question speaks of them.
    pub pictures: Vec<Arc<Picture>>,
    /// The question.
    pub question: BothLanguages,
}

/// The same words in the desk's two languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BothLanguages {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}
