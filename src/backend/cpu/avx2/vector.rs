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

/// Shows that this processor has AVX2: there is no other way to come by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backend) struct Avx2(());

impl Avx2 {
    /// `None` where it is missing.
    pub(in crate::backend::cpu) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

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
pub(super) fn spread(x: u64) -> Vector {
    _mm256_set1_epi64x(x.cast_signed())
}

/// The lower 28 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn digit(x: Vector) -> Vector {
    _mm256_and_si256(x, spread(DIGIT_MASK))
}
