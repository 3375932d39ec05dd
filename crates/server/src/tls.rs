//! Connections to servers elsewhere, which are known by what this machine trusts.

use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// The system gave no certificates to trust.
#[derive(Debug, thiserror::Error)]
#[error(
    "this machine has no certificates to check other servers with ({0}); install ca-certificates"
)]
pub struct NoCertificates(String);

/// Trusts whom this machine trusts.
pub(crate) fn of_this_machine() -> Result<TlsConnector, NoCertificates> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let reasons = found.errors.iter().map(ToString::to_string);
        let reason = reasons.reduce(|all, one| format!("{all}, {one}"));
        return Err(NoCertificates(
            reason.unwrap_or_else(|| "none found".into()),
        ));
    }
    trusting(roots).map_err(|error| NoCertificates(error.to_string()))
}

/// Trusts these.
pub(crate) fn trusting(roots: RootCertStore) -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
