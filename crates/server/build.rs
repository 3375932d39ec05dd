//! Has cargo watch the built page, so that building it rebuilds this crate.

fn main() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/dist");
    // Cargo rebuilds forever while a watched path is missing. The folder is
    // ignored by git, and a tree that cannot be written has its page already.
    let _ = std::fs::create_dir_all(page);
    println!("cargo::rerun-if-changed={page}");
    println!("cargo::rerun-if-changed=build.rs");
}
