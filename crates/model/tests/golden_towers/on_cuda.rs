//! The towers on GPUs: the kernels on an emulated device everywhere, and on a real one where there is one.

use std::sync::Arc;

use cuda::driver::nvidia::{self, Nvidia};
use cuda::{Cuda, CudaOptions, Driver, Precision, ptx};
use cuda_emulator::{Emulator, Fault};

use super::*;

const MEMORY: u64 = 1 << 30;

fn on(driver: Arc<dyn Driver>, precision: Precision) -> Cuda {
    let memory = MEMORY;
    Cuda::new(driver, CudaOptions { precision, memory })
}

fn emulated(precision: Precision) -> Cuda {
    on(Arc::new(Emulator::new(MEMORY)), precision)
}

/// The emulator takes its time: of the five prompts of each checkpoint, the one with two pictures, and of those with one
/// or none the shorter.
fn few(prompt: &str) -> bool {
    ["two_images", "text_only"].contains(&prompt)
}

#[test]
fn an_emulated_gpu_agrees_with_the_reference_at_every_stage() {
    agrees_on(&emulated(Precision::F32), "an emulated GPU", few);
}

#[test]
fn bf16_on_an_emulated_gpu_stays_within_the_bounds_of_bf16() {
    stays_within_the_bounds_of_bf16(&emulated(Precision::Bf16), few);
}

/// Bounds as on the processor; one prompt of each checkpoint.
#[test]
fn fewer_bits_on_an_emulated_gpu_cost_no_more_than_on_the_processor() {
    for (precision, most_rms, most_divergence) in
        [(Precision::Q8, 0.08, 0.015), (Precision::Q4, 0.45, 0.5)]
    {
        let one = |prompt: &str| prompt == "one_image";
        let (rms, divergence) = cost_of_fewer_bits(&emulated(precision), one);
        println!("{precision:?}: rms {rms:.4}, divergence {divergence:.5}");
        assert!(
            rms <= most_rms && divergence <= most_divergence,
            "{precision:?}: rms {rms}, divergence {divergence}"
        );
    }
}

/// What a step that was recorded computes, to the last bit.
#[test]
fn recorded_steps_and_steps_of_single_kernels_give_the_same_logits() {
    let golden = Golden::open("tiny-a");
    let prompts = golden.prompts();
    let prompt = prompts.iter().find(|prompt| prompt.name == "one_image");
    let prompt = prompt.expect("a prompt with a picture");
    for precision in [Precision::F32, Precision::Bf16, Precision::Q8] {
        let play = |refused: bool| {
            let emulator = Arc::new(Emulator::new(MEMORY));
            emulator.set_fault(refused.then_some(Fault::NoRecording));
            let cuda = on(emulator, precision);
            let mut runner = Runner::new(&cuda, &golden);
            let mut recording = Recording::default();
            let (_, steps) = runner.play(&golden, prompt, usize::MAX, &mut recording);
            (steps, cuda.recordings())
        };
        let (recorded, single) = (play(false), play(true));
        assert!(recorded.0 == single.0, "{precision:?}");
        // 23 steps of one row: the first is launched, the second recorded, and again where a context outgrows a bucket.
        assert!(recorded.1.replayed >= 15, "{precision:?}: {:?}", recorded.1);
        assert_eq!((single.1.recorded, single.1.replayed), (0, 0));
    }
}

#[test]
fn every_gpu_of_this_machine_agrees_with_the_reference() {
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
        let name = driver.properties().name.clone();
        agrees_with_the_reference(&on(driver.clone(), Precision::F32), &name);
        stays_within_the_bounds_of_bf16(&on(driver, Precision::Bf16), |_| true);
        println!("{name} agrees with the reference");
    }
}
