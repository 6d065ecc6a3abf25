//! Automorphisms X → X^k of the ring, for odd k.

use super::modulus::{Modulus, low};

/// The automorphism X → X^k on coefficients: where each coefficient comes from, and its sign.
pub(crate) struct Automorphism {
    /// The index of the source, times two, plus one if the coefficient is negated.
    sources: Vec<u32>,
}

impl Automorphism {
    /// Prepares the automorphism of an odd element k below 2·`degree`.
    pub(crate) fn new(element: usize, degree: usize) -> Self {
        let mut sources = vec![0; degree];
        for i in 0..degree {
            // X^i becomes X^(ik), and X^degree is −1.
            let exponent = i * element % (2 * degree);
            sources[exponent % degree] = low((2 * i + exponent / degree) as u64);
        }
        Self { sources }
    }

    /// Applies it to a polynomial.
    pub(crate) fn apply(&self, modulus: Modulus, polynomial: &[u32], out: &mut [u32]) {
        let q = modulus.value();
        for (out, source) in out.iter_mut().zip(&self.sources) {
            let x = polynomial[(source >> 1) as usize];
            let negative = if x == 0 { 0 } else { q - x };
            *out = if source & 1 == 1 { negative } else { x };
        }
    }

    /// Applies it to small signed integers, in constant time.
    #[cfg(feature = "owner")]
    pub(crate) fn apply_signed(&self, polynomial: &[i32], out: &mut [i32]) {
        for (out, source) in out.iter_mut().zip(&self.sources) {
            let x = polynomial[(source >> 1) as usize];
            *out = if source & 1 == 1 { -x } else { x };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_move_as_the_definition_says() {
        let (degree, modulus) = (64, Modulus::new(7681));
        let polynomial: Vec<u32> = (0..64).collect();
        for element in (1..2 * degree).step_by(2) {
            let automorphism = Automorphism::new(element, degree);
            let mut out = vec![0; degree];
            automorphism.apply(modulus, &polynomial, &mut out);
            let mut expected = vec![0i64; degree];
            for (i, x) in polynomial.iter().enumerate() {
                let exponent = i * element % (2 * degree);
                expected[exponent % degree] += if exponent < degree { i64::from(*x) } else { -i64::from(*x) };
            }
            let expected: Vec<u32> = expected.iter().map(|x| u32::try_from(x.rem_euclid(7681)).unwrap()).collect();
            assert_eq!(out, expected);
            #[cfg(feature = "owner")]
            {
                let signed: Vec<i32> = (0..64).collect();
                let mut out = vec![0; degree];
                automorphism.apply_signed(&signed, &mut out);
                assert_eq!(out.iter().map(|x| modulus.lift(*x)).collect::<Vec<_>>(), expected);
            }
        }
    }
}
