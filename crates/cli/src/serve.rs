//! `lookdesk serve`: the desk in a browser.
//!
//! The page is there at once; the model loads behind it. Ends on Ctrl-C or
//! SIGTERM, after running answers had a moment to finish.

mod place;
mod samples;

use std::io::IsTerminal;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use clap::{Args, ValueEnum};
use desk::{Desk, DeskLimits};
use server::{AllowedHosts, ServeLimits, Server};
use tracing::Level;

use self::place::Place;
use crate::answerer::EngineAnswerer;
use crate::failure::{Failure, Outcome};
use crate::options::{MODEL_VARIABLE, ModelOptions};
use crate::output::{Output, note};

/// Threads that talk to browsers; the engine needs the rest.
const WEB_THREADS: usize = 2;

/// Open the desk in a browser
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 8501)]
    pub port: u16,
    /// A further name people reach this desk by, such as desk.example; may be given several times
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,
    /// How much to write to stderr
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t)]
    pub log: LogLevel,
    #[command(flatten)]
    pub model: ModelOptions,
}

/// How much is written to the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What went wrong inside
    #[default]
    Warn,
    /// Also what was refused
    Info,
    /// Every request
    Debug,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
        }
    }
}

/// Runs the command.
pub fn run(args: &ServeArgs) -> Outcome {
    tracing_subscriber::fmt()
        .with_max_level(Level::from(args.log))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let listener = place::bind(args.host, args.port)?;
    let place = Place::of(listener.local_addr()?);
    let hosts = AllowedHosts::new(place.bound, &args.allow_host)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let answerer = EngineAnswerer::look(args.model.source(), args.model.engine())?;
    let answerer = Arc::new(answerer);
    let samples = samples::samples(&*answerer);
    let desk = Desk::new(answerer.clone(), DeskLimits::default(), samples);
    let server = Server::new(Arc::new(desk), hosts);

    let mut output = Output::new();
    output.line(&format!("lookdesk is at {} (Ctrl-C ends it)", place.url()))?;
    tell(&place, &args.model);
    load_behind(answerer)?;
    serve(listener, server)
}

/// What the person who started the desk should know.
fn tell(place: &Place, model: &ModelOptions) {
    if model.directory().is_none() {
        note(&format!(
            "the small demo model inside this program answers; it reads generated labels and \
             panels only. For real pictures name a model: --model DIR or {MODEL_VARIABLE}"
        ));
    }
    if let Some(warning) = place.warning() {
        note(&warning);
    }
    if !server::page_is_built() {
        note(server::HOW_TO_BUILD.trim_end());
    }
}

/// Loads the model while the page is there already.
fn load_behind(answerer: Arc<EngineAnswerer>) -> Outcome {
    let loader = thread::Builder::new().name("load".into());
    loader.spawn(move || {
        let started = Instant::now();
        match answerer.load() {
            Ok(()) => note(&format!(
                "{} answers (ready after {:.1} s)",
                answerer.model(),
                started.elapsed().as_secs_f64()
            )),
            Err(message) => note(&format!("{} cannot answer: {message}", answerer.model())),
        }
    })?;
    Ok(())
}

fn serve(listener: TcpListener, server: Server) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WEB_THREADS)
        .thread_name("web")
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let limits = ServeLimits::default();
        let end = asked_to_end()?;
        server::serve(listener, server, limits, async move {
            end.await;
            note(&format!(
                "ending; running answers get {} s to finish, Ctrl-C again ends at once",
                limits.grace.as_secs()
            ));
            tokio::spawn(end_at_once());
        })
        .await;
        Ok(())
    })
}

/// Ready at the first Ctrl-C or, where there is such a thing, SIGTERM.
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate())?
    };
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// A second Ctrl-C does not wait for anybody.
async fn end_at_once() {
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(130);
    }
}
