//! Vectors of four lanes with AVX2.

use super::{MOST_LANES, Vector};
use crate::device::isa::Avx2;
use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_blendv_epi8, _mm256_cmpeq_epi64, _mm256_mul_epu32,
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_permutevar8x32_epi32, _mm256_set1_epi64x, _mm256_sllv_epi64,
    _mm256_srlv_epi64, _mm256_sub_epi64, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64,
};
use zeroize::Zeroize;

/// Four 64-bit lanes. Making one requires an [`Avx2`].
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct U64x4(__m256i);

impl Zeroize for U64x4 {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Calls an AVX2 intrinsic.
macro_rules! avx2 {
    ($call:expr) => {
        // SAFETY: the CPU has AVX2. Only detection makes an `Avx2`, and vectors are made from an `Avx2` or from other
        // vectors.
        unsafe { $call }
    };
}

impl U64x4 {
    /// Multiplies the lower 32 bits of the lanes, for 64-bit products.
    #[inline(always)]
    pub(crate) fn mul_low_halves(self, other: Self) -> Self {
        Self(avx2!(_mm256_mul_epu32(self.0, other.0)))
    }

    /// Permutes the eight 32-bit half lanes of `self`: the lowest three bits of each half lane of `indices` select one.
    #[inline(always)]
    pub(crate) fn permute_halves(self, indices: Self) -> Self {
        Self(avx2!(_mm256_permutevar8x32_epi32(self.0, indices.0)))
    }
}

impl Vector for U64x4 {
    type Isa = Avx2;

    /// All ones or all zeros in each lane.
    type Mask = Self;

    type Lanes = [u64; 4];

    const LANES: usize = 4;

    #[inline(always)]
    fn run<R>(_: Avx2, work: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx2")]
        #[inline(never)]
        fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        avx2!(with_avx2(work))
    }

    #[inline(always)]
    fn splat(_: Avx2, x: u64) -> Self {
        Self(avx2!(_mm256_set1_epi64x(x.cast_signed())))
    }

    #[inline(always)]
    fn from_lanes(_: Avx2, lanes: [u64; 4]) -> Self {
        Self(bytemuck::cast(lanes))
    }

    #[inline(always)]
    fn lanes(self) -> [u64; 4] {
        bytemuck::cast(self.0)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx2!(_mm256_add_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(avx2!(_mm256_sub_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx2!(_mm256_and_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(avx2!(_mm256_or_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn shr(self, bits: u32) -> Self {
        Self(avx2!(_mm256_srlv_epi64(self.0, _mm256_set1_epi64x(i64::from(bits)))))
    }

    #[inline(always)]
    fn shl(self, bits: u32) -> Self {
        Self(avx2!(_mm256_sllv_epi64(self.0, _mm256_set1_epi64x(i64::from(bits)))))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> Self {
        Self(avx2!(_mm256_cmpeq_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn select(mask: Self, on: Self, off: Self) -> Self {
        Self(avx2!(_mm256_blendv_epi8(off.0, on.0, mask.0)))
    }

    #[inline(always)]
    fn keep(self, mask: Self) -> Self {
        self.and(mask)
    }

    #[cfg(feature = "owner")]
    #[inline(always)]
    fn bits(mask: Self) -> u32 {
        use std::arch::x86_64::{_mm256_castsi256_pd, _mm256_movemask_pd};
        avx2!(_mm256_movemask_pd(_mm256_castsi256_pd(mask.0))).cast_unsigned()
    }

    #[inline(always)]
    fn transpose(vectors: [Self; MOST_LANES]) -> [Self; MOST_LANES] {
        const LOWER: i32 = 0x20;
        const UPPER: i32 = 0x31;
        let [a, b, c, d, unused @ ..] = vectors;
        let low = |x: Self, y: Self| Self(avx2!(_mm256_unpacklo_epi64(x.0, y.0)));
        let high = |x: Self, y: Self| Self(avx2!(_mm256_unpackhi_epi64(x.0, y.0)));
        let lower = |x: Self, y: Self| Self(avx2!(_mm256_permute2x128_si256::<LOWER>(x.0, y.0)));
        let upper = |x: Self, y: Self| Self(avx2!(_mm256_permute2x128_si256::<UPPER>(x.0, y.0)));
        let (even_ab, odd_ab, even_cd, odd_cd) = (low(a, b), high(a, b), low(c, d), high(c, d));
        let [e, f, g, h] = unused;
        [lower(even_ab, even_cd), lower(odd_ab, odd_cd), upper(even_ab, even_cd), upper(odd_ab, odd_cd), e, f, g, h]
    }
}
