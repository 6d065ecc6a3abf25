//! Inverses of public numbers, with a single inversion for the whole batch (Montgomery, "Speeding the Pollard and
//! elliptic curve methods of factorization", Math. Comp. 1987, section 10.3.1). The products form a tree, so that all
//! lanes are used.

use super::pair_mul;
use crate::bignum::batch::Rows;
use crate::bignum::modulus::Modulus;
use crate::device::cpu::Cpu;
use num_bigint::BigUint;

/// Computes the inverse of each pair modulo m²; 0 if there is none.
pub(crate) fn inverses_vartime(cpu: &Cpu, modulus: &Modulus, rows: Rows<'_>) -> Vec<u64> {
    if rows.is_empty() {
        return Vec::new();
    }
    tree(cpu, modulus, rows).unwrap_or_else(|| {
        let inverse = |row: &[u64]| inverse(modulus, row).unwrap_or_else(|| vec![0; row.len()]);
        rows.iter().flat_map(inverse).collect()
    })
}

/// Inverts all rows with one inversion; `None` if a row has no inverse.
fn tree(cpu: &Cpu, modulus: &Modulus, rows: Rows<'_>) -> Option<Vec<u64>> {
    if rows.len() <= 1 {
        return inverse(modulus, rows.limbs());
    }
    let product = |a: Rows<'_>, b: Rows<'_>| {
        let mut out = vec![0; b.limbs().len()];
        pair_mul::on_cpu(cpu, modulus, a, b, &mut out);
        out
    };
    // If the number of rows is odd, the last one has no partner.
    let half = rows.len() / 2;
    let (first, second, last) = (rows.slice(0..half), rows.slice(half..2 * half), rows.slice(2 * half..rows.len()));
    let mut products = product(first, second);
    products.extend_from_slice(last.limbs());
    let inverted = tree(cpu, modulus, Rows::new(&products, rows.width()))?;
    let inverted = Rows::new(&inverted, rows.width());
    let of_pairs = inverted.slice(0..half);
    let mut inverses = product(of_pairs, second);
    inverses.extend(product(of_pairs, first));
    inverses.extend_from_slice(inverted.slice(half..inverted.len()).limbs());
    Some(inverses)
}

/// Inverts one pair: with u the inverse of x0 modulo m, the inverse of x is u·(2 − x·u) modulo m².
fn inverse(modulus: &Modulus, row: &[u64]) -> Option<Vec<u64>> {
    let number = |limbs: &[u64]| BigUint::from_bytes_le(bytemuck::cast_slice(limbs));
    let (x0, x1) = row.split_at(row.len() / 2);
    let (m, x0, x1) = (number(modulus.limbs()), number(x0), number(x1));
    let inverse = x0.modinv(&m)?;
    let square = &m * &m;
    let product = (x0 + x1 * &m) * &inverse % &square;
    let inverse = inverse * (&square + 2u32 - product) % &square;
    let limbs = |x: &BigUint| {
        let mut limbs = x.to_u64_digits();
        limbs.resize(row.len() / 2, 0);
        limbs
    };
    Some([limbs(&(&inverse % &m)), limbs(&(&inverse / &m))].concat())
}
