//! The evaluator's key.

use super::block::shared_polynomials;
use super::bytes::{array, check_length, check_residues, packed_bytes, unpack};
use super::parameters::{DEGREE, Parameters, basis};
use crate::device::isa::Isa;
use crate::error::Error;
use crate::ring::automorphism::Automorphism;
use crate::ring::pointwise;
use crate::rlwe::key_switch::SwitchingKey;
use crate::rlwe::prg::{Prg, SEED_BYTES};

/// The primes of a switching key: q0, q1, R and the special prime P.
const KEY_LIMBS: usize = 4;

/// The digits of a switching key.
pub(super) const KEY_DIGITS: usize = KEY_LIMBS - 1;

/// What the evaluator needs to expand queries: switching keys for the automorphisms of the expansion, and the seed of
/// the polynomials a_i that all blocks share. It reveals nothing about vectors or queries.
pub struct EvaluationKey {
    pub(super) parameters: Parameters,
    /// For each level of the expansion: the automorphism, and its switching key.
    pub(super) levels: Vec<(Automorphism, SwitchingKey)>,
    /// The values of a_i: \[limb\]\[polynomial\]\[coefficient\].
    pub(super) shared: Vec<u32>,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for EvaluationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvaluationKey").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl EvaluationKey {
    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns the key as bytes: the seed of the a_i, the seed of the a parts of switching keys, then for each level,
    /// digit and prime the values of b, packed without gaps.
    pub fn to_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads what [`EvaluationKey::to_bytes`] returned.
    ///
    /// # Errors
    /// [`Error::Format`] for another length, or a value that is not reduced.
    pub fn from_bytes(parameters: &Parameters, bytes: Vec<u8>) -> Result<Self, Error> {
        let rings = basis().rings();
        let lengths = rings.iter().map(|ring| packed_bytes(DEGREE, ring.modulus().bits()));
        let digit: usize = lengths.clone().sum();
        let levels = parameters.levels() as usize;
        check_length("an evaluation key", &bytes, 2 * SEED_BYTES + levels * KEY_DIGITS * digit)?;
        let (seeds, mut rest) = bytes.split_at(2 * SEED_BYTES);
        let (index_seed, key_seed) = seeds.split_at(SEED_BYTES);
        let mut keys = Vec::with_capacity(levels);
        for level in 0..levels {
            let mut words = vec![0; KEY_DIGITS * KEY_LIMBS * 2 * DEGREE];
            for (i, words) in words.chunks_exact_mut(2 * DEGREE).enumerate() {
                let ring = &rings[i % KEY_LIMBS];
                let (packed, after) = rest.split_at(packed_bytes(DEGREE, ring.modulus().bits()));
                rest = after;
                let (b, a) = words.split_at_mut(DEGREE);
                b.iter_mut().zip(unpack(packed, ring.modulus().bits())).for_each(|(out, x)| *out = x);
                check_residues("an evaluation key", b, ring.modulus().value())?;
                switching_polynomial(&array(key_seed), level, i, a);
                for half in [b, a] {
                    pointwise::to_mont(Isa::best(), ring.modulus(), half);
                }
            }
            keys.push((automorphism(level), SwitchingKey { words }));
        }
        let shared = shared_polynomials(parameters, &array(index_seed));
        Ok(Self { parameters: parameters.clone(), levels: keys, shared, bytes })
    }
}

/// The automorphism of a level: X → X^(N/2^level + 1).
pub(super) fn automorphism(level: usize) -> Automorphism {
    Automorphism::new((DEGREE >> level) + 1, DEGREE)
}

/// Writes the values of an a part of a switching key: that of digit `part / 4` modulo prime `part % 4`.
pub(super) fn switching_polynomial(seed: &[u8; SEED_BYTES], level: usize, part: usize, out: &mut [u32]) {
    let stream = level * KEY_DIGITS * KEY_LIMBS + part;
    Prg::new(seed, stream as u64).uniform_vartime(basis().rings()[part % KEY_LIMBS].modulus(), out);
}

#[cfg(feature = "owner")]
mod generate {
    use super::{DEGREE, EvaluationKey, KEY_DIGITS, automorphism, basis, switching_polynomial};
    use crate::bignum::secrecy::declassify;
    use crate::device::open_device::OpenDevice;
    use crate::error::Error;
    use crate::ring::pointwise;
    use crate::rlwe::packed::bytes::pack;
    use crate::rlwe::packed::secret_key::{SecretKey, Stream};
    use crate::rlwe::sampler;
    use zeroize::Zeroizing;

    impl SecretKey {
        /// Returns the evaluator's key: always the same for a secret key.
        ///
        /// # Errors
        /// None in practice: the stream of a seed does not end.
        pub fn evaluation_key(&self, device: &OpenDevice) -> Result<EvaluationKey, Error> {
            EvaluationKey::from_bytes(&self.parameters, self.evaluation_key_bytes(device)?)
        }

        /// Returns the evaluator's key as bytes.
        pub(crate) fn evaluation_key_bytes(&self, device: &OpenDevice) -> Result<Vec<u8>, Error> {
            let isa = device.cpu().isa();
            let key_seed = declassify(*self.stream(Stream::EvaluationKey).seed(), "the a parts of keys are public");
            let mut errors = self.stream(Stream::EvaluationErrors);
            let mut bytes = [self.index_seed, key_seed].concat();
            let special = basis().rings()[KEY_DIGITS].modulus().value();
            let mut image = Zeroizing::new(vec![0; DEGREE]);
            let mut error = Zeroizing::new(vec![0; DEGREE]);
            let [mut b, mut a] = [0, 1].map(|_| Zeroizing::new(vec![0u32; DEGREE]));
            for level in 0..self.parameters.levels() as usize {
                automorphism(level).apply_signed(&self.secret, &mut image);
                for digit in 0..KEY_DIGITS {
                    sampler::errors(&mut errors, &mut error)?;
                    for (limb, ring) in basis().rings().iter().enumerate() {
                        // b = e + P·s' − a·s, where P·s' counts modulo the digit's prime only.
                        let modulus = ring.modulus();
                        let factor = if limb == digit { modulus.reduce(u64::from(special)) } else { 0 };
                        let factor = u64::from(modulus.mul(factor, modulus.reduce(1 << 32)));
                        for ((b, error), image) in b.iter_mut().zip(error.iter()).zip(image.iter()) {
                            let product = modulus.reduce_mont(u64::from(modulus.lift(*image)) * factor);
                            *b = modulus.reduce_once(modulus.lift(*error) + product);
                        }
                        ring.forward(isa, &mut b);
                        switching_polynomial(&key_seed, level, digit * basis().rings().len() + limb, &mut a);
                        pointwise::mul_mont(isa, modulus, &mut a, &self.values[limb * DEGREE..(limb + 1) * DEGREE]);
                        pointwise::sub(isa, modulus, &mut b, &a);
                        pack(b.iter().copied(), modulus.bits(), &mut bytes);
                    }
                }
            }
            Ok(bytes)
        }
    }
}
