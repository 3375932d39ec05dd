//! The AMX instructions. Nothing else here: what they are used for is in `product`.

use std::arch::asm;
use std::cell::Cell;
use std::marker::PhantomData;

use super::{ROW_BYTES, ROWS, Tiles};

/// What `ldtilecfg` reads: palette 1, every tile with all its rows and bytes.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static FULL_TILES: Config = Config {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: registers(ROW_BYTES as u16, 0),
    rows: {
        let mut rows = [0; 16];
        let mut tile = 0;
        while tile < 8 {
            rows[tile] = ROWS as u8;
            tile += 1;
        }
        rows
    },
};

/// `value` for the eight tiles there are, `rest` for those there are not.
const fn registers(value: u16, rest: u16) -> [u16; 16] {
    let mut all = [rest; 16];
    let mut tile = 0;
    while tile < 8 {
        all[tile] = value;
        tile += 1;
    }
    all
}

thread_local! {
    /// Tiles belong to a thread; two owners would release them under each other.
    static TAKEN: Cell<bool> = const { Cell::new(false) };
}

/// This thread's tile registers, configured. It stays on its thread.
pub(super) struct Hardware(PhantomData<*const ()>);

impl Hardware {
    /// # Safety
    /// The processor has AMX-TILE and AMX-BF16, and the kernel gave permission to use tile data.
    pub(super) unsafe fn configure() -> Self {
        assert!(!TAKEN.replace(true), "this thread's tiles are in use");
        // SAFETY: the caller's promise; the operand is a valid configuration of 64 bytes. The compiler uses no tile
        // registers of its own, so what they hold stays between one block of assembly and the next.
        unsafe {
            asm!(
                "ldtilecfg [{config}]",
                config = in(reg) &raw const FULL_TILES,
                options(nostack, preserves_flags, readonly),
            );
        }
        Self(PhantomData)
    }
}

impl Drop for Hardware {
    fn drop(&mut self) {
        // SAFETY: `configure` proves that the instruction exists.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags, nomem)) };
        TAKEN.set(false);
    }
}

// SAFETY of every block below: the value proves that this thread's tiles are configured. Nothing is `pure`, so the
// compiler keeps the blocks in their order.
impl Tiles for Hardware {
    #[inline(always)]
    fn zero<const T: usize>(&mut self) {
        // SAFETY: see above.
        unsafe {
            asm!("tilezero tmm{t}", t = const T, options(nostack, preserves_flags, nomem));
        }
    }

    #[inline(always)]
    unsafe fn load<const T: usize>(&mut self, from: *const u8, stride: usize) {
        // SAFETY: see above; the caller has the rows.
        unsafe {
            asm!(
                "tileloadd tmm{t}, [{from} + {stride}*1]",
                t = const T,
                from = in(reg) from,
                stride = in(reg) stride,
                options(nostack, preserves_flags, readonly),
            );
        }
    }

    #[inline(always)]
    unsafe fn store<const T: usize>(&mut self, to: *mut u8, stride: usize) {
        // SAFETY: see above; the caller has the rows.
        unsafe {
            asm!(
                "tilestored [{to} + {stride}*1], tmm{t}",
                t = const T,
                to = in(reg) to,
                stride = in(reg) stride,
                options(nostack, preserves_flags),
            );
        }
    }

    #[inline(always)]
    fn multiply<const C: usize, const A: usize, const B: usize>(&mut self) {
        // SAFETY: see above.
        unsafe {
            asm!(
                "tdpbf16ps tmm{c}, tmm{a}, tmm{b}",
                c = const C,
                a = const A,
                b = const B,
                options(nostack, preserves_flags, nomem),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_has_the_bytes_that_the_manual_lays_out() {
        // SAFETY: a static of 64 bytes without padding.
        let bytes = unsafe { &*(&raw const FULL_TILES).cast::<[u8; 64]>() };
        let mut expected = [0; 64];
        expected[0] = 1;
        for tile in 0..8 {
            expected[16 + 2 * tile] = 64;
            expected[48 + tile] = 16;
        }
        assert_eq!(size_of::<Config>(), 64);
        assert_eq!(*bytes, expected);
    }
}
