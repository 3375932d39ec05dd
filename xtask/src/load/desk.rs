//! The program under load: a child process on a free port, and what the system and its own figures say
//! about it. Threads, files and memory are read from /proc, so only Linux tells them.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::http;

/// A debug build on a busy machine loads slowly.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(10);

/// A running program; ends with its value.
pub struct Desk {
    child: Child,
    pub address: String,
    said: Arc<Mutex<String>>,
}

/// What a process holds of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    pub threads: usize,
    pub files: usize,
}

impl Desk {
    /// Starts the program and waits until it answers questions. Port 0 is any that is free.
    pub fn start(program: &Path, port: u16) -> Result<Self, String> {
        let desk = Self::begin(program, port)?;
        let started = Instant::now();
        while desk.get("/readyz")?.0 != 200 {
            if started.elapsed() > STARTS_WITHIN {
                return Err(format!("the program did not become ready: {}", desk.said()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(desk)
    }

    /// Starts the program and waits until it says where it is.
    pub fn begin(program: &Path, port: u16) -> Result<Self, String> {
        let mut child = Command::new(program)
            .args(["serve", "--no-records", "--port", &port.to_string()])
            .env_remove("LOOKDESK_MODEL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} did not start: {error}", program.display()))?;
        let said = Arc::new(Mutex::new(String::new()));
        if let Some(stderr) = child.stderr.take() {
            let said = said.clone();
            thread::spawn(move || listen(stderr, &said));
        }
        let mut desk = Self {
            child,
            address: String::new(),
            said,
        };
        let mut line = String::new();
        if let Some(stdout) = desk.child.stdout.take() {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.map_err(|error| format!("the program cannot be heard: {error}"))?;
        }
        let address = line
            .split_once("http://")
            .and_then(|(_, after)| after.split_whitespace().next());
        match address {
            Some(address) => desk.address = address.to_owned(),
            None => return Err(format!("the program did not start: {}", desk.said())),
        }
        Ok(desk)
    }

    pub fn port(&self) -> u16 {
        let port = self.address.rsplit_once(':');
        port.and_then(|(_, port)| port.parse().ok())
            .unwrap_or_default()
    }

    /// Ends the program as `kill -9` does.
    pub fn kill(mut self) -> Result<(), String> {
        self.child
            .kill()
            .and_then(|()| self.child.wait())
            .map(drop)
            .map_err(|error| format!("the program could not be killed: {error}"))
    }

    /// Whether it runs, has not panicked anywhere, and answers.
    pub fn stands(&mut self) -> Result<(), String> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(format!("the program ended with {status}: {}", self.said()));
        }
        let said = self.said();
        if said.contains("panicked") {
            return Err(format!("the program panicked: {said}"));
        }
        for path in ["/healthz", "/readyz"] {
            let (status, text) = self.get(path)?;
            if status != 200 {
                return Err(format!("{path} answers {status}: {text}"));
            }
        }
        Ok(())
    }

    /// What it wrote to stderr.
    pub fn said(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.clone()
    }

    pub fn get(&self, path: &str) -> Result<(u16, String), String> {
        let reply = http::ask(&self.address, "GET", path, b"", LOOK)?;
        Ok((reply.status, reply.text()))
    }

    /// A figure of `/metrics`, by the name and labels it is written with.
    pub fn figure(&self, name: &str) -> Result<u64, String> {
        let (_, text) = self.get("/metrics")?;
        let mut lines = text.lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found
            .and_then(|value| value.trim().parse().ok())
            .ok_or_else(|| format!("/metrics has no {name}"))
    }

    /// Memory in use, in bytes.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes * 1024)
    }

    pub fn holds(&self) -> Option<Holds> {
        let count = |what: &str| {
            let folder = format!("/proc/{}/{what}", self.child.id());
            fs::read_dir(folder).ok().map(Iterator::count)
        };
        Some(Holds {
            threads: count("task")?,
            files: count("fd")?,
        })
    }

    /// Waits until nobody is answered, nobody waits and no page is in use.
    pub fn comes_to_rest(&self, within: Duration) -> Result<Duration, String> {
        let started = Instant::now();
        loop {
            let mut busy = Vec::new();
            for name in [
                "lookdesk_questions{kind=\"running\"}",
                "lookdesk_questions{kind=\"waiting\"}",
                "lookdesk_kv_pages{kind=\"used\"}",
                "lookdesk_kv_pages{kind=\"shared\"}",
            ] {
                let value = self.figure(name)?;
                if value > 0 {
                    busy.push(format!("{name} {value}"));
                }
            }
            if busy.is_empty() {
                return Ok(started.elapsed());
            }
            if started.elapsed() > within {
                let within = within.as_secs();
                return Err(format!(
                    "after {within} s there is still {}",
                    busy.join(", ")
                ));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until it holds no more of the system than before.
    pub fn lets_go(&self, before: Holds, within: Duration) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let Some(now) = self.holds() else {
                return Ok(());
            };
            if now.threads <= before.threads && now.files <= before.files {
                return Ok(());
            }
            if started.elapsed() > within {
                return Err(format!(
                    "{} threads and {} files were held before, {} and {} afterwards",
                    before.threads, before.files, now.threads, now.files
                ));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(mut from: impl Read, said: &Mutex<String>) {
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let text = String::from_utf8_lossy(bytes.get(..count).unwrap_or_default());
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&text);
    }
}
