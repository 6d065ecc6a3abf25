//! Random combinations of rows, for checks of another device's results.

use crate::bignum::batch::Rows;
use crate::bignum::lanes::{Lanes, Pair};
use crate::bignum::modulus::{Modulus, with_modulus};
use crate::device::cpu::{Cpu, Run};
use zeroize::Zeroizing;

/// The extra limbs of a sum of rows that are each multiplied by a limb, beyond the limbs of a row.
pub(crate) const SUM_EXTRA: usize = 2;
/// The length of a weight of [`weighted_product`], in bits.
pub(crate) const WEIGHT_BITS: u32 = 12;
/// From this number of rows on, sorting rows by weight takes fewer multiplications than squaring for each bit of the
/// weights.
const ROWS_TO_SORT: usize = 2048;

/// Computes Σ weight·row over the integers, for rows of `components` numbers each. Each number of the sum has
/// [`SUM_EXTRA`] more limbs than in a row.
pub(crate) fn weighted_sum(cpu: &Cpu, weights: &[u64], rows: Rows<'_>, components: usize) -> Zeroizing<Vec<u64>> {
    let narrow = rows.width() / components;
    let width = (narrow + SUM_EXTRA) * components;
    let add = |sums: &mut [u64], row: &[u64], narrow: usize, weight: u64| {
        for (sum, number) in sums.chunks_exact_mut(sums.len() / components).zip(row.chunks_exact(narrow)) {
            add_times(sum, number, weight);
        }
    };
    let parts = cpu.threads().min(rows.len().div_ceil(64)).max(1);
    let share = rows.len().div_ceil(parts);
    let mut sums = Zeroizing::new(vec![0u64; width * parts]);
    cpu.for_each_run(&mut sums, width, Run::new(1, 1), |part, sums| {
        let mine = rows.iter().zip(weights).skip(part * share).take(share);
        mine.for_each(|(row, weight)| add(sums, row, narrow, *weight));
    });
    let mut total = Zeroizing::new(vec![0u64; width]);
    sums.chunks_exact(width).for_each(|sums| add(&mut total, sums, narrow + SUM_EXTRA, 1));
    total
}

/// Computes sum += row·weight.
fn add_times(sum: &mut [u64], row: &[u64], weight: u64) {
    let mut carry = 0u128;
    for (i, digit) in sum.iter_mut().enumerate() {
        let limb = row.get(i).copied().unwrap_or(0);
        carry += u128::from(limb) * u128::from(weight) + u128::from(*digit);
        #[expect(clippy::cast_possible_truncation, reason = "takes the lower limb")]
        let low = carry as u64;
        *digit = low;
        carry >>= 64;
    }
}

/// Computes Π row^weight modulo m², for pairs and weights of [`WEIGHT_BITS`] bits. The time depends on the weights,
/// which are public.
pub(crate) fn weighted_product(cpu: &Cpu, modulus: &Modulus, weights: &[u64], rows: Rows<'_>) -> Zeroizing<Vec<u64>> {
    let width = 2 * modulus.width();
    let parts = cpu.threads().min(rows.len().div_ceil(16)).max(1);
    let share = rows.len().div_ceil(parts);
    let mut products = Zeroizing::new(vec![0u64; width * parts]);
    let mut out = Zeroizing::new(vec![0u64; width]);
    with_modulus!(modulus, m => {
        cpu.for_each_run(&mut products, width, Run::new(1, 1), |part, product| {
            let rows = rows.iter().zip(weights).skip(part * share).take(share);
            let rows: Zeroizing<Vec<_>> =
                Zeroizing::new(rows.map(|(row, weight)| Weighted(m.to_mont(&m.broadcast_pair(row)), *weight)).collect());
            let power = if rows.len() < ROWS_TO_SORT { by_bits(m, &rows) } else { by_weight(m, &rows) };
            m.store_pair(&m.from_mont(&power), product);
        });
        let factors = products.chunks_exact(width).map(|row| m.to_mont(&m.broadcast_pair(row)));
        let product = factors.fold(*m.one(), |product, factor| m.mul(&product, &factor));
        m.store_pair(&m.from_mont(&product), &mut out);
    });
    out
}

/// A pair in Montgomery form with its weight.
#[derive(Clone, Copy)]
struct Weighted<N>(Pair<N>, u64);

impl<N: zeroize::Zeroize> zeroize::Zeroize for Weighted<N> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Squares once per bit for all rows together (Straus, "Addition chains of vectors", 1964).
fn by_bits<A: Lanes>(m: &A, rows: &[Weighted<A::Number>]) -> Pair<A::Number> {
    let mut power = *m.one();
    for bit in (0..WEIGHT_BITS).rev() {
        power = m.square(&power);
        for Weighted(row, _) in rows.iter().filter(|Weighted(_, weight)| weight >> bit & 1 == 1) {
            power = m.mul(&power, row);
        }
    }
    power
}

/// Multiplies rows of the same weight first, in one bucket per weight (Pippenger 1976). For each weight d, `running`
/// is the product of all rows with a weight of at least d. In the product of `running` over all d, each row occurs as
/// often as its weight says.
fn by_weight<A: Lanes>(m: &A, rows: &[Weighted<A::Number>]) -> Pair<A::Number> {
    let mut buckets = Zeroizing::new(vec![*m.one(); 1 << WEIGHT_BITS]);
    for Weighted(row, weight) in rows {
        let weight = usize::try_from(*weight).unwrap_or(usize::MAX);
        if let Some(bucket) = buckets.get_mut(weight) {
            *bucket = m.mul(bucket, row);
        }
    }
    let (mut running, mut power) = (*m.one(), *m.one());
    for bucket in buckets.iter().skip(1).rev() {
        running = m.mul(&running, bucket);
        power = m.mul(&power, &running);
    }
    power
}
