//! Malformed requests, made from the description that the program gives of itself: requests as it wants
//! them, with one thing wrong. Each gets a reply in bounded time, and none a 5xx.

mod example;
mod spoil;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::example::Document;
use super::Found;
use super::desk::Desk;
use super::http::{Connection, Reply};
use super::random::Random;

const WORKERS: u64 = 4;
const PATIENCE: Duration = Duration::from_secs(20);
/// Faults that are told.
const TOLD: usize = 5;

/// A route as the document has it.
struct Route {
    method: String,
    path: String,
    kind: String,
    schema: Value,
}

/// What went wrong, or by status how often it did not.
#[derive(Default)]
struct Tally {
    statuses: BTreeMap<u16, u64>,
    longest: Duration,
    faults: Vec<String>,
}

/// Sends `count` requests.
pub fn run(desk: &Desk, count: u64, seed: u64) -> Found {
    let (_, text) = desk.get("/openapi.json")?;
    let document: Value =
        serde_json::from_str(&text).map_err(|error| format!("/openapi.json: {error}"))?;
    let routes = routes(&document);
    if routes.is_empty() {
        return Err("/openapi.json names no routes".to_owned());
    }
    let document = Document(&document);
    let tallies = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let (routes, document) = (&routes, &document);
                let random = Random::new(seed.wrapping_mul(1000).wrapping_add(worker));
                let share = count / WORKERS + u64::from(worker < count % WORKERS);
                scope.spawn(move || send(&desk.address, share, random, routes, document))
            })
            .collect();
        let workers = workers.into_iter();
        workers
            .filter_map(|worker| worker.join().ok())
            .collect::<Vec<_>>()
    });
    if tallies.len() < WORKERS as usize {
        return Err("the program that sends them fell over".to_owned());
    }
    judge(tallies, count, seed)
}

fn judge(tallies: Vec<Tally>, count: u64, seed: u64) -> Found {
    let mut all = Tally::default();
    for tally in tallies {
        for (status, times) in tally.statuses {
            *all.statuses.entry(status).or_default() += times;
        }
        all.longest = all.longest.max(tally.longest);
        all.faults.extend(tally.faults);
    }
    if !all.faults.is_empty() {
        let faults = all.faults.len();
        all.faults.truncate(TOLD);
        let told = all.faults.join("\n  ");
        return Err(format!(
            "{faults} faults of {count} (seed {seed}):\n  {told}"
        ));
    }
    let refused: u64 = all
        .statuses
        .iter()
        .filter(|(status, _)| (400..500).contains(*status))
        .map(|(_, times)| times)
        .sum();
    if refused * 2 < count {
        return Err(format!(
            "only {refused} of {count} were refused: this shows little"
        ));
    }
    let statuses: Vec<_> = all
        .statuses
        .iter()
        .map(|(status, times)| format!("{times} × {status}"))
        .collect();
    Ok(format!(
        "{count} (seed {seed}), the slowest reply after {} ms: {}",
        all.longest.as_millis(),
        statuses.join(", ")
    ))
}

fn routes(document: &Value) -> Vec<Route> {
    let mut routes = Vec::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            // What is told for ever has no end to wait for.
            let told = &operation["responses"]["200"]["content"]["text/event-stream"];
            if method == "get" && told.is_object() {
                continue;
            }
            let content = operation["requestBody"]["content"].as_object();
            let (kind, schema) = content
                .and_then(|content| content.iter().next())
                .map_or(("application/json", Value::Null), |(kind, body)| {
                    (kind.as_str(), body["schema"].clone())
                });
            // What has a body is where most can go wrong.
            let weight = if content.is_some() { 6 } else { 1 };
            routes.extend((0..weight).map(|_| Route {
                method: method.to_ascii_uppercase(),
                path: path.clone(),
                kind: kind.to_owned(),
                schema: schema.clone(),
            }));
        }
    }
    routes
}

fn send(
    address: &str,
    count: u64,
    mut random: Random,
    routes: &[Route],
    document: &Document<'_>,
) -> Tally {
    let mut tally = Tally::default();
    let mut open = None;
    for _ in 0..count {
        let started = Instant::now();
        let Some(route) = random.one_of(routes) else {
            break;
        };
        if random.one_in(40) {
            let noise = spoil::noise(&mut random);
            match shout(address, &noise) {
                Ok(status) => *tally.statuses.entry(status).or_default() += 1,
                Err(why) => tally.faults.push(format!("noise {noise:?}: {why}")),
            }
        } else {
            let request = request(route, document, &mut random);
            match exchange(&mut open, address, &request) {
                Ok(reply) => {
                    *tally.statuses.entry(reply.status).or_default() += 1;
                    if reply.status >= 500 {
                        let (status, text) = (reply.status, reply.text());
                        tally.faults.push(format!("{request} got {status}: {text}"));
                    }
                }
                Err(why) => tally.faults.push(format!("{request}: {why}")),
            }
        }
        tally.longest = tally.longest.max(started.elapsed());
    }
    tally
}

/// A request with one thing wrong.
struct Request {
    method: String,
    path: String,
    kind: String,
    body: Vec<u8>,
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let body: String = body.chars().take(600).collect();
        let path: String = self.path.chars().take(200).collect();
        write!(f, "{} {path} ({}) {body:?}", self.method, self.kind)
    }
}

fn request(route: &Route, document: &Document<'_>, random: &mut Random) -> Request {
    let mut request = Request {
        method: route.method.clone(),
        path: route.path.clone(),
        kind: route.kind.clone(),
        body: Vec::new(),
    };
    if request.path.contains('{') || random.one_in(20) {
        request.path = spoil::path(&request.path, random);
    }
    if random.one_in(25) {
        request.method = spoil::method(random);
    }
    if random.one_in(25) {
        request.kind = spoil::kind(random);
    }
    if route.schema.is_null() {
        return request;
    }
    let mut value = document.example(&route.schema, random);
    if random.one_in(4) {
        request.body = spoil::text(value.to_string().into_bytes(), random);
    } else {
        for _ in 0..=random.below(2) {
            spoil::value(&mut value, random);
        }
        request.body = value.to_string().into_bytes();
    }
    request
}

/// On the connection that is open; on a new one where the server has closed it.
fn exchange(
    open: &mut Option<Connection>,
    address: &str,
    request: &Request,
) -> Result<Reply, String> {
    let Request {
        method,
        path,
        kind,
        body,
    } = request;
    if let Some(mut connection) = open.take()
        && let Ok(reply) = connection.ask(method, path, kind, body)
    {
        keep(open, connection, &reply);
        return Ok(reply);
    }
    let fault = |error: std::io::Error| format!("no connection: {error}");
    let mut connection = Connection::open(address, PATIENCE).map_err(fault)?;
    let reply = connection.ask(method, path, kind, body)?;
    keep(open, connection, &reply);
    Ok(reply)
}

fn keep(open: &mut Option<Connection>, connection: Connection, reply: &Reply) {
    if reply.header("connection") != Some("close") {
        *open = Some(connection);
    }
}

/// Sends bytes that are no HTTP and waits for a 4xx or for the end; 0 is the end.
fn shout(address: &str, noise: &[u8]) -> Result<u16, String> {
    let fault = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).map_err(fault)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(fault)?;
    // The server may have seen enough before all is sent.
    let _ = stream.write_all(noise);
    let _ = stream.shutdown(Shutdown::Write);
    let mut reply = [0; 16];
    let count = match stream.read(&mut reply) {
        Ok(count) => count,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
        Err(error) => return Err(format!("neither a reply nor an end: {error}")),
    };
    let line = String::from_utf8_lossy(reply.get(..count).unwrap_or_default()).into_owned();
    match line.split(' ').nth(1).map(str::parse) {
        None => Ok(0),
        Some(Ok(status)) if status < 500 => Ok(status),
        Some(_) => Err(format!("the reply begins with {line:?}")),
    }
}
