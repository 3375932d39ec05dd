//! The probes start what they say they start; what they measure only a real device can say.

use std::sync::Arc;

use cuda::{Cuda, CudaOptions, Precision, Probe};
use cuda_emulator::Emulator;

#[test]
fn a_probe_gives_rates_and_its_memory_back() {
    let emulator = Arc::new(Emulator::new(1 << 24));
    let options = CudaOptions {
        precision: Precision::Bf16,
        memory: 1 << 24,
    };
    let cuda = Cuda::new(Arc::clone(&emulator) as _, options);
    let probe = Probe {
        steps: 2,
        bytes: 1 << 16,
        tries: 2,
    };
    let ceiling = cuda.ceiling(probe).expect("there is room");
    assert!(ceiling.operations_per_s > 0.0 && ceiling.operations_per_s.is_finite());
    assert!(ceiling.bytes_per_s > 0.0 && ceiling.bytes_per_s.is_finite());
    assert_eq!(emulator.launches(), 4);
    assert_eq!(cuda.usage().used, 0);
}
