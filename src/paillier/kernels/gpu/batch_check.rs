//! Batch checks of another device's results. They take a small part of the work, and use random weights that are
//! drawn after the results have arrived.

mod combination;

use crate::bignum::batch::Rows;
use crate::bignum::lanes::Lanes;
use crate::bignum::limbs::less_than;
use crate::bignum::modulus::{Modulus, with_modulus};
use crate::bignum::random::{self, OsRandom};
use crate::bignum::window::{self, Exponent};
use crate::device::cpu::Cpu;
use crate::error::Error;
use crate::paillier::kernels::fixed_base::FixedBase;
use crate::paillier::kernels::multi_exp::plan;
use crate::paillier::kernels::multi_exp::sides::multi_exp_sides_vartime;
use crate::paillier::kernels::weights::Weights;
use combination::{SUM_EXTRA, WEIGHT_BITS, weighted_product, weighted_sum};
use num_bigint::BigUint;
use std::ops::Range;
use zeroize::Zeroizing;

/// A multi-exponentiation is offloaded only if it takes at least this many times the products of its check.
const LEAST_GAIN: f64 = 8.0;

/// Draws weights for `rows` rows: 64 random bits each.
fn weights(rows: usize) -> Result<Vec<u64>, Error> {
    let mut weights = vec![0; rows];
    random::fill_limbs(&mut OsRandom, &mut weights)?;
    Ok(weights)
}

/// Draws weights of [`WEIGHT_BITS`] bits, never 0, so that every row is checked.
fn short_weights(rows: usize) -> Result<Vec<u64>, Error> {
    let mut weights = weights(rows)?;
    weights.iter_mut().for_each(|weight| *weight = 1 + *weight % ((1 << WEIGHT_BITS) - 1));
    Ok(weights)
}

/// Returns whether a pair is a multiple of m. Reads all limbs in any case, because bases may be secret.
fn is_multiple(modulus: &Modulus, pair: &[u64]) -> bool {
    pair.iter().take(modulus.width()).fold(0, |any, limb| any | limb) == 0
}

/// Returns whether both components of each pair are below m. An unreduced result can be the right number, but does
/// not have the bytes that all other devices return.
fn are_reduced(modulus: &Modulus, pairs: Rows<'_>) -> bool {
    pairs.limbs().chunks_exact(modulus.width()).all(|component| less_than(component, modulus.limbs()))
}

/// Checks out = query·stored modulo n² for all rows: Σ r·out = query·Σ r·stored, for random r of 64 bits.
///
/// A wrong row passes with a probability of at most 2^−64: the error times r would have to be 0 modulo n². At most
/// one r has this property, since n has no factor that small. For public values only.
pub(crate) fn products_hold(
    cpu: &Cpu,
    modulus: &Modulus,
    query: &[u64],
    stored: Rows<'_>,
    out: Rows<'_>,
) -> Result<bool, Error> {
    if !are_reduced(modulus, out) {
        return Ok(false);
    }
    let weights = weights(stored.len())?;
    let m = biguint(modulus.limbs());
    let value = |row: &[u64]| {
        let (x0, x1) = row.split_at(row.len() / 2);
        biguint(x0) + biguint(x1) * &m
    };
    let combined = |rows: Rows<'_>| value(&weighted_sum(cpu, &weights, rows, 2));
    let square = &m * &m;
    Ok((combined(stored) * value(query)) % &square == combined(out) % &square)
}

fn biguint(limbs: &[u64]) -> BigUint {
    BigUint::from_bytes_le(bytemuck::cast_slice(limbs))
}

/// Checks out = base^exponent modulo m² for all rows: Π out^w = (Π base^w)^exponent, for random w.
///
/// A base that is a multiple of m would make both products 0, whatever the other rows are. Encryption and decryption
/// never use such a base. If there is one, its power is computed again.
pub(crate) fn powers_hold(
    cpu: &Cpu,
    modulus: &Modulus,
    bases: Rows<'_>,
    exponent: &Exponent,
    out: Rows<'_>,
) -> Result<bool, Error> {
    if !are_reduced(modulus, out) {
        return Ok(false);
    }
    let mut weights = short_weights(bases.len())?;
    for ((base, out), weight) in bases.iter().zip(out.iter()).zip(&mut weights) {
        if is_multiple(modulus, base) {
            *weight = 0;
            if *power(modulus, base, exponent) != *out {
                return Ok(false);
            }
        }
    }
    let base = weighted_product(cpu, modulus, &weights, bases);
    let expected = power(modulus, &base, exponent);
    Ok(*expected == *weighted_product(cpu, modulus, &weights, out))
}

/// Checks out = base^exponent modulo m² for each row's exponent: Π out^w = base^(Σ w·exponent), for random w.
///
/// A base that is a multiple of m would make both sides 0, whatever the rows are. No key has such a base. If there is
/// one, its powers are computed again.
pub(crate) fn fixed_base_powers_hold(
    cpu: &Cpu,
    base: &FixedBase,
    bits: usize,
    exponents: Rows<'_>,
    out: Rows<'_>,
) -> Result<bool, Error> {
    let modulus: &Modulus = base.modulus();
    if !are_reduced(modulus, out) {
        return Ok(false);
    }
    if is_multiple(modulus, base.base()) {
        let right =
            |(exponent, out): (&[u64], &[u64])| *power(modulus, base.base(), &Exponent::new(exponent, bits)) == *out;
        return Ok(exponents.iter().zip(out.iter()).all(right));
    }
    let weights = short_weights(exponents.len())?;
    let kept = Zeroizing::new(lower_bits(exponents, bits));
    let sum = weighted_sum(cpu, &weights, Rows::new(&kept, exponents.width()), 1);
    let expected = power(modulus, base.base(), &Exponent::new(&sum, bits + 64 * SUM_EXTRA));
    Ok(*expected == *weighted_product(cpu, modulus, &weights, out))
}

/// Checks the sides of multi-exponentiations: Π out^r = Π input^(Σ r·weight), for random r. The CPU computes one
/// multi-exponentiation for all sides. For public values only. All inputs must be coprime to m, because one that is
/// not could hide errors in others.
pub(crate) fn multi_exp_sides_hold(
    cpu: &Cpu,
    modulus: &Modulus,
    inputs: Rows<'_>,
    weights: &Weights,
    sides: Range<usize>,
    out: Rows<'_>,
) -> Result<bool, Error> {
    if !are_reduced(modulus, out) {
        return Ok(false);
    }
    let random = short_weights(out.len())?;
    let combined = weights.combined(inputs.len(), sides, &random);
    let mut expected = vec![0; inputs.width()];
    multi_exp_sides_vartime(cpu, modulus, inputs, &combined, 0..1, &mut expected);
    Ok(expected == **weighted_product(cpu, modulus, &random, out))
}

/// Returns whether [`multi_exp_sides_hold`] takes so few products that offloading the work is worthwhile.
pub(crate) fn multi_exp_sides_are_worth_checking(inputs: usize, weights: &Weights) -> bool {
    let (sides, bits) =
        (weights.sides(), weights.bits() + WEIGHT_BITS as usize + weights.outputs().ilog2() as usize + 1);
    let all = plan::estimate(weights, 0..sides, inputs);
    let combined = plan::estimate_dense(inputs, 1, bits);
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let of_results = (sides * WEIGHT_BITS as usize / 2) as f64;
    LEAST_GAIN * (combined + of_results) <= all
}

/// Copies rows and clears all but their lower `bits` bits.
fn lower_bits(rows: Rows<'_>, bits: usize) -> Vec<u64> {
    let mut kept = rows.limbs().to_vec();
    for row in kept.chunks_exact_mut(rows.width()) {
        for (i, limb) in row.iter_mut().enumerate() {
            let from = 64 * i;
            if from + 64 > bits {
                *limb &= if bits > from { (1 << (bits - from)) - 1 } else { 0 };
            }
        }
    }
    kept
}

/// Computes one power on the CPU.
fn power(modulus: &Modulus, base: &[u64], exponent: &Exponent) -> Zeroizing<Vec<u64>> {
    let mut out = Zeroizing::new(vec![0; base.len()]);
    with_modulus!(modulus, m => {
        let power = window::pow(m, &m.to_mont(&m.load_pair(Rows::new(base, base.len()))), exponent);
        m.store_pair(&m.from_mont(&power), &mut out);
    });
    out
}
