use ops::backend::{Backend, KvShape};
use ops::host::HostTensor;
use ops::step::Sequence;

use crate::backend::{Cpu, CpuOptions, Precision};
use crate::tier::Tier;

/// A page that another sequence left keeps what it held; only what this sequence wrote may count.
#[test]
fn what_another_sequence_left_in_a_page_reaches_no_answer() {
    let shape = KvShape {
        layers: 1,
        pages: 1,
        page_tokens: 32,
        kv_heads: 1,
        head_dim: 72,
    };
    for tier in Tier::available().into_iter().chain([Tier::emulated_amx()]) {
        for tokens in [1, 4, 5, 17, 32] {
            let options = CpuOptions {
                tier,
                precision: Precision::Bf16,
                threads: 1,
            };
            let cpu = Cpu::new(options).expect("threads");
            let mut cache = cpu.kv_cache(shape).expect("room");
            let fill = |rows, value| {
                let mut tensor = HostTensor::zeros(rows, shape.head_dim);
                tensor.values_mut().fill(value);
                tensor
            };
            let none = fill(32, f32::NAN);
            cpu.kv_write(&mut cache, 0, &none, &none, &(0..32).collect());
            let ones = fill(tokens, 1.0);
            cpu.kv_write(&mut cache, 0, &ones, &ones, &(0..tokens as u32).collect());
            let sequence = Sequence {
                rows: 0..1,
                context: tokens - 1,
                pages: vec![0],
            };
            let mut out = fill(1, 0.0);
            cpu.attend_cached(&fill(1, 1.0), &cache, 0, &vec![sequence], &mut out);
            assert!(
                out.values().iter().all(|value| (value - 1.0).abs() < 0.01),
                "{} after {tokens} tokens: {:?}",
                tier.name(),
                out.values()
            );
        }
    }
}
