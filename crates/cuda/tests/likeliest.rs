//! Finding the likeliest of a whole vocabulary, beyond what the op suite has: the released size, and broken logits.

use std::sync::Arc;

use cuda::{Cuda, CudaOptions, Precision};
use cuda_emulator::Emulator;
use ops::Backend;
use ops::likeliest::{Likeliest, columns, summarize};

fn found(rows: usize, logits: &[f32]) -> Vec<f32> {
    let options = CudaOptions {
        precision: Precision::F32,
        memory: 64 << 20,
    };
    let cuda = Cuda::new(Arc::new(Emulator::new(64 << 20)), options);
    let vocabulary = logits.len() / rows;
    assert!(cuda.prefers_likeliest(vocabulary));
    let mut on_device = cuda.tensor(rows, vocabulary).expect("room");
    cuda.upload(&mut on_device, logits);
    let mut out = cuda.tensor(rows, columns(vocabulary)).expect("room");
    cuda.likeliest(&on_device, &mut out);
    cuda.download(&out, 0..rows)
}

#[test]
fn the_likeliest_of_the_released_vocabulary_are_found_in_order() {
    let logits: Vec<f32> = (0..151_936_u32)
        .map(|id| f32::from((id.wrapping_mul(2_654_435_761) >> 18) as u16) / 1024.0 - 8.0)
        .collect();
    let found = found(1, &logits);
    let mut expected = Vec::new();
    summarize(&logits, &mut expected);
    let (found, expected) = (Likeliest::of(&found), Likeliest::of(&expected));
    let (found, expected) = (found.expect("a row"), expected.expect("a row"));
    assert!(found.all().eq(expected.all()));
    let sums = [found, expected].map(|row| row.log_sum().expect("finite"));
    assert!((sums[0] - sums[1]).abs() < 2e-5, "{sums:?}");
}

#[test]
fn logits_that_are_no_numbers_show_in_their_row_only() {
    for broken in [
        f32::NAN,
        -f32::NAN,
        f32::from_bits(u32::MAX),
        f32::INFINITY,
        f32::NEG_INFINITY,
    ] {
        for count in [1, 4200] {
            let mut logits = vec![1.0; 3 * 5000];
            logits[5000 + 700..][..count].fill(broken);
            let found = found(3, &logits);
            let sums: Vec<bool> = found
                .chunks_exact(columns(5000))
                .map(|row| Likeliest::of(row).expect("a row").log_sum().is_some())
                .collect();
            assert_eq!(sums, [true, false, true], "{count} of {broken}");
        }
    }
}
