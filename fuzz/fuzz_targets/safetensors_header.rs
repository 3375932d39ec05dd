//! Any bytes as a safetensors file: refused, or every tensor can be read in full.
#![no_main]

use formats::Safetensors;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The first byte chooses: the rest as a whole file, or as a header before that many bytes, so
    // that the fuzzer need not learn to keep the length prefix right.
    let Some((&data_len, rest)) = input.split_first() else { return };
    let file = if data_len == 255 {
        rest.to_vec()
    } else {
        let prefix = (rest.len() as u64).to_le_bytes();
        [prefix.as_slice(), rest, &vec![0; data_len.into()]].concat()
    };
    let len = file.len();
    let Ok(safetensors) = Safetensors::from_bytes("fuzz", file) else { return };
    let mut total = 0;
    for name in safetensors.names() {
        let tensor = safetensors.tensor(name).expect("a listed tensor is there");
        total += tensor.bytes().len();
        assert_eq!(tensor.bytes().len(), tensor.elements() * tensor.dtype().bytes_per_element());
        assert_eq!(tensor.shape().iter().product::<usize>(), tensor.elements());
        if tensor.dtype().is_float() {
            assert_eq!(tensor.to_f32().len(), tensor.elements());
        }
    }
    assert!(total <= len, "tensors do not share bytes");
});
