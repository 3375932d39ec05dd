//! Every instruction set of this machine, forced in turn: the program as it runs on a lesser processor.

mod common;

use common::{Run, lookdesk, run, sample, samples};
use serde_json::Value;

/// The instruction sets, best first, as `lookdesk doctor` names them.
fn tiers() -> Vec<Value> {
    let found = run(["doctor", "--json"]).json();
    found["tiers"].as_array().expect("a list").clone()
}

fn asked(tier: &str, precision: &str, entry: &Value) -> Run {
    let files = entry["files"].as_array();
    let files = files.map_or_else(|| vec![&entry["file"]], |files| files.iter().collect());
    let mut command = lookdesk();
    command.env("LOOKDESK_TIER", tier).args([
        "ask",
        "--temperature",
        "0",
        "--precision",
        precision,
    ]);
    for file in files {
        command
            .arg("--image")
            .arg(sample(file.as_str().expect("a file")));
    }
    let question = entry["question_en"].as_str().expect("a question");
    let output = command.arg(question).output();
    output.expect("the program starts").into()
}

#[test]
fn every_tier_that_this_machine_has_answers_right_in_every_precision() {
    let samples = samples();
    let tiers = tiers();
    let available = tiers.iter().filter(|tier| tier["available"] == true);
    let names: Vec<&str> = available.filter_map(|tier| tier["name"].as_str()).collect();
    assert!(names.contains(&"portable"), "{names:?}");
    for tier in names {
        for (entry, precision) in samples.iter().zip(["f32", "bf16", "q8", "q4"]) {
            let answer = entry["answer"].as_str().expect("an answer");
            let run = asked(tier, precision, entry);
            assert_eq!(run.code, Some(0), "{tier} {precision}: {}", run.stderr);
            assert!(run.stdout.contains(answer), "{tier} {precision}: {run:?}");
        }
    }
}

#[test]
fn a_tier_that_this_machine_lacks_is_refused_with_the_best_it_has() {
    let tiers = tiers();
    let name = |tier: &Value| tier["name"].as_str().expect("a name").to_owned();
    let best = tiers.iter().find(|tier| tier["available"] == true);
    let best = name(best.expect("some tier"));
    for tier in tiers.iter().filter(|tier| tier["available"] == false) {
        let run = asked(&name(tier), "f32", &samples()[0]);
        let said = run.failure(1);
        assert!(said.contains(&name(tier)) && said.contains(&best), "{said}");
    }
    let unknown = asked("mmx", "f32", &samples()[0]);
    assert!(unknown.failure(1).contains("mmx"), "{}", unknown.stderr);
}
