//! AMX: products of tiles. A tile is a register of 16 rows of 64 bytes; one instruction multiplies 16 rows by 32
//! inputs with 32 inputs by 16 outputs, both bfloat16, and adds to 16 by 16 sums in float32.
//!
//! - [`product`]: how a block of rows and outputs is cut into tiles, over any [`Tiles`].
//! - `hardware`: the instructions. `emulated`: what the manual says they do, in plain code, so that all the rest is
//!   tested on processors without them.
//!
//! Facts: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1 chapter 18 and volume 2.

mod emulated;
#[cfg(target_arch = "x86_64")]
mod hardware;
pub(crate) mod product;

use emulated::Emulated;
#[cfg(target_arch = "x86_64")]
use hardware::Hardware;
use product::Left;

use super::Panels;
use super::wide::Block;
use crate::tier::{Tier, TileUnit};

/// Rows of a tile.
pub(crate) const ROWS: usize = 16;
/// Inputs of a tile.
pub(crate) const INPUTS: usize = 32;
/// Bytes of a tile's row.
const ROW_BYTES: usize = 64;

/// Eight tile registers, `T` from 0 to 7, all of 16 rows of 64 bytes.
trait Tiles {
    /// All bytes zero.
    fn zero<const T: usize>(&mut self);

    /// Rows that lie `stride` bytes apart.
    ///
    /// # Safety
    /// The 64 bytes of each row can be read.
    unsafe fn load<const T: usize>(&mut self, from: *const u8, stride: usize);

    /// Rows that lie `stride` bytes apart.
    ///
    /// # Safety
    /// The 64 bytes of each row can be written.
    unsafe fn store<const T: usize>(&mut self, to: *mut u8, stride: usize);

    /// `C += A B`. A: `[16 rows][32 inputs]`; B: `[16 pairs of inputs][16 outputs][2]`, both bfloat16; C: `[16][16]`
    /// float32.
    fn multiply<const C: usize, const A: usize, const B: usize>(&mut self);
}

/// Whether [`Unit`] exists on this tier.
pub(crate) fn multiplies_tiles(tier: Tier) -> bool {
    tier.tile_unit().is_some()
}

/// Tile registers that this thread may use until the value is dropped. A task takes one and gives it back at its
/// end: threads also run other people's code, and the system need not save tiles that are released.
pub(crate) struct Unit(Registers);

enum Registers {
    #[cfg(target_arch = "x86_64")]
    Hardware(Hardware),
    Emulated(Box<Emulated>),
}

impl Unit {
    /// `None` on a tier without tiles. Panics while this thread has another.
    pub(crate) fn new(tier: Tier) -> Option<Self> {
        tier.tile_unit().map(|unit| match unit {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the tier proves that the processor has tiles and that the kernel gave permission.
            TileUnit::Hardware => Self(Registers::Hardware(unsafe { Hardware::configure() })),
            TileUnit::Emulated => Self(Registers::Emulated(Box::new(Emulated::new(tier)))),
        })
    }

    /// `c = x w` if the sums are fresh, else `c += x w`. `w`: up to 4 panels of pairs, as deep as `x`; `c`: every
    /// row of `x`; outputs without a panel keep what they are.
    pub(crate) fn product(&mut self, x: Left<'_>, w: Panels<'_, u32>, fresh: bool, c: &mut Block) {
        match &mut self.0 {
            #[cfg(target_arch = "x86_64")]
            Registers::Hardware(tiles) => product::product(tiles, x, w, fresh, c),
            Registers::Emulated(tiles) => product::product(&mut **tiles, x, w, fresh, c),
        }
    }
}

/// Whether the instructions do on this processor what the emulation does. Sums of small integers are exact in any
/// order, so every bit must agree.
///
/// # Safety
/// The processor has tiles, and the kernel gave permission to use them.
#[cfg(target_arch = "x86_64")]
pub(crate) unsafe fn hardware_agrees(tier: Tier) -> bool {
    // SAFETY: the caller's promise.
    let mut hardware = unsafe { Hardware::configure() };
    product::known(&mut hardware) == product::known(&mut Emulated::new(tier))
}

/// Operations of one step of [`probe`]: four products of tiles.
pub(crate) const PROBE_OPERATIONS: usize = 4 * 2 * ROWS * INPUTS * 16;

/// Multiplies tiles that lie in registers, for [`crate::ceiling`].
pub(crate) fn probe(tier: Tier, steps: usize) {
    fn run(tiles: &mut impl Tiles, steps: usize) {
        tiles.zero::<4>();
        tiles.zero::<5>();
        tiles.zero::<6>();
        tiles.zero::<7>();
        for _ in 0..steps {
            tiles.multiply::<0, 4, 6>();
            tiles.multiply::<1, 4, 7>();
            tiles.multiply::<2, 5, 6>();
            tiles.multiply::<3, 5, 7>();
        }
    }
    match Unit::new(tier).map(|unit| unit.0) {
        #[cfg(target_arch = "x86_64")]
        Some(Registers::Hardware(mut tiles)) => run(&mut tiles, steps),
        Some(Registers::Emulated(mut tiles)) => run(&mut *tiles, steps),
        None => unreachable!("the tier has tiles"),
    }
}
