//! Vectors of 64-bit lanes: a common interface to all vector instruction sets.
//!
//! Making a vector requires a proof that the CPU has its instructions ([`Isa`](super::isa::Isa)). Holding a vector or
//! a proof therefore makes its operations sound, and generic code over vectors needs no `unsafe`.
//!
//! Functions that are generic over vectors must be `#[inline(always)]` and run inside [`Vector::run`]: elsewhere
//! every operation becomes a function call. For the same reason, use `for` loops instead of passing closures that use
//! vectors to iterator adapters.

pub(crate) mod avx2;
pub(crate) mod avx512;

use zeroize::Zeroize;

/// The number of lanes of the widest vector.
pub(crate) const MOST_LANES: usize = 8;

/// A vector of 64-bit lanes. Operations apply to each lane separately and wrap around.
///
/// All operations are constant-time: their time does not depend on the values of lanes.
pub(crate) trait Vector: Copy + Zeroize + Send + Sync {
    /// Proof that the CPU has the instructions of this vector.
    type Isa: Copy + Send + Sync;

    /// A boolean per lane.
    type Mask: Copy;

    /// The lanes as an array.
    type Lanes: Copy + Default + AsRef<[u64]> + AsMut<[u64]>;

    /// The number of lanes.
    const LANES: usize;

    /// Runs `work` in a function that is compiled with this vector's instructions and is never inlined. Only code
    /// that is inlined into `work` uses these instructions.
    fn run<R>(isa: Self::Isa, work: impl FnOnce() -> R) -> R;

    /// Returns x in every lane.
    fn splat(isa: Self::Isa, x: u64) -> Self;

    /// Makes a vector of these lanes.
    fn from_lanes(isa: Self::Isa, lanes: Self::Lanes) -> Self;

    /// Returns the lanes, in order.
    fn lanes(self) -> Self::Lanes;

    /// self + other.
    fn add(self, other: Self) -> Self;

    /// self − other.
    fn sub(self, other: Self) -> Self;

    /// self & other.
    fn and(self, other: Self) -> Self;

    /// self | other.
    fn or(self, other: Self) -> Self;

    /// Shifts right by `bits`, filling with zeros. Shifts of 64 bits or more give zero.
    fn shr(self, bits: u32) -> Self;

    /// Shifts left by `bits`. Shifts of 64 bits or more give zero.
    fn shl(self, bits: u32) -> Self;

    /// Sets the mask in the lanes that are equal.
    fn eq(self, other: Self) -> Self::Mask;

    /// Returns the lanes of `on` where the mask is set, of `off` elsewhere.
    fn select(mask: Self::Mask, on: Self, off: Self) -> Self;

    /// Returns the lanes where the mask is set, and zero elsewhere.
    fn keep(self, mask: Self::Mask) -> Self;

    /// Returns a mask as an integer: bit i is lane i.
    #[cfg(feature = "owner")]
    fn bits(mask: Self::Mask) -> u32;

    /// Transposes the first [`Vector::LANES`] vectors: lane j of vector i becomes lane i of vector j.
    ///
    /// Takes and returns an array, so that the vectors stay in registers.
    fn transpose(vectors: [Self; MOST_LANES]) -> [Self; MOST_LANES];
}
