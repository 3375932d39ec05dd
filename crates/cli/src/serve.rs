//! `lookdesk serve`: the desk in a browser.
//!
//! The page is there at once; the model loads behind it. Ends on Ctrl-C or
//! SIGTERM, after running answers had a moment to finish.

mod access;
mod place;
mod records;
mod samples;

use std::io::IsTerminal;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use desk::{Conversations, Desk, DeskLimits};
use server::traces::Endpoint;
use server::{AllowedHosts, ServeLimits, Server, ServerOptions, Traces};
use tokio::runtime::Runtime;
use tracing::Level;

use self::access::AccessOptions;
use self::place::Place;
use self::records::RecordsOptions;
use crate::answerer::EngineAnswerer;
use crate::data;
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
    /// A further name of the model for programs, such as gpt-4o; may be given several times
    #[arg(long, value_name = "NAME")]
    pub model_alias: Vec<String>,
    /// How long running answers get to finish when the desk is told to end
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub shutdown_seconds: u16,
    /// How long an answer may take in all, waiting included; what was said by then is the answer
    #[arg(long, value_name = "N", default_value_t = 1800,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub answer_seconds: u32,
    /// How much to write to stderr
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t)]
    pub log: LogLevel,
    /// How it is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub log_format: LogFormat,
    /// Tell an OpenTelemetry collector how long requests took, such as `http://127.0.0.1:4318`: times and counts,
    /// never words, pictures or keys. Without it nothing is sent anywhere
    #[arg(long, value_name = "URL")]
    pub otlp_endpoint: Option<Endpoint>,
    #[command(flatten)]
    pub records: RecordsOptions,
    #[command(flatten)]
    pub access: AccessOptions,
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

/// How the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people
    #[default]
    Text,
    /// A JSON object a line, for programs
    Json,
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
    log(args);
    let keys = args.access.keys(args.host)?;
    let cors = args.access.cors()?;
    let remote = args.access.remote()?;
    let records_place = args.records.place()?;
    let listener = place::bind(args.host, args.port)?;
    let place = Place::of(listener.local_addr()?);
    let hosts = AllowedHosts::new(place.bound, &args.access.allow_host)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let answerer = EngineAnswerer::look(args.model.source(), args.model.engine())?;
    let answerer = Arc::new(answerer);
    let samples = samples::samples(&*answerer);
    let limits = DeskLimits {
        answer_time: Duration::from_secs(args.answer_seconds.into()),
        ..DeskLimits::default()
    };
    let desk = Desk::new(answerer.clone(), limits, samples);
    let runtime = runtime()?;
    let traces = traces(args.otlp_endpoint.as_ref(), &runtime)?;
    let records = runtime.block_on(data::open(&records_place))?;
    let conversations = Conversations::new(Arc::new(desk), records.clone());
    let count = keys.as_ref().map(|keys| keys.keys().count());
    let options = ServerOptions {
        keys,
        cors,
        remote,
        traces: traces.clone(),
        per_minute: Some(args.access.requests_per_minute),
        aliases: args.model_alias.clone(),
        records: args.records.facts(),
        spool_dir: records_place.data_dir.clone(),
        ..ServerOptions::new(hosts)
    };
    let server = Server::new(Arc::new(conversations), options);

    let mut output = Output::new();
    output.line(&format!("lookdesk is at {} (Ctrl-C ends it)", place.url()))?;
    tell(&place, count, &args.model);
    note(&args.records.words()?);
    if let Some(endpoint) = &args.otlp_endpoint {
        note(&format!(
            "how long requests take is told to {endpoint}; no words, no pictures, no keys"
        ));
    }
    load_behind(answerer)?;
    let limits = ServeLimits {
        grace: Duration::from_secs(args.shutdown_seconds.into()),
        ..ServeLimits::default()
    };
    let served = runtime.block_on(async {
        let sweeping = tokio::spawn(records::sweep(records.clone()));
        let served = serve(listener, server, limits).await;
        sweeping.abort();
        records.close().await;
        served
    });
    if let Some(traces) = traces {
        traces.finish();
    }
    served
}

/// What tells a collector of requests, where one was named.
fn traces(endpoint: Option<&Endpoint>, runtime: &Runtime) -> Outcome<Option<Arc<Traces>>> {
    let Some(endpoint) = endpoint else {
        return Ok(None);
    };
    let traces = Traces::to(endpoint, runtime.handle().clone())?;
    Ok(Some(Arc::new(traces)))
}

/// Starts writing to stderr.
fn log(args: &ServeArgs) {
    let log = tracing_subscriber::fmt()
        .with_max_level(Level::from(args.log))
        .with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// What the person who started the desk should know.
fn tell(place: &Place, keys: Option<usize>, model: &ModelOptions) {
    if model.directory().is_none() {
        note(&format!(
            "the small demo model inside this program answers; it reads generated labels and \
             panels only. For real pictures name a model: --model DIR or {MODEL_VARIABLE}"
        ));
    }
    if let Some(warning) = place.warning(keys) {
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
            Ok(()) => {
                answerer.placed().iter().for_each(|line| note(line));
                note(&format!(
                    "{} answers (ready after {:.1} s)",
                    answerer.model(),
                    started.elapsed().as_secs_f64()
                ));
            }
            Err(message) => note(&format!("{} cannot answer: {message}", answerer.model())),
        }
    })?;
    Ok(())
}

/// What talks to browsers and to the records.
fn runtime() -> Outcome<Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WEB_THREADS)
        .thread_name("web")
        .enable_all()
        .build()?;
    Ok(runtime)
}

async fn serve(listener: TcpListener, server: Server, limits: ServeLimits) -> Outcome {
    let listener = tokio::net::TcpListener::from_std(listener)?;
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
