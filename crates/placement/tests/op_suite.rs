//! Every op on several devices at once: weights and layers scattered over them, blocks whole and torn apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cpu::{Cpu, CpuOptions, Tier};
use cuda::{Cuda, CudaOptions};
use cuda_emulator::Emulator;
use ops::suite;
use placement::composite::{Composite, Device, Route};

fn processor() -> Device {
    let options = CpuOptions {
        tier: Tier::best(),
        precision: cpu::Precision::F32,
        threads: 2,
    };
    Device::Cpu(Arc::new(Cpu::new(options).expect("threads")))
}

fn gpu() -> Device {
    let options = CudaOptions {
        precision: cuda::Precision::F32,
        memory: 1 << 30,
    };
    Device::Cuda(Arc::new(Cuda::new(
        Arc::new(Emulator::new(1 << 30)),
        options,
    )))
}

fn differences(devices: Vec<Device>, weight: impl Fn(&str) -> usize + Send + Sync + 'static) {
    let count = devices.len();
    let route = Route {
        weight: Box::new(weight),
        layer: Box::new(move |layer| (layer + 1) % count),
        logits: 0,
    };
    let composite = Composite::new(devices, route);
    assert_eq!(
        suite::differences(&composite, suite::F32),
        Vec::<String>::new()
    );
}

/// Every third weight on the second device, whatever it belongs to.
fn scattered() -> impl Fn(&str) -> usize + Send + Sync {
    let taken = AtomicUsize::new(0);
    move |_| usize::from(taken.fetch_add(1, Ordering::Relaxed) % 3 == 1)
}

#[test]
fn two_processors_agree_with_the_reference() {
    differences(vec![processor(), processor()], scattered());
    differences(vec![processor(), processor()], |_| 1);
}

#[test]
fn a_gpu_and_the_processor_agree_with_the_reference() {
    differences(vec![gpu(), processor()], scattered());
}

#[test]
fn two_gpus_agree_with_the_reference() {
    differences(vec![gpu(), gpu()], scattered());
}
