//! The description of the API, from which the page's types are made.

use desk::AnswerEvent;
use desk::records::{ExportFormat, ExportPictures};
use desk::rounds::RoundEvent;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::routes;

/// Everything of the document that no route says.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lookdesk",
        description = "Lay pictures on the desk, ask about them, read the answer as it comes.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    // Of queries, which name them without defining them, and of streams, whose events carry them as data.
    components(schemas(ExportFormat, ExportPictures, RoundEvent, AnswerEvent)),
    modifiers(&AskedKey),
    security((), ("key" = [])),
)]
pub(crate) struct Frame;

/// A key, where the desk asks for one.
struct AskedKey;

impl Modify for AskedKey {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", key);
    }
}

/// The OpenAPI document as it lies in `web/openapi.json`.
pub fn document() -> Result<String, serde_json::Error> {
    let document = routes::api().into_openapi();
    let mut text = document.to_pretty_json()?;
    text.push('\n');
    Ok(text)
}
