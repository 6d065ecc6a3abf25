//! Vectors of 64-bit lanes, so that an algorithm is written once for all vector instruction sets.
//!
//! A vector can only be made with the proof that the CPU has its instructions ([`Isa`](super::isa::Isa)). So generic code needs
//! no `unsafe`: whoever holds a vector, or the proof, may use it.
//!
//! Generic functions over vectors must be `#[inline(always)]` and run inside [`Vector::run`]: elsewhere every operation is a call.
//! For the same reason no closure that uses vectors may go to an iterator's adapter; `for` loops do instead.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;

use zeroize::Zeroize;

/// Lanes of the widest vector.
pub(crate) const MOST_LANES: usize = 8;

/// A vector of 64-bit lanes. Operations work on each lane by itself and wrap around.
///
/// None takes a time that depends on the lanes' values.
pub(crate) trait Vector: Copy + Zeroize + Send + Sync {
    /// Proof that the CPU has the instructions.
    type Isa: Copy + Send + Sync;

    /// A truth value for each lane.
    type Mask: Copy;

    /// The lanes as an array.
    type Lanes: Copy + Default + AsRef<[u64]> + AsMut<[u64]>;

    /// How many lanes.
    const LANES: usize;

    /// Runs `work`, whose inlined part is compiled with the instructions. Is never inlined itself.
    fn run<R>(isa: Self::Isa, work: impl FnOnce() -> R) -> R;

    /// The same number in every lane.
    fn splat(isa: Self::Isa, x: u64) -> Self;

    /// A vector of these lanes.
    fn from_lanes(isa: Self::Isa, lanes: Self::Lanes) -> Self;

    /// The lanes, the first one first.
    fn lanes(self) -> Self::Lanes;

    /// self + other.
    fn add(self, other: Self) -> Self;

    /// self − other.
    fn sub(self, other: Self) -> Self;

    /// Bits that both have.
    fn and(self, other: Self) -> Self;

    /// Bits that either has.
    fn or(self, other: Self) -> Self;

    /// Shifts right by `bits`, shifting in zeros; 64 bits or more leave zero.
    fn shr(self, bits: u32) -> Self;

    /// Shifts left by `bits`; 64 bits or more leave zero.
    fn shl(self, bits: u32) -> Self;

    /// Where two vectors are equal.
    fn eq(self, other: Self) -> Self::Mask;

    /// The lanes of `on` where the mask is set, of `off` elsewhere.
    fn select(mask: Self::Mask, on: Self, off: Self) -> Self;

    /// Zero where the mask is not set.
    fn keep(self, mask: Self::Mask) -> Self;

    /// A bit for each lane of a mask, the first lane's lowest.
    #[cfg(feature = "owner")]
    fn bits(mask: Self::Mask) -> u32;

    /// Lane j of vector i becomes lane i of vector j. Only the first [`Vector::LANES`] vectors are changed; fewer are left alone.
    fn transpose(vectors: &mut [Self]);
}
