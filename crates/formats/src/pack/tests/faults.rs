//! Disks and directories that do not help.

use std::fs;
use std::process::Command;

use super::*;

/// Set in a child process of these tests: the directory to use.
const CHILD: &str = "FORMATS_TEST_CACHE";

#[test]
fn a_nearly_full_disk_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let picky = PackCache {
        keep_free: 1 << 62,
        ..cache(dir.path())
    };
    let text = picky
        .create(&key(1), 2_600_000_000)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("it needs 2.6 GB") && text.contains("starting works"),
        "{text}"
    );
    assert!(text.contains(dir.path().to_str().unwrap()), "{text}");
    assert!(names(dir.path()).is_empty());

    let huge = cache(dir.path()).create(&key(1), u64::MAX).unwrap_err();
    assert!(matches!(huge, PackError::NoRoom { .. }));
}

#[test]
fn a_disk_that_fills_up_meanwhile_stops_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = cache(dir.path()).create(&key(1), 0).unwrap();
    writer.add("a", "bf16", [1, 1], &[1, 2]).unwrap();
    writer.set_keep_free(1 << 62);
    let error = writer.add("b", "bf16", [1, 1], &[3, 4]).unwrap_err();
    assert!(
        matches!(error, PackError::NoRoom { need: 2, .. }),
        "{error}"
    );
    assert!(
        names(dir.path()).is_empty(),
        "removed at once, not when the writer goes"
    );
    assert!(matches!(
        writer.add("c", "", [0, 0], &[]),
        Err(PackError::GivenUp)
    ));
    assert!(matches!(writer.finish(), Err(PackError::GivenUp)));
}

#[test]
fn a_name_used_twice_is_an_error_of_the_packer() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = cache(dir.path()).create(&key(1), 0).unwrap();
    writer.add("a", "bf16", [1, 1], &[1, 2]).unwrap();
    let error = writer.add("a", "bf16", [1, 1], &[1, 2]).unwrap_err();
    assert!(matches!(error, PackError::NameTwice { name } if name == "a"));
}

/// The system itself refuses the write here, in the middle of a section: a child process runs with
/// a limit of 64 KB on the files it makes. A full disk differs in the error number alone.
#[cfg(unix)]
#[test]
fn a_write_the_system_refuses_is_told_and_leaves_nothing() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let dir = Path::new(&dir);
        let mut writer = cache(dir).create(&key(1), 0).unwrap();
        writer.add("small", "bf16", [1, 1], &[1; 30 << 10]).unwrap();
        let error = writer
            .add("large", "bf16", [1, 1], &[2; 60 << 10])
            .unwrap_err();
        assert!(matches!(error, PackError::Full { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("no space left; starting works without it"),
            "{text}"
        );
        assert!(names(dir).is_empty());

        // And at the last step: what is left is too little for the table.
        let mut writer = cache(dir).create(&key(1), 0).unwrap();
        writer
            .add("most", "bf16", [1, 1], &[1; (60 << 10) - 64])
            .unwrap();
        let error = writer.finish().unwrap_err();
        assert!(matches!(error, PackError::Full { .. }), "{error:?}");
        assert!(names(dir).is_empty());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let this = "pack::tests::faults::a_write_the_system_refuses_is_told_and_leaves_nothing";
    // POSIX counts the limit in blocks of 512 bytes. The signal that comes with it is ignored, as a
    // full disk sends none.
    let output = Command::new("sh")
        .args(["-c", r#"trap '' XFSZ; ulimit -f 128; exec "$@""#, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([this, "--exact", "--nocapture"])
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{errors}"
    );
}

/// Permissions do not bind root, so root plays this in a child process of another user.
#[cfg(unix)]
#[test]
fn a_read_only_directory_is_told_and_what_is_in_it_is_used() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65534;
    let read_only = |dir: &Path| {
        let cache = cache(dir);
        let error = cache.create(&key(2), 0).unwrap_err();
        assert!(matches!(error, PackError::Denied { .. }), "{error:?}");
        assert!(error.to_string().contains("may not write there"), "{error}");
        assert_whole(&ready(&cache, &key(1)), 7);
    };
    if let Some(dir) = std::env::var_os(CHILD) {
        return read_only(Path::new(&dir));
    }
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let dir = tempfile::tempdir().unwrap();
    let packs = dir.path().join("packs");
    write(&cache(&packs), &key(1), 7);
    open(dir.path(), 0o755);
    open(&cache(&packs).path(&key(1)), 0o444);
    open(&packs, 0o555);
    if fs::metadata(&packs).unwrap().uid() == 0 {
        let program = dir.path().join("tests");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        open(&program, 0o755);
        let this = "pack::tests::faults::a_read_only_directory_is_told_and_what_is_in_it_is_used";
        let output = Command::new(&program)
            .args([this, "--exact"])
            .env(CHILD, &packs)
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
    } else {
        read_only(&packs);
    }
    open(&packs, 0o755);
}

#[test]
fn a_directory_that_cannot_be_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = cache(&file.path().join("caches"));
    let error = cache.create(&key(1), 0).unwrap_err();
    assert!(matches!(error, PackError::Write { .. }), "{error:?}");
    assert!(matches!(cache.open(&key(1)), Err(PackError::Read { .. })));
}

#[test]
fn a_directory_in_the_place_of_an_entry_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let cache = cache(dir.path());
    fs::create_dir(cache.path(&key(1))).unwrap();
    let error = cache.open(&key(1)).unwrap_err();
    assert!(error.to_string().contains("delete the file"), "{error}");
}
