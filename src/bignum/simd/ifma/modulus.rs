//! An odd modulus m, for arithmetic modulo m and m² in eight lanes; the formulas are those of [`crate::bignum::pair`].

use super::columns::{self, Columns};
use super::number::{LINES_A_DIGIT, Number, carry};
use super::transpose;
use super::vector::{DIGIT_MASK, LANES, Vector, broadcast};
use crate::bignum::batch::Rows;
use crate::bignum::lanes::{Line, Pair};
use crate::bignum::modulus::Modulus;
use crate::bignum::radix_form::RadixForm;
use crate::bignum::simd::factor::impl_fixed_factor;
use crate::bignum::simd::{deal, deal_rows, impl_lanes};
use crate::device::isa::Ifma;
use zeroize::{Zeroize, Zeroizing};

/// m below 2^(52·T·C − 8), with what Montgomery arithmetic with R = 2^(52·T·C) needs. Wiped when dropped.
pub(crate) struct IfmaModulus<const T: usize, const C: usize> {
    m: Number<T, C>,
    /// −1/m modulo 2^52.
    inverse: Vector,
    one: Pair<Number<T, C>>,
    r2: Pair<Number<T, C>>,
    width: usize,
    /// That the instructions are there.
    _ifma: Ifma,
}

impl<const T: usize, const C: usize> Drop for IfmaModulus<T, C> {
    fn drop(&mut self) {
        self.m.zeroize();
        self.inverse.zeroize();
        self.one.zeroize();
        self.r2.zeroize();
    }
}

impl<const T: usize, const C: usize> IfmaModulus<T, C> {
    /// `modulus` must have a size for which T·C digits leave at least eight bits of room.
    pub(crate) fn new(ifma: Ifma, modulus: &Modulus) -> Self {
        Self::of_each(ifma, [modulus])
    }

    /// Moduli of one size that are [`dealt`](crate::bignum::lanes::dealt) to the lanes.
    pub(crate) fn of_each<const M: usize>(ifma: Ifma, moduli: [&Modulus; M]) -> Self {
        // SAFETY: an `Ifma` only exists where the processor has these instructions.
        unsafe { Self::with_forms(ifma, moduli, moduli.map(|modulus| modulus.digit_form(52, T * C))) }
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn with_forms<const M: usize>(ifma: Ifma, moduli: [&Modulus; M], forms: [&RadixForm; M]) -> Self {
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
            _ifma: ifma,
        }
    }

    /// columns ← (columns + Σ x·y + q·m)/R in the upper half, and −q in the lower one.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn reduce<const P: usize, const Q: usize>(
        &self,
        columns: &mut Columns<T, C>,
        x: [&Number<T, C>; P],
        y: [&Number<T, C>; P],
    ) {
        columns::reduce::<T, C, P, Q>(columns, x, y, &self.m, self.inverse);
    }

    /// Where −q stands: R·m − q, with which the columns of z1 begin. It is what z0 left behind, and enough to stay positive.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn repay(&self, columns: &mut Columns<T, C>) {
        columns[1] = self.m.0;
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn append(&self, table: &mut Vec<Line>, entries: Rows<'_>) {
        for at in [0, self.width] {
            let groups = (0..entries.len()).step_by(LANES).map(|first| entries.slice(first..first + LANES));
            let groups: Vec<Number<T, C>> = groups.map(|rows| transpose::load(rows, at, self.width)).collect();
            let groups = Zeroizing::new(groups);
            for digit in 0..T * C {
                table.extend(groups.iter().map(|group| Line(bytemuck::cast(group.digits()[digit]))));
            }
        }
    }

    /// A bit a lane: whether a reduced number is 1.
    #[cfg(feature = "owner")]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn ones(x: &Number<T, C>) -> u32 {
        u32::from(x.is_one())
    }
}

// A multiplication takes 10·N² products, an entry of 2·N digits as many loads, from the second cache mostly.
impl_lanes!(
    "avx512f,avx512ifma",
    [const T: usize, const C: usize] IfmaModulus<T, C>,
    Number<T, C>,
    lanes LANES,
    selected 3 * T * C,
    lines 2 * T * C * LINES_A_DIGIT
);

impl_fixed_factor!(
    "avx512f,avx512ifma",
    [const T: usize, const C: usize] IfmaModulus<T, C>,
    Number<T, C>,
    radix 52 * T * C
);
