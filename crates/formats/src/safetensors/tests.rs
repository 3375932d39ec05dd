//! Headers as a hostile or broken download would write them.

use proptest::prelude::*;

use super::*;
use crate::TensorFault;

/// A file from its header text and data.
fn file_of(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn open(header: &str, data: &[u8]) -> Result<Safetensors, Error> {
    Safetensors::from_bytes("test.safetensors", file_of(header, data))
}

fn fault(header: &str, data: &[u8]) -> TensorFault {
    match open(header, data) {
        Err(Error::Tensor { fault, .. }) => fault,
        other => panic!("expected a tensor fault, got {other:?}"),
    }
}

#[test]
fn tensors_come_back_with_shape_dtype_and_bytes() {
    let file = open(
        r#"{"__metadata__":{"format":"pt"},
            "b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},
            "a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}  "#,
        &[0, 0, 128, 63, 0, 0, 0, 64, 7, 8, 9],
    )
    .unwrap();
    assert_eq!(file.names().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(file.metadata()["format"], "pt");
    assert_eq!(file.tensor("a").unwrap().to_f32(), [1.0, 2.0]);
    assert_eq!(file.tensor("b").unwrap().bytes(), [7, 8, 9]);
    assert_eq!(file.tensor_bytes(), 11);
    assert!(file.tensor("__metadata__").is_none());
}

#[test]
fn a_tensor_outlives_the_file_it_came_from() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.safetensors");
    let header = r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#;
    std::fs::write(&path, file_of(header, &[5, 6])).unwrap();
    let tensor = Safetensors::open(&path).unwrap().tensor("a").unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(tensor.bytes(), [5, 6]);
}

#[test]
fn empty_tensors_and_empty_files_of_tensors_are_legal() {
    assert_eq!(open("{}", &[]).unwrap().names().count(), 0);
    let file = open(
        r#"{"none":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},
            "one":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#,
        &[1],
    )
    .unwrap();
    assert_eq!(file.tensor("none").unwrap().elements(), 0);
    assert_eq!(file.tensor("one").unwrap().elements(), 1);
}

#[test]
fn a_header_longer_than_the_file_is_refused_without_reading_it() {
    let mut bytes = 1000u64.to_le_bytes().to_vec();
    bytes.extend(b"{}");
    let error = Safetensors::from_bytes("x", bytes).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Truncated {
                have: 10,
                want: 1008,
                ..
            }
        ),
        "{error}"
    );

    let error = Safetensors::from_bytes("x", u64::MAX.to_le_bytes().to_vec()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::HeaderTooLong {
                length: u64::MAX,
                ..
            }
        ),
        "{error}"
    );

    for len in 0..8 {
        let error = Safetensors::from_bytes("x", vec![0; len]).unwrap_err();
        assert!(matches!(error, Error::Truncated { want: 8, .. }), "{error}");
    }
}

#[test]
fn an_empty_file_on_disk_is_called_truncated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.safetensors");
    std::fs::write(&path, []).unwrap();
    assert!(matches!(
        Safetensors::open(&path),
        Err(Error::Truncated { have: 0, .. })
    ));
}

#[test]
fn a_directory_or_a_missing_file_is_said_to_be_one() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(
        Safetensors::open(dir.path()),
        Err(Error::NotAFile { .. })
    ));
    let missing = dir.path().join("missing.safetensors");
    assert!(matches!(
        Safetensors::open(&missing),
        Err(Error::Read { .. })
    ));
}

#[test]
fn a_git_lfs_pointer_is_recognised() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 8900000000\n";
    let error = Safetensors::from_bytes("model.safetensors", pointer.to_vec()).unwrap_err();
    assert!(error.to_string().contains("git lfs pull"), "{error}");
}

#[test]
fn a_repeated_name_is_refused() {
    let one = r#""a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}"#;
    let twice = format!("{{{one},{one}}}");
    assert!(matches!(
        open(&twice, &[1]),
        Err(Error::HeaderNotJson { .. })
    ));
    let metadata = r#"{"__metadata__":{},"__metadata__":{}}"#;
    assert!(matches!(
        open(metadata, &[]),
        Err(Error::HeaderNotJson { .. })
    ));
    let inner = r#"{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}"#;
    assert!(matches!(
        open(inner, &[1]),
        Err(Error::HeaderNotJson { .. })
    ));
}

#[test]
fn an_unknown_dtype_is_refused_by_name() {
    let error = open(
        r#"{"w":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#,
        &[1],
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("F8_E4M3") && text.contains(" w ") && text.contains("bf16"),
        "{text}"
    );
}

#[test]
fn offsets_must_match_the_shape() {
    let header = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#;
    assert_eq!(
        fault(header, &[0; 4]),
        TensorFault::Length { have: 4, want: 8 }
    );
    let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#;
    assert_eq!(fault(header, &[0; 4]), TensorFault::Backwards);
    let header = r#"{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}"#;
    assert_eq!(fault(header, &[0]), TensorFault::TooManyAxes(9));
}

#[test]
fn sizes_that_overflow_are_refused() {
    for shape in [
        "[18446744073709551615,2]",
        "[4294967296,4294967296]",
        "[4611686018427387904]",
    ] {
        let header = format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[0,0]}}}}"#);
        assert_eq!(fault(&header, &[]), TensorFault::SizeOverflow, "{shape}");
    }
}

#[test]
fn tensors_may_neither_overlap_nor_leave_holes() {
    let pair = |first: &str, second: &str| {
        format!(
            r#"{{"a":{{"dtype":"U8","shape":[2],"data_offsets":{first}}},
                 "b":{{"dtype":"U8","shape":[2],"data_offsets":{second}}}}}"#
        )
    };
    assert!(open(&pair("[2,4]", "[0,2]"), &[0; 4]).is_ok());
    assert!(matches!(
        fault(&pair("[0,2]", "[1,3]"), &[0; 3]),
        TensorFault::Overlap { .. }
    ));
    assert!(matches!(
        fault(&pair("[0,2]", "[0,2]"), &[0; 2]),
        TensorFault::Overlap { .. }
    ));
    assert!(matches!(
        fault(&pair("[0,2]", "[3,5]"), &[0; 5]),
        TensorFault::Hole { .. }
    ));
}

#[test]
fn the_file_must_end_with_the_last_tensor() {
    let header = r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;
    let error = open(header, &[0; 3]).unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
    let error = open(header, &[0; 6]).unwrap_err();
    assert!(
        matches!(error, Error::TrailingBytes { extra: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_hostile_name_cannot_forge_a_line_of_the_log() {
    let name = format!("a\\n2026 INFO all is well {}", "x".repeat(5000));
    let header = format!(r#"{{"{name}":{{"dtype":"U8","shape":[2],"data_offsets":[0,1]}}}}"#);
    let text = open(&header, &[0]).unwrap_err().to_string();
    assert!(!text.contains('\n') && text.len() < 400, "{text}");
}

#[test]
fn deep_nesting_ends_in_an_error() {
    let header = format!(r#"{{"a":{}"#, "[".repeat(1 << 20));
    assert!(matches!(
        open(&header, &[]),
        Err(Error::HeaderNotJson { .. })
    ));
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..40,
        Just(u64::MAX),
        Just(1 << 63),
        Just(1 << 32),
        any::<u64>()
    ]
}

proptest! {
    /// Whatever the numbers say: either refused, or every tensor can be read in full.
    #[test]
    fn an_accepted_header_never_points_outside(
        tensors in prop::collection::vec(
            (
                prop::sample::select(vec!["U8", "BF16", "F32", "I64", "Q4"]),
                prop::collection::vec(number(), 0..4),
                number(),
                number(),
            ),
            0..5,
        ),
        data in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let entries: Vec<String> = tensors
            .iter()
            .enumerate()
            .map(|(i, (dtype, shape, begin, end))| {
                format!(r#""t{i}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{begin},{end}]}}"#)
            })
            .collect();
        if let Ok(file) = open(&format!("{{{}}}", entries.join(",")), &data) {
            let mut total = 0;
            for name in file.names() {
                let tensor = file.tensor(name).unwrap();
                total += tensor.bytes().len();
                prop_assert_eq!(
                    tensor.bytes().len(),
                    tensor.elements() * tensor.dtype().bytes_per_element()
                );
            }
            prop_assert_eq!(total, data.len());
        }
    }

    /// A well-formed file is accepted, and one changed byte of its header never reads outside.
    #[test]
    fn one_changed_byte_is_survived(
        lengths in prop::collection::vec(0usize..6, 1..5),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut at = 0;
        let mut entries = Vec::new();
        for (i, len) in lengths.iter().enumerate() {
            entries.push(format!(
                r#""t{i}":{{"dtype":"BF16","shape":[{len}],"data_offsets":[{at},{}]}}"#,
                at + 2 * len
            ));
            at += 2 * len;
        }
        let mut bytes = file_of(&format!("{{{}}}", entries.join(",")), &vec![0; at]);
        let file = Safetensors::from_bytes("good", bytes.clone()).unwrap();
        prop_assert_eq!(file.names().count(), lengths.len());

        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(file) = Safetensors::from_bytes("changed", bytes) {
            for name in file.names() {
                std::hint::black_box(file.tensor(name).unwrap().bytes().iter().map(|&b| u32::from(b)).sum::<u32>());
            }
        }
    }

    /// Bytes that are nothing in particular.
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Safetensors::from_bytes("any", bytes);
    }
}
