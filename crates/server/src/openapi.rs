//! The description of the API, from which the page's types are made.

use utoipa::OpenApi;

use crate::routes;

/// Everything of the document that no route says.
#[derive(OpenApi)]
#[openapi(info(
    title = "Lookdesk",
    description = "Lay pictures on the desk, ask about them, read the answer as it comes.",
    license(name = "Apache-2.0", identifier = "Apache-2.0"),
))]
pub(crate) struct Frame;

/// The OpenAPI document as it lies in `web/openapi.json`.
pub fn document() -> Result<String, serde_json::Error> {
    let document = routes::api().into_openapi();
    let mut text = document.to_pretty_json()?;
    text.push('\n');
    Ok(text)
}
