//! Decrypts the vectors of blocks.

use super::block::{Block, tile_of};
use super::encrypt::{GROUP, block_secret};
use super::parameters::{DEGREE, Metric, TILE, basis};
use super::plain::PlainVectors;
use super::secret_key::{Mask, SecretKey};
use crate::bignum::secrecy::declassify;
use crate::bit_matrix::BitMatrix;
use crate::device::cpu::Run;
use crate::device::isa::Isa;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::ring::modulus::Modulus;
use crate::ring::pointwise;
use crate::rlwe::prg::SEED_BYTES;
use zeroize::Zeroizing;

/// Why it may be public whether a block holds vectors.
const REFUSED: &str = "a block is refused as a whole, after all of it was decrypted";

impl SecretKey {
    /// Decrypts the vectors of some blocks, in order.
    ///
    /// # Errors
    /// [`Error::Context`] if a block has other parameters; [`Error::Format`], naming the first block that does not hold
    /// vectors encrypted with this key.
    pub fn decrypt(&self, device: &OpenDevice, blocks: &[Block]) -> Result<PlainVectors, Error> {
        blocks.iter().try_for_each(|block| block.check(&self.parameters))?;
        let parts = blocks.iter().map(|block| (&block.header.nonce, block.header.rows, &*block.words));
        self.decrypt_words(device, &parts.collect::<Vec<_>>())
    }

    /// Like [`SecretKey::decrypt`], for blocks given by their nonce, their number of vectors and their words.
    pub(crate) fn decrypt_words(
        &self,
        device: &OpenDevice,
        blocks: &[(&[u8; SEED_BYTES], usize, &[u32])],
    ) -> Result<PlainVectors, Error> {
        let (cpu, isa) = (device.cpu(), device.cpu().isa());
        let mut parts: Vec<Result<Zeroizing<Vec<i16>>, Error>> =
            blocks.iter().map(|_| Ok(Zeroizing::default())).collect();
        cpu.for_each_run(&mut parts, 1, Run::new(1, 4), |first, parts| {
            for (part, (nonce, _, words)) in parts.iter_mut().zip(&blocks[first..]) {
                *part = self.components(isa, nonce, words);
            }
        });
        let dimensions = self.parameters.dimensions();
        let mut all = Zeroizing::new(Vec::with_capacity(blocks.iter().map(|(_, rows, _)| rows * dimensions).sum()));
        for (i, (part, (_, rows, _))) in parts.into_iter().zip(blocks).enumerate() {
            let part = part.map_err(|error| match error {
                Error::Format { reason } => Error::Format { reason: format!("block {i}: {reason}") },
                other => other,
            })?;
            all.extend_from_slice(&part[..rows.min(&DEGREE) * dimensions]);
        }
        match self.parameters.metric() {
            Metric::InnerProduct { .. } => Ok(PlainVectors::Integers(all)),
            Metric::Hamming => {
                let mut bits = BitMatrix::with_capacity(dimensions, all.len() / dimensions);
                let mut row = Zeroizing::new(vec![0u8; dimensions]);
                for components in all.chunks_exact(dimensions) {
                    // A matrix has its first dimension in the highest bit of a row.
                    row.iter_mut().rev().zip(components).for_each(|(bit, x)| *bit = u8::from(*x == 1));
                    bits.push_bits(&row)?;
                }
                Ok(PlainVectors::Bits(bits))
            }
        }
    }

    /// Returns the components of all 4,096 vectors of a block, unmasked: X + t·e = b + a·s_block modulo Q, and the
    /// components are the digits of X in base B.
    fn components(&self, isa: Isa, nonce: &[u8; SEED_BYTES], words: &[u32]) -> Result<Zeroizing<Vec<i16>>, Error> {
        let parameters = &self.parameters;
        let (polynomials, dimensions, digits) =
            (parameters.polynomials(), parameters.dimensions(), parameters.digits());
        let secret = block_secret(isa, &self.block_seed(nonce), 2)?;
        let split = Split::new(self);
        let mut components = Zeroizing::new(vec![0i16; DEGREE * dimensions]);
        let [mut first_limb, mut second_limb] = [0, 1].map(|_| Zeroizing::new(vec![0u32; GROUP * DEGREE]));
        let mut outside = 0;
        for first in (0..polynomials).step_by(GROUP) {
            let group = GROUP.min(polynomials - first);
            for (limb, buffer) in [&mut first_limb, &mut second_limb].into_iter().enumerate() {
                for tile in 0..DEGREE / TILE {
                    let words = &tile_of(words, polynomials, limb, tile)[first * TILE..];
                    for (i, words) in words.chunks_exact(TILE).take(group).enumerate() {
                        buffer[i * DEGREE + tile * TILE..][..TILE].copy_from_slice(words);
                    }
                }
                let ring = &basis().rings()[limb];
                let shared = &self.shared()[(limb * polynomials + first) * DEGREE..];
                let secret = &secret[limb * DEGREE..(limb + 1) * DEGREE];
                for (out, shared) in buffer.chunks_exact_mut(DEGREE).zip(shared.chunks_exact(DEGREE)).take(group) {
                    pointwise::mul_add_mont(isa, ring.modulus(), out, shared, secret);
                    ring.inverse(isa, out);
                }
            }
            for i in 0..group {
                let from = (first + i) * digits;
                let until = dimensions.min(from + digits);
                let residues = first_limb[i * DEGREE..].iter().zip(&second_limb[i * DEGREE..]);
                for ((x, y), out) in residues.zip(components.chunks_exact_mut(dimensions)) {
                    let mut rest = split.message([*x, *y]);
                    for out in &mut out[from..until] {
                        let [quotient, digit] = split.base.divide(rest);
                        rest = quotient;
                        // Negative if the digit is more than the largest component.
                        let component = digit.cast_signed();
                        outside |= split.largest.cast_signed() - component;
                        *out = small(component - split.offset.cast_signed());
                    }
                }
            }
        }
        self.unmask(&mut components);
        if declassify(outside >= 0, REFUSED) {
            return Ok(components);
        }
        Err(Error::format("it does not hold vectors encrypted with this key; it is damaged, or from another index"))
    }

    /// Removes the mask, which is its own inverse.
    fn unmask(&self, components: &mut [i16]) {
        let rows = components.chunks_exact_mut(self.parameters.dimensions());
        match &self.mask {
            Mask::Bits(mask) => rows.for_each(|row| {
                row.iter_mut().enumerate().for_each(|(j, x)| *x ^= (mask[j / 64] >> (j % 64) & 1) as i16);
            }),
            Mask::Signs(signs) => rows.for_each(|row| {
                row.iter_mut().zip(signs.iter()).for_each(|(x, sign)| *x *= small(i64::from(*sign)));
            }),
        }
    }
}

/// The lower 16 bits, for numbers that fit into them.
#[inline(always)]
fn small(x: i64) -> i16 {
    ((x & 0xffff) as u16).cast_signed()
}

/// The constants that split a coefficient into components.
struct Split {
    moduli: [Modulus; 2],
    /// q0^−1 mod q1 in Montgomery form.
    inverse: u32,
    /// Added to integers in (−Q/2, Q/2) so that they are positive and have the digits of components counted from
    /// their minimum: a multiple of t plus the minimum, negated, in each digit.
    shift: u64,
    plaintext_modulus: Divisor,
    base: Divisor,
    /// The largest digit, and the digit of the component 0.
    largest: u64,
    offset: u64,
}

impl Split {
    fn new(key: &SecretKey) -> Self {
        let parameters = &key.parameters;
        let moduli = [0, 1].map(|i| basis().rings()[i].modulus());
        let [q0, q1] = moduli.map(|modulus| u64::from(modulus.value()));
        let inverse = moduli[1].inverse(moduli[1].reduce(q0));
        let offset = parameters.most_length().map_or(0, u64::from);
        // Both are below Q < 2^58.
        let [t, offsets] = [
            parameters.plaintext_modulus(),
            parameters.powers().iter().map(|power| power * u128::from(offset)).sum::<u128>(),
        ]
        .map(|x| u64::try_from(x).unwrap_or_default());
        Self {
            moduli,
            inverse: moduli[1].mul(inverse, moduli[1].reduce(1 << 32)),
            shift: (q0 * q1 / 2).div_ceil(t.max(1)) * t + offsets,
            plaintext_modulus: Divisor::new(t),
            base: Divisor::new(parameters.base()),
            largest: if offset == 0 { 1 } else { 2 * offset },
            offset,
        }
    }

    /// Returns X, with components counted from their minimum, from the residues of X + t·e.
    #[inline(always)]
    fn message(&self, [x, y]: [u32; 2]) -> u64 {
        let [m0, m1] = self.moduli;
        let q0 = u64::from(m0.value());
        // x + q0·((y − x)/q0 mod q1) is the integer in [0, Q) with these residues. q0 < 2·q1.
        let difference = m1.reduce_once(y + m1.value() - m1.reduce_once(x));
        let integer = u64::from(x) + q0 * u64::from(m1.reduce_mont(u64::from(difference) * u64::from(self.inverse)));
        // Minus Q if it is more than Q/2.
        let q = q0 * u64::from(m1.value());
        let negative = (q / 2).wrapping_sub(integer) >> 63;
        let centred = integer.wrapping_sub(q & negative.wrapping_neg());
        let [_, message] = self.plaintext_modulus.divide(centred.wrapping_add(self.shift));
        message
    }
}

/// Divides by a fixed number without a division, in constant time (Barrett, CRYPTO 1986).
struct Divisor {
    divisor: u64,
    /// ⌊2^64 / divisor⌋.
    reciprocal: u64,
}

impl Divisor {
    /// The divisor is at least 2.
    fn new(divisor: u64) -> Self {
        debug_assert!(divisor >= 2);
        let reciprocal = u64::try_from((1u128 << 64) / u128::from(divisor.max(2))).unwrap_or_default();
        Self { divisor, reciprocal }
    }

    /// Returns the quotient and the remainder of x < 2^63.
    #[inline(always)]
    fn divide(&self, x: u64) -> [u64; 2] {
        // At most 1 too small.
        let quotient = ((u128::from(x) * u128::from(self.reciprocal)) >> 64) as u64;
        let remainder = x - quotient * self.divisor;
        let more = 1 ^ (remainder.wrapping_sub(self.divisor) >> 63);
        [quotient + more, remainder - (self.divisor & more.wrapping_neg())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_right() {
        for divisor in [2, 3, 65, 513, 13_013, 513 * 513 * 513, (1 << 58) - 1] {
            let d = Divisor::new(divisor);
            for x in [
                0,
                1,
                divisor - 1,
                divisor,
                divisor + 1,
                5 * divisor - 1,
                5 * divisor,
                (1 << 62) + 12_345,
                (1 << 63) - 1,
            ] {
                assert_eq!(d.divide(x), [x / divisor, x % divisor], "{x} / {divisor}");
            }
        }
    }
}
