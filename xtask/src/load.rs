//! `cargo xtask load`: the program itself, with the demo model, under many clients and bad ones.
//!
//! It knows the program only as the world does: a process, its port, `/metrics` and what Linux says about
//! it. Every part says in one line what held; all parts run even when one fails.

mod crowd;
mod desk;
mod drip;
mod greedy;
mod hostile;
mod http;
mod killed;
mod malformed;
mod png;
mod questions;
mod random;
mod slow;
mod vanish;

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use self::crowd::Crowd;
use self::desk::Desk;

/// How much load.
#[derive(Args)]
pub struct LoadOptions {
    /// How long many clients ask at once
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// How many of them
    #[arg(long, value_name = "N", default_value_t = 64)]
    clients: usize,
    /// How many different questions they ask; each is asked alone before
    #[arg(long, value_name = "N", default_value_t = 24)]
    questions: usize,
    /// How many clients vanish while they are answered
    #[arg(long, value_name = "N", default_value_t = 500)]
    vanishing: usize,
    /// How many malformed requests are made from the description of the API
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    malformed: u64,
    /// Where the malformed requests begin; the same seed makes the same ones
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Take the release build
    #[arg(long)]
    release: bool,
    /// Take this program instead of building one [default: $LOOKDESK_BIN, if there is one]
    #[arg(long, value_name = "FILE", conflicts_with = "release")]
    program: Option<PathBuf>,
}

/// What a part found: a line that says what held, or what did not.
type Found = Result<String, String>;

/// Runs all parts.
pub fn run(options: &LoadOptions) -> Result<(), String> {
    let named = || std::env::var_os("LOOKDESK_BIN").filter(|_| !options.release);
    let program = match options
        .program
        .clone()
        .or_else(|| named().map(PathBuf::from))
    {
        Some(program) => program,
        None => build(options.release)?,
    };
    let questions = questions::questions(options.questions)?;
    let mut report = Report::default();

    let mut strict = Desk::start(&program, 0)?;
    let alone = crowd::alone(&strict, &questions)?;
    let limit = Duration::from_secs(options.seconds);
    // Slow clients sit there all the while: on the desk where nobody else is hurt by what is measured.
    thread::scope(|scope| {
        let address = strict.address.clone();
        let slow = scope.spawn(move || slow::clients(&address));

        let crowd = Crowd {
            questions: &questions,
            alone: &alone,
            clients: options.clients,
            limit,
        };
        match Desk::start(&program, 0) {
            Ok(mut busy) => {
                let before = busy.holds();
                report.part("many clients", || crowd.run(&busy));
                report.part("a greedy client", || greedy::run(&busy, &questions));
                report.part("vanishing clients", || {
                    vanish::run(&busy, &questions, options.vanishing, before)
                });
                report.part("after these", || stands(&mut busy));
            }
            Err(why) => report.failed("many clients", why),
        }
        report.part("kill -9", || killed::run(&program, &questions, &alone));
        report.part("large and explosive bodies", || hostile::run(&strict));
        report.part("malformed requests", || {
            malformed::run(&strict, options.malformed, options.seed)
        });
        report.part("slow clients", || match slow.join() {
            Ok(found) => found,
            Err(_) => Err("the slow clients fell over".to_owned()),
        });
    });
    report.part("after all of these", || {
        strict.comes_to_rest(Duration::from_secs(10))?;
        stands(&mut strict)
    });
    report.end()
}

fn stands(desk: &mut Desk) -> Found {
    desk.stands()
        .map(|()| "the program stands: no panic, healthy, ready".to_owned())
}

/// Builds the program next to this one.
fn build(release: bool) -> Result<PathBuf, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--locked", "--package", "lookdesk"]);
    if release {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(crate::root()).status();
    if !built.is_ok_and(|status| status.success()) {
        return Err("lookdesk could not be built".to_owned());
    }
    let profile = if release { "release" } else { "debug" };
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = here.ancestors().nth(2);
    let target = target.ok_or("this program lies in no target folder")?;
    let name = format!("lookdesk{}", std::env::consts::EXE_SUFFIX);
    Ok(target.join(profile).join(name))
}

/// What has held so far.
#[derive(Default)]
struct Report {
    failed: Vec<String>,
}

impl Report {
    fn part(&mut self, name: &str, part: impl FnOnce() -> Found) {
        let started = Instant::now();
        match part() {
            Ok(held) => eprintln!("{name} ({:.1} s): {held}", started.elapsed().as_secs_f64()),
            Err(why) => self.failed(name, why),
        }
    }

    fn failed(&mut self, name: &str, why: String) {
        eprintln!("{name}: FAILED: {why}");
        self.failed.push(format!("failed: {name}"));
    }

    fn end(self) -> Result<(), String> {
        if self.failed.is_empty() {
            return Ok(());
        }
        Err(self.failed.join("\n"))
    }
}
