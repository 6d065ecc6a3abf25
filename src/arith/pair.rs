//! Montgomery arithmetic modulo m² on pairs: x stands for x0 + x1·m.
//!
//! With R = 2^(58·L) the Montgomery radix, t = x0·y0 and q the Montgomery quotient of t (so that t + q·m ≡ 0 mod R):
//!
//! ```text
//! z0 = (x0·y0 + q·m) / R                       exactly, as an integer
//! z1 ≡ (x0·y1 + x1·y0 − q) / R   (mod m)
//! (z0 + z1·m)·R ≡ (x0 + x1·m)·(y0 + y1·m)      (mod m²)
//! ```
//!
//! because t = z0·R − q·m, so the −q that z0 leaves behind is one multiple of m to be repaid in z1. Counting products
//! of digits, a multiplication costs 5·L² and a square 3.5·L², against 8·L² and 6·L² for one number of 2·L digits
//! (Montgomery 1985 gives the reduction; writing a residue modulo m² in base m is the p-adic expansion to two terms).
//!
//! # Bounds
//!
//! With ρ = m/R ≤ 2^−10, operands x0 < 4m and x1 < 16m give z0 < (1 + 16ρ)·m and z1 < (2 + 128ρ)·m, which are
//! operands again: nothing is subtracted until [`PairModulus::leave`]. z1 is kept positive by adding R·m to its
//! numerator, hence the 2.

use super::digits::{self, DIGIT_BITS, DIGIT_MASK};
use super::product::{products, reduce, square};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A residue modulo m² in Montgomery form, partly reduced (see the bounds above), or plain and reduced where a
/// function says so.
#[derive(Clone, Copy)]
pub(crate) struct Pair<const L: usize> {
    pub(crate) x0: [u64; L],
    pub(crate) x1: [u64; L],
}

impl<const L: usize> Zeroize for Pair<L> {
    fn zeroize(&mut self) {
        self.x0.zeroize();
        self.x1.zeroize();
    }
}

impl<const L: usize> Pair<L> {
    pub(crate) const ZERO: Self = Self { x0: [0; L], x1: [0; L] };

    /// The pair whose limbs are the two halves of `row`.
    pub(crate) fn from_row(row: &[u64]) -> Self {
        let (low, high) = row.split_at(row.len() / 2);
        Self { x0: digits::from_limbs(low), x1: digits::from_limbs(high) }
    }

    /// An integer of at most one modulus's width, as (x, 0).
    #[cfg(feature = "owner")]
    pub(crate) fn from_limbs(limbs: &[u64]) -> Self {
        Self { x0: digits::from_limbs(limbs), x1: [0; L] }
    }

    /// Writes both halves of a reduced plain pair.
    pub(crate) fn to_row(self, row: &mut [u64]) {
        let (low, high) = row.split_at_mut(row.len() / 2);
        digits::to_limbs(&self.x0, low);
        digits::to_limbs(&self.x1, high);
    }

    /// x + y digit by digit. The bounds add up.
    pub(crate) fn add(&self, other: &Self) -> Self {
        Self { x0: digits::add(&self.x0, &other.x0), x1: digits::add(&self.x1, &other.x1) }
    }
}

/// An odd modulus m with what Montgomery arithmetic modulo m and m² needs. Wiped when dropped, because most are secret.
pub(crate) struct PairModulus<const L: usize> {
    m: [u64; L],
    /// −m⁻¹ mod 2^58.
    m_neg_inv: u64,
    one: Pair<L>,
    r2: Pair<L>,
}

impl<const L: usize> Drop for PairModulus<L> {
    fn drop(&mut self) {
        self.m.zeroize();
        self.m_neg_inv.zeroize();
        self.one.zeroize();
        self.r2.zeroize();
    }
}

impl<const L: usize> ZeroizeOnDrop for PairModulus<L> {}

impl<const L: usize> PairModulus<L> {
    /// `m` must be odd and below 2^(58·L − 10). Costs about as much as two hundred multiplications.
    pub(crate) fn new(m: &[u64; L]) -> Self {
        // Each step of Newton's iteration doubles the number of right bits, starting from three.
        let mut inverse = m[0];
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(m[0].wrapping_mul(inverse)));
        }
        let mut modulus =
            Self { m: *m, m_neg_inv: inverse.wrapping_neg() & DIGIT_MASK, one: Pair::ZERO, r2: Pair::ZERO };
        let mut power = Pair::ZERO;
        power.x0[0] = 1;
        for _ in 0..DIGIT_BITS as usize * L {
            power = modulus.double_reduced(&power);
        }
        modulus.one = power;
        // The Montgomery form of 2^(58·L) = R is R²: raise 2 to that power.
        let two = modulus.double_reduced(&modulus.one);
        let exponent = DIGIT_BITS as usize * L;
        let mut r2 = two;
        for i in (0..exponent.ilog2()).rev() {
            r2 = modulus.square(&r2);
            if exponent >> i & 1 == 1 {
                r2 = r2.add(&r2);
            }
        }
        modulus.r2 = r2;
        modulus
    }

    /// 2x mod m² of a reduced pair, reduced.
    fn double_reduced(&self, x: &Pair<L>) -> Pair<L> {
        let (x0, carry) = digits::reduce_once(&digits::add(&x.x0, &x.x0), &self.m);
        let mut x1 = digits::add(&x.x1, &x.x1);
        x1[0] += carry;
        // 2·x1 + 1 ≤ 2m − 1, so its lowest digit can exceed 58 bits only by the carry, which the addition moves up.
        let (x1, _) = digits::reduce_once(&digits::add(&x1, &[0; L]), &self.m);
        Pair { x0, x1 }
    }

    /// 1 in Montgomery form.
    pub(crate) fn one(&self) -> &Pair<L> {
        &self.one
    }

    /// R² mod m²: multiplying by it takes a plain pair into Montgomery form.
    pub(crate) fn r2(&self) -> &Pair<L> {
        &self.r2
    }

    /// Adds R·m − q to the columns of a numerator of z1.
    #[inline(always)]
    fn repay(&self, columns: &mut [[u128; L]; 2], q: &[u64; L]) {
        for i in 0..L {
            columns[0][i] += u128::from(DIGIT_MASK - q[i]);
            columns[1][i] += u128::from(self.m[i]);
        }
        // Σ (2^58−1−q[i])·2^(58·i) is R − 1 − q; the m above is odd, so its lowest digit can lend the R back.
        columns[0][0] += 1;
        columns[1][0] -= 1;
    }

    /// The upper half of the columns after the reduction, carried, and the quotient.
    #[inline(always)]
    fn divide(&self, columns: &mut [[u128; L]; 2]) -> ([u64; L], [u64; L]) {
        let q = reduce(columns.as_flattened_mut(), &self.m, self.m_neg_inv);
        (digits::carry(&columns[1]), q)
    }

    /// z0 and z1 from the columns of x0·y0 and of x0·y1 + x1·y0.
    #[inline(always)]
    fn divide_pair(&self, first: &mut [[u128; L]; 2], second: &mut [[u128; L]; 2]) -> Pair<L> {
        let (x0, q) = self.divide(first);
        self.repay(second, &q);
        Pair { x0, x1: self.divide(second).0 }
    }

    /// x·y/R mod m².
    #[inline(never)]
    pub(crate) fn mul(&self, x: &Pair<L>, y: &Pair<L>) -> Pair<L> {
        self.divide_pair(&mut products([(&x.x0, &y.x0)]), &mut products([(&x.x0, &y.x1), (&x.x1, &y.x0)]))
    }

    /// x²/R mod m².
    #[inline(never)]
    pub(crate) fn square(&self, x: &Pair<L>) -> Pair<L> {
        let doubled = x.x0.map(|digit| digit << 1);
        self.divide_pair(&mut square(&x.x0, &doubled), &mut products([(&doubled, &x.x1)]))
    }

    /// x·y/R mod m, below (1 + 64ρ)·m for operands whose product is below 64·m².
    #[inline(never)]
    pub(crate) fn mont_mul(&self, x: &[u64; L], y: &[u64; L]) -> [u64; L] {
        self.divide(&mut products([(x, y)])).0
    }

    /// A plain pair into Montgomery form: x·R mod m². x0 may be any integer below 4m.
    pub(crate) fn enter(&self, x: &Pair<L>) -> Pair<L> {
        self.mul(x, &self.r2)
    }

    /// Out of Montgomery form, x/R mod m², fully reduced: x0 and x1 below m.
    pub(crate) fn leave(&self, x: &Pair<L>) -> Pair<L> {
        let columns = |digits: &[u64; L]| [digits.map(u128::from), [0; L]];
        self.reduce_pair(&self.divide_pair(&mut columns(&x.x0), &mut columns(&x.x1)))
    }

    /// The reduced form of a plain pair with x0 < 2m and x1 < 3m − 1: subtracting m from x0 adds 1 to x1.
    pub(crate) fn reduce_pair(&self, x: &Pair<L>) -> Pair<L> {
        let (x0, carry) = digits::reduce_once(&x.x0, &self.m);
        // x1 + carry − k·m for k = 0, 1, 2 side by side, so that the carries do not wait for each other.
        let mut candidates = [[0; L]; 3];
        let mut carries = [carry.cast_signed(), carry.cast_signed(), carry.cast_signed()];
        for (i, (x, m)) in x.x1.iter().zip(self.m).enumerate() {
            for (k, multiple) in [0, m, 2 * m].into_iter().enumerate() {
                let digit = x.cast_signed() - multiple.cast_signed() + carries[k];
                candidates[k][i] = digit.cast_unsigned() & DIGIT_MASK;
                carries[k] = digit >> DIGIT_BITS;
            }
        }
        let negative = |k: usize| digits::mask(carries[k].cast_unsigned() >> 63);
        let x1 = digits::select(negative(1), &candidates[0], &candidates[1]);
        Pair { x0, x1: digits::select(negative(2), &x1, &candidates[2]) }
    }

    /// x mod m of an x below 2m.
    pub(crate) fn reduce_once(&self, x: &[u64; L]) -> [u64; L] {
        digits::reduce_once(x, &self.m).0
    }

    /// x − y mod m of reduced x and of y below 2m.
    #[cfg(feature = "owner")]
    pub(crate) fn sub(&self, x: &[u64; L], y: &[u64; L]) -> [u64; L] {
        let (difference, borrow) = digits::sub(x, &self.reduce_once(y));
        let m = self.m.map(|digit| digit & digits::mask(borrow));
        // The addition drops the 2^(58·L) that the borrow left in the difference.
        digits::add(&difference, &m)
    }

    /// x + y mod m of x and y below 2m.
    #[cfg(feature = "owner")]
    pub(crate) fn add(&self, x: &[u64; L], y: &[u64; L]) -> [u64; L] {
        let sum = digits::add(&self.reduce_once(x), &self.reduce_once(y));
        self.reduce_once(&sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arith::window::{self, Exponent};
    use num_bigint::BigUint;
    use proptest::prelude::*;

    fn big(digits: &[u64]) -> BigUint {
        digits.iter().rev().fold(BigUint::ZERO, |sum, d| (sum << 58u32) + d)
    }

    fn digits<const L: usize>(x: &BigUint) -> [u64; L] {
        digits::from_limbs(&x.to_u64_digits())
    }

    /// Random bits with runs of ones and zeros, which random numbers do not have.
    fn number(bits: usize) -> impl Strategy<Value = BigUint> {
        prop::collection::vec(prop_oneof![3 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX)], bits / 64)
            .prop_map(|limbs| limbs.iter().rev().fold(BigUint::ZERO, |x, limb| (x << 64u32) + limb))
    }

    /// An odd modulus of a size, and numbers to compute with, among them the extremes.
    fn case(bits: usize) -> impl Strategy<Value = (BigUint, BigUint, BigUint)> {
        (number(bits), number(2 * bits), number(2 * bits), 0..8).prop_map(move |(mut m, x, y, kind)| {
            m.set_bit(0, true);
            m.set_bit(bits as u64 - 1 - u64::from(kind == 7), true);
            let square = &m * &m;
            let edge = |z: BigUint, which| match which {
                0 => BigUint::ZERO,
                1 => BigUint::from(1u32),
                2 => &square - 1u32,
                3 => m.clone(),
                4 => &m - 1u32,
                _ => z % &square,
            };
            (m.clone(), edge(x, kind), edge(y, kind / 2 + 2))
        })
    }

    fn check<const L: usize>((m, x, y): &(BigUint, BigUint, BigUint)) {
        let square = m * m;
        let modulus = PairModulus::<L>::new(&digits(m));
        let plain = |x: &BigUint| Pair { x0: digits::<L>(&(x % m)), x1: digits::<L>(&(x / m)) };
        let value = |p: &Pair<L>| {
            let p = modulus.leave(p);
            let (x0, x1) = (big(&p.x0), big(&p.x1));
            assert!(&x0 < m && &x1 < m, "not reduced");
            x0 + x1 * m
        };
        let (a, b) = (modulus.enter(&plain(x)), modulus.enter(&plain(y)));
        assert_eq!(value(&a), *x);
        assert_eq!(value(modulus.one()), BigUint::from(1u32));
        assert_eq!(value(&modulus.mul(&a, &b)), x * y % &square);
        assert_eq!(value(&modulus.square(&a)), x * x % &square);
        assert_eq!(value(&a.add(&b)), (x + y) % &square);
        // Operands as large as the bounds allow: 3m < x0 < 4m and 14m < x1 < 16m are reached by repeated addition.
        let big_a = a.add(&a).add(&a);
        assert_eq!(value(&modulus.mul(&big_a, &b.add(&b))), x * y * 6u32 % &square);
        // A chain never leaves the bounds.
        let (mut chain, mut expected) = (a, x.clone());
        for _ in 0..20 {
            chain = modulus.mul(&modulus.square(&chain), &b);
            expected = &expected * &expected * y % &square;
        }
        assert_eq!(value(&chain), expected);
        let product = modulus.mont_mul(&modulus.mont_mul(&digits(&(x % m)), &modulus.r2().x0), &digits(&(y % m)));
        assert_eq!(big(&modulus.reduce_once(&product)), x * y % m);
        assert_eq!(big(&modulus.sub(&digits(&(x % m)), &digits(&(y % m)))), (x + (m - y % m)) % m);
        assert_eq!(big(&modulus.add(&digits(&(x % m)), &digits(&(y % m)))), (x + y) % m);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pairs_512(case in case(512)) { check::<9>(&case); }
        #[test]
        fn pairs_1024(case in case(1024)) { check::<18>(&case); }
        #[test]
        fn pairs_1536(case in case(1536)) { check::<27>(&case); }
        #[test]
        fn pairs_2048(case in case(2048)) { check::<36>(&case); }
        #[test]
        fn pairs_3072(case in case(3072)) { check::<54>(&case); }
        #[test]
        fn pairs_4096(case in case(4096)) { check::<72>(&case); }
        #[test]
        fn pairs_6144(case in case(6144)) { check::<108>(&case); }
        #[test]
        fn pairs_8192(case in case(8192)) { check::<144>(&case); }

        #[test]
        fn powers((m, x, _) in case(512), exponent in prop::collection::vec(any::<u64>(), 0..8), cut in 0usize..64) {
            let modulus = PairModulus::<9>::new(&digits(&m));
            let square = &m * &m;
            let bits = (exponent.len() * 64).saturating_sub(cut);
            let base = modulus.enter(&Pair { x0: digits(&(&x % &m)), x1: digits(&(&x / &m)) });
            let power = modulus.leave(&window::pow(&modulus, &base, &Exponent::new(&exponent, bits)));
            let e = exponent.iter().rev().fold(BigUint::ZERO, |e, limb| (e << 64u32) + limb)
                % (BigUint::from(1u32) << bits);
            prop_assert_eq!(big(&power.x0) + big(&power.x1) * &m, x.modpow(&e, &square));
        }
    }

    #[test]
    fn small_moduli_at_a_large_size() {
        for m in [3u32, 5, 255, 65_537] {
            check::<9>(&(m.into(), (m * 2 / 3).into(), (m - 1).into()));
        }
    }
}
