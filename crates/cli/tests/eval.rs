//! `lookdesk eval` with the embedded model on a small dataset made of the samples.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Run, lookdesk, sample};
use serde_json::{Value, json};

/// A folder with pictures and a dataset over them.
struct Dataset {
    folder: tempfile::TempDir,
}

impl Dataset {
    fn of(lines: &[Value]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("pictures")).expect("a folder");
        for name in [
            "panel-error.png",
            "router-label.png",
            "overexposed-label.png",
        ] {
            fs::copy(sample(name), folder.path().join("pictures").join(name)).expect("it is there");
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(folder.path().join("labels.jsonl"), text).expect("the dataset is written");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs an evaluation from a folder of its own, where its report falls.
    fn evaluate(&self, from: &Path, more: &[&str]) -> Run {
        let output = lookdesk()
            .current_dir(from)
            .arg("eval")
            .arg(self.path("labels.jsonl"))
            .args(more)
            .output()
            .expect("it is there");
        output.into()
    }
}

fn line(file: &str, question: &str, expected: &str, kind: &str, scoring: &str) -> Value {
    json!({"images": [format!("pictures/{file}")], "question": question, "expected": expected,
           "kind": kind, "scoring": scoring})
}

/// Three lines the demo model answers right, and one no answer can satisfy.
fn four_lines() -> Vec<Value> {
    let mut lines = vec![
        line(
            "panel-error.png",
            "What is the error code?",
            "E74",
            "faults",
            "contains",
        ),
        line(
            "router-label.png",
            "What is the model number?",
            "B6973",
            "parameters",
            "contains",
        ),
        line(
            "overexposed-label.png",
            "型号是什么?",
            "",
            "unreadable",
            "refuse",
        ),
        line(
            "router-label.png",
            "What is the model number?",
            "Z0000",
            "parameters",
            "exact",
        ),
    ];
    lines[1]["field"] = json!("model");
    lines[3]["field"] = json!("model");
    lines
}

#[test]
fn a_report_holds_the_counts_and_every_answer() {
    let dataset = Dataset::of(&four_lines());
    let here = tempfile::tempdir().unwrap();

    let run = dataset.evaluate(here.path(), &[]);

    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for word in [
        "faults",
        "parameters",
        "unreadable",
        "75.0 %",
        "95 % interval",
        "model",
    ] {
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
    assert!(run.stderr.contains("labels.report.json"), "{}", run.stderr);
    let text = fs::read_to_string(here.path().join("labels.report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["summary"]["all"]["lines"], 4);
    assert_eq!(report["summary"]["all"]["score"], 3.0);
    assert_eq!(report["summary"]["kinds"]["parameters"]["share"], 0.5);
    assert_eq!(report["summary"]["fields"]["model"]["lines"], 2);
    assert_eq!(report["summary"]["honest_refusals"]["share"], 1.0);
    assert_eq!(report["summary"]["false_refusals"]["lines"], 3);
    assert!(
        report["lines"][0]["answer"]
            .as_str()
            .unwrap()
            .contains("E74"),
        "{report}"
    );
    assert_eq!(report["lines"][3]["line"], 4);
    assert_eq!(report["lines"][3]["score"], 0.0);
    assert_eq!(report["settings"]["sampling"]["temperature"], 0.0);
    assert_eq!(
        fs::read_dir(dataset.folder.path()).unwrap().count(),
        2,
        "nothing beside the dataset"
    );
}

#[test]
fn a_limit_asks_only_the_first_lines_and_json_prints_the_counts() {
    let dataset = Dataset::of(&four_lines());
    let report = dataset.path("elsewhere.json");
    let more = [
        "--limit",
        "1",
        "--json",
        "--report",
        report.to_str().unwrap(),
    ];

    let printed = dataset.evaluate(dataset.folder.path(), &more).json();

    assert_eq!(printed["summary"]["all"]["lines"], 1);
    assert_eq!(printed.get("lines"), None);
    let kept: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(kept["lines"].as_array().unwrap().len(), 1);
}

#[test]
fn bad_lines_are_named_before_anything_is_asked() {
    let mut lines = four_lines();
    lines[1]["scoring"] = json!("vibes");
    lines[3]["images"] = json!(["pictures/gone.png"]);
    let dataset = Dataset::of(&lines);
    let run = dataset.evaluate(dataset.folder.path(), &[]);
    let text = run.failure(1);
    assert!(text.contains("line 2: unknown variant `vibes`"), "{text}");
    assert!(
        text.contains("line 4: there is no picture pictures/gone.png"),
        "{text}"
    );
    assert!(!dataset.path("labels.report.json").exists());
}

#[test]
fn a_line_that_cannot_be_asked_is_reported_and_counts_as_wrong() {
    let dataset = Dataset::of(&four_lines());
    fs::write(dataset.path("pictures/panel-error.png"), b"no picture").unwrap();

    let run = dataset.evaluate(dataset.folder.path(), &[]);

    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.contains("1 question got no answer"),
        "{}",
        run.stderr
    );
    let text = fs::read_to_string(dataset.path("labels.report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["summary"]["errors"], 1);
    assert!(
        report["lines"][0]["error"]
            .as_str()
            .unwrap()
            .contains("picture 1"),
        "{report}"
    );
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_model_is_loaded() {
    let dataset = Dataset::of(&four_lines());

    let run = dataset.evaluate(dataset.folder.path(), &["--report", "missing/report.json"]);

    let told = run.failure(1);
    assert!(
        told.starts_with("cannot write the report missing/report.json"),
        "{told}"
    );
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_the_answers_there_are() {
    use std::process::{Command, Stdio};

    let lines: Vec<Value> = four_lines().into_iter().cycle().take(4_000).collect();
    let dataset = Dataset::of(&lines);
    let child = lookdesk()
        .current_dir(dataset.folder.path())
        .args(["eval", "labels.jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    common::until_it_minds_interrupts(&child);
    // The model is loaded and a few questions asked; of thousands there are many left.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let run = Run::from(child.wait_with_output().unwrap());

    assert_eq!(run.code, Some(130), "{}", run.stderr);
    let text = fs::read_to_string(dataset.path("labels.report.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    let kept = report["lines"].as_array().unwrap().len();
    assert!(kept < 4_000, "{kept}");
    assert_eq!(report["planned"], 4_000);
    assert!(
        run.stderr
            .contains(&format!("stopped after {kept} of 4000")),
        "{}",
        run.stderr
    );
}
