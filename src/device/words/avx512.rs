//! Vectors of sixteen 32-bit lanes with AVX-512.

use super::Words;
use crate::device::isa::Ifma;
use std::arch::x86_64::{
    __m512i, _mm_cvtsi32_si128, _mm512_add_epi32, _mm512_add_epi64, _mm512_and_si512, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_mask_mov_epi32, _mm512_min_epu32, _mm512_mul_epu32, _mm512_mullo_epi32,
    _mm512_permutex2var_epi64, _mm512_set_epi64, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_shuffle_i64x2,
    _mm512_shuffle_ps, _mm512_sll_epi32, _mm512_srl_epi32, _mm512_srli_epi64, _mm512_sub_epi32, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

/// Sixteen 32-bit lanes. Making one requires an [`Ifma`].
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct U32x16(__m512i);

/// Calls an AVX-512 intrinsic.
macro_rules! avx512 {
    ($call:expr) => {
        // SAFETY: the CPU has AVX-512 F. Only detection makes an `Ifma`, and vectors are made from an `Ifma` or from
        // other vectors.
        unsafe { $call }
    };
}

impl U32x16 {
    /// The lanes with odd numbers, each in the lower half of a 64-bit lane.
    #[inline(always)]
    fn odd(self) -> __m512i {
        avx512!(_mm512_srli_epi64::<32>(self.0))
    }
}

impl Words for U32x16 {
    type Isa = Ifma;

    type Array = [u32; 16];

    /// The lanes with even numbers, then those with odd numbers.
    type Wide = [__m512i; 2];

    const LANES: usize = 16;

    const REGISTERS: usize = 32;

    #[inline(always)]
    fn splat(_: Ifma, x: u32) -> Self {
        Self(avx512!(_mm512_set1_epi32(x.cast_signed())))
    }

    #[inline(always)]
    fn load(_: Ifma, lanes: &[u32; 16]) -> Self {
        Self(bytemuck::cast(*lanes))
    }

    #[inline(always)]
    fn store(self, lanes: &mut [u32; 16]) {
        *lanes = bytemuck::cast(self.0);
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx512!(_mm512_add_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(avx512!(_mm512_sub_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx512!(_mm512_and_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(avx512!(_mm512_min_epu32(self.0, other.0)))
    }

    #[inline(always)]
    fn shr(self, bits: u32) -> Self {
        Self(avx512!(_mm512_srl_epi32(self.0, _mm_cvtsi32_si128(bits.cast_signed()))))
    }

    #[inline(always)]
    fn shl(self, bits: u32) -> Self {
        Self(avx512!(_mm512_sll_epi32(self.0, _mm_cvtsi32_si128(bits.cast_signed()))))
    }

    #[inline(always)]
    fn mul_low(self, other: Self) -> Self {
        Self(avx512!(_mm512_mullo_epi32(self.0, other.0)))
    }

    #[inline(always)]
    fn mul_wide(self, other: Self) -> [__m512i; 2] {
        [avx512!(_mm512_mul_epu32(self.0, other.0)), avx512!(_mm512_mul_epu32(self.odd(), other.odd()))]
    }

    #[inline(always)]
    fn add_wide([a, b]: [__m512i; 2], [c, d]: [__m512i; 2]) -> [__m512i; 2] {
        [avx512!(_mm512_add_epi64(a, c)), avx512!(_mm512_add_epi64(b, d))]
    }

    #[inline(always)]
    fn fold([even, odd]: [__m512i; 2], factor: Self) -> [__m512i; 2] {
        let fold = |x| {
            avx512!({
                let low = _mm512_and_si512(x, _mm512_set1_epi64(0xffff_ffff));
                _mm512_add_epi64(low, _mm512_mul_epu32(_mm512_srli_epi64::<32>(x), factor.0))
            })
        };
        [fold(even), fold(odd)]
    }

    #[inline(always)]
    fn clear_lower([even, odd]: [__m512i; 2], inverse: Self, modulus: Self) -> [__m512i; 2] {
        let clear = |x| {
            avx512!({
                let multiple = _mm512_mul_epu32(x, inverse.0);
                _mm512_add_epi64(x, _mm512_mul_epu32(multiple, modulus.0))
            })
        };
        [clear(even), clear(odd)]
    }

    #[inline(always)]
    fn upper([even, odd]: [__m512i; 2]) -> Self {
        const ODD: u16 = 0b1010_1010_1010_1010;
        Self(avx512!(_mm512_mask_mov_epi32(_mm512_srli_epi64::<32>(even), ODD, odd)))
    }

    #[inline(always)]
    fn split<const BLOCK: usize>([x, y]: [Self; 2]) -> [Self; 2] {
        const EVEN: i32 = 0b10_00_10_00;
        const ODD: i32 = 0b11_01_11_01;
        const LOWER: i32 = 0b01_00_01_00;
        const UPPER: i32 = 0b11_10_11_10;
        avx512!(match BLOCK {
            1 => {
                let (x, y) = (_mm512_castsi512_ps(x.0), _mm512_castsi512_ps(y.0));
                let (even, odd) = (_mm512_shuffle_ps::<EVEN>(x, y), _mm512_shuffle_ps::<ODD>(x, y));
                [Self(_mm512_castps_si512(even)), Self(_mm512_castps_si512(odd))]
            }
            2 => [Self(_mm512_unpacklo_epi64(x.0, y.0)), Self(_mm512_unpackhi_epi64(x.0, y.0))],
            4 => [Self(_mm512_shuffle_i64x2::<EVEN>(x.0, y.0)), Self(_mm512_shuffle_i64x2::<ODD>(x.0, y.0))],
            8 => [Self(_mm512_shuffle_i64x2::<LOWER>(x.0, y.0)), Self(_mm512_shuffle_i64x2::<UPPER>(x.0, y.0))],
            _ => [x, y],
        })
    }

    #[inline(always)]
    fn join<const BLOCK: usize>([x, y]: [Self; 2]) -> [Self; 2] {
        match BLOCK {
            1 => avx512!([Self(_mm512_unpacklo_epi32(x.0, y.0)), Self(_mm512_unpackhi_epi32(x.0, y.0))]),
            4 => avx512!({
                let (low, high) =
                    (_mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4));
                [Self(_mm512_permutex2var_epi64(x.0, low, y.0)), Self(_mm512_permutex2var_epi64(x.0, high, y.0))]
            }),
            // These exchanges are their own inverses.
            _ => Self::split::<BLOCK>([x, y]),
        }
    }
}
