//! The kernels as they are shipped: PTX texts, made of `kernels/` by `cargo xtask ptx`.

/// A text per file of kernels.
pub const ALL: &[&str] = &[
    include_str!("../ptx/attention_decode.ptx"),
    include_str!("../ptx/attention_prefill.ptx"),
    include_str!("../ptx/attention_spans.ptx"),
    include_str!("../ptx/ceiling.ptx"),
    include_str!("../ptx/elementwise.ptx"),
    include_str!("../ptx/embed.ptx"),
    include_str!("../ptx/gemm.ptx"),
    include_str!("../ptx/gemv.ptx"),
    include_str!("../ptx/half.ptx"),
    include_str!("../ptx/kv.ptx"),
    include_str!("../ptx/likeliest.ptx"),
    include_str!("../ptx/norm.ptx"),
    include_str!("../ptx/plain.ptx"),
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_file_of_kernels_is_shipped() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/ptx");
        let files = std::fs::read_dir(folder).expect("the folder is there");
        let names = files.map(|file| file.expect("a file").path());
        let count = names
            .filter(|path| path.extension().is_some_and(|end| end == "ptx"))
            .count();
        assert_eq!(super::ALL.len(), count);
    }
}
