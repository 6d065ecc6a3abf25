//! The owner's keys of all three schemes, as one type.

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
use crate::bignum::batch::Rows;
use crate::bignum::random::{OsRandom, RandomSource};
use crate::bignum::secrecy::declassify;
use crate::bignum::uint;
use crate::bit_matrix::{BitMatrix, count_digits};
use crate::device::open_device::OpenDevice;
use crate::error::{DecodeProblem, Error};
use crate::paillier::kernels::crt_decrypt::crt_decrypt;
use crate::paillier::kernels::crt_encrypt::crt_encrypt;
use crate::paillier::kernels::crt_key::{NOT_A_DISTANCE, PrimeKey};
use crate::paillier::kernels::hamming_decode::hamming_decode;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Why it may be public that a ciphertext cannot be decoded, and for what reason.
const REFUSED: &str = "a ciphertext that cannot be decoded is refused with an error that says why";

/// The operations of a homomorphic client of XTrace's SDK: encrypting binary vectors and decoding the resulting
/// distances.
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

    /// Decodes the Hamming distance in a ciphertext that the evaluator returned.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Decode`] if the ciphertext does not hold a distance.
    fn decode_hamming_client_one(&self, ciphertext: &Ciphertext) -> Result<u32, Error>;

    /// Decodes the Hamming distances in ciphertexts that the evaluator returned, on all cores.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Decode`], naming the first ciphertext that does not hold a distance.
    fn decode_hamming_client_batch(&self, ciphertexts: &Ciphertexts) -> Result<Vec<u32>, Error>;
}

/// An owner's key of any scheme. Its secret parts are wiped when dropped, and Debug does not show them.
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
    /// Generates and tests a new key. Takes from a fifth of a second (key_len 1024) to a minute (4096).
    ///
    /// # Errors
    /// [`Error::WeakKey`] for weak parameters; [`Error::Random`].
    pub fn generate(parameters: Parameters, device: &OpenDevice) -> Result<Self, Error> {
        parameters.check_strength(false)?;
        Self::generate_from(parameters, device, &mut OsRandom)
    }

    /// Generates a key like [`Client::generate`], of any strength and from any source of randomness.
    pub(crate) fn generate_from(
        parameters: Parameters,
        device: &OpenDevice,
        source: &mut impl RandomSource,
    ) -> Result<Self, Error> {
        let client = match parameters.scheme() {
            Scheme::Paillier => Self::Paillier(Paillier::generate(parameters, source)?),
            Scheme::PaillierLookup => Self::PaillierLookup(PaillierLookup::generate(parameters, source)?),
            Scheme::PaillierSubgroup => Self::PaillierSubgroup(PaillierSubgroup::generate(parameters, source)?),
        };
        client.test_pairwise(device, source)?;
        Ok(client)
    }

    /// Tests a new key pair, as FIPS 186-5 and SP 800-56B require: encrypts with the public key and with the secret
    /// key, and decrypts both ciphertexts.
    fn test_pairwise(&self, device: &OpenDevice, source: &mut impl RandomSource) -> Result<(), Error> {
        let public = self.public_key();
        let width = public.width();
        let mut plaintexts = Zeroizing::new(vec![0; 2 * width]);
        crate::bignum::random::fill_below(source, public.modulus().limbs(), &mut plaintexts)?;
        let (first, second) = plaintexts.split_at(width);
        let mut ciphertexts = encrypt::encrypt_rows(public, device, Rows::new(first, width), 64 * width, source)?;
        ciphertexts.extend(self.encrypt_rows(device, Rows::new(second, width), source)?);
        let mut decrypted = Zeroizing::new(vec![0; 2 * width]);
        crt_decrypt(device, &self.keys().crt, Rows::new(&ciphertexts, 2 * width), &mut decrypted);
        if decrypted == plaintexts {
            return Ok(());
        }
        Err(Error::context("the new key", "failed its self-test: the machine may be faulty, please report this"))
    }

    pub(crate) fn keys(&self) -> &Keys {
        match self {
            Self::Paillier(Paillier { keys, .. })
            | Self::PaillierLookup(PaillierLookup { keys, .. })
            | Self::PaillierSubgroup(PaillierSubgroup { keys, .. }) => keys,
        }
    }

    /// Returns the two primes.
    pub(crate) fn primes(&self) -> Result<Primes, Error> {
        let prime = |key: &PrimeKey| uint::from_limbs(key.modulus.limbs());
        Primes::new(self.parameters(), prime(self.keys().crt.p()), prime(self.keys().crt.q()))
    }

    /// Returns the public key.
    pub fn public_key(&self) -> &Arc<PublicKey> {
        &self.keys().public
    }

    /// Returns the scheme and its sizes.
    pub fn parameters(&self) -> &Parameters {
        self.public_key().parameters()
    }

    /// Encrypts plaintexts given as rows of n's width.
    pub(crate) fn encrypt_rows(
        &self,
        device: &OpenDevice,
        plaintexts: Rows<'_>,
        source: &mut impl RandomSource,
    ) -> Result<Vec<u64>, Error> {
        let [noise_p, noise_q] = match self {
            Self::Paillier(key) => key.noise(device, plaintexts.len(), source)?,
            Self::PaillierLookup(key) => key.noise(device, plaintexts.len(), source)?,
            Self::PaillierSubgroup(key) => key.noise(device, plaintexts.len(), source)?,
        };
        let width = plaintexts.width();
        let mut out = vec![0; 2 * width * plaintexts.len()];
        let (noise_p, noise_q) = (Rows::new(&noise_p, width), Rows::new(&noise_q, width));
        crt_encrypt(device, &self.keys().crt, [noise_p, noise_q], plaintexts, &mut out);
        Ok(out)
    }

    /// Encrypts vectors with the secret key. The ciphertexts have the same distribution as with the public key, but
    /// this is faster.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::Random`].
    pub fn encrypt_vectors(&self, device: &OpenDevice, vectors: &BitMatrix) -> Result<Ciphertexts, Error> {
        self.encrypt_vectors_from(device, vectors, &mut OsRandom)
    }

    pub(crate) fn encrypt_vectors_from(
        &self,
        device: &OpenDevice,
        vectors: &BitMatrix,
        source: &mut impl RandomSource,
    ) -> Result<Ciphertexts, Error> {
        let public = self.public_key();
        let plaintexts = vector_plaintexts(public, vectors)?;
        let limbs = self.encrypt_rows(device, Rows::new(&plaintexts, public.width()), source)?;
        Ok(Ciphertexts::from_limbs(public, limbs))
    }

    /// Decodes the Hamming distances in ciphertexts that the evaluator returned.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Ciphertext`] or [`Error::Decode`], naming the first ciphertext that does not
    /// hold a distance.
    pub fn decode_hamming(&self, device: &OpenDevice, ciphertexts: &Ciphertexts) -> Result<Vec<u32>, Error> {
        self.public_key().check_id("the response", ciphertexts.key_id())?;
        self.decode_rows(device, ciphertexts.rows(), 0)
    }

    /// Decodes rows like [`Client::decode_hamming`]. The first row is record number `first`.
    pub(crate) fn decode_rows(&self, device: &OpenDevice, rows: Rows<'_>, first: u64) -> Result<Vec<u32>, Error> {
        validate::check_range(self.public_key(), rows, first)?;
        let mut distances = vec![0; rows.len()];
        let dimensions = self.parameters().embedding_length();
        hamming_decode(device, &self.keys().crt, dimensions, rows, &mut distances);
        if let Some(row) = distances.iter().position(|distance| declassify(*distance == NOT_A_DISTANCE, REFUSED)) {
            let problem = rows.get(row).map_or(DecodeProblem::Foreign, |row| self.decode_problem(device, row));
            return Err(Error::Decode { record: first + row as u64, problem });
        }
        Ok(distances)
    }

    /// Finds out why a ciphertext does not hold a distance, from its plaintext modulo both primes.
    fn decode_problem(&self, device: &OpenDevice, row: &[u64]) -> DecodeProblem {
        let mut plaintext = Zeroizing::new(vec![0; row.len() / 2]);
        crt_decrypt(device, &self.keys().crt, Rows::new(row, row.len()), &mut plaintext);
        if is_foreign(&plaintext) {
            return DecodeProblem::Foreign;
        }
        let count = count_digits(&plaintext, self.parameters().embedding_length());
        if declassify(count.upper, REFUSED) { DecodeProblem::UpperBits } else { DecodeProblem::Digit3 }
    }

    /// Decrypts vectors.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Ciphertext`] or [`Error::Decode`], naming the first ciphertext that does not
    /// hold a vector.
    pub fn decrypt_vectors(&self, device: &OpenDevice, ciphertexts: &Ciphertexts) -> Result<BitMatrix, Error> {
        self.public_key().check_id("the ciphertexts", ciphertexts.key_id())?;
        self.decrypt_vector_rows(device, ciphertexts.rows(), 0)
    }

    /// Decrypts rows like [`Client::decrypt_vectors`]. The first row is record number `first`.
    pub(crate) fn decrypt_vector_rows(
        &self,
        device: &OpenDevice,
        rows: Rows<'_>,
        first: u64,
    ) -> Result<BitMatrix, Error> {
        let public = self.public_key();
        validate::check_range(public, rows, first)?;
        let width = public.width();
        let mut plaintexts = Zeroizing::new(vec![0; width * rows.len()]);
        crt_decrypt(device, &self.keys().crt, rows, &mut plaintexts);
        let mut vectors = BitMatrix::with_capacity(self.parameters().embedding_length(), rows.len());
        for (record, plaintext) in (first..).zip(plaintexts.chunks_exact(width)) {
            let foreign = plaintext.iter().all(|limb| *limb == u64::MAX);
            let pushed = if foreign { Err(DecodeProblem::Foreign) } else { vectors.push_plaintext(plaintext) };
            pushed.map_err(|problem| Error::Decode { record, problem })?;
        }
        Ok(vectors)
    }

    /// Encrypts an integer with the secret key.
    ///
    /// # Errors
    /// [`Error::Plaintext`] if the integer is not below n; [`Error::Random`].
    pub fn encrypt(&self, device: &OpenDevice, plaintext: &Plaintext) -> Result<Ciphertext, Error> {
        let public = self.public_key();
        let plaintext = plaintext.below(public.modulus().limbs())?;
        let row = self.encrypt_rows(device, Rows::new(&plaintext, public.width()), &mut OsRandom)?;
        Ok(Ciphertext::from_row(public.id(), &row))
    }

    /// Decrypts an integer.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Decode`] if the ciphertext was not made with this key.
    pub fn decrypt(&self, device: &OpenDevice, ciphertext: &Ciphertext) -> Result<Plaintext, Error> {
        let public = self.public_key();
        public.check_id("the ciphertext", ciphertext.key_id())?;
        let mut plaintext = Zeroizing::new(vec![0; public.width()]);
        let row = Rows::new(ciphertext.row(), 2 * public.width());
        crt_decrypt(device, &self.keys().crt, row, &mut plaintext);
        if is_foreign(&plaintext) {
            return Err(Error::Decode { record: 0, problem: DecodeProblem::Foreign });
        }
        Ok(Plaintext::from_limbs(&plaintext))
    }
}

/// Returns whether [`crt_decrypt`] reported a ciphertext that was not made with its key.
fn is_foreign(plaintext: &[u64]) -> bool {
    declassify(plaintext.iter().fold(u64::MAX, |all, limb| all & limb) == u64::MAX, REFUSED)
}

#[cfg(test)]
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod marked;
#[cfg(test)]
mod tests;
