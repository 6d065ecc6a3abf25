//! Secret polynomials with small coefficients, drawn in constant time.

use crate::bignum::random::RandomSource;
use crate::error::Error;
use zeroize::Zeroizing;

/// Bits on each side of an error: its variance is half of that.
const ERROR_BITS: u32 = 21;

/// The greatest absolute value of an error.
pub(crate) const LARGEST_ERROR: u32 = ERROR_BITS;

/// Bytes of randomness for one error.
pub(crate) const ERROR_BYTES: usize = 8;

/// Fills `out` with −1, 0 and 1, uniformly.
///
/// Each is ⌊3u/2^32⌋ − 1 for a uniform 32-bit u. The probabilities differ from 1/3 by less than 2^−31.
pub(crate) fn ternary(source: &mut impl RandomSource, out: &mut [i32]) -> Result<(), Error> {
    let mut drawn = Zeroizing::new(vec![0u32; out.len()]);
    source.fill(bytemuck::cast_slice_mut(&mut drawn))?;
    for (out, x) in out.iter_mut().zip(drawn.iter()) {
        *out = ((u64::from(u32::from_le(*x)) * 3) >> 32) as i32 - 1;
    }
    Ok(())
}

/// Fills `out` with errors: the difference of two sums of 21 random bits (a centred binomial distribution; Alkim,
/// Ducas, Pöppelmann and Schwabe, Post-quantum key exchange, USENIX Security 2016, section 4).
pub(crate) fn errors(source: &mut impl RandomSource, out: &mut [i32]) -> Result<(), Error> {
    let mut drawn = Zeroizing::new(vec![0u64; out.len()]);
    source.fill(bytemuck::cast_slice_mut(&mut drawn))?;
    for (out, x) in out.iter_mut().zip(drawn.iter()) {
        *out = error(u64::from_le(*x));
    }
    Ok(())
}

/// Returns the error of 64 random bits, of which the lower 21 of each half count.
fn error(bits: u64) -> i32 {
    const MASK: u64 = ((1 << ERROR_BITS) - 1) * 0x1_0000_0001;
    // Σ a − Σ b = Σ a + Σ (1 − b) − 21.
    let ones = ((bits & MASK) ^ (MASK & 0xffff_ffff_0000_0000)).count_ones();
    ones.cast_signed() - ERROR_BITS.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bignum::random::stub::{Constant, Failing};
    use crate::rlwe::ERROR_DEVIATION;
    use crate::rlwe::prg::Prg;

    #[test]
    fn ternary_values_are_uniform() {
        let mut out = vec![0; 30_000];
        ternary(&mut Prg::new(&[1; 32], 0), &mut out).unwrap();
        // Each count has mean 10,000 and standard deviation 82.
        for value in -1..=1 {
            let count = out.iter().filter(|x| **x == value).count();
            assert!((9_400..10_600).contains(&count), "{value}: {count}");
        }
        ternary(&mut Constant(0), &mut out[..1]).unwrap();
        assert_eq!(out[0], -1);
        ternary(&mut Constant(0xff), &mut out[..1]).unwrap();
        assert_eq!(out[0], 1);
    }

    #[test]
    fn errors_have_the_stated_deviation() {
        let mut out = vec![0; 100_000];
        errors(&mut Prg::new(&[2; 32], 0), &mut out).unwrap();
        let mean = out.iter().map(|x| f64::from(*x)).sum::<f64>() / 1e5;
        let variance = out.iter().map(|x| f64::from(x * x)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.08, "{mean}");
        assert!((variance.sqrt() / ERROR_DEVIATION - 1.0).abs() < 0.02, "{variance}");
        assert!((ERROR_DEVIATION - (f64::from(ERROR_BITS) / 2.0).sqrt()).abs() < 1e-12);
        assert_eq!([error(0), error(u64::MAX), error(0xffff_ffff), error(1), error(1 << 32)], [0, 0, 21, 1, -1]);
    }

    #[test]
    fn a_failing_source_is_an_error() {
        let mut out = [0; 64];
        assert!(matches!(ternary(&mut Failing { bytes_left: 100 }, &mut out), Err(Error::Random(_))));
        assert!(matches!(errors(&mut Failing { bytes_left: 100 }, &mut out), Err(Error::Random(_))));
    }
}
