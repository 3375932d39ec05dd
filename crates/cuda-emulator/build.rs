//! Compiles every kernel for this processor.

use std::fmt::Write as _;
use std::path::Path;

fn main() {
    let own = std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is");
    let kernels = Path::new(&own).join("../cuda/kernels");
    let out = std::env::var("OUT_DIR").expect("cargo says where to write");
    let mut all: Vec<_> = std::fs::read_dir(&kernels)
        .expect("the kernels are there")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cu"))
        .collect();
    all.sort();
    let mut list = String::new();
    for (number, path) in all.iter().enumerate() {
        // What a kernel file names for itself stays its own.
        let path = path.display();
        writeln!(list, "namespace file{number} {{\n#include \"{path}\"\n}}")
            .expect("a string takes it");
    }
    std::fs::write(Path::new(&out).join("kernels.inc"), list).expect("cargo's own folder takes it");
    println!("cargo:rerun-if-changed={}", kernels.display());
    println!("cargo:rerun-if-changed=emulated");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .file("emulated/emulator.cpp")
        .include("emulated")
        .include(&kernels)
        .include(&out)
        // A jump between fibers looks like a fault to the checks of fortified libraries.
        .flag("-U_FORTIFY_SOURCE")
        .flag_if_supported("-Wno-unknown-pragmas")
        .opt_level(2)
        .compile("emulated_kernels");
}
