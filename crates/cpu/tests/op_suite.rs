//! The op suite on every tier this processor has, in both precisions and with one and two threads.

use cpu::{Cpu, CpuOptions, Precision, Tier};
use ops::suite;

#[test]
fn every_tier_agrees_with_the_reference() {
    for tier in Tier::available() {
        for threads in [1, 2] {
            let options = CpuOptions {
                tier,
                precision: Precision::F32,
                threads,
            };
            let cpu = Cpu::new(options).expect("threads");
            let differences = suite::differences(&cpu, suite::F32);
            assert!(
                differences.is_empty(),
                "{}, {threads} threads: {differences:#?}",
                tier.name()
            );
        }
    }
}

#[test]
fn rounding_activations_to_bf16_stays_within_its_bound() {
    for tier in Tier::available() {
        let options = CpuOptions {
            tier,
            precision: Precision::Bf16,
            threads: 2,
        };
        let cpu = Cpu::new(options).expect("threads");
        let differences = suite::differences(&cpu, suite::BF16);
        assert!(differences.is_empty(), "{}: {differences:#?}", tier.name());
    }
}
