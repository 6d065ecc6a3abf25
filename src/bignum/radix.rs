//! Montgomery constants for other radices R than the portable arithmetic's, for GPUs and vector instruction sets.

use super::lanes::Lanes;
use super::modulus::{Modulus, with_modulus};
use super::radix_form::RadixForm;
use super::window::{self, Exponent};
use zeroize::Zeroizing;

impl Modulus {
    /// Returns the constants for R = 2^[`bits`](Self::bits), for devices that compute with whole words. Computed on
    /// first use.
    #[cfg(feature = "gpu")]
    pub(crate) fn word_form(&self) -> &RadixForm {
        self.word_form.get_or_init(|| radix_form(self, self.bits()))
    }

    /// Returns the constants for R = 2^(digit_bits·digits), for digits of 28 or of 52 bits. `digits` must be the same
    /// in every call for a size. Computed on first use.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn digit_form(&self, digit_bits: u32, digits: usize) -> &RadixForm {
        let [of_28, of_52] = &self.digit_forms;
        let form = if digit_bits == 28 { of_28 } else { of_52 };
        form.get_or_init(|| radix_form(self, digit_bits as usize * digits))
    }
}

/// Computes the constants for R = 2^bits.
fn radix_form(modulus: &Modulus, bits: usize) -> RadixForm {
    let mut radix = Zeroizing::new(vec![0; 2 * modulus.width()]);
    with_modulus!(modulus, m => {
        let two = m.to_mont(&m.broadcast_pair(&[2, 0]));
        let power = window::pow(m, &two, &Exponent::new(&[bits as u64], 14));
        m.store_pair(&m.from_mont(&power), &mut radix);
    });
    let square = multiply(modulus, &radix, &radix);
    let cube = multiply(modulus, &square, &radix);
    RadixForm { negative_inverse: negative_inverse(modulus), radix_powers: [radix, square, cube] }
}

/// Returns x·R^power modulo m² with the R of [`Modulus::word_form`], for a power of 1, 2 or 3. x and the result are
/// reduced plain pairs.
#[cfg(all(feature = "owner", feature = "gpu"))]
pub(crate) fn times_radix(modulus: &Modulus, x: &[u64], power: usize) -> Zeroizing<Vec<u64>> {
    let [r, r2, r3] = &modulus.word_form().radix_powers;
    multiply(
        modulus,
        x,
        if power == 1 {
            r
        } else if power == 2 {
            r2
        } else {
            r3
        },
    )
}

/// Returns x·y modulo m², for reduced plain pairs.
pub(crate) fn multiply(modulus: &Modulus, x: &[u64], y: &[u64]) -> Zeroizing<Vec<u64>> {
    let mut row = Zeroizing::new(vec![0; 2 * modulus.width()]);
    with_modulus!(modulus, m => {
        let product = m.mul(&m.to_mont(&m.broadcast_pair(x)), &m.to_mont(&m.broadcast_pair(y)));
        m.store_pair(&m.from_mont(&product), &mut row);
    });
    row
}

/// Returns −1/m modulo 2^64.
fn negative_inverse(modulus: &Modulus) -> u64 {
    let m = modulus.limbs().first().copied().unwrap_or(1);
    // 3·m xor 2 has five correct bits. Each step of Newton's iteration doubles their number.
    let mut inverse = m.wrapping_mul(3) ^ 2;
    for _ in 0..4 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(m.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg()
}
