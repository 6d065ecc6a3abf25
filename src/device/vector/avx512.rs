//! Vectors of eight lanes with AVX-512.

use super::{MOST_LANES, Vector};
use crate::device::isa::Ifma;
use std::arch::x86_64::{
    __m512i, __mmask8, _mm512_add_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_maskz_mov_epi64, _mm512_or_si512, _mm512_permutex2var_epi64,
    _mm512_set1_epi64, _mm512_shuffle_i64x2, _mm512_sllv_epi64, _mm512_srlv_epi64, _mm512_sub_epi64,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};
use zeroize::Zeroize;

/// Eight 64-bit lanes. Making one requires an [`Ifma`].
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct U64x8(__m512i);

impl Zeroize for U64x8 {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Calls an AVX-512 intrinsic.
macro_rules! avx512 {
    ($call:expr) => {
        // SAFETY: the CPU has AVX-512 F, DQ, VL and IFMA. Only detection makes an `Ifma`, and vectors are made from
        // an `Ifma` or from other vectors.
        unsafe { $call }
    };
}

impl U64x8 {
    /// self + the lower 52 bits of a·b. Only the lower 52 bits of a and b are used.
    #[inline(always)]
    pub(crate) fn add_low(self, a: Self, b: Self) -> Self {
        Self(avx512!(_mm512_madd52lo_epu64(self.0, a.0, b.0)))
    }

    /// self + the upper 52 bits of the 104-bit product a·b. Only the lower 52 bits of a and b are used.
    #[inline(always)]
    pub(crate) fn add_high(self, a: Self, b: Self) -> Self {
        Self(avx512!(_mm512_madd52hi_epu64(self.0, a.0, b.0)))
    }

    /// Permutes the sixteen lanes of two vectors: the lowest four bits of each lane of `indices` select one.
    #[inline(always)]
    pub(crate) fn permute([low, high]: [Self; 2], indices: Self) -> Self {
        Self(avx512!(_mm512_permutex2var_epi64(low.0, indices.0, high.0)))
    }
}

impl Vector for U64x8 {
    type Isa = Ifma;

    type Mask = __mmask8;

    type Lanes = [u64; 8];

    const LANES: usize = 8;

    #[inline(always)]
    fn run<R>(_: Ifma, work: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
        #[inline(never)]
        fn with_ifma<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        avx512!(with_ifma(work))
    }

    #[inline(always)]
    fn splat(_: Ifma, x: u64) -> Self {
        Self(avx512!(_mm512_set1_epi64(x.cast_signed())))
    }

    #[inline(always)]
    fn from_lanes(_: Ifma, lanes: [u64; 8]) -> Self {
        Self(bytemuck::cast(lanes))
    }

    #[inline(always)]
    fn lanes(self) -> [u64; 8] {
        bytemuck::cast(self.0)
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(avx512!(_mm512_add_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(avx512!(_mm512_sub_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(avx512!(_mm512_and_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(avx512!(_mm512_or_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn shr(self, bits: u32) -> Self {
        Self(avx512!(_mm512_srlv_epi64(self.0, _mm512_set1_epi64(i64::from(bits)))))
    }

    #[inline(always)]
    fn shl(self, bits: u32) -> Self {
        Self(avx512!(_mm512_sllv_epi64(self.0, _mm512_set1_epi64(i64::from(bits)))))
    }

    #[inline(always)]
    fn eq(self, other: Self) -> __mmask8 {
        avx512!(_mm512_cmpeq_epi64_mask(self.0, other.0))
    }

    #[inline(always)]
    fn select(mask: __mmask8, on: Self, off: Self) -> Self {
        Self(avx512!(_mm512_mask_blend_epi64(mask, off.0, on.0)))
    }

    #[inline(always)]
    fn keep(self, mask: __mmask8) -> Self {
        Self(avx512!(_mm512_maskz_mov_epi64(mask, self.0)))
    }

    #[cfg(feature = "owner")]
    #[inline(always)]
    fn bits(mask: __mmask8) -> u32 {
        u32::from(mask)
    }

    #[inline(always)]
    fn transpose([a, b, c, d, e, f, g, h]: [Self; MOST_LANES]) -> [Self; MOST_LANES] {
        // Of each pair of rows the even columns, then the odd columns.
        let pairs = [(a, b), (c, d), (e, f), (g, h)];
        let even = pairs.map(|(x, y)| Self(avx512!(_mm512_unpacklo_epi64(x.0, y.0))));
        let odd = pairs.map(|(x, y)| Self(avx512!(_mm512_unpackhi_epi64(x.0, y.0))));
        let [c0, c2, c4, c6] = transpose_pairs(even);
        let [c1, c3, c5, c7] = transpose_pairs(odd);
        [c0, c1, c2, c3, c4, c5, c6, c7]
    }
}

/// Transposes four rows of four pairs of lanes.
#[inline(always)]
fn transpose_pairs([a, b, c, d]: [U64x8; 4]) -> [U64x8; 4] {
    const EVEN: i32 = 0b10_00_10_00;
    const ODD: i32 = 0b11_01_11_01;
    let even = |x: U64x8, y: U64x8| U64x8(avx512!(_mm512_shuffle_i64x2::<EVEN>(x.0, y.0)));
    let odd = |x: U64x8, y: U64x8| U64x8(avx512!(_mm512_shuffle_i64x2::<ODD>(x.0, y.0)));
    let (even_ab, odd_ab, even_cd, odd_cd) = (even(a, b), odd(a, b), even(c, d), odd(c, d));
    [even(even_ab, even_cd), even(odd_ab, odd_cd), odd(even_ab, even_cd), odd(odd_ab, odd_cd)]
}
