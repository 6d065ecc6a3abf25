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
//! because t = z0·R − q·m: the term −q·m is a multiple of m, and z1 absorbs it as −q. A multiplication costs 5·L²
//! products of digits and a square 3.5·L², compared with 8·L² and 6·L² for one number of 2·L digits. Montgomery
//! (1985) gives the reduction; writing a residue modulo m² in base m is the p-adic expansion to two terms.
//!
//! # Bounds
//!
//! Reduction is lazy. With ρ = m/R ≤ 2^−10, operands x0 < 4m and x1 < 16m give z0 < (1 + 16ρ)·m and z1 < (2 + 128ρ)·m,
//! which are valid operands again: m is not subtracted until [`PairModulus::from_mont`]. R·m is added to the numerator
//! of z1 to keep it positive, hence the 2 in the bound.

use super::batch::Rows;
use super::digits::{self, DIGIT_BITS, DIGIT_MASK};
use super::lanes::{Lanes, Line, Pair, WINDOW_BITS};
use super::product::{products, reduce, square};
use super::window::WIDEST;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// An odd modulus m with the constants of Montgomery arithmetic modulo m and m². Wiped when dropped, because it may be
/// secret.
pub(crate) struct PairModulus<const L: usize> {
    m: [u64; L],
    /// Limbs of a residue modulo m.
    width: usize,
    /// −m⁻¹ mod 2^58.
    m_neg_inv: u64,
    one: Pair<[u64; L]>,
    r2: Pair<[u64; L]>,
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
    const ZERO: Pair<[u64; L]> = Pair { x0: [0; L], x1: [0; L] };

    /// Prepares arithmetic modulo m, given as limbs. m must be odd and below 2^(58·L − 10). Costs about as much as
    /// two hundred multiplications.
    pub(crate) fn new(limbs: &[u64]) -> Self {
        let m: [u64; L] = digits::from_limbs(limbs);
        // m itself is its own inverse modulo 8. Each step of Newton's iteration doubles the number of correct bits.
        let mut inverse = m[0];
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(m[0].wrapping_mul(inverse)));
        }
        let mut modulus = Self {
            m,
            width: limbs.len(),
            m_neg_inv: inverse.wrapping_neg() & DIGIT_MASK,
            one: Self::ZERO,
            r2: Self::ZERO,
        };
        let mut power = Self::ZERO;
        power.x0[0] = 1;
        for _ in 0..DIGIT_BITS as usize * L {
            power = modulus.double_reduced(&power);
        }
        modulus.one = power;
        // R² is the Montgomery form of R = 2^(58·L): raise 2 to the power 58·L in Montgomery form.
        let two = modulus.double_reduced(&modulus.one);
        let exponent = DIGIT_BITS as usize * L;
        let mut r2 = two;
        for i in (0..exponent.ilog2()).rev() {
            r2 = modulus.square(&r2);
            if exponent >> i & 1 == 1 {
                r2 = modulus.plus_pair(&r2, &r2);
            }
        }
        modulus.r2 = r2;
        modulus
    }

    /// Returns 2x mod m², reduced, for a reduced pair.
    fn double_reduced(&self, x: &Pair<[u64; L]>) -> Pair<[u64; L]> {
        let (x0, carry) = digits::reduce_once(&digits::add(&x.x0, &x.x0), &self.m);
        let mut x1 = digits::add(&x.x1, &x.x1);
        x1[0] += carry;
        // 2·x1 + 1 ≤ 2m − 1. The carry can push the lowest digit above 58 bits; the addition of zero propagates it.
        let (x1, _) = digits::reduce_once(&digits::add(&x1, &[0; L]), &self.m);
        Pair { x0, x1 }
    }

    /// Adds R·m − q to the columns of the numerator of z1.
    #[inline(always)]
    fn subtract_quotient(&self, columns: &mut [[u128; L]; 2], q: &[u64; L]) {
        for i in 0..L {
            columns[0][i] += u128::from(DIGIT_MASK - q[i]);
            columns[1][i] += u128::from(self.m[i]);
        }
        // The loop added Σ (2^58−1−q[i])·2^(58·i) = R − 1 − q, plus R·m. Add the missing 1, and subtract R from R·m:
        // m is odd, so its lowest digit is at least 1.
        columns[0][0] += 1;
        columns[1][0] -= 1;
    }

    /// Montgomery reduction: returns the digits of (columns + q·m)/R, and the quotient q.
    #[inline(always)]
    fn mont_reduce(&self, columns: &mut [[u128; L]; 2]) -> ([u64; L], [u64; L]) {
        let q = reduce(columns.as_flattened_mut(), &self.m, self.m_neg_inv);
        (digits::carry(&columns[1]), q)
    }

    /// Computes z0 and z1 from the columns of x0·y0 and of x0·y1 + x1·y0.
    #[inline(always)]
    fn mont_reduce_pair(&self, first: &mut [[u128; L]; 2], second: &mut [[u128; L]; 2]) -> Pair<[u64; L]> {
        let (x0, q) = self.mont_reduce(first);
        self.subtract_quotient(second, &q);
        Pair { x0, x1: self.mont_reduce(second).0 }
    }
}

impl<const L: usize> Lanes for PairModulus<L> {
    const COUNT: usize = 1;

    // Measured: reading an entry of 36 digits takes 13 cycles, a multiplication of 36 digits 3,230.
    const SELECTIONS_PER_MUL: usize = 14 * L;

    const LINES_A_WINDOW: usize = ((2 * L) << WINDOW_BITS) / 8;

    type Number = [u64; L];

    fn one(&self) -> &Pair<[u64; L]> {
        &self.one
    }

    fn r2(&self) -> &Pair<[u64; L]> {
        &self.r2
    }

    fn width(&self) -> usize {
        self.width
    }

    fn broadcast(&self, limbs: &[u64]) -> [u64; L] {
        digits::from_limbs(limbs)
    }

    fn load(&self, rows: Rows<'_>, at: usize) -> [u64; L] {
        let row = rows.iter().next().unwrap_or_default();
        digits::from_limbs(row.get(at..at + self.width).unwrap_or_default())
    }

    fn store(&self, x: &[u64; L], rows: &mut [u64], _width: usize, at: usize) {
        digits::to_limbs(x, &mut rows[at..at + self.width]);
    }

    fn store_product(&self, x: &[u64; L], y: &[u64; L], z: &[u64; L], rows: &mut [u64], _width: usize, at: usize) {
        let mut columns = products([(x, y)]);
        for (column, digit) in columns[0].iter_mut().zip(z) {
            *column += u128::from(*digit);
        }
        let mut product = [[0u64; L]; 2];
        let mut carry = 0u128;
        for (digit, column) in product.as_flattened_mut().iter_mut().zip(columns.as_flattened()) {
            carry += column;
            *digit = digits::low(carry) & DIGIT_MASK;
            carry >>= DIGIT_BITS;
        }
        digits::to_limbs(product.as_flattened(), &mut rows[at..at + 2 * self.width]);
    }

    #[inline(never)]
    fn mul_assign(&self, x: &mut Pair<[u64; L]>, y: &Pair<[u64; L]>) {
        *x = self.mont_reduce_pair(&mut products([(&x.x0, &y.x0)]), &mut products([(&x.x0, &y.x1), (&x.x1, &y.x0)]));
    }

    #[inline(never)]
    fn square_assign(&self, x: &mut Pair<[u64; L]>) {
        let doubled = x.x0.map(|digit| digit << 1);
        *x = self.mont_reduce_pair(&mut square(&x.x0, &doubled), &mut products([(&doubled, &x.x1)]));
    }

    #[inline(never)]
    fn mont_mul(&self, x: &[u64; L], y: &[u64; L]) -> [u64; L] {
        self.mont_reduce(&mut products([(x, y)])).0
    }

    fn plus(&self, x: &[u64; L], y: &[u64; L]) -> [u64; L] {
        digits::add(x, y)
    }

    #[cfg(feature = "owner")]
    fn add(&self, x: &[u64; L], y: &[u64; L]) -> [u64; L] {
        let sum = digits::add(&self.reduce_once(x), &self.reduce_once(y));
        self.reduce_once(&sum)
    }

    #[cfg(feature = "owner")]
    fn sub(&self, x: &[u64; L], y: &[u64; L]) -> [u64; L] {
        let (difference, borrow) = digits::sub(x, &self.reduce_once(y));
        let m = self.m.map(|digit| digit & digits::mask(borrow));
        // With a borrow, the difference is too large by 2^(58·L). The addition modulo 2^(58·L) removes that.
        digits::add(&difference, &m)
    }

    fn reduce_once(&self, x: &[u64; L]) -> [u64; L] {
        digits::reduce_once(x, &self.m).0
    }

    fn reduce_pair(&self, x: &mut Pair<[u64; L]>) {
        let (x0, carry) = digits::reduce_once(&x.x0, &self.m);
        // x1 + carry − k·m for k = 0, 1, 2 in one loop, so that the three carry chains run in parallel.
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
        *x = Pair { x0, x1: digits::select(negative(2), &x1, &candidates[2]) };
    }

    fn from_mont(&self, x: &Pair<[u64; L]>) -> Pair<[u64; L]> {
        let columns = |digits: &[u64; L]| [digits.map(u128::from), [0; L]];
        let mut x = self.mont_reduce_pair(&mut columns(&x.x0), &mut columns(&x.x1));
        self.reduce_pair(&mut x);
        x
    }

    #[cfg(feature = "owner")]
    fn is_one(&self, x: &[u64; L]) -> u32 {
        let difference = x[1..].iter().fold(x[0] ^ 1, |difference, digit| difference | digit);
        u32::from(digits::is_zero(difference) == 1)
    }

    fn select(&self, table: &[Pair<[u64; L]>], indices: &[u64], z: &mut Pair<[u64; L]>) {
        let masks = masks(indices.first().copied().unwrap_or(0));
        let select =
            |half: fn(&Pair<[u64; L]>) -> &[u64; L]| select(&table.iter().map(|entry| &half(entry)[..]), &masks);
        *z = Pair { x0: select(|entry| &entry.x0), x1: select(|entry| &entry.x1) };
    }

    fn append_window(&self, table: &mut Vec<Line>, entries: Rows<'_>) {
        // Allocated at full length: growing would leave copies of secrets in freed memory.
        let mut digits = Zeroizing::new(Vec::with_capacity(entries.len() * 2 * L));
        for row in entries.iter() {
            let Pair { x0, x1 } = self.broadcast_pair(row);
            digits.extend_from_slice(&x0);
            digits.extend_from_slice(&x1);
        }
        table.extend(digits.as_chunks().0.iter().map(|line| Line(*line)));
    }

    fn look_up(&self, window: &[Line], indices: &[u64], z: &mut Pair<[u64; L]>) {
        let masks = masks(indices.first().copied().unwrap_or(0));
        let digits: &[u64] = bytemuck::cast_slice(window);
        let entries = digits.chunks_exact(2 * L);
        *z = Pair {
            x0: select(&entries.clone().map(|entry| &entry[..L]), &masks),
            x1: select(&entries.map(|entry| &entry[L..]), &masks),
        };
    }
}

/// Entries of the largest table.
const LARGEST_TABLE: usize = 1 << WIDEST;

/// Returns a mask per entry: all ones for the entry at `index`, zero for all others.
fn masks(index: u64) -> [u64; LARGEST_TABLE] {
    let mut masks = [0; LARGEST_TABLE];
    for (number, mask) in (0u64..).zip(&mut masks) {
        *mask = digits::mask(digits::is_zero(number ^ index));
    }
    masks
}

/// Returns the digits of the entry whose mask is set, reading every entry. Works on 18 or 9 digits at a time, whose
/// accumulators fit the registers.
fn select<'a, const L: usize>(entries: &(impl Iterator<Item = &'a [u64]> + Clone), masks: &[u64]) -> [u64; L] {
    if L.is_multiple_of(18) { select_by::<L, 18>(entries, masks) } else { select_by::<L, 9>(entries, masks) }
}

#[inline(always)]
fn select_by<'a, const L: usize, const S: usize>(
    entries: &(impl Iterator<Item = &'a [u64]> + Clone),
    masks: &[u64],
) -> [u64; L] {
    let mut selected = [0; L];
    for (part, selected) in selected.as_chunks_mut::<S>().0.iter_mut().enumerate() {
        let mut sum = [0; S];
        for (entry, mask) in entries.clone().zip(masks) {
            if let Some(digits) = entry[part * S..].first_chunk::<S>() {
                for (sum, digit) in sum.iter_mut().zip(digits) {
                    *sum |= digit & mask;
                }
            }
        }
        *selected = sum;
    }
    selected
}
