//! An odd modulus m, for arithmetic modulo m and m² in four lanes; the formulas are those of [`crate::bignum::pair`].

use super::columns::{self, Columns};
use super::number::{LINES_A_DIGIT, Number, carry};
use super::tile::BLOCK;
use super::transpose;
use super::vector::{DIGIT_MASK, LANES, Vector, broadcast};
use crate::bignum::batch::Rows;
use crate::bignum::lanes::{Line, Pair};
use crate::bignum::modulus::Modulus;
use crate::bignum::radix_form::RadixForm;
use crate::bignum::simd::factor::impl_fixed_factor;
use crate::bignum::simd::{deal, deal_rows, impl_lanes};
use crate::device::isa::Avx2;
use std::arch::x86_64::{_mm256_add_epi64, _mm256_sub_epi64};
use zeroize::{Zeroize, Zeroizing};

/// m below 2^(364·T − 8), with what Montgomery arithmetic with R = 2^(364·T) needs. Wiped when dropped.
pub(crate) struct Avx2Modulus<const T: usize> {
    m: Number<T>,
    /// −1/m modulo 2^28.
    inverse: Vector,
    one: Pair<Number<T>>,
    r2: Pair<Number<T>>,
    width: usize,
    /// That the instructions are there.
    _avx2: Avx2,
}

impl<const T: usize> Drop for Avx2Modulus<T> {
    fn drop(&mut self) {
        self.m.zeroize();
        self.inverse.zeroize();
        self.one.zeroize();
        self.r2.zeroize();
    }
}

impl<const T: usize> Avx2Modulus<T> {
    /// `modulus` must have a size for which T blocks leave at least eight bits of room.
    pub(crate) fn new(avx2: Avx2, modulus: &Modulus) -> Self {
        Self::of_each(avx2, [modulus])
    }

    /// Moduli of one size that are [`dealt`](crate::bignum::lanes::dealt) to the lanes.
    pub(crate) fn of_each<const M: usize>(avx2: Avx2, moduli: [&Modulus; M]) -> Self {
        // SAFETY: an `Avx2` only exists where the processor has these instructions.
        unsafe { Self::with_forms(avx2, moduli, moduli.map(|modulus| modulus.digit_form(28, BLOCK * T))) }
    }

    #[target_feature(enable = "avx2")]
    fn with_forms<const M: usize>(avx2: Avx2, moduli: [&Modulus; M], forms: [&RadixForm; M]) -> Self {
        let width = moduli.first().map_or(0, |modulus| modulus.width());
        let pair = |power: usize| {
            let rows = deal_rows(&forms.map(|form| form.radix_powers[power].as_slice()), LANES);
            let rows = Rows::new(&rows, 2 * width);
            Pair { x0: transpose::load(rows, 0, width), x1: transpose::load(rows, width, width) }
        };
        let inverses: [u64; LANES] = deal(&forms.map(|form| form.negative_inverse & DIGIT_MASK));
        Self {
            m: transpose::load(Rows::new(&deal_rows(&moduli.map(Modulus::limbs), LANES), width), 0, width),
            inverse: bytemuck::cast(inverses),
            one: pair(0),
            r2: pair(1),
            width,
            _avx2: avx2,
        }
    }

    /// columns ← (columns + Σ x·y + q·m)/R in the upper half, and R − 1 − q in the lower one.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn reduce<const P: usize, const Q: usize>(&self, columns: &mut Columns<T>, x: [&Number<T>; P], y: [&Number<T>; P]) {
        columns::reduce::<T, P, Q>(columns, x, y, &self.m, self.inverse);
    }

    /// Where R − 1 − q stands: R·m − q, with which the columns of z1 begin. It is what z0 left behind, and enough to stay positive.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn repay(&self, columns: &mut Columns<T>) {
        columns[1] = self.m.0;
        // R − 1 − q is there already. m is odd, so its lowest digit can lend the 1.
        columns[0][0][0] = _mm256_add_epi64(columns[0][0][0], broadcast(1));
        columns[1][0][0] = _mm256_sub_epi64(columns[1][0][0], broadcast(1));
    }

    #[target_feature(enable = "avx2")]
    fn append(&self, table: &mut Vec<Line>, entries: Rows<'_>) {
        for at in [0, self.width] {
            let groups = (0..entries.len()).step_by(LANES).map(|first| entries.slice(first..first + LANES));
            let groups: Vec<Number<T>> = groups.map(|rows| transpose::load(rows, at, self.width)).collect();
            let groups = Zeroizing::new(groups);
            for digit in 0..T * BLOCK {
                table.extend(Number::lines(&groups, digit));
            }
        }
    }

    /// A bit a lane: whether a reduced number is 1.
    #[cfg(feature = "owner")]
    #[target_feature(enable = "avx2")]
    fn ones(x: &Number<T>) -> u32 {
        use std::arch::x86_64::{_mm256_castsi256_pd, _mm256_movemask_pd};
        _mm256_movemask_pd(_mm256_castsi256_pd(x.is_one())).cast_unsigned()
    }
}

// An estimate: a multiplication takes 5·N² products, an entry of 2·N digits as many loads.
impl_lanes!(
    "avx2",
    [const T: usize] Avx2Modulus<T>,
    Number<T>,
    lanes LANES,
    selected 2 * T * BLOCK,
    lines 2 * T * BLOCK * LINES_A_DIGIT
);

impl_fixed_factor!("avx2", [const T: usize] Avx2Modulus<T>, Number<T>, radix 28 * BLOCK * T);
