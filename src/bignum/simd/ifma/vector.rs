//! Eight 64-bit lanes, and the instructions on them that need a name.

use std::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_set1_epi64, _mm512_setzero_si512,
};

/// Eight lanes of 64 bits.
pub(super) type Vector = __m512i;

/// Lanes of a vector.
pub(super) const LANES: usize = 8;
/// Bits of a digit.
pub(super) const DIGIT_BITS: u32 = 52;
/// The largest digit.
pub(super) const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;

/// sum + the lower 52 bits of a·b.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_low(sum: Vector, a: Vector, b: Vector) -> Vector {
    _mm512_madd52lo_epu64(sum, a, b)
}

/// sum + the upper 52 bits of a·b.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_high(sum: Vector, a: Vector, b: Vector) -> Vector {
    _mm512_madd52hi_epu64(sum, a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn zero() -> Vector {
    _mm512_setzero_si512()
}

/// The same number in every lane.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn broadcast(x: u64) -> Vector {
    _mm512_set1_epi64(x.cast_signed())
}

/// The lower 52 bits.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn digit(x: Vector) -> Vector {
    _mm512_and_si512(x, broadcast(DIGIT_MASK))
}
