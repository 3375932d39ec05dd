//! The GPU kernels: from CUDA C++ in `crates/cuda/kernels` to the PTX in `crates/cuda/ptx` that is shipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

/// What to do with the PTX.
#[derive(Args)]
pub struct PtxOptions {
    /// Write nothing: compile, compare with what is there, and fail where a kernel spills registers on any family
    /// of cards.
    #[arg(long)]
    check: bool,
    /// Print registers, shared memory and spills of every kernel on every family of cards.
    #[arg(long)]
    report: bool,
}

/// Where the digest of the sources stands that the PTX was made of.
const DIGEST: &str = "sources.blake3";

fn kernels() -> PathBuf {
    crate::root().join("crates/cuda/kernels")
}

fn shipped() -> PathBuf {
    crate::root().join("crates/cuda/ptx")
}

/// Compiles the kernels; brings the compiler first where it is missing.
pub fn run(options: &PtxOptions) -> Result<(), String> {
    run_tool(&["install"])?;
    let out = match options.check {
        true => crate::root().join("target/ptx"),
        false => shipped(),
    };
    fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    for old in files(&out, "ptx")? {
        fs::remove_file(&old).map_err(|error| format!("{}: {error}", old.display()))?;
    }
    let compiler = "tools/cuda-kernels.py";
    let [sources, target] = [&kernels(), &out].map(|path| path.to_string_lossy().into_owned());
    run_tool(&["run", compiler, &sources, &target])?;
    if options.check {
        compare(&out, &shipped())?;
    } else {
        let digest = out.join(DIGEST);
        fs::write(&digest, format!("{}\n", sources_digest()?))
            .map_err(|error| format!("{}: {error}", digest.display()))?;
    }
    if options.check || options.report {
        run_tool(&["run", compiler, "--report", &target])?;
    }
    Ok(())
}

fn run_tool(arguments: &[&str]) -> Result<(), String> {
    let tool = crate::root().join("tools/cuda-toolchain.sh");
    let status = Command::new(&tool)
        .args(arguments)
        .current_dir(crate::root())
        .status()
        .map_err(|error| format!("{}: {error}", tool.display()))?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("tools/cuda-toolchain.sh {}: {status}", arguments.join(" ")))
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn compare(made: &Path, shipped: &Path) -> Result<(), String> {
    let names = |folder: &Path| -> Result<Vec<_>, String> {
        let files = files(folder, "ptx")?;
        Ok(files
            .iter()
            .filter_map(|path| path.file_name().map(ToOwned::to_owned))
            .collect())
    };
    let stale = "the PTX is not what the kernels give; run cargo xtask ptx";
    if names(made)? != names(shipped)? {
        return Err(stale.to_owned());
    }
    for name in names(made)? {
        let read = |folder: &Path| fs::read(folder.join(&name)).map_err(|error| error.to_string());
        if read(made)? != read(shipped)? {
            return Err(format!("{}: {stale}", name.to_string_lossy()));
        }
    }
    Ok(())
}

/// A digest of all that the PTX is made of.
fn sources_digest() -> Result<blake3::Hash, String> {
    let mut hasher = blake3::Hasher::new();
    for extension in ["cu", "cuh"] {
        for path in files(&kernels(), extension)? {
            let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            hasher
                .update(format!("{name} {}\n", text.len()).as_bytes())
                .update(&text);
        }
    }
    Ok(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_ptx_was_made_of_these_kernels() {
        let made_of = fs::read_to_string(shipped().join(DIGEST)).expect("a digest");
        let now = sources_digest()
            .expect("the kernels can be read")
            .to_string();
        assert_eq!(
            made_of.trim(),
            now,
            "a kernel has changed: run cargo xtask ptx"
        );
    }
}
