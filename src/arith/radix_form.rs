//! Constants of Montgomery arithmetic for a radix R of one's own choice.

use super::lanes::Lanes;
use super::modulus::{Modulus, with_modulus};
use super::window::{self, Exponent};
use zeroize::Zeroizing;

/// Numbers that bring others into Montgomery form. As secret as the modulus; wiped when dropped.
pub(crate) struct RadixForm {
    /// −1/m modulo 2^64.
    pub(crate) negative_inverse: u64,
    /// R, R² and R³ modulo m², as pairs.
    pub(crate) radix_powers: [Zeroizing<Vec<u64>>; 3],
}

impl RadixForm {
    /// For R = 2^bits.
    pub(super) fn new(modulus: &Modulus, bits: usize) -> Self {
        let mut radix = Zeroizing::new(vec![0; 2 * modulus.width()]);
        with_modulus!(modulus, m => {
            let two = m.enter(&m.spread_pair(&[2, 0]));
            let power = window::pow(m, &two, &Exponent::new(&[bits as u64], 14));
            m.store_pair(&m.leave(&power), &mut radix);
        });
        let square = multiply(modulus, &radix, &radix);
        let cube = multiply(modulus, &square, &radix);
        Self { negative_inverse: negative_inverse(modulus), radix_powers: [radix, square, cube] }
    }
}

/// x·R^power modulo m² with the R of [`Modulus::word_form`], for x and the result as reduced plain pairs, and a power of 1, 2 or 3.
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

/// x·y modulo m², of reduced plain pairs.
pub(crate) fn multiply(modulus: &Modulus, x: &[u64], y: &[u64]) -> Zeroizing<Vec<u64>> {
    let mut row = Zeroizing::new(vec![0; 2 * modulus.width()]);
    with_modulus!(modulus, m => {
        let product = m.mul(&m.enter(&m.spread_pair(x)), &m.enter(&m.spread_pair(y)));
        m.store_pair(&m.leave(&product), &mut row);
    });
    row
}

fn negative_inverse(modulus: &Modulus) -> u64 {
    let m = modulus.limbs().first().copied().unwrap_or(1);
    // Newton's iteration doubles the correct bits, of which 3·m xor 2 has five.
    let mut inverse = m.wrapping_mul(3) ^ 2;
    for _ in 0..4 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(m.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg()
}
