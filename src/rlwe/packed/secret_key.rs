//! The owner's secret key.

use super::block::shared_polynomials;
use super::parameters::{DEGREE, Metric, Parameters, basis};
use crate::bignum::random::{OsRandom, RandomSource};
use crate::bignum::secrecy::declassify;
use crate::device::isa::Isa;
use crate::error::Error;
use crate::ring::pointwise;
use crate::rlwe::prg::{Prg, SEED_BYTES};
use crate::rlwe::sampler;
use hkdf::Hkdf;
use sha2::Sha256;
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The owner's secret key, which encrypts and decodes. Everything in it is derived from a seed of 32 bytes.
pub struct SecretKey {
    pub(super) parameters: Parameters,
    seed: Zeroizing<[u8; SEED_BYTES]>,
    /// The ternary secret s.
    pub(super) secret: Zeroizing<Vec<i32>>,
    /// The values of s modulo all four primes, in Montgomery form.
    pub(super) values: Zeroizing<Vec<u32>>,
    pub(super) mask: Mask,
    /// Derives the nonces and the seeds of blocks and queries.
    nonce_key: Zeroizing<[u8; SEED_BYTES]>,
    /// The seed of the polynomials a_i. Public.
    pub(super) index_seed: [u8; SEED_BYTES],
    shared: OnceLock<Vec<u32>>,
}

/// A secret that is applied to vectors and to queries and leaves scores unchanged.
pub(super) enum Mask {
    /// For each 64 dimensions: bits to flip.
    Bits(Zeroizing<Vec<u64>>),
    /// For each dimension: 1 or −1.
    Signs(Zeroizing<Vec<i32>>),
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretKey").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

/// What a nonce is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Block,
    Query,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Block => b"hushvec packed block",
            Self::Query => b"hushvec packed query",
        }
    }
}

/// What the streams of a key's seed are for.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Secret,
    Mask,
    Nonces,
    Index,
    EvaluationKey,
    EvaluationErrors,
}

impl SecretKey {
    /// Generates a key from the operating system's random numbers.
    ///
    /// # Errors
    /// [`Error::Random`] if there are none.
    pub fn generate(parameters: Parameters) -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        OsRandom.fill(&mut *seed)?;
        Self::from_seed(parameters, seed)
    }

    /// Derives a key from its seed, which must be secret and random.
    ///
    /// # Errors
    /// None in practice: the stream of a seed does not end.
    pub fn from_seed(parameters: Parameters, seed: Zeroizing<[u8; SEED_BYTES]>) -> Result<Self, Error> {
        let stream = |stream: Stream| Prg::new(&seed, stream as u64);
        let mut secret = Zeroizing::new(vec![0; DEGREE]);
        sampler::ternary(&mut stream(Stream::Secret), &mut secret)?;
        let mask = Mask::draw(&parameters, &mut stream(Stream::Mask));
        Ok(Self {
            // All instruction sets give the same values.
            values: values(Isa::best(), &secret, basis().rings().len()),
            secret,
            mask,
            nonce_key: stream(Stream::Nonces).seed(),
            index_seed: declassify(*stream(Stream::Index).seed(), "the polynomials that blocks share are public"),
            shared: OnceLock::new(),
            parameters,
            seed,
        })
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The seed, from which [`SecretKey::from_seed`] makes the key again. Secret.
    pub fn seed(&self) -> &[u8; SEED_BYTES] {
        &self.seed
    }

    /// Starts a stream of the key's seed.
    pub(super) fn stream(&self, stream: Stream) -> Prg {
        Prg::new(&self.seed, stream as u64)
    }

    /// Returns a nonce that is a pseudorandom function of new random bytes and of the digest of a content: contents
    /// have different nonces even if the random bytes repeat (Rogaway and Shrimpton, A provable-security treatment of
    /// the key-wrap problem, EUROCRYPT 2006).
    pub(super) fn synthetic_nonce(
        &self,
        purpose: Purpose,
        digest: &[u8; 32],
        random: &mut impl RandomSource,
    ) -> Result<[u8; SEED_BYTES], Error> {
        let mut salt = [0; SEED_BYTES];
        random.fill(&mut salt)?;
        Ok(*self.derive(&salt, &[purpose.label(), b" nonce", digest]))
    }

    /// Returns the seed of a block's secret and errors.
    pub(super) fn block_seed(&self, nonce: &[u8; SEED_BYTES]) -> Zeroizing<[u8; SEED_BYTES]> {
        self.derive(nonce, &[Purpose::Block.label(), b" seed"])
    }

    /// Returns the seed of a query's polynomial and errors.
    pub(super) fn query_seed(&self, nonce: &[u8; SEED_BYTES]) -> Zeroizing<[u8; SEED_BYTES]> {
        self.derive(nonce, &[Purpose::Query.label(), b" seed"])
    }

    /// Derives 32 bytes (HKDF, RFC 5869, with SHA-256).
    fn derive(&self, salt: &[u8; SEED_BYTES], info: &[&[u8]]) -> Zeroizing<[u8; SEED_BYTES]> {
        let mut derived = Zeroizing::new([0; SEED_BYTES]);
        let expanded = Hkdf::<Sha256>::new(Some(salt), &*self.nonce_key).expand_multi_info(info, &mut *derived);
        debug_assert!(expanded.is_ok(), "32 bytes are always available");
        derived
    }

    /// The values of all a_i. Computed on first use.
    pub(super) fn shared(&self) -> &[u32] {
        self.shared.get_or_init(|| shared_polynomials(&self.parameters, &self.index_seed))
    }
}

impl Mask {
    fn draw(parameters: &Parameters, stream: &mut Prg) -> Self {
        let dimensions = parameters.dimensions();
        let mut words = Zeroizing::new(vec![0u64; dimensions.div_ceil(64)]);
        stream.next(bytemuck::cast_slice_mut(&mut words));
        match parameters.metric() {
            Metric::Hamming => {
                // No bits after the last dimension.
                if let (Some(last), 1..) = (words.last_mut(), dimensions % 64) {
                    *last &= (1 << (dimensions % 64)) - 1;
                }
                Self::Bits(words)
            }
            Metric::InnerProduct { .. } => {
                let sign = |i: usize| 1 - 2 * i32::from(words[i / 64] >> (i % 64) & 1 == 1);
                Self::Signs(Zeroizing::new((0..dimensions).map(sign).collect()))
            }
        }
    }
}

/// Returns the values of a small polynomial modulo the first primes, in Montgomery form.
pub(super) fn values(isa: Isa, polynomial: &[i32], limbs: usize) -> Zeroizing<Vec<u32>> {
    let mut values = Zeroizing::new(vec![0; limbs * DEGREE]);
    for (ring, values) in basis().rings().iter().zip(values.chunks_exact_mut(DEGREE)) {
        values.iter_mut().zip(polynomial).for_each(|(value, x)| *value = ring.modulus().lift(*x));
        ring.forward(isa, values);
        pointwise::to_mont(isa, ring.modulus(), values);
    }
    values
}
