//! Fixed-window exponentiation: the sequence of operations and of addresses is the same for every exponent of a length.

use super::lanes::{Lanes, Pair};
use zeroize::{Zeroize, Zeroizing};

/// An exponent: its limbs, and a public bound on its length. Exponents with the same bound take exactly the same
/// time. Wiped when dropped.
#[derive(Clone)]
pub struct Exponent {
    limbs: Zeroizing<Vec<u64>>,
    bits: usize,
}

impl core::fmt::Debug for Exponent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Exponent").field("bits", &self.bits).finish_non_exhaustive()
    }
}

impl Exponent {
    /// The exponent with these little-endian limbs. Only the lower `bits` bits count.
    pub fn new(limbs: &[u64], bits: usize) -> Self {
        Self { limbs: Zeroizing::new(limbs.to_vec()), bits }
    }

    /// Returns the public bound on its length, in bits.
    #[cfg(any(feature = "gpu", feature = "hazmat"))]
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Returns its little-endian limbs.
    #[cfg(any(feature = "gpu", feature = "hazmat"))]
    pub fn limbs(&self) -> &[u64] {
        &self.limbs
    }
}

/// The width of the widest window, in bits.
pub(super) const WIDEST: u32 = 6;

/// Returns `width` bits of an exponent, starting at bit `from`. Bits from `bits` on are zero.
pub(crate) fn window(limbs: &[u64], bits: usize, from: usize, width: u32) -> u64 {
    let limb = |i: usize| limbs.get(i).copied().unwrap_or(0);
    let (word, shift) = (from / 64, from % 64);
    let mut value = limb(word) >> shift;
    if shift > 0 {
        value |= limb(word + 1) << (64 - shift);
    }
    let kept = bits.saturating_sub(from).min(width as usize);
    value & ((1 << kept) - 1)
}

/// Returns the fastest window width w: a table takes 2^w − 2 multiplications, and each window one multiplication and
/// one selection from the table. `selections_per_mul` is [`Lanes::SELECTIONS_PER_MUL`].
pub(crate) fn best_width(bits: usize, selections_per_mul: usize) -> u32 {
    let cost = |w: u32| {
        let (entries, windows) = (1usize << w, bits.div_ceil(w as usize));
        (entries + windows).saturating_mul(selections_per_mul).saturating_add(windows * entries)
    };
    (1..=WIDEST).min_by_key(|w| cost(*w)).unwrap_or(1)
}

/// base^exponent. The bases and the result are in Montgomery form.
pub(crate) fn pow<A: Lanes>(m: &A, base: &Pair<A::Number>, exponent: &Exponent) -> Pair<A::Number> {
    pow_each(m, base, [exponent])
}

/// base^exponent, with an exponent for each lane. The bases and the result are in Montgomery form. The exponents are
/// distributed to the lanes by [`value_of_lane`](crate::bignum::lanes::value_of_lane).
pub(crate) fn pow_each<A: Lanes, const E: usize>(
    m: &A,
    base: &Pair<A::Number>,
    exponents: [&Exponent; E],
) -> Pair<A::Number> {
    let bits = exponents.iter().map(|exponent| exponent.bits).max().unwrap_or(0);
    let width = best_width(bits, A::SELECTIONS_PER_MUL);
    let mut table = Zeroizing::new(Vec::with_capacity(1 << width));
    table.push(*m.one());
    table.push(*base);
    for i in 2..1 << width {
        let next = if i % 2 == 0 { m.square(&table[i / 2]) } else { m.mul(&table[i - 1], base) };
        table.push(next);
    }
    let windows = bits.div_ceil(width as usize);
    let digits = |i: usize| exponents.map(|exponent| window(&exponent.limbs, exponent.bits, i * width as usize, width));
    let (mut power, mut factor) = (*m.one(), *m.one());
    if windows > 0 {
        m.select(&table, &digits(windows - 1), &mut power);
    }
    for i in (0..windows.saturating_sub(1)).rev() {
        for _ in 0..width {
            m.square_assign(&mut power);
        }
        m.select(&table, &digits(i), &mut factor);
        m.mul_assign(&mut power, &factor);
    }
    factor.zeroize();
    power
}
