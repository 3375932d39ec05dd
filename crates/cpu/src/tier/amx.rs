//! Whether tiles can be used: the processor has them, the operating system keeps them, the kernel permits them to
//! this process, and they multiply as they should.
//!
//! Facts: Intel 64 and IA-32 Architectures Software Developer's Manual, CPUID leaf 7 and XGETBV; Linux
//! `Documentation/arch/x86/xstate.rst`.

use std::arch::x86_64::__cpuid_count;
use std::sync::OnceLock;

use super::{Level, Tier};
use crate::kernel::amx::hardware_agrees;

/// Why tiles that the processor has are not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the operating system does not keep tiles between threads")]
    NotKept,
    #[error("the kernel refused permission for tile data")]
    NotPermitted,
    #[error("its tile products are wrong here")]
    Wrong,
}

/// Bits of EDX in leaf 7.
const AMX_BF16: u32 = 1 << 22;
const AMX_TILE: u32 = 1 << 24;
/// Bit of ECX in leaf 1: the system uses XSAVE, so XGETBV exists.
const OSXSAVE: u32 = 1 << 27;
/// Bits of XCR0: the tiles' configuration and their data.
const TILES_KEPT: u64 = 1 << 17 | 1 << 18;

/// Instruction sets that the processor lacks.
pub(super) fn missing() -> Vec<&'static str> {
    let highest = __cpuid_count(0, 0).eax;
    let features = if highest >= 7 {
        __cpuid_count(7, 0).edx
    } else {
        0
    };
    [(AMX_TILE, "AMX-TILE"), (AMX_BF16, "AMX-BF16")]
        .into_iter()
        .filter(|(bit, _)| features & bit == 0)
        .map(|(_, name)| name)
        .collect()
}

/// Asks for permission and checks the instructions, once per process. Only for processors that lack nothing.
pub(super) fn ready() -> Result<(), Refusal> {
    static READY: OnceLock<Result<(), Refusal>> = OnceLock::new();
    *READY.get_or_init(|| {
        if !missing().is_empty() || !kept() {
            return Err(Refusal::NotKept);
        }
        permission()?;
        // SAFETY: the processor has tiles (`missing`), the system keeps them and gave permission.
        if unsafe { hardware_agrees(Tier::of(Level::vectors())) } {
            Ok(())
        } else {
            Err(Refusal::Wrong)
        }
    })
}

/// Whether the system saves tiles when it switches threads.
fn kept() -> bool {
    if __cpuid_count(1, 0).ecx & OSXSAVE == 0 {
        return false;
    }
    let (low, high): (u32, u32);
    // SAFETY: OSXSAVE says that the instruction exists; register 0 always does.
    unsafe {
        std::arch::asm!(
            "xgetbv",
            in("ecx") 0,
            out("eax") low,
            out("edx") high,
            options(nomem, nostack, preserves_flags),
        );
    }
    let kept = u64::from(high) << 32 | u64::from(low);
    kept & TILES_KEPT == TILES_KEPT
}

/// Asks the kernel to let this process use tile data. Threads have what their process has.
#[cfg(target_os = "linux")]
fn permission() -> Result<(), Refusal> {
    const ARCH_PRCTL: isize = 158;
    const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
    const XFEATURE_XTILEDATA: usize = 18;
    let result: isize;
    // SAFETY: the call reads and writes no memory of ours; the kernel changes rcx and r11 and returns in rax.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    if result == 0 {
        Ok(())
    } else {
        Err(Refusal::NotPermitted)
    }
}

/// Other systems have no such call, and how they treat tiles has not been tried.
#[cfg(not(target_os = "linux"))]
fn permission() -> Result<(), Refusal> {
    Err(Refusal::NotPermitted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_without_tiles_is_told_apart_from_one_that_may_not_use_them() {
        let tier = Tier::named("amx");
        match (missing().is_empty(), ready()) {
            (false, refused) => {
                assert_eq!(refused, Err(Refusal::NotKept));
                let error = tier.expect_err("no tiles").to_string();
                assert!(error.contains("lacks AMX-TILE"), "{error}");
            }
            (true, Ok(())) => assert_eq!(tier.map(Tier::name), Ok("amx")),
            (true, Err(refusal)) => {
                let error = tier.expect_err("refused").to_string();
                assert!(error.contains(&refusal.to_string()), "{error}");
            }
        }
    }

    #[test]
    fn the_kernel_gives_no_permission_for_tiles_that_do_not_exist() {
        if !missing().is_empty() {
            assert_eq!(permission(), Err(Refusal::NotPermitted));
        }
    }
}
