//! Four 64-bit lanes, and the instructions on them that need a name.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_mul_epu32, _mm256_set1_epi64x, _mm256_setzero_si256,
};

/// Four lanes of 64 bits.
pub(super) type Vector = __m256i;

/// Lanes of a vector.
pub(super) const LANES: usize = 4;
/// Bits of a digit.
pub(super) const DIGIT_BITS: i32 = 28;
/// The largest digit.
pub(super) const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;

/// sum + a·b of digits a and b.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn add_product(sum: Vector, a: Vector, b: Vector) -> Vector {
    _mm256_add_epi64(sum, _mm256_mul_epu32(a, b))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn zero() -> Vector {
    _mm256_setzero_si256()
}

/// The same number in every lane.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn broadcast(x: u64) -> Vector {
    _mm256_set1_epi64x(x.cast_signed())
}

/// The lower 28 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn digit(x: Vector) -> Vector {
    _mm256_and_si256(x, broadcast(DIGIT_MASK))
}
