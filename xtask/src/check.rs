//! Everything that a change must pass, cheapest first. `make test` prepares the machine (packages of
//! the page, the built page, a browser) and runs exactly this.
//!
//! All steps run even when one fails, so that one run names every fault. A
//! tool that is not installed is reported as skipped, never as passed.

use std::process::{Command, Stdio};
use std::time::Instant;

/// One command of the check.
struct Step {
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    /// Where to run, below the root.
    folder: &'static str,
    environment: &'static [(&'static str, &'static str)],
    /// A command that succeeds where the step can run, and what is missing
    /// where it fails.
    needs: Option<(&'static [&'static str], &'static str)>,
    /// A program that runs the step as its arguments.
    around: Option<Around>,
}

/// A program that prepares something, runs a step with it, and clears it away.
#[derive(Clone, Copy)]
struct Around {
    /// The program and its first arguments.
    command: &'static [&'static str],
    /// Succeeds where the program can do its work; elsewhere the step runs bare.
    possible: &'static [&'static str],
}

/// A PostgreSQL of their own for the tests of the records. Continuous integration insists on one: the
/// tests fail there without it.
const POSTGRES: Option<Around> = Some(Around {
    command: &["tools/postgres.sh", "run"],
    possible: &["tools/postgres.sh", "find"],
});

const CARGO: Step = Step {
    name: "",
    program: "cargo",
    arguments: &[],
    folder: "",
    environment: &[],
    needs: None,
    around: None,
};

const WEB: Step = Step {
    name: "",
    program: "npm",
    arguments: &[],
    folder: "web",
    environment: &[],
    needs: Some((
        &["npm", "--prefix", "web", "ls", "--depth=0"],
        "the packages of the page are missing: make test brings them",
    )),
    around: None,
};

/// Clients that others wrote, against the program that the tests have built.
const CLIENTS: Step = Step {
    name: "",
    program: "",
    arguments: &[],
    folder: "tests/clients",
    environment: &[],
    needs: None,
    around: None,
};

const STEPS: &[Step] = &[
    Step {
        name: "format",
        arguments: &["fmt", "--all", "--check"],
        ..CARGO
    },
    Step {
        name: "clippy",
        arguments: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
        ..CARGO
    },
    Step {
        name: "docs",
        arguments: &["doc", "--workspace", "--no-deps", "--locked"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
        ..CARGO
    },
    Step {
        name: "tests",
        arguments: &["test", "--workspace", "--locked", "--no-fail-fast"],
        around: POSTGRES,
        ..CARGO
    },
    Step {
        name: "clients: Python",
        program: "tests/clients/.venv/bin/python",
        arguments: &["-W", "ignore", "-m", "unittest"],
        needs: Some((
            &[
                "tests/clients/.venv/bin/python",
                "-c",
                "import openai, langchain_openai, importlib.util as u; assert all(map(u.find_spec, ['litellm', 'schemathesis']))",
            ],
            "the packages are missing: make test brings them where there is Python 3.11",
        )),
        ..CLIENTS
    },
    Step {
        name: "clients: Node.js",
        program: "node",
        arguments: &["--test"],
        needs: Some((
            &["npm", "--prefix", "tests/clients", "ls", "--depth=0"],
            "the packages are missing: make test brings them",
        )),
        ..CLIENTS
    },
    Step {
        name: "GPU kernels",
        arguments: &["xtask", "ptx", "--check"],
        needs: Some((
            &["test", "-e", "target/cuda-toolchain/complete"],
            "their compiler is missing: make test brings it where there is Python 3 and a network",
        )),
        ..CARGO
    },
    Step {
        name: "load",
        arguments: &["xtask", "load", "--seconds", "10", "--malformed", "2000"],
        ..CARGO
    },
    Step {
        name: "licences and sources of dependencies",
        arguments: &["deny", "--locked", "check", "licenses", "bans", "sources"],
        needs: Some((
            &["cargo", "deny", "--version"],
            "not installed: cargo install cargo-deny",
        )),
        ..CARGO
    },
    Step {
        name: "known faults of dependencies",
        arguments: &["deny", "--locked", "check", "advisories"],
        needs: Some((
            &["cargo", "deny", "fetch", "db"],
            "needs cargo-deny and a network to fetch the advisory database",
        )),
        ..CARGO
    },
    Step {
        name: "web: types and format",
        arguments: &["run", "check"],
        ..WEB
    },
    Step {
        name: "web: tests",
        arguments: &["test"],
        ..WEB
    },
    Step {
        name: "web: the desk in a browser",
        arguments: &["run", "e2e"],
        ..WEB
    },
];

/// How a step ended.
enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

/// Runs every step; fails when any of them did.
pub fn run() -> Result<(), String> {
    let mut failed = Vec::new();
    let mut skipped = Vec::new();
    let mut times = Vec::new();
    for step in STEPS {
        eprintln!("== {}", step.name);
        let began = Instant::now();
        let outcome = step.run();
        times.push((step.name, began.elapsed().as_secs()));
        match outcome {
            Outcome::Passed => {}
            Outcome::Failed(why) => failed.push(format!("failed: {} ({why})", step.name)),
            Outcome::Skipped(why) => skipped.push(format!("skipped: {} ({why})", step.name)),
        }
    }
    for (name, seconds) in times {
        eprintln!("{seconds:6} s  {name}");
    }
    for line in &skipped {
        eprintln!("{line}");
    }
    if failed.is_empty() {
        eprintln!("all that ran passed");
        return Ok(());
    }
    Err(failed.join("\n"))
}

impl Step {
    fn run(&self) -> Outcome {
        if let Some((probe, missing)) = self.needs
            && !succeeds(probe)
        {
            return Outcome::Skipped(missing.to_owned());
        }
        // A program of the repository is named from its root.
        let program = match self.program.contains('/') {
            true => crate::root().join(self.program),
            false => self.program.into(),
        };
        let around = self.around.filter(|around| succeeds(around.possible));
        let mut command = match around.map(|around| around.command) {
            Some([preparing, arguments @ ..]) => {
                let mut command = Command::new(crate::root().join(preparing));
                command.args(arguments).arg(program);
                command
            }
            _ => Command::new(program),
        };
        command
            .args(self.arguments)
            .current_dir(crate::root().join(self.folder))
            .envs(self.environment.iter().copied());
        match command.status() {
            Ok(status) if status.success() => Outcome::Passed,
            Ok(status) => Outcome::Failed(status.to_string()),
            Err(error) => Outcome::Failed(format!("{} did not start: {error}", self.program)),
        }
    }
}

fn succeeds(probe: &[&str]) -> bool {
    let [program, arguments @ ..] = probe else {
        return false;
    };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(crate::root());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
