//! What this machine can do at most, measured: how fast it multiplies when operands lie in registers, and how fast
//! it reads memory. A kernel's share of that says what is left to gain.

use std::hint::black_box;
use std::time::Instant;

use ops::Ceiling;

use crate::backend::{Cpu, Precision};
use crate::kernel::lanes::Lanes;
use crate::kernel::wide::{self, Integers};
use crate::kernel::{self, Kernel};

/// Steps of a probe: some ten milliseconds.
const STEPS: usize = 2_000_000;
/// Bytes that each thread reads: more than any cache holds.
const READ_BYTES: usize = 256 << 20;
/// The best of so many counts: other programs only ever make it slower.
const TRIES: usize = 5;

impl Cpu {
    /// Measures; takes about a second.
    pub fn ceiling(&self) -> Ceiling {
        let rounds = self.precision != Precision::F32;
        let bytes = matches!(self.precision, Precision::Q8 | Precision::Q4);
        let (operands, operations, probe): (_, usize, fn(&Self)) =
            if rounds && kernel::amx::multiplies_tiles(self.tier) {
                (
                    "tiles of bfloat16",
                    kernel::amx::PROBE_OPERATIONS * STEPS,
                    |cpu| kernel::amx::probe(cpu.tier, STEPS),
                )
            } else if bytes && wide::integers(self.tier) == Some(Integers::Bytes) {
                ("bytes", 12 * 128 * STEPS, |cpu| {
                    kernel::dispatch(cpu.tier, Bytes)
                })
            } else if bytes && wide::integers(self.tier) == Some(Integers::Words) {
                // What q8 is multiplied as takes twice as long.
                ("halves of bytes", 12 * 128 * STEPS, |cpu| {
                    kernel::dispatch(cpu.tier, Halves)
                })
            } else if rounds && wide::multiplies_pairs(self.tier) {
                ("pairs of bfloat16", 12 * 64 * STEPS, |cpu| {
                    wide::probe_pairs(cpu.tier, STEPS)
                })
            } else {
                ("float32", 12 * 32 * STEPS, |cpu| {
                    kernel::dispatch(cpu.tier, Floats)
                })
            };
        let threads = self.pool.threads() as f64;
        let best = |run: &dyn Fn()| {
            let time = || {
                let started = Instant::now();
                run();
                started.elapsed().as_secs_f64()
            };
            (0..TRIES).map(|_| time()).fold(f64::INFINITY, f64::min)
        };
        let seconds = best(&|| self.pool.run(self.pool.threads(), |_| probe(self)));
        let memory: Vec<Vec<f32>> = (0..self.pool.threads())
            .map(|_| vec![1.0; READ_BYTES / 4])
            .collect();
        let read = [0, 3].map(|pace| {
            best(&|| {
                self.pool.run(memory.len(), |index| {
                    let memory = &memory[index];
                    kernel::dispatch(self.tier, Read { memory, pace });
                });
            })
        });
        let read = read[0].min(read[1]);
        Ceiling {
            operands,
            operations_per_s: operations as f64 * threads / seconds,
            bytes_per_s: READ_BYTES as f64 * threads / read,
        }
    }
}

/// Twelve sums, none of which waits for another.
struct Floats;

impl Kernel for Floats {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        // SAFETY: the caller vouches for the instructions; nothing is read.
        unsafe {
            let (x, w) = (L::splat(black_box(0.5)), L::splat(black_box(1.0)));
            let mut sums = [L::zero(); 12];
            for _ in 0..STEPS {
                for sum in &mut sums {
                    *sum = L::mul_add(x, w, *sum);
                }
            }
            let mut out = [0.0; 16];
            for sum in sums {
                L::store(out.as_mut_ptr(), sum);
                black_box(&mut out);
            }
        }
    }
}

/// The same with bytes.
struct Bytes;

impl Kernel for Bytes {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let (x, w) = (black_box([1_i8; 4]), black_box([3_u8; 64]));
        // SAFETY: the caller vouches for the instructions; the arrays hold what is read.
        unsafe {
            let (x, w) = (L::quad(x.as_ptr()), L::bytes(w.as_ptr()));
            let mut sums = [L::splat_i32(0); 12];
            for _ in 0..STEPS {
                for sum in &mut sums {
                    *sum = L::dot(*sum, w, x);
                }
            }
            let mut out = [0.0; 16];
            for sum in sums {
                L::store(out.as_mut_ptr(), L::to_f(sum));
                black_box(&mut out);
            }
        }
    }
}

/// The same with weights below 16. The sums run over; nobody looks at them.
struct Halves;

impl Kernel for Halves {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let (x, w) = (black_box([1_i8; 4]), black_box([3_u8; 64]));
        // SAFETY: the caller vouches for the instructions; the arrays hold what is read.
        unsafe {
            let (x, w) = (L::quad(x.as_ptr()), L::bytes(w.as_ptr()));
            let mut sums = [w; 12];
            for _ in 0..STEPS {
                for sum in &mut sums {
                    *sum = L::dot_halves(*sum, w, x);
                }
            }
            let mut out = [0.0; 16];
            for sum in sums {
                L::store(out.as_mut_ptr(), L::to_f(L::fold(sum)));
                black_box(&mut out);
            }
        }
    }
}

/// Reads, four lines at a time, and does so many things with each: a processor that asks for lines as fast as it can
/// leaves itself no room to read ahead, and gets fewer of them where pages are small.
struct Read<'a> {
    memory: &'a [f32],
    pace: usize,
}

impl Kernel for Read<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        // SAFETY: a chunk holds four vectors; the caller vouches for the instructions.
        unsafe {
            let mut sums = [L::zero(); 4];
            for chunk in self.memory.as_chunks::<64>().0 {
                for (i, sum) in sums.iter_mut().enumerate() {
                    let line = L::load(chunk.as_ptr().add(16 * i));
                    *sum = L::add(*sum, line);
                    for _ in 0..self.pace {
                        *sum = L::mul_add(*sum, line, line);
                    }
                }
            }
            let mut out = [0.0; 16];
            for sum in sums {
                L::store(out.as_mut_ptr(), sum);
                black_box(&mut out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Cpu, CpuOptions, Precision, Tier};

    #[test]
    fn a_machine_has_a_ceiling_in_every_arithmetic() {
        for precision in [Precision::F32, Precision::Bf16, Precision::Q4] {
            let options = CpuOptions {
                tier: Tier::best(),
                precision,
                threads: 1,
            };
            let ceiling = Cpu::new(options).expect("threads").ceiling();
            // No processor that runs this is slower, and none is faster than a thousand of them.
            assert!(
                (1e8..1e15).contains(&ceiling.operations_per_s),
                "{ceiling:?}"
            );
            assert!((1e7..1e13).contains(&ceiling.bytes_per_s), "{ceiling:?}");
        }
    }
}
