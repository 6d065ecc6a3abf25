//! Random numbers from the operating system, and uniform residues.

use crate::error::Error;
use zeroize::Zeroizing;

/// A source of random bytes. A failure is returned to the caller; there is no fallback.
pub(crate) trait RandomSource {
    /// Fills `bytes` with random bytes.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error>;
}

/// The random number generator of the operating system.
pub(crate) struct OsRandom;

impl RandomSource for OsRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(bytes).map_err(|error| Error::Random(error.to_string()))
    }
}

/// Fills limbs with uniform bits.
pub(crate) fn fill_limbs(source: &mut impl RandomSource, limbs: &mut [u64]) -> Result<(), Error> {
    source.fill(bytemuck::cast_slice_mut(limbs))
}

/// Additional limbs drawn per number: they make the statistical distance from uniform less than 2^−127.
const EXTRA: usize = 2;
/// Rows drawn per system call: the call takes longer than the generation of a row.
const ROWS_A_DRAW: usize = 64;

/// Fills each row of `rows` with a uniform number below `bound`. Rows have the width of the bound.
///
/// Draws a number u that is 128 bits longer than the bound, and returns ⌊u·bound / 2^bits(u)⌋. This is constant-time;
/// rejection sampling would reveal the leading bits of the bound through its running time.
pub(crate) fn fill_below(source: &mut impl RandomSource, bound: &[u64], rows: &mut [u64]) -> Result<(), Error> {
    let width = bound.len();
    let longer = width + EXTRA;
    let at_once = ROWS_A_DRAW.min(rows.len() / width.max(1));
    let mut drawn = Zeroizing::new(vec![0u64; at_once * longer]);
    let mut product = Zeroizing::new(vec![0u64; width + longer]);
    for rows in rows.chunks_mut((at_once * width).max(1)) {
        let drawn = &mut drawn[..rows.len() / width * longer];
        fill_limbs(source, drawn)?;
        for (row, drawn) in rows.chunks_exact_mut(width).zip(drawn.chunks_exact(longer)) {
            product.fill(0);
            for (i, x) in drawn.iter().enumerate() {
                let mut carry = 0u128;
                for (j, y) in bound.iter().enumerate() {
                    carry += u128::from(*x) * u128::from(*y) + u128::from(product[i + j]);
                    product[i + j] = crate::bignum::digits::low(carry);
                    carry >>= 64;
                }
                product[i + width] = crate::bignum::digits::low(carry);
            }
            row.copy_from_slice(&product[longer..]);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod stub {
    use super::*;

    /// A source that repeats a byte, and fails after some bytes.
    pub(crate) struct Failing {
        pub(crate) bytes_left: usize,
    }

    impl RandomSource for Failing {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
            if bytes.len() > self.bytes_left {
                return Err(Error::Random("stub".to_owned()));
            }
            self.bytes_left -= bytes.len();
            bytes.fill(0x5a);
            Ok(())
        }
    }

    /// A source that repeats a byte forever.
    pub(crate) struct Constant(pub(crate) u8);

    impl RandomSource for Constant {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
            bytes.fill(self.0);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_kept_and_reached() {
        let bound = [5u64, 0];
        let mut counts = [0u32; 5];
        let mut rows = vec![0; 2 * 5000];
        fill_below(&mut OsRandom, &bound, &mut rows).unwrap();
        for row in rows.chunks(2) {
            assert_eq!(row[1], 0);
            counts[usize::try_from(row[0]).unwrap()] += 1;
        }
        // Each count has mean 1000 and standard deviation 28. The limits are 10 standard deviations from the mean.
        assert!(counts.iter().all(|c| (720..1280).contains(c)), "{counts:?}");
        let mut row = [0; 2];
        fill_below(&mut stub::Constant(0xff), &[u64::MAX, 7], &mut row).unwrap();
        assert_eq!(row, [u64::MAX - 1, 7]);
        fill_below(&mut stub::Constant(0), &[u64::MAX, 7], &mut row).unwrap();
        assert_eq!(row, [0, 0]);
    }

    #[test]
    fn a_failing_source_is_an_error() {
        let mut rows = vec![0; 32];
        assert!(matches!(
            fill_below(&mut stub::Failing { bytes_left: 100 }, &[7; 4], &mut rows),
            Err(Error::Random(_))
        ));
    }
}
