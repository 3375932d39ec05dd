//! What the routes share, and the server made of it.

use std::sync::Arc;

use axum::Router;
use desk::Desk;
use tokio::sync::{Semaphore, watch};

use crate::page::{self, PageFiles};
use crate::{AllowedHosts, routes};

/// Uploads read and decoded at the same time; each may hold a file and its
/// pixels in memory.
const UPLOADS_AT_ONCE: usize = 4;

/// What every handler can reach.
#[derive(Clone)]
pub(crate) struct Shared {
    pub desk: Arc<Desk>,
    pub hosts: Arc<AllowedHosts>,
    pub page: PageFiles,
    /// Permits to upload.
    pub uploads: Arc<Semaphore>,
    /// Turns true when running answers have had their time.
    pub closing: watch::Receiver<bool>,
}

/// The desk's HTTP server: a router, and the word that ends its streams.
pub struct Server {
    pub(crate) router: Router,
    pub(crate) closing: watch::Sender<bool>,
}

impl Server {
    /// A server with the page that was embedded when it was built.
    pub fn new(desk: Arc<Desk>, hosts: AllowedHosts) -> Self {
        Self::with_page(desk, hosts, page::embedded)
    }

    /// A server with another page.
    pub fn with_page(desk: Arc<Desk>, hosts: AllowedHosts, page: PageFiles) -> Self {
        let (closing, ended) = watch::channel(false);
        let shared = Shared {
            desk,
            hosts: Arc::new(hosts),
            page,
            uploads: Arc::new(Semaphore::new(UPLOADS_AT_ONCE)),
            closing: ended,
        };
        let router = routes::router(shared);
        Self { router, closing }
    }

    /// The routes, for whoever brings requests by another way than a socket.
    pub fn router(&self) -> Router {
        self.router.clone()
    }
}
