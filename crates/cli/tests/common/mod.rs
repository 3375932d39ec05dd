//! The built program, run as a user runs it.

#![allow(dead_code, reason = "each test program uses what it needs of this")]

pub mod desk;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The one JSON object on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// The sentence said about a failure with this exit status.
    #[track_caller]
    pub fn failure(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "a failure says nothing on stdout");
        let last = self.stderr.lines().last().unwrap_or_default();
        last.strip_prefix("lookdesk: ")
            .unwrap_or_else(|| panic!("{}", self.stderr))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }
}

/// The program with the demo model, whatever the tester's own environment says.
pub fn lookdesk() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookdesk"));
    command
        .env_remove("LOOKDESK_MODEL")
        .env_remove("LOOKDESK_DATABASE")
        .env_remove("LOOKDESK_TIER")
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
    lookdesk()
        .args(arguments)
        .output()
        .expect("the program starts")
        .into()
}

/// Waits until the program has said what happens when it is interrupted.
#[cfg(target_os = "linux")]
pub fn until_it_minds_interrupts(child: &Child) {
    let path = format!("/proc/{}/status", child.id());
    let since = std::time::Instant::now();
    loop {
        let status = std::fs::read_to_string(&path).expect("it runs");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.expect("signals").trim(), 16).expect("a mask");
        // Signal 2 is the second bit.
        if caught & 2 != 0 {
            return;
        }
        assert!(since.elapsed() < desk::PATIENCE, "it never does");
        std::thread::sleep(desk::TICK);
    }
}

/// Elsewhere nobody can look: it has had time enough.
#[cfg(all(unix, not(target_os = "linux")))]
pub fn until_it_minds_interrupts(_: &Child) {
    std::thread::sleep(std::time::Duration::from_secs(5));
}

/// Runs the program with text on its stdin.
pub fn run_with_stdin(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, stdin: &[u8]) -> Run {
    let mut child = lookdesk()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It may refuse without reading.
    let _ = child.stdin.take().expect("stdin is piped").write_all(stdin);
    child.wait_with_output().expect("the program ends").into()
}

/// Starts a desk on a port of its own and gives its address once it listens. It keeps nothing, unless
/// the arguments say where: the tester's own records are not for tests.
pub fn serve(arguments: &[&str], stderr: Stdio) -> (Child, String) {
    let kept = arguments.contains(&"--data-dir");
    let mut child = lookdesk()
        .args(["serve", "--port", "0"])
        .args((!kept).then_some("--no-records"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .expect("the program starts");
    let stdout = child.stdout.take().expect("stdout is piped");
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("a line about where it is");
    let (_, after) = line.split_once("http://").expect("an address to open");
    let address = after.split_whitespace().next().expect("an address");
    (child, address.to_owned())
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A picture of `demo/samples`.
pub fn sample(name: &str) -> PathBuf {
    repository().join("demo/samples").join(name)
}

/// The sample pictures with their questions and answers.
pub fn samples() -> Vec<Value> {
    let text = std::fs::read_to_string(sample("samples.json")).expect("the list of samples");
    serde_json::from_str(&text).expect("the list of samples is JSON")
}

/// The names in an object, in alphabetical order.
#[track_caller]
pub fn names(value: &Value) -> Vec<&str> {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("{value} is not an object"));
    let mut names: Vec<&str> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}
