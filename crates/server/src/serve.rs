//! Connections: taken in within limits, let go gracefully.

mod crowd;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use axum::Extension;
use tower::Layer;

use self::crowd::Crowd;
use crate::Server;
use crate::access::Peer;
use crate::timed::Timed;

/// Bounds on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Open at the same time; more wait to be taken in.
    pub connections: usize,
    /// Of these, how many one address may hold; what it opens beyond is closed at once.
    pub connections_each: usize,
    /// How long a client may take to say what it wants, also between two
    /// requests.
    pub head_time: Duration,
    /// The size of that.
    pub head_bytes: usize,
    /// How long a client may take no byte of what it asked for.
    pub write_pause: Duration,
    /// How long running answers get when the server ends.
    pub grace: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_each: 640,
            head_time: Duration::from_secs(30),
            head_bytes: 32 * 1024,
            write_pause: Duration::from_secs(60),
            grace: Duration::from_secs(30),
        }
    }
}

/// How long streams get to carry the word that the server closes.
const LAST_WORD: Duration = Duration::from_secs(2);
/// How long answers get to reach the records.
const LAST_WRITING: Duration = Duration::from_secs(5);
/// How long to wait when the system has no more sockets.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until `end` is ready, then lets running requests finish within
/// their grace, tells what is left that it ends, and closes.
pub async fn serve(
    listener: TcpListener,
    server: Server,
    limits: ServeLimits,
    end: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let permits = Arc::new(Semaphore::new(limits.connections));
    let crowd = Crowd::new(limits.connections_each);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes.max(8 * 1024));
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            () = &mut end => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Some((stream, peer, permit)) = accepted else {
            sleep(BREATH).await;
            continue;
        };
        let Some(member) = crowd.join(peer.ip()) else {
            tracing::info!(%peer, "an address holds all connections it may");
            continue;
        };
        let told = Extension(Peer(peer.ip())).layer(server.router.clone());
        let service = TowerToHyperService::new(told);
        let stream = Timed::new(stream, limits.write_pause);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        connections.spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop((permit, member));
        });
    }
    drop(listener);
    server.ending.send_replace(true);
    let finished = graceful.shutdown();
    tokio::pin!(finished);
    if timeout(limits.grace, &mut finished).await.is_err() {
        // In this order: what was said of an answer is kept as interrupted, not as cancelled.
        server.conversations.end();
        server.closing.send_replace(true);
        if timeout(LAST_WORD, &mut finished).await.is_err() {
            tracing::warn!("closing connections that did not end by themselves");
        }
        connections.shutdown().await;
    }
    server.conversations.end();
    if timeout(LAST_WRITING, server.conversations.settled())
        .await
        .is_err()
    {
        tracing::warn!("the last words of an answer are not in the records yet");
    }
}

/// The next connection with its permit, once there is room for it.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Words go out as they come, not in packets worth sending.
            let _ = stream.set_nodelay(true);
            Some((stream, peer, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken in");
            None
        }
    }
}
