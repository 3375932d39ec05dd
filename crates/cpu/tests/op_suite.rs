//! The op suite on every tier this processor has, in every precision; where activations are rounded, on tiles in
//! plain code too, because few processors have AMX.

use cpu::{Cpu, CpuOptions, Precision, Tier};
use ops::suite::{self, Tolerance};

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

fn stays_within(precision: Precision, tolerance: Tolerance) {
    for tier in Tier::available().into_iter().chain([Tier::emulated_amx()]) {
        let options = CpuOptions {
            tier,
            precision,
            threads: 2,
        };
        let cpu = Cpu::new(options).expect("threads");
        let differences = suite::differences(&cpu, tolerance);
        assert!(differences.is_empty(), "{}: {differences:#?}", tier.name());
    }
}

#[test]
fn rounding_activations_to_bf16_stays_within_its_bound() {
    stays_within(Precision::Bf16, suite::BF16);
}

#[test]
fn eight_bits_stay_within_their_bound() {
    stays_within(Precision::Q8, suite::Q8);
}

#[test]
fn four_bits_stay_within_their_bound() {
    stays_within(Precision::Q4, suite::Q4);
}
