//! Writes the API's description, from which the page's types are made.

use std::io;

/// Writes `web/openapi.json`.
pub fn write() -> io::Result<()> {
    let path = crate::root().join("web/openapi.json");
    let text = server::openapi_document().map_err(io::Error::other)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, text)?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
