//! Vectors of 32-bit lanes, for rings with primes below 2^32: a common interface to all instruction sets, the portable
//! one included.
//!
//! Making a vector requires a proof that the CPU has its instructions ([`Isa`](super::isa::Isa)). Holding a vector or a
//! proof therefore makes its operations sound, and generic code over vectors needs no `unsafe`. Such code must be
//! `#[inline(always)]` and run inside a function that [`compiled_for_each_isa!`] defines: elsewhere every operation
//! becomes a function call. Closures are not always inlined, so pass none that use vectors.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod portable;

/// A vector of 32-bit lanes. Operations apply to each lane separately and wrap around.
///
/// All operations are constant-time: their time does not depend on the values of lanes.
pub(crate) trait Words: Copy {
    /// Proof that the CPU has the instructions of this vector.
    type Isa: Copy + Send + Sync;

    /// The lanes in memory.
    type Array: bytemuck::Pod + AsRef<[u32]> + AsMut<[u32]>;

    /// A 64-bit integer per lane, in an order of its own.
    type Wide: Copy;

    /// The number of lanes: 4, 8 or 16.
    const LANES: usize;

    /// The number of vector registers.
    const REGISTERS: usize;

    /// Returns x in every lane.
    fn splat(isa: Self::Isa, x: u32) -> Self;

    /// Loads lanes from memory.
    fn load(isa: Self::Isa, lanes: &Self::Array) -> Self;

    /// Stores the lanes to memory.
    fn store(self, lanes: &mut Self::Array);

    /// self + other.
    fn add(self, other: Self) -> Self;

    /// self − other.
    fn sub(self, other: Self) -> Self;

    /// self & other.
    #[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
    fn and(self, other: Self) -> Self;

    /// The smaller of self and other, unsigned.
    fn min(self, other: Self) -> Self;

    /// Shifts right by `bits`, which must be less than 32, filling with zeros.
    fn shr(self, bits: u32) -> Self;

    /// Shifts left by `bits`, which must be less than 32.
    fn shl(self, bits: u32) -> Self;

    /// The lower 32 bits of self·other.
    fn mul_low(self, other: Self) -> Self;

    /// The upper 32 bits of self·other.
    #[inline(always)]
    fn mul_high(self, other: Self) -> Self {
        Self::upper(self.mul_wide(other))
    }

    /// self·other.
    fn mul_wide(self, other: Self) -> Self::Wide;

    /// x + y in 64 bits.
    fn add_wide(x: Self::Wide, y: Self::Wide) -> Self::Wide;

    /// (x mod 2^32) + ⌊x / 2^32⌋·factor, where `factor` has the same value in all lanes.
    fn fold(x: Self::Wide, factor: Self) -> Self::Wide;

    /// x + ((x mod 2^32)·inverse mod 2^32)·modulus, where both have the same value in all lanes: the step of
    /// Montgomery's reduction that clears the lower 32 bits.
    fn clear_lower(x: Self::Wide, inverse: Self, modulus: Self) -> Self::Wide;

    /// The upper 32 bits of each integer, in the order of lanes.
    fn upper(x: Self::Wide) -> Self;

    /// Divides two vectors into blocks of `BLOCK` lanes. Returns a vector of the blocks with even numbers and one of
    /// those with odd numbers, both in the same order.
    ///
    /// `BLOCK` is a power of two below [`Words::LANES`]; for others, does nothing.
    fn split<const BLOCK: usize>(pair: [Self; 2]) -> [Self; 2];

    /// Undoes [`Words::split`].
    fn join<const BLOCK: usize>(pair: [Self; 2]) -> [Self; 2];
}

/// Defines functions whose bodies are generic over vectors `W` and are compiled for each instruction set. The functions
/// take an [`Isa`](super::isa::Isa) first; in the body, that parameter is the proof of it.
///
/// ```ignore
/// compiled_for_each_isa! {
///     pub(crate) fn double<W>(isa; words: &mut [u32]) {
///         for words in bytemuck::cast_slice_mut::<u32, W::Array>(words) {
///             let x = W::load(isa, words);
///             x.add(x).store(words);
///         }
///     }
/// }
/// ```
macro_rules! compiled_for_each_isa {
    ($(
        $(#[$attribute:meta])*
        $visible:vis fn $name:ident<$words:ident>($isa:ident; $($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)?
        $body:block
    )*) => {$(
        $(#[$attribute])*
        $visible fn $name($isa: $crate::device::isa::Isa, $($argument: $kind),*) $(-> $result)? {
            #[allow(unused_mut, reason = "only some bodies change their arguments")]
            #[inline(always)]
            fn generic<$words: $crate::device::words::Words>(
                $isa: $words::Isa, $($argument: $kind),*
            ) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            #[inline(never)]
            fn with_avx2($isa: $crate::device::isa::Avx2, $($argument: $kind),*) $(-> $result)? {
                generic::<$crate::device::words::avx2::U32x8>($isa, $($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
            #[inline(never)]
            fn with_ifma($isa: $crate::device::isa::Ifma, $($argument: $kind),*) $(-> $result)? {
                generic::<$crate::device::words::avx512::U32x16>($isa, $($argument),*)
            }

            match $isa {
                $crate::device::isa::Isa::Portable => {
                    generic::<$crate::device::words::portable::U32x4>((), $($argument),*)
                }
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the proof shows that the CPU has these instructions.
                $crate::device::isa::Isa::Avx2(proof) => unsafe { with_avx2(proof, $($argument),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the proof shows that the CPU has these instructions.
                $crate::device::isa::Isa::Ifma(proof) => unsafe { with_ifma(proof, $($argument),*) },
            }
        }
    )*};
}
pub(crate) use compiled_for_each_isa;

#[cfg(test)]
mod tests;
