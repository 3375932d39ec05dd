//! Ready-made questions.

use axum::Json;
use axum::extract::State;
use desk::{BothLanguages, Picture, PictureId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::pictures;
use crate::shared::Shared;

/// A ready-made question.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct SampleView {
    /// A short stable name.
    pub id: String,
    /// In the order the question speaks of them.
    pub pictures: Vec<SamplePicture>,
    /// The question.
    pub question: BothLanguages,
}

/// A picture that is part of the program.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct SamplePicture {
    /// May be asked about without uploading.
    pub id: PictureId,
    /// Where its bytes are.
    pub url: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl SamplePicture {
    fn of(picture: &Picture) -> Self {
        Self {
            id: picture.id(),
            url: pictures::url(picture.id()),
            width: picture.facts().width,
            height: picture.facts().height,
        }
    }
}

/// Ready-made questions that need no upload.
#[utoipa::path(get, path = "/api/samples", responses((status = 200, body = Vec<SampleView>)))]
pub(crate) async fn samples(State(shared): State<Shared>) -> Json<Vec<SampleView>> {
    let samples = shared.desk.samples().iter();
    let views = samples.map(|sample| SampleView {
        id: sample.id.clone(),
        pictures: sample
            .pictures
            .iter()
            .map(|p| SamplePicture::of(p))
            .collect(),
        question: sample.question.clone(),
    });
    Json(views.collect())
}
