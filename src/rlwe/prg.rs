//! Pseudorandom streams that both parties expand from a seed: AES-256 in counter mode.

use crate::bignum::random::RandomSource;
use crate::error::Error;
use crate::ring::modulus::Modulus;
use ctr::cipher::{KeyIvInit, StreamCipher};
#[cfg(feature = "owner")]
use zeroize::Zeroizing;

/// The length of a seed in bytes.
pub(crate) const SEED_BYTES: usize = 32;

/// A pseudorandom stream of 2^68 bytes.
pub(crate) struct Prg(ctr::Ctr64BE<aes::Aes256>);

impl Prg {
    /// Starts a stream of a seed. Streams of one seed are independent.
    pub(crate) fn new(seed: &[u8; SEED_BYTES], stream: u64) -> Self {
        // The upper half of the counter block numbers the stream, the lower half counts its blocks.
        let mut counter = [0; 16];
        counter[..8].copy_from_slice(&stream.to_be_bytes());
        Self(ctr::Ctr64BE::new(seed.into(), &counter.into()))
    }

    /// Fills `out` with uniform residues. Takes a time that depends on the stream: for public streams.
    pub(crate) fn uniform_vartime(&mut self, modulus: Modulus, out: &mut [u32]) {
        let (q, mask) = (modulus.value(), u32::MAX >> (u32::BITS - modulus.bits()));
        let mut drawn = [0u32; 1024];
        let mut left = out.iter_mut().peekable();
        while left.peek().is_some() {
            self.next(bytemuck::cast_slice_mut(&mut drawn));
            // Rejects numbers of as many bits as q that are not below q.
            let residues = drawn.iter().map(|x| u32::from_le(*x) & mask).filter(|x| *x < q);
            residues.zip(left.by_ref()).for_each(|(x, out)| *out = x);
        }
    }

    /// Fills `bytes` with the next bytes of the stream.
    pub(crate) fn next(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
        self.0.apply_keystream(bytes);
    }

    /// Returns the next 32 bytes of the stream, as the seed of others.
    #[cfg(feature = "owner")]
    pub(crate) fn seed(&mut self) -> Zeroizing<[u8; SEED_BYTES]> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        self.next(&mut *seed);
        seed
    }
}

impl RandomSource for Prg {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.next(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_aes_in_counter_mode() {
        // AES-256 of zeros under the key of zeros (NIST, CAVP, GFSbox and KeySbox conventions; also RFC 5288's H).
        let mut bytes = [0; 16];
        Prg::new(&[0; 32], 0).next(&mut bytes);
        assert_eq!(u128::from_be_bytes(bytes), 0xdc95_c078_a240_8989_ad48_a214_9284_2087);
        // Another stream begins with another block.
        let mut other = [0; 16];
        Prg::new(&[0; 32], 1).next(&mut other);
        assert_ne!(bytes, other);
    }

    #[test]
    fn uniform_residues_cover_their_range() {
        let modulus = Modulus::new(193);
        let mut residues = vec![0; 193 * 1000];
        Prg::new(&[7; 32], 3).uniform_vartime(modulus, &mut residues);
        let mut counts = [0u32; 193];
        residues.iter().for_each(|x| counts[*x as usize] += 1);
        // Each count has mean 1000 and standard deviation 32. The limits are 8 standard deviations from the mean.
        assert!(counts.iter().all(|count| (744..1256).contains(count)), "{counts:?}");
        let mut again = vec![0; 500];
        Prg::new(&[7; 32], 3).uniform_vartime(modulus, &mut again);
        assert_eq!(again, residues[..500]);
    }
}
