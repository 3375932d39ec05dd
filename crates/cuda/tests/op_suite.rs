//! The kernels against the reference, on an emulated device, and on a real one where there is one.

use std::sync::Arc;

use cuda::driver::nvidia::{self, Nvidia};
use cuda::{Cuda, CudaOptions, Driver, Precision, ptx};
use cuda_emulator::Emulator;
use ops::suite::{self, Tolerance};

fn differences(driver: Arc<dyn Driver>, precision: Precision, tolerance: Tolerance) -> Vec<String> {
    let options = CudaOptions {
        precision,
        memory: 1 << 30,
    };
    suite::differences(&Cuda::new(driver, options), tolerance)
}

#[test]
fn every_op_agrees_with_the_reference_in_float32() {
    let emulator = Arc::new(Emulator::new(1 << 30));
    assert_eq!(
        differences(emulator, Precision::F32, suite::F32),
        Vec::<String>::new()
    );
}

#[test]
fn every_op_agrees_with_the_reference_in_bfloat16() {
    let emulator = Arc::new(Emulator::new(1 << 30));
    assert_eq!(
        differences(emulator, Precision::Bf16, suite::BF16),
        Vec::<String>::new()
    );
}

#[test]
fn every_op_agrees_with_the_reference_with_weights_in_8_bits() {
    let emulator = Arc::new(Emulator::new(1 << 30));
    assert_eq!(
        differences(emulator, Precision::Q8, suite::Q8),
        Vec::<String>::new()
    );
}

#[test]
fn every_op_agrees_with_the_reference_with_weights_in_4_bits() {
    let emulator = Arc::new(Emulator::new(1 << 30));
    assert_eq!(
        differences(emulator, Precision::Q4, suite::Q4),
        Vec::<String>::new()
    );
}

#[test]
fn every_op_agrees_with_the_reference_on_every_gpu_of_this_machine() {
    let Ok(count @ 1..) = nvidia::count() else {
        println!("skipped: no CUDA device");
        return;
    };
    for ordinal in 0..count {
        let looked = nvidia::look_at(ordinal).and_then(|found| nvidia::usable(&found));
        if let Err(why) = looked {
            println!("skipped: CUDA device {ordinal}: {why}");
            continue;
        }
        let driver = Arc::new(Nvidia::new(ordinal, ptx::ALL).expect("a device that can be used"));
        for (precision, tolerance) in [
            (Precision::F32, suite::F32),
            (Precision::Bf16, suite::BF16),
            (Precision::Q8, suite::Q8),
            (Precision::Q4, suite::Q4),
        ] {
            let found = differences(driver.clone(), precision, tolerance);
            assert_eq!(found, Vec::<String>::new(), "{precision:?}");
        }
        println!("{} agrees with the reference", driver.properties().name);
    }
}
