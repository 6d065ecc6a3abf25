//! Vectors of eight 32-bit lanes with AVX2.

use super::Words;
use crate::device::isa::Avx2;
use std::arch::x86_64::{
    __m256i, _mm_cvtsi32_si128, _mm256_add_epi32, _mm256_add_epi64, _mm256_and_si256, _mm256_blend_epi32,
    _mm256_castps_si256, _mm256_castsi256_ps, _mm256_min_epu32, _mm256_mul_epu32, _mm256_mullo_epi32,
    _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_shuffle_ps, _mm256_sll_epi32,
    _mm256_srl_epi32, _mm256_srli_epi64, _mm256_sub_epi32, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};

/// Eight 32-bit lanes. Making one requires an [`Avx2`].
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct U32x8(__m256i);

/// Calls an AVX2 intrinsic.
macro_rules! avx2 {
    ($call:expr) => {
        // SAFETY: the CPU has AVX2. Only detection makes an `Avx2`, and vectors are made from an `Avx2` or from other
        // vectors.
        unsafe { $call }
    };
}

impl U32x8 {
    /// The lanes with odd numbers, each in the lower half of a 64-bit lane.
    #[inline(always)]
    fn odd(self) -> __m256i {
        avx2!(_mm256_srli_epi64::<32>(self.0))
    }
}

impl Words for U32x8 {
    type Isa = Avx2;

    type Array = [u32; 8];

    /// The lanes with even numbers, then those with odd numbers.
    type Wide = [__m256i; 2];

    const LANES: usize = 8;

    const REGISTERS: usize = 16;

    #[inline(always)]
    fn splat(_: Avx2, x: u32) -> Self {
        Self(avx2!(_mm256_set1_epi32(x.cast_signed())))
    }

    #[inline(always)]
    fn load(_: Avx2, lanes: &[u32; 8]) -> Self {
        Self(bytemuck::cast(*lanes))
    }

    #[inline(always)]
    fn store(self, lanes: &mut [u32; 8]) {
        *lanes = bytemuck::cast(self.0);
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx2!(_mm256_add_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(avx2!(_mm256_sub_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx2!(_mm256_and_si256(self.0, other.0)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(avx2!(_mm256_min_epu32(self.0, other.0)))
    }

    #[inline(always)]
    fn shr(self, bits: u32) -> Self {
        Self(avx2!(_mm256_srl_epi32(self.0, _mm_cvtsi32_si128(bits.cast_signed()))))
    }

    #[inline(always)]
    fn shl(self, bits: u32) -> Self {
        Self(avx2!(_mm256_sll_epi32(self.0, _mm_cvtsi32_si128(bits.cast_signed()))))
    }

    #[inline(always)]
    fn mul_low(self, other: Self) -> Self {
        Self(avx2!(_mm256_mullo_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn mul_wide(self, other: Self) -> [__m256i; 2] {
        [avx2!(_mm256_mul_epu32(self.0, other.0)), avx2!(_mm256_mul_epu32(self.odd(), other.odd()))]
    }

    #[inline(always)]
    fn add_wide([a, b]: [__m256i; 2], [c, d]: [__m256i; 2]) -> [__m256i; 2] {
        [avx2!(_mm256_add_epi64(a, c)), avx2!(_mm256_add_epi64(b, d))]
    }

    #[inline(always)]
    fn fold([even, odd]: [__m256i; 2], factor: Self) -> [__m256i; 2] {
        let fold = |x| {
            avx2!({
                let low = _mm256_and_si256(x, _mm256_set1_epi64x(0xffff_ffff));
                _mm256_add_epi64(low, _mm256_mul_epu32(_mm256_srli_epi64::<32>(x), factor.0))
            })
        };
        [fold(even), fold(odd)]
    }

    #[inline(always)]
    fn clear_lower([even, odd]: [__m256i; 2], inverse: Self, modulus: Self) -> [__m256i; 2] {
        let clear = |x| {
            avx2!({
                let multiple = _mm256_mul_epu32(x, inverse.0);
                _mm256_add_epi64(x, _mm256_mul_epu32(multiple, modulus.0))
            })
        };
        [clear(even), clear(odd)]
    }

    #[inline(always)]
    fn upper([even, odd]: [__m256i; 2]) -> Self {
        const ODD: i32 = 0b1010_1010;
        Self(avx2!(_mm256_blend_epi32::<ODD>(_mm256_srli_epi64::<32>(even), odd)))
    }

    #[inline(always)]
    fn split<const BLOCK: usize>([x, y]: [Self; 2]) -> [Self; 2] {
        const EVEN: i32 = 0b10_00_10_00;
        const ODD: i32 = 0b11_01_11_01;
        const LOWER: i32 = 0x20;
        const UPPER: i32 = 0x31;
        avx2!(match BLOCK {
            1 => {
                let (x, y) = (_mm256_castsi256_ps(x.0), _mm256_castsi256_ps(y.0));
                let (even, odd) = (_mm256_shuffle_ps::<EVEN>(x, y), _mm256_shuffle_ps::<ODD>(x, y));
                [Self(_mm256_castps_si256(even)), Self(_mm256_castps_si256(odd))]
            }
            2 => [Self(_mm256_unpacklo_epi64(x.0, y.0)), Self(_mm256_unpackhi_epi64(x.0, y.0))],
            4 =>
                [Self(_mm256_permute2x128_si256::<LOWER>(x.0, y.0)), Self(_mm256_permute2x128_si256::<UPPER>(x.0, y.0))],
            _ => [x, y],
        })
    }

    #[inline(always)]
    fn join<const BLOCK: usize>([x, y]: [Self; 2]) -> [Self; 2] {
        match BLOCK {
            1 => avx2!([Self(_mm256_unpacklo_epi32(x.0, y.0)), Self(_mm256_unpackhi_epi32(x.0, y.0))]),
            // These exchanges are their own inverses.
            _ => Self::split::<BLOCK>([x, y]),
        }
    }
}
