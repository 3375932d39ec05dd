//! Several starts at once.

use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use super::*;

/// Set in a child process of these tests: the directory to use.
const CHILD: &str = "FORMATS_TEST_CACHE";

#[test]
fn writers_of_the_same_key_all_succeed_and_nobody_reads_half_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    let start = Barrier::new(5);
    thread::scope(|scope| {
        for seed in 1..=4 {
            let (cache, start) = (&cache, &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..20 {
                    assert_whole(&write(cache, &key(1), seed), seed);
                }
            });
        }
        start.wait();
        for _ in 0..200 {
            match cache.open(&key(1)).unwrap() {
                Opened::Absent => {}
                Opened::Ready(packed) => {
                    let seed = packed.get("lm_head").unwrap().bytes[0];
                    assert_whole(&packed, seed);
                }
                dropped => panic!("{dropped:?}"),
            }
        }
    });
    assert_eq!(names(dir.path()), [key(1).file_name()]);
}

#[test]
fn two_processes_that_pack_the_same_weights_both_succeed() {
    if let Some(dir) = std::env::var_os(CHILD) {
        for _ in 0..20 {
            write(&cache(Path::new(&dir)), &key(1), std::process::id() as u8);
        }
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let this = "pack::tests::races::two_processes_that_pack_the_same_weights_both_succeed";
    let children: Vec<_> = (0..2)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args([this, "--exact"])
                .env(CHILD, dir.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
    }
    let packed = ready(&cache(dir.path()), &key(1));
    assert_whole(&packed, packed.get("lm_head").unwrap().bytes[0]);
    assert_eq!(names(dir.path()), [key(1).file_name()]);
}

#[cfg(unix)]
#[test]
fn what_a_killed_process_left_goes_at_the_next_packing() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let mut writer = cache(Path::new(&dir)).create(&key(1), 0).unwrap();
        writer.add("a", "bf16", [1, 1], &[1, 2]).unwrap();
        std::process::abort();
    }
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    let this = "pack::tests::races::what_a_killed_process_left_goes_at_the_next_packing";
    let child = Command::new(std::env::current_exe().unwrap())
        .args([this, "--exact"])
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    assert!(!child.status.success());
    assert_eq!(
        names(dir.path()).len(),
        1,
        "the test has something to remove"
    );
    let other = cache.create(&key(2), 0).unwrap();
    write(&cache, &key(1), 1);
    assert_eq!(
        names(dir.path()).len(),
        2,
        "the entry, and what is being written"
    );
    drop(other);
    assert_eq!(names(dir.path()), [key(1).file_name()]);
}
