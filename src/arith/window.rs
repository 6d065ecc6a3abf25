//! Fixed windows: powers whose sequence of operations and of addresses is the same for every exponent.

use super::digits;
use super::pair::{Pair, PairModulus};
use zeroize::{Zeroize, Zeroizing};

/// A power's exponent: its limbs, and a public bound on its length. Two exponents with the same bound take exactly
/// the same time. Wiped when dropped.
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
    /// The exponent `limbs`, little-endian, of which only the lower `bits` bits count.
    pub fn new(limbs: &[u64], bits: usize) -> Self {
        Self { limbs: Zeroizing::new(limbs.to_vec()), bits }
    }

    /// The public bound on its length, in bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Its little-endian limbs.
    pub fn limbs(&self) -> &[u64] {
        &self.limbs
    }
}

/// The widest window.
const WIDEST: u32 = 6;
/// Entries of the largest table.
const LARGEST_TABLE: usize = 1 << WIDEST;

/// `width` bits of an exponent, from bit `from` up; zero beyond `bits`.
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

/// Digits selected at a time: their accumulators stay in registers.
const SELECTED: usize = 18;

/// Entry `index` of a table of pairs, 2·L digits each, reading every entry.
pub(crate) fn select<const L: usize>(table: &[u64], index: u64) -> Pair<L> {
    let entries = table.chunks_exact(2 * L);
    let mut masks = [0; LARGEST_TABLE];
    for (number, mask) in (0u64..).zip(&mut masks) {
        let difference = number ^ index;
        *mask = digits::mask(((difference | difference.wrapping_neg()) >> 63) ^ 1);
    }
    let mut chosen = [[0; L]; 2];
    for (part, chosen) in chosen.as_flattened_mut().as_chunks_mut::<SELECTED>().0.iter_mut().enumerate() {
        let mut sum = [0; SELECTED];
        for (entry, mask) in entries.clone().zip(&masks) {
            if let Some(digits) = entry[part * SELECTED..].first_chunk::<SELECTED>() {
                for (sum, digit) in sum.iter_mut().zip(digits) {
                    *sum |= digit & mask;
                }
            }
        }
        *chosen = sum;
    }
    let [x0, x1] = chosen;
    Pair { x0, x1 }
}

/// Appends a pair to a table.
pub(crate) fn push<const L: usize>(table: &mut Vec<u64>, entry: &Pair<L>) {
    table.extend_from_slice(&entry.x0);
    table.extend_from_slice(&entry.x1);
}

/// The width with the fewest multiplications: 2^w − 2 for the table and one a window.
pub(crate) fn best_width(bits: usize) -> u32 {
    (1..=WIDEST).min_by_key(|w| (1usize << w) + bits.div_ceil(*w as usize)).unwrap_or(1)
}

/// base^exponent in Montgomery form, of a base in Montgomery form.
pub(crate) fn pow<const L: usize>(modulus: &PairModulus<L>, base: &Pair<L>, exponent: &Exponent) -> Pair<L> {
    let width = best_width(exponent.bits);
    let mut powers = Zeroizing::new(Vec::with_capacity(1 << width));
    powers.push(*modulus.one());
    powers.push(*base);
    for i in 2..1 << width {
        let next = if i % 2 == 0 { modulus.square(&powers[i / 2]) } else { modulus.mul(&powers[i - 1], base) };
        powers.push(next);
    }
    let mut table = Zeroizing::new(Vec::with_capacity((2 * L) << width));
    powers.iter().for_each(|power| push(&mut table, power));
    let windows = exponent.bits.div_ceil(width as usize);
    let digit = |i: usize| window(&exponent.limbs, exponent.bits, i * width as usize, width);
    let mut power = if windows == 0 { *modulus.one() } else { select(&table, digit(windows - 1)) };
    for i in (0..windows.saturating_sub(1)).rev() {
        for _ in 0..width {
            power = modulus.square(&power);
        }
        let mut factor = select(&table, digit(i));
        power = modulus.mul(&power, &factor);
        factor.zeroize();
    }
    power
}
