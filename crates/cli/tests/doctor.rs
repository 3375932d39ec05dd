//! `lookdesk doctor`: the embedded model, a whole directory, damaged ones.

mod common;

use std::fs;

use common::{Run, lookdesk, names, repository, run};

#[test]
fn a_healthy_machine_ends_with_0_and_a_table() {
    let run = run(["doctor"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for word in [
        "processor",
        "threads",
        "memory",
        "tier portable",
        "lookdesk-demo",
        "tensors",
    ] {
        assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
    }
}

#[test]
fn the_json_object_names_machine_tiers_and_model() {
    let model = repository().join("golden/checkpoints/tiny-b");
    let found = run(["doctor", "--json", "--model", model.to_str().unwrap()]).json();
    let all = ["gpus", "machine", "model", "records", "tiers", "version"];
    assert_eq!(names(&found), all);
    assert!(found["machine"]["memory_total_bytes"].as_u64().unwrap() > 0);
    let tiers = found["tiers"].as_array().unwrap();
    let chosen: Vec<_> = tiers.iter().filter(|tier| tier["chosen"] == true).collect();
    assert_eq!(chosen.len(), 1, "{tiers:?}");
    assert!(
        tiers
            .iter()
            .all(|tier| !tier["reason"].as_str().unwrap().is_empty()),
        "{tiers:?}"
    );
    let checks = found["model"]["checks"].as_array().unwrap();
    assert!(
        checks.iter().all(|check| check["good"] == true),
        "{checks:?}"
    );
    assert!(found["model"]["needs_bytes"].as_u64().unwrap() > 3_000_000);
}

#[test]
fn a_lowered_tier_is_told_with_the_reason() {
    let output = lookdesk()
        .env("LOOKDESK_TIER", "portable")
        .arg("doctor")
        .output()
        .unwrap();
    let run = Run::from(output);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("+ tier portable"), "{}", run.stdout);
}

#[test]
fn an_incomplete_model_ends_with_1_and_is_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(repository().join("golden/checkpoints/tiny-b")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, directory.path().join(path.file_name().unwrap())).unwrap();
    }
    fs::remove_file(directory.path().join("preprocessor_config.json")).unwrap();
    fs::remove_file(directory.path().join("tokenizer.json")).unwrap();
    let before = fs::read_dir(directory.path()).unwrap().count();

    let run = run(["doctor", "--model", directory.path().to_str().unwrap()]);

    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("! tokenizer.json"), "{}", run.stdout);
    assert!(
        run.stderr.contains("cannot be used as it is"),
        "{}",
        run.stderr
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), before);
}
