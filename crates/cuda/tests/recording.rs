//! Steps that come again are replayed, and nothing else ever is.

use std::sync::Arc;

use cuda::{Cuda, CudaOptions, CudaTensor, Precision, Recordings};
use cuda_emulator::{Emulator, Fault};
use ops::Backend;

fn device() -> (Arc<Emulator>, Cuda) {
    let emulator = Arc::new(Emulator::new(64 << 20));
    let options = CudaOptions {
        precision: Precision::F32,
        memory: 64 << 20,
    };
    (Arc::clone(&emulator), Cuda::new(emulator, options))
}

fn tensor(cuda: &Cuda, values: &[f32]) -> CudaTensor {
    let mut tensor = cuda.tensor(1, values.len()).expect("room");
    cuda.upload(&mut tensor, values);
    tensor
}

/// Ten additions.
fn ten(cuda: &Cuda, sum: &mut CudaTensor, delta: &CudaTensor) {
    cuda.recorded(|| (0..10).for_each(|_| cuda.add(sum, delta)));
}

fn value(cuda: &Cuda, tensor: &CudaTensor) -> f32 {
    cuda.download(tensor, 0..1)[0]
}

fn counts(cuda: &Cuda) -> (u64, u64) {
    let Recordings {
        recorded, replayed, ..
    } = cuda.recordings();
    (recorded, replayed)
}

#[test]
fn the_second_time_is_recorded_and_replayed_with_what_the_memory_holds_then() {
    let (emulator, cuda) = device();
    let (mut sum, mut delta) = (tensor(&cuda, &[0.0; 8]), tensor(&cuda, &[1.0; 8]));
    for (round, want) in [10.0, 20.0, 30.0, 40.0].into_iter().enumerate() {
        ten(&cuda, &mut sum, &delta);
        assert_eq!(value(&cuda, &sum), want);
        assert_eq!(counts(&cuda), (u64::from(round > 0), round as u64));
    }
    cuda.upload(&mut delta, &[2.0; 8]);
    ten(&cuda, &mut sum, &delta);
    assert_eq!(value(&cuda, &sum), 60.0);
    assert_eq!(counts(&cuda), (1, 4));
    assert_eq!(emulator.launches(), 50);
}

#[test]
fn other_memory_or_another_shape_is_not_replayed() {
    let (_, cuda) = device();
    let (mut sum, delta) = (tensor(&cuda, &[0.0; 8]), tensor(&cuda, &[1.0; 8]));
    let mut other = tensor(&cuda, &[5.0; 8]);
    for _ in 0..3 {
        ten(&cuda, &mut sum, &delta);
    }
    assert_eq!(counts(&cuda), (1, 2));
    ten(&cuda, &mut other, &delta);
    assert_eq!((value(&cuda, &other), value(&cuda, &sum)), (15.0, 30.0));
    let mut delta = delta;
    for tensor in [&mut sum, &mut delta] {
        cuda.shape(tensor, 1, 4);
    }
    ten(&cuda, &mut sum, &delta);
    cuda.shape(&mut sum, 1, 8);
    assert_eq!(
        cuda.download(&sum, 0..1),
        [40.0, 40.0, 40.0, 40.0, 30.0, 30.0, 30.0, 30.0]
    );
    assert_eq!(counts(&cuda), (1, 2));
}

#[test]
fn memory_that_comes_back_at_the_same_place_may_be_replayed_on() {
    let (_, cuda) = device();
    let mut sum = tensor(&cuda, &[0.0; 8]);
    for round in 1..=4 {
        // Each finds the memory of the one before.
        let delta = tensor(&cuda, &[round as f32; 8]);
        ten(&cuda, &mut sum, &delta);
    }
    assert_eq!(value(&cuda, &sum), 100.0);
    assert_eq!(counts(&cuda), (1, 3));
}

#[test]
fn looking_at_values_half_way_only_parts_the_recording() {
    let (_, cuda) = device();
    let (mut sum, delta) = (tensor(&cuda, &[0.0; 8]), tensor(&cuda, &[1.0; 8]));
    for round in 0..3 {
        cuda.recorded(|| {
            (0..10).for_each(|_| cuda.add(&mut sum, &delta));
            assert_eq!(value(&cuda, &sum), (round * 20 + 10) as f32);
            (0..10).for_each(|_| cuda.add(&mut sum, &delta));
        });
        assert_eq!(value(&cuda, &sum), (round * 20 + 20) as f32);
    }
    // Both halves are the same ten launches.
    assert_eq!(counts(&cuda), (1, 5));
}

#[test]
fn a_step_that_broke_off_leaves_nothing_behind() {
    let (_, cuda) = device();
    let (mut sum, delta) = (tensor(&cuda, &[0.0; 8]), tensor(&cuda, &[1.0; 8]));
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        cuda.recorded(|| {
            cuda.add(&mut sum, &delta);
            panic!("a fault on purpose");
        });
    }));
    assert!(broken.is_err());
    assert_eq!(value(&cuda, &sum), 0.0);
    cuda.add(&mut sum, &delta);
    assert_eq!(value(&cuda, &sum), 1.0);
}

#[test]
fn a_device_that_records_nothing_does_everything_all_the_same() {
    let (emulator, cuda) = device();
    emulator.set_fault(Some(Fault::NoRecording));
    let (mut sum, delta) = (tensor(&cuda, &[0.0; 8]), tensor(&cuda, &[1.0; 8]));
    for round in 1..=4 {
        ten(&cuda, &mut sum, &delta);
        assert_eq!(value(&cuda, &sum), (10 * round) as f32);
    }
    assert_eq!(counts(&cuda), (0, 0));
    assert_eq!(cuda.recordings().launched, 40);
}

#[test]
fn many_different_steps_are_all_right_and_few_are_kept() {
    let (_, cuda) = device();
    let delta = tensor(&cuda, &[1.0; 8]);
    let mut sums: Vec<_> = (0..80).map(|_| tensor(&cuda, &[0.0; 8])).collect();
    for _ in 0..2 {
        for sum in &mut sums {
            ten(&cuda, sum, &delta);
            ten(&cuda, sum, &delta);
        }
    }
    for sum in &sums {
        assert_eq!(value(&cuda, sum), 40.0);
    }
    // Twice in a row is recorded; of 80 the oldest were forgotten before they came again.
    assert_eq!(counts(&cuda), (160, 160));
}

#[test]
fn what_is_uploaded_at_once_lies_side_by_side_and_holds_its_values() {
    let (_, cuda) = device();
    for round in 0..4_u32 {
        // More than there is room for at first, in some rounds.
        let count = 3 << (5 * (round % 3));
        let (ids, tensor) = cuda.at_once(|| {
            let ids = cuda.indices(&[2, 0]).expect("room");
            let mut tensor = cuda.tensor(2, count).expect("room");
            let values: Vec<f32> = (0..2 * count).map(|value| value as f32).collect();
            cuda.upload(&mut tensor, &values);
            (ids, tensor)
        });
        assert_eq!(
            cuda.download(&tensor, 1..2),
            (count..2 * count)
                .map(|value| value as f32)
                .collect::<Vec<_>>()
        );
        let mut table = cuda.tensor(3, 4).expect("room");
        let rows: Vec<f32> = (0..12).map(|value| value as f32).collect();
        cuda.upload(&mut table, &rows);
        let mut picked = cuda.tensor(2, 4).expect("room");
        cuda.gather_rows(&table, &ids, &mut picked);
        assert_eq!(
            cuda.download(&picked, 0..2),
            [8.0, 9.0, 10.0, 11.0, 0.0, 1.0, 2.0, 3.0]
        );
    }
}
