//! What the routes share, and the server made of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use desk::{Conversations, Desk, DeskStatus, RecordsFacts, Refusal};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::access::{Asker, KeyRing, Rates};
use crate::cors::CorsOrigins;
use crate::error::ApiError;
use crate::feed::Feed;
use crate::metrics::Metrics;
use crate::page::{self, PageFiles};
use crate::remote::Fetcher;
use crate::room::{Room, TURN};
use crate::shares::{NoShare, Share, Shares};
use crate::turns::{Turn, Turns, Work};
use crate::{AllowedHosts, Traces, routes};

/// Questions that are counted or wait for it.
const COUNTS: usize = 32;
/// When to come back to count: each is quick.
const COUNTS_RETRY_S: u64 = 5;
/// Pictures that have come and are taken in or wait for it.
const UPLOADS: usize = 64;
/// Requests a minute from one address; more than a person and a page make.
const PER_MINUTE: u32 = 600;

/// The largest import, unless the options say otherwise.
const IMPORT_BYTES: u64 = 512 * 1024 * 1024;

/// What every handler can reach.
#[derive(Clone)]
pub(crate) struct Shared {
    pub desk: Arc<Desk>,
    pub conversations: Arc<Conversations>,
    pub records: RecordsFacts,
    /// Where an import is put down first; the system's place where there is none.
    pub spool_dir: Option<Arc<Path>>,
    /// Tells all who listen how things stand.
    pub feed: Arc<Feed>,
    pub hosts: Arc<AllowedHosts>,
    pub page: PageFiles,
    /// Who may come in; everybody where there are none.
    pub keys: Option<Arc<KeyRing>>,
    pub rates: Arc<Rates>,
    pub cors: Arc<CorsOrigins>,
    pub metrics: Arc<Metrics>,
    /// Tells a collector of requests, where there is one.
    pub traces: Option<Arc<Traces>>,
    /// Brings pictures from elsewhere, where that is allowed.
    pub remote: Option<Arc<Fetcher>>,
    /// The names programs may call the model by; its own comes first.
    pub models: Arc<[String]>,
    /// When the server was made, in seconds since 1970.
    pub started: u64,
    /// For large bodies on their way.
    pub room: Room,
    /// For requests of programs once they are read: what was small on its way may be large then.
    pub unfolded: Room,
    /// For pictures that are fetched: who lets us wait for them holds up no upload.
    pub fetched: Room,
    /// For requests whose pictures are decoded, whose schema is read, or that are counted.
    turns: Turns,
    /// For questions that are only counted.
    counts: Shares,
    /// For pictures that are uploaded, once they have come.
    uploads: Shares,
    /// Permits to import: one at a time.
    pub imports: Arc<Semaphore>,
    /// Turns true when nothing new is taken in any more.
    pub ending: watch::Receiver<bool>,
    /// Turns true when running answers have had their time.
    pub closing: watch::Receiver<bool>,
}

impl Shared {
    /// A turn to work, once there is one.
    pub async fn turn(&self, asker: &Asker, work: Work) -> Result<Turn, ApiError> {
        let turn = timeout(TURN, self.turns.line_up(&asker.0, work)).await;
        turn.ok().and_then(Result::ok).ok_or(ApiError::UploadsBusy)
    }

    /// A place to count, as there are places to be answered.
    pub fn count_place(&self, asker: &Asker) -> Result<Share, Refusal> {
        let number = |places: usize| u32::try_from(places).unwrap_or(u32::MAX);
        self.counts.take(asker).map_err(|none| match none {
            NoShare::Full(all) => Refusal::queue_full(number(all), COUNTS_RETRY_S),
            NoShare::Own(own) => Refusal::share_full(number(own), COUNTS_RETRY_S),
        })
    }

    /// A place for a picture that has come, as long as not too many wait to be taken in.
    pub fn upload_place(&self, asker: &Asker) -> Result<Share, ApiError> {
        let place = self.uploads.take(asker);
        place.map_err(|_| ApiError::UploadsBusy)
    }

    /// How things stand. Reads the instruments, so it may take a while.
    pub fn status(&self) -> DeskStatus {
        DeskStatus {
            readings: self.desk.readings(),
            records: self.records,
            ..self.desk.status()
        }
    }
}

/// How a server is set up.
pub struct ServerOptions {
    /// The names it answers to.
    pub hosts: AllowedHosts,
    /// Who may come in; `None` lets everybody in who can reach it.
    pub keys: Option<KeyRing>,
    /// Pages of other sites that may use `/v1`.
    pub cors: CorsOrigins,
    /// The most requests a minute from one address; `None` takes the default.
    pub per_minute: Option<u32>,
    /// Brings pictures from elsewhere; `None` refuses them.
    pub remote: Option<Fetcher>,
    /// Tells a collector of requests; `None` tells nobody.
    pub traces: Option<Arc<Traces>>,
    /// Further names of the model for programs.
    pub aliases: Vec<String>,
    /// What is said of the records; how large an import may be is held to.
    pub records: RecordsFacts,
    /// Where an import is put down before it is read; `None` takes the system's place for such files.
    pub spool_dir: Option<PathBuf>,
    /// The page.
    pub page: PageFiles,
}

impl ServerOptions {
    /// For everybody who reaches these hosts, with the embedded page.
    pub fn new(hosts: AllowedHosts) -> Self {
        Self {
            hosts,
            keys: None,
            cors: CorsOrigins::default(),
            per_minute: None,
            remote: None,
            traces: None,
            aliases: Vec::new(),
            records: RecordsFacts {
                import_bytes: IMPORT_BYTES,
                ..RecordsFacts::default()
            },
            spool_dir: None,
            page: page::embedded,
        }
    }
}

/// The desk's HTTP server: a router, and the word that ends its streams.
pub struct Server {
    pub(crate) router: Router,
    pub(crate) conversations: Arc<Conversations>,
    pub(crate) ending: watch::Sender<bool>,
    pub(crate) closing: watch::Sender<bool>,
}

impl Server {
    /// A server in front of this desk and its records.
    pub fn new(conversations: Arc<Conversations>, options: ServerOptions) -> Self {
        let desk = conversations.desk().clone();
        let (ending, end) = watch::channel(false);
        let (closing, ended) = watch::channel(false);
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut models = vec![desk.status().model.name];
        for alias in options.aliases {
            if !models.contains(&alias) {
                models.push(alias);
            }
        }
        let shared = Shared {
            metrics: Arc::new(Metrics::new(desk.clone())),
            traces: options.traces,
            desk,
            conversations: conversations.clone(),
            records: options.records,
            spool_dir: options.spool_dir.map(Arc::from),
            feed: Arc::default(),
            hosts: Arc::new(options.hosts),
            page: options.page,
            keys: options.keys.map(Arc::new),
            rates: Arc::new(Rates::new(options.per_minute.unwrap_or(PER_MINUTE))),
            cors: Arc::new(options.cors),
            remote: options.remote.map(Arc::new),
            models: models.into(),
            started: since.map_or(0, |since| since.as_secs()),
            room: Room::default(),
            unfolded: Room::default(),
            fetched: Room::default(),
            turns: Turns::default(),
            counts: Shares::new(COUNTS),
            uploads: Shares::new(UPLOADS),
            imports: Arc::new(Semaphore::new(1)),
            ending: end,
            closing: ended,
        };
        let router = routes::router(shared);
        Self {
            router,
            conversations,
            ending,
            closing,
        }
    }

    /// The routes, for whoever brings requests by another way than a socket.
    pub fn router(&self) -> Router {
        self.router.clone()
    }
}
