//! Checks that numbers are valid ciphertexts: below n², not 0 and coprime to n.

use super::public_key::{PublicKey, biguint};
use crate::bignum::batch::Rows;
use crate::bignum::limbs::less_than;
use crate::device::open_device::OpenDevice;
use crate::error::{CiphertextProblem, Error};
use crate::paillier::kernels::residue_product::residue_product;

/// Checks rows in pair form. The first row is record number `first`.
///
/// One inversion is enough for the whole batch: a product is coprime to n exactly if every factor is. Only if it is
/// not, a binary search finds the first invalid row.
///
/// # Errors
/// [`Error::Ciphertext`], naming the first record with a problem.
pub(crate) fn check_rows(key: &PublicKey, device: &OpenDevice, rows: Rows<'_>, first: u64) -> Result<(), Error> {
    check_range(key, rows, first)?;
    match first_not_coprime(key, device, rows) {
        Some(row) => Err(Error::Ciphertext { record: first + row as u64, problem: CiphertextProblem::NotCoprime }),
        None => Ok(()),
    }
}

/// Does the cheap part of [`check_rows`]: checks that rows are not 0 and below n².
///
/// # Errors
/// [`Error::Ciphertext`], naming the first record with a problem.
pub(crate) fn check_range(key: &PublicKey, rows: Rows<'_>, first: u64) -> Result<(), Error> {
    let n = key.modulus().limbs();
    for (record, row) in (first..).zip(rows.iter()) {
        let (c0, c1) = row.split_at(n.len());
        let problem = if row.iter().all(|limb| *limb == 0) {
            CiphertextProblem::Zero
        } else if !less_than(c0, n) || !less_than(c1, n) {
            CiphertextProblem::TooLarge
        } else {
            continue;
        };
        return Err(Error::Ciphertext { record, problem });
    }
    Ok(())
}

/// Returns the number of the first row that shares a factor with n.
fn first_not_coprime(key: &PublicKey, device: &OpenDevice, rows: Rows<'_>) -> Option<usize> {
    let product = biguint(&residue_product(device, key.modulus(), rows));
    if rows.is_empty() || product.modinv(key.n()).is_some() {
        return None;
    }
    if rows.len() == 1 {
        return Some(0);
    }
    let half = rows.len() / 2;
    let (left, right) = rows.limbs().split_at(half * rows.width());
    let (left, right) = (Rows::new(left, rows.width()), Rows::new(right, rows.width()));
    first_not_coprime(key, device, left).or_else(|| first_not_coprime(key, device, right).map(|row| half + row))
}
