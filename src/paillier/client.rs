//! The owner's side of all three schemes behind one type.

use super::ciphertext::{Ciphertext, Ciphertexts};
use super::classic::Paillier;
use super::encrypt::vector_plaintexts;
use super::keys::{Keys, Primes};
use super::lookup::PaillierLookup;
use super::parameters::{Parameters, Scheme};
use super::plaintext::Plaintext;
use super::public_key::PublicKey;
use super::subgroup::PaillierSubgroup;
use super::{encrypt, validate};
use crate::arith::batch::Rows;
use crate::arith::bits::{BitMatrix, count_digits};
use crate::arith::random::{OsRandom, RandomSource};
use crate::arith::uint;
use crate::backend::Backend;
use crate::backend::crt_key::{NOT_A_DISTANCE, PrimeKey};
use crate::error::{DecodeProblem, Error};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a homomorphic client of XTrace's SDK does: encrypt binary vectors, decode the distances that come back.
pub trait HomomorphicClient {
    /// Encrypts one vector of zeros and ones.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::NotBinary`], [`Error::Random`].
    fn encrypt_vec_one(&self, vector: &[u8]) -> Result<Ciphertext, Error>;

    /// Encrypts many vectors, on all cores.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::Random`].
    fn encrypt_vec_batch(&self, vectors: &BitMatrix) -> Result<Ciphertexts, Error>;

    /// The Hamming distance in a combined ciphertext.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Decode`] if it holds no distance.
    fn decode_hamming_client_one(&self, ciphertext: &Ciphertext) -> Result<u32, Error>;

    /// The Hamming distances in combined ciphertexts, on all cores.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Decode`], naming the first that holds no distance.
    fn decode_hamming_client_batch(&self, ciphertexts: &Ciphertexts) -> Result<Vec<u32>, Error>;
}

/// An owner's key of any scheme. Secret parts are wiped when dropped and not shown by Debug.
#[derive(Debug)]
#[non_exhaustive]
pub enum Client {
    /// The classic scheme.
    Paillier(Paillier),
    /// The scheme of XTrace's lookup client.
    PaillierLookup(PaillierLookup),
    /// The scheme with short exponents.
    PaillierSubgroup(PaillierSubgroup),
}

impl Client {
    /// A new key, tested before it is given out. Takes from a fifth of a second (key_len 1024) to a minute (4096).
    ///
    /// # Errors
    /// [`Error::WeakKey`] for parameters that are too weak; [`Error::Random`].
    pub fn generate(parameters: Parameters, backend: &Backend) -> Result<Self, Error> {
        parameters.check_strength(false)?;
        Self::generate_from(parameters, backend, &mut OsRandom)
    }

    /// [`Client::generate`] of any strength, from any source.
    pub(crate) fn generate_from(
        parameters: Parameters,
        backend: &Backend,
        source: &mut impl RandomSource,
    ) -> Result<Self, Error> {
        let client = match parameters.scheme() {
            Scheme::Paillier => Self::Paillier(Paillier::generate(parameters, source)?),
            Scheme::PaillierLookup => Self::PaillierLookup(PaillierLookup::generate(parameters, source)?),
            Scheme::PaillierSubgroup => Self::PaillierSubgroup(PaillierSubgroup::generate(parameters, source)?),
        };
        client.test_pairwise(backend, source)?;
        Ok(client)
    }

    /// Encrypts with each half of the key and decrypts with the other, as FIPS 186-5 and SP 800-56B ask of a new pair.
    fn test_pairwise(&self, backend: &Backend, source: &mut impl RandomSource) -> Result<(), Error> {
        let public = self.public_key();
        let width = public.width();
        let mut plaintexts = Zeroizing::new(vec![0; 2 * width]);
        crate::arith::random::fill_below(source, public.modulus().limbs(), &mut plaintexts)?;
        let (first, second) = plaintexts.split_at(width);
        let mut ciphertexts = encrypt::encrypt_rows(public, backend, Rows::new(first, width), 64 * width, source)?;
        ciphertexts.extend(self.encrypt_rows(backend, Rows::new(second, width), source)?);
        let mut decrypted = Zeroizing::new(vec![0; 2 * width]);
        backend.crt_decrypt(&self.keys().crt, Rows::new(&ciphertexts, 2 * width), &mut decrypted);
        if decrypted == plaintexts {
            return Ok(());
        }
        Err(Error::context("the new key", "failed its test: the machine may be faulty, please report this"))
    }

    pub(crate) fn keys(&self) -> &Keys {
        match self {
            Self::Paillier(Paillier { keys, .. })
            | Self::PaillierLookup(PaillierLookup { keys, .. })
            | Self::PaillierSubgroup(PaillierSubgroup { keys, .. }) => keys,
        }
    }

    /// The two primes.
    pub(crate) fn primes(&self) -> Result<Primes, Error> {
        let prime = |key: &PrimeKey| uint::from_limbs(key.modulus.limbs());
        Primes::new(self.parameters(), prime(self.keys().crt.p()), prime(self.keys().crt.q()))
    }

    /// The public key.
    pub fn public_key(&self) -> &Arc<PublicKey> {
        &self.keys().public
    }

    /// Scheme and sizes.
    pub fn parameters(&self) -> &Parameters {
        self.public_key().parameters()
    }

    /// Encrypts plaintexts given as rows of n's width.
    pub(crate) fn encrypt_rows(
        &self,
        backend: &Backend,
        plaintexts: Rows<'_>,
        source: &mut impl RandomSource,
    ) -> Result<Vec<u64>, Error> {
        let [noise_p, noise_q] = match self {
            Self::Paillier(key) => key.noise(backend, plaintexts.len(), source)?,
            Self::PaillierLookup(key) => key.noise(backend, plaintexts.len(), source)?,
            Self::PaillierSubgroup(key) => key.noise(backend, plaintexts.len(), source)?,
        };
        let width = plaintexts.width();
        let mut out = vec![0; 2 * width * plaintexts.len()];
        let (noise_p, noise_q) = (Rows::new(&noise_p, width), Rows::new(&noise_q, width));
        backend.crt_encrypt(&self.keys().crt, noise_p, noise_q, plaintexts, &mut out);
        Ok(out)
    }

    /// Encrypts vectors with the secret key, which is faster than with the public one and gives the same distribution.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::Random`].
    pub fn encrypt_vectors(&self, backend: &Backend, vectors: &BitMatrix) -> Result<Ciphertexts, Error> {
        self.encrypt_vectors_from(backend, vectors, &mut OsRandom)
    }

    pub(crate) fn encrypt_vectors_from(
        &self,
        backend: &Backend,
        vectors: &BitMatrix,
        source: &mut impl RandomSource,
    ) -> Result<Ciphertexts, Error> {
        let public = self.public_key();
        let plaintexts = vector_plaintexts(public, vectors)?;
        let limbs = self.encrypt_rows(backend, Rows::new(&plaintexts, public.width()), source)?;
        Ok(Ciphertexts::from_limbs(public, limbs))
    }

    /// The Hamming distances in combined ciphertexts.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Ciphertext`] or [`Error::Decode`], naming the first that holds no distance.
    pub fn decode_hamming(&self, backend: &Backend, ciphertexts: &Ciphertexts) -> Result<Vec<u32>, Error> {
        self.public_key().check_id("the response", ciphertexts.key_id())?;
        self.decode_rows(backend, ciphertexts.rows(), 0)
    }

    /// [`Client::decode_hamming`] of rows whose first is record number `first`.
    pub(crate) fn decode_rows(&self, backend: &Backend, rows: Rows<'_>, first: u64) -> Result<Vec<u32>, Error> {
        validate::check_range(self.public_key(), rows, first)?;
        let mut distances = vec![0; rows.len()];
        let dimensions = self.parameters().embedding_length();
        backend.hamming_decode(&self.keys().crt, dimensions, rows, &mut distances);
        if let Some(row) = distances.iter().position(|distance| *distance == NOT_A_DISTANCE) {
            let problem = rows.get(row).map_or(DecodeProblem::Foreign, |row| self.decode_problem(backend, row));
            return Err(Error::Decode { record: first + row as u64, problem });
        }
        Ok(distances)
    }

    /// Why a ciphertext holds no distance, from its plaintext modulo both primes.
    fn decode_problem(&self, backend: &Backend, row: &[u64]) -> DecodeProblem {
        let mut plaintext = Zeroizing::new(vec![0; row.len() / 2]);
        backend.crt_decrypt(&self.keys().crt, Rows::new(row, row.len()), &mut plaintext);
        if plaintext.iter().all(|limb| *limb == u64::MAX) {
            return DecodeProblem::Foreign;
        }
        let count = count_digits(&plaintext, self.parameters().embedding_length());
        if count.upper { DecodeProblem::UpperBits } else { DecodeProblem::Digit3 }
    }

    /// Encrypts an integer with the secret key.
    ///
    /// # Errors
    /// [`Error::Plaintext`] if it is not below n; [`Error::Random`].
    pub fn encrypt(&self, backend: &Backend, plaintext: &Plaintext) -> Result<Ciphertext, Error> {
        let public = self.public_key();
        let plaintext = plaintext.below(public.modulus().limbs())?;
        let row = self.encrypt_rows(backend, Rows::new(&plaintext, public.width()), &mut OsRandom)?;
        Ok(Ciphertext::from_row(public.id(), &row))
    }

    /// The integer in a ciphertext.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Decode`] if it was not made with this key.
    pub fn decrypt(&self, backend: &Backend, ciphertext: &Ciphertext) -> Result<Plaintext, Error> {
        let public = self.public_key();
        public.check_id("the ciphertext", ciphertext.key_id())?;
        let mut plaintext = Zeroizing::new(vec![0; public.width()]);
        let row = Rows::new(ciphertext.row(), 2 * public.width());
        backend.crt_decrypt(&self.keys().crt, row, &mut plaintext);
        if plaintext.iter().all(|limb| *limb == u64::MAX) {
            return Err(Error::Decode { record: 0, problem: DecodeProblem::Foreign });
        }
        Ok(Plaintext::from_limbs(&plaintext))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arith::random::stub;
    use crate::device::Device;
    use crate::error::CiphertextProblem;
    use crate::paillier::evaluate;
    use num_bigint::BigUint;
    use std::collections::HashSet;

    fn backend() -> Backend {
        Backend::open(&Device::Cpu, None).unwrap()
    }

    /// Small keys of each scheme: fast to make, and as weak as they are small.
    fn clients(dimensions: usize) -> Vec<Client> {
        Scheme::ALL
            .into_iter()
            .map(|scheme| {
                let alpha = scheme.has_alpha().then_some(256);
                let parameters = Parameters::new(scheme, dimensions, 512, alpha).unwrap();
                Client::generate_from(parameters, &backend(), &mut OsRandom).unwrap()
            })
            .collect()
    }

    fn vectors(dimensions: usize, count: usize) -> BitMatrix {
        let mut bytes = vec![0; dimensions];
        let mut matrix = BitMatrix::new(dimensions);
        for _ in 0..count {
            OsRandom.fill(&mut bytes).unwrap();
            bytes.iter_mut().for_each(|b| *b &= 1);
            matrix.push_bits(&bytes).unwrap();
        }
        matrix
    }

    /// Decryption as the paper has it, from φ(n): for g = 1 + n, L(c^φ)·φ⁻¹ mod n.
    fn textbook_decrypt(client: &Client, c: &Ciphertext) -> BigUint {
        let (n, crt) = (client.public_key().n(), &client.keys().crt);
        let prime = |limbs: &[u64]| crate::paillier::public_key::biguint(limbs);
        let phi = (prime(crt.p().modulus.limbs()) - 1u32) * (prime(crt.q().modulus.limbs()) - 1u32);
        let square = n * n;
        let logarithm = |x: &BigUint| (x.modpow(&phi, &square) - 1u32) / n;
        let g = match client.public_key().elements() {
            crate::paillier::public_key::Elements::Lookup { g, .. } => g.clone(),
            _ => n + 1u32,
        };
        logarithm(&c.to_biguint(client.public_key()).unwrap()) * logarithm(&g).modinv(n).unwrap() % n
    }

    #[test]
    fn distances_come_out() {
        let backend = backend();
        // 256 dimensions decode with one prime, 300 and 511 need both.
        for dimensions in [1, 63, 64, 256, 300, 511] {
            for client in clients(dimensions) {
                let key = client.public_key();
                let plain = vectors(dimensions, 9);
                let query = plain.slice(3..4);
                let stored = client.encrypt_vectors(&backend, &plain).unwrap();
                let expected: Vec<u32> = (0..9).map(|i| plain.hamming(i, &query, 0).unwrap()).collect();
                let by_public = encrypt::encrypt_vec_batch(key, &backend, &query).unwrap();
                let by_owner = client.encrypt_vectors(&backend, &query).unwrap();
                for query in [by_public, by_owner] {
                    let response = evaluate::hamming_batch(key, &backend, &query.get(0).unwrap(), &stored).unwrap();
                    assert_eq!(client.decode_hamming(&backend, &response).unwrap(), expected);
                }
            }
        }
    }

    #[test]
    fn integers_agree_with_the_textbook() {
        let backend = backend();
        for client in clients(64) {
            let key = client.public_key();
            let n = key.n().clone();
            let numbers = [BigUint::ZERO, 1u32.into(), 41u32.into(), &n / 3u32, &n - 2u32, &n - 1u32];
            for a in &numbers {
                let by_owner = client.encrypt(&backend, &a.into()).unwrap();
                let by_public = encrypt::encrypt(key, &backend, &a.into()).unwrap();
                assert_ne!(by_owner, by_public);
                for c in [&by_owner, &by_public] {
                    assert_eq!(client.decrypt(&backend, c).unwrap().to_biguint(), *a);
                    assert_eq!(textbook_decrypt(&client, c), *a);
                }
                for b in &numbers {
                    let other = client.encrypt(&backend, &b.into()).unwrap();
                    let of = |c| client.decrypt(&backend, &c).unwrap().to_biguint();
                    assert_eq!(of(evaluate::add(key, &backend, &by_public, &other).unwrap()), (a + b) % &n);
                    assert_eq!(of(evaluate::add_plain(key, &backend, &by_owner, &b.into()).unwrap()), (a + b) % &n);
                    assert_eq!(of(evaluate::mul_plain(key, &backend, &by_owner, &b.into()).unwrap()), a * b % &n);
                }
            }
            for too_large in [n.clone(), &n + 1u32, &n << 64u32] {
                let refused = client.encrypt(&backend, &(&too_large).into());
                assert!(matches!(refused, Err(Error::Plaintext { .. })));
                assert!(matches!(encrypt::encrypt(key, &backend, &(&too_large).into()), Err(Error::Plaintext { .. })));
            }
        }
    }

    #[test]
    fn what_is_no_ciphertext_is_refused_by_number() {
        let backend = backend();
        for client in clients(64) {
            let key = client.public_key();
            let p = crate::paillier::public_key::biguint(client.keys().crt.p().modulus.limbs());
            let square = key.n() * key.n();
            let size = key.parameters().ciphertext_bytes();
            let good = client.encrypt_vectors(&backend, &vectors(64, 700)).unwrap();
            let bytes = good.to_integers(key, &backend).unwrap();
            assert_eq!(Ciphertexts::from_integers(key, &backend, &bytes).unwrap(), good);
            for (value, expected) in [
                (BigUint::ZERO, CiphertextProblem::Zero),
                (square.clone(), CiphertextProblem::TooLarge),
                (&square + 5u32, CiphertextProblem::TooLarge),
                (p.clone(), CiphertextProblem::NotCoprime),
                (&p * &p * 7u32, CiphertextProblem::NotCoprime),
                (key.n().clone(), CiphertextProblem::NotCoprime),
            ] {
                for position in [0, 255, 256, 699] {
                    let mut bad = bytes.clone();
                    let mut le = value.to_bytes_le();
                    le.resize(size, 0);
                    bad[position * size..(position + 1) * size].copy_from_slice(&le);
                    match Ciphertexts::from_integers(key, &backend, &bad) {
                        Err(Error::Ciphertext { record, problem }) => {
                            assert_eq!((record, problem), (position as u64, expected));
                        }
                        other => panic!("{other:?}"),
                    }
                }
                let single = Ciphertext::from_biguint(key, &value);
                assert!(matches!(single, Err(Error::Ciphertext { problem, .. }) if problem == expected));
            }
            let long = Ciphertext::from_le_bytes(key, &vec![1; size + 1]);
            let limit = size;
            assert!(
                matches!(long, Err(Error::Ciphertext { problem: CiphertextProblem::TooLong { actual, limit: l }, .. })
                if actual == size + 1 && l == limit)
            );
            assert!(Ciphertexts::from_integers(key, &backend, &bytes[1..]).is_err());
        }
    }

    #[test]
    fn what_holds_no_distance_is_refused_by_number() {
        let backend = backend();
        for (client, other) in clients(64).into_iter().zip(clients(64)) {
            let key = client.public_key();
            let encrypt = |m: BigUint| client.encrypt(&backend, &(&m).into()).unwrap();
            let fine = encrypt(5u32.into());
            for (m, expected) in [
                (3u32.into(), DecodeProblem::Digit3),
                (BigUint::from(3u32) << 126u32, DecodeProblem::Digit3),
                (BigUint::from(1u32) << 128u32, DecodeProblem::UpperBits),
                (key.n() - 1u32, DecodeProblem::UpperBits),
            ] {
                let batch = Ciphertexts::from_ciphertexts(key, [&fine, &fine, &encrypt(m), &fine]).unwrap();
                match client.decode_hamming(&backend, &batch) {
                    Err(Error::Decode { record: 2, problem }) => assert_eq!(problem, expected),
                    result => panic!("{result:?}"),
                }
            }
            let foreign = other.encrypt(&backend, &1u64.into()).unwrap();
            assert!(matches!(client.decrypt(&backend, &foreign), Err(Error::WrongKey { .. })));
            let batch = Ciphertexts::from_ciphertexts(other.public_key(), [&foreign]).unwrap();
            assert!(matches!(client.decode_hamming(&backend, &batch), Err(Error::WrongKey { .. })));
            assert!(Ciphertexts::from_ciphertexts(key, [&foreign]).is_err());
            if client.parameters().scheme().has_alpha() {
                // A random number is outside of the noise group.
                let c = Ciphertext::from_biguint(key, &(key.n() * 12_345u32 + 678u32)).unwrap();
                let foreign = Error::Decode { record: 0, problem: DecodeProblem::Foreign };
                assert_eq!(client.decrypt(&backend, &c).unwrap_err().to_string(), foreign.to_string());
                let batch = Ciphertexts::from_ciphertexts(key, [&c]).unwrap();
                assert_eq!(client.decode_hamming(&backend, &batch).unwrap_err().to_string(), foreign.to_string());
            }
        }
    }

    #[test]
    fn encryptions_are_fresh_and_a_failing_source_is_an_error() {
        let backend = backend();
        let count = std::env::var("HUSHVEC_LONG_TESTS").map_or(2_000, |_| 1_000_000);
        for client in clients(32) {
            let mut seen = HashSet::new();
            let zeros = BitMatrix::from_rows(32, vec![[0; 32]; 1000]).unwrap();
            for _ in 0..count / 1000 {
                for c in client.encrypt_vectors(&backend, &zeros).unwrap().iter() {
                    assert!(seen.insert(c.row().to_vec()), "a ciphertext repeats");
                }
            }
            let zeros = zeros.slice(0..50);
            for bytes_left in [0, 31, 200] {
                let owner = client.encrypt_vectors_from(&backend, &zeros, &mut stub::Failing { bytes_left });
                assert!(matches!(owner, Err(Error::Random(_))));
                let plaintexts = vector_plaintexts(client.public_key(), &zeros).unwrap();
                let rows = Rows::new(&plaintexts, client.public_key().width());
                let source = &mut stub::Failing { bytes_left };
                let public = encrypt::encrypt_rows(client.public_key(), &backend, rows, 64, source);
                assert!(matches!(public, Err(Error::Random(_))));
            }
        }
        let parameters = Parameters::new(Scheme::PaillierSubgroup, 32, 512, Some(256)).unwrap();
        for bytes_left in [0, 100, 2000] {
            let made = Client::generate_from(parameters, &backend, &mut stub::Failing { bytes_left });
            assert!(matches!(made, Err(Error::Random(_))));
        }
    }

    #[test]
    fn owner_and_public_noise_have_the_same_orders() {
        let backend = backend();
        for client in clients(32) {
            let zero = Plaintext::from(0u64);
            let n = client.public_key().n();
            let square = n * n;
            let order = match &client {
                Client::Paillier(_) => continue,
                Client::PaillierSubgroup(key) => key.alphas().map(crate::paillier::public_key::biguint),
                Client::PaillierLookup(key) => key.orders().map(crate::paillier::public_key::biguint),
            };
            let order = &order[0] * &order[1];
            let mut signs = HashSet::new();
            for _ in 0..40 {
                for c in [client.encrypt(&backend, &zero), encrypt::encrypt(client.public_key(), &backend, &zero)] {
                    let power = c.unwrap().to_biguint(client.public_key()).unwrap().modpow(&order, &square);
                    assert!(power == BigUint::from(1u32) || power == &square - 1u32, "outside of the group");
                    signs.insert(power);
                }
            }
            let subgroup = client.parameters().scheme() == Scheme::PaillierSubgroup;
            assert_eq!(signs.len(), if subgroup { 2 } else { 1 });
        }
    }

    #[test]
    fn weak_keys_are_not_made() {
        for (scheme, key_len, alpha) in [
            (Scheme::Paillier, 512, None),
            (Scheme::PaillierSubgroup, 1024, Some(440)),
            (Scheme::PaillierLookup, 1024, Some(50)),
        ] {
            let parameters = Parameters::new(scheme, 64, key_len, alpha).unwrap();
            assert!(matches!(Client::generate(parameters, &backend()), Err(Error::WeakKey { .. })));
        }
    }

    #[test]
    fn keys_have_their_shape() {
        for client in clients(32) {
            let crt = &client.keys().crt;
            for key in [crt.p(), crt.q()] {
                assert_eq!(key.modulus.limbs().last().unwrap() >> 62, 3, "the two top bits");
            }
            assert_eq!(client.public_key().n().bits(), 1024);
            assert!(!format!("{client:?}").contains(&crt.p().modulus.limbs()[0].to_string()));
        }
    }
}
