//! Operations on encrypted numbers that need no secret key.

use super::encode::{self, MachineNumber};
use super::encrypted::private::Array;
use super::encrypted::{Encrypted, EncryptedArray, EncryptedNumber};
use super::format::{NumberFormat, check_bound, too_large};
use super::plain::{PlainArray, PlainMatrix, residue, term};
use crate::bignum::batch::Rows;
use crate::bignum::random::OsRandom;
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::device::report::{DeviceReport, GpuTimes};
use crate::error::Error;
use crate::paillier::ciphertext::Ciphertexts;
use crate::paillier::kernels::multi_exp::multi_exp_vartime;
use crate::paillier::kernels::pair_mul::pair_mul;
use crate::paillier::kernels::weights::Weights;
use crate::paillier::public_context::PublicContext;
use crate::paillier::public_key::PublicKey;
use crate::paillier::{encrypt, evaluate};
use num_bigint::{BigInt, BigUint};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Computes with encrypted numbers: a public key on an open device.
///
/// Operands are [`EncryptedNumber`]s or [`EncryptedArray`]s. Operations such as [`add`](Self::add) work element by
/// element. A plain operand has the same length, or one number that is broadcast.
///
/// Results carry no fresh noise: anyone who knows the operands can recognise them. [`NumberEvaluator::rerandomize`]
/// adds fresh noise. Plain operands are not secret from the evaluator, so the time an operation takes depends on
/// them.
///
/// # Errors
/// Every operation fails before it computes anything: with [`Error::WrongKey`] if an operand belongs to another key,
/// [`Error::Length`] if lengths differ, and [`Error::Magnitude`] if the result could reach n/3.
///
/// ```no_run
/// # use hushvec::{Device, ExecutionContext, NumberEvaluator, NumberFormat, PassphraseKeyProvider, PlainArray};
/// let ctx = ExecutionContext::builder().embedding_length(8).create(PassphraseKeyProvider::new("correct horse")?)?;
/// let encrypted = ctx.encrypt_numbers(&[1.5, -2.25, 1e-3], &NumberFormat::fixed_point(20, 32))?;
///
/// let evaluator = NumberEvaluator::open(&ctx.public_context(), Device::Auto)?; // needs no secret
/// let doubled = evaluator.add(&encrypted, &encrypted)?;
/// let score = evaluator.dot(&doubled, &PlainArray::integers([4, 1, 0]))?;
/// assert_eq!(ctx.decrypt_number(&score)?, 7.5);
/// # Ok::<(), hushvec::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NumberEvaluator {
    public: PublicContext,
    device: OpenDevice,
}

#[expect(clippy::missing_errors_doc, reason = "the type's documentation lists them for all operations")]
impl NumberEvaluator {
    /// Opens a device for a public context, with one thread per core.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn open(public: &PublicContext, device: Device) -> Result<Self, Error> {
        Self::with_threads(public, device, None)
    }

    /// Like [`NumberEvaluator::open`], with a number of threads.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn with_threads(public: &PublicContext, device: Device, threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        Ok(Self::on(public, &OpenDevice::open(device, threads)?))
    }

    /// Creates an evaluator on a device that is already open.
    pub fn on(public: &PublicContext, device: &OpenDevice) -> Self {
        Self { public: public.clone(), device: device.clone() }
    }

    /// Returns the public key.
    pub fn public_key(&self) -> &Arc<PublicKey> {
        self.public.key()
    }

    /// Returns which device was opened, with its properties.
    pub fn device_report(&self) -> DeviceReport {
        self.device.report()
    }

    /// Returns how the GPU's time was spent; `None` on the CPU.
    pub fn gpu_times(&self) -> Option<GpuTimes> {
        self.device.gpu_times()
    }

    /// Encrypts numbers with the public key alone, on all cores.
    ///
    /// # Errors
    /// [`Error::Number`], naming the first that is not finite or beyond the format's bound; [`Error::Magnitude`] if the
    /// format's bound is too large for the key; [`Error::Random`].
    pub fn encrypt_numbers<T: MachineNumber>(
        &self,
        values: &[T],
        format: &NumberFormat,
    ) -> Result<EncryptedArray, Error> {
        let (key, width) = (self.public_key(), self.public_key().width());
        let plaintexts = encode::plaintexts(key, values, format)?;
        // Plaintexts of negative numbers are as long as n.
        let bits = 64 * width;
        let rows = encrypt::encrypt_rows(key, &self.device, Rows::new(&plaintexts, width), bits, &mut OsRandom)?;
        Ok(self.array(rows, format.exponent(), format.bound().clone()))
    }

    /// Encrypts one number.
    ///
    /// # Errors
    /// As [`NumberEvaluator::encrypt_numbers`].
    pub fn encrypt_number<T: MachineNumber>(&self, value: T, format: &NumberFormat) -> Result<EncryptedNumber, Error> {
        self.encrypt_numbers(&[value], format).map(EncryptedNumber::from_array)
    }

    /// Returns a + b.
    pub fn add<E: Encrypted>(&self, a: &E, b: &E) -> Result<E, Error> {
        let (a, b) = self.aligned("add", a.array(), b.array())?;
        let bound = check_bound(self.public_key(), "add", a.bound() + b.bound())?;
        let (rows, exponent) = (a.ciphertexts().rows(), a.exponent());
        let mut out = vec![0; rows.limbs().len()];
        pair_mul(&self.device, self.public_key().modulus(), rows, b.ciphertexts().rows(), &mut out);
        Ok(E::from_array(self.array(out, exponent, bound)))
    }

    /// Returns a − b.
    pub fn sub<E: Encrypted>(&self, a: &E, b: &E) -> Result<E, Error> {
        let (a, b) = self.aligned("sub", a.array(), b.array())?;
        let bound = check_bound(self.public_key(), "sub", a.bound() + b.bound())?;
        let both = [a.ciphertexts().rows().limbs(), b.ciphertexts().rows().limbs()].concat();
        let mut weights = Weights::new(1);
        (0..a.len()).for_each(|i| weights.push([(i, false, [1]), (a.len() + i, true, [1])]));
        let out = self.weighted(&both, &weights);
        Ok(E::from_array(self.array(out, a.exponent(), bound)))
    }

    /// Returns −a.
    pub fn neg<E: Encrypted>(&self, a: &E) -> Result<E, Error> {
        self.mul_plain(a, &PlainArray::integers([-1]))
    }

    /// Returns a + b. The result has the lower of both exponents.
    pub fn add_plain<E: Encrypted>(&self, a: &E, b: &PlainArray) -> Result<E, Error> {
        let (key, exponent) = (self.public_key(), a.array().exponent().min(b.exponent()));
        let a = self.lowered("add_plain", a.array(), exponent)?;
        let values = b.broadcast(a.len())?;
        let more = power_of_two(key, "add_plain", b.exponent(), exponent, &b.largest())?;
        let bound = check_bound(key, "add_plain", a.bound() + (b.largest() << more))?;
        let plaintexts: Vec<u64> = values.flat_map(|value| residue(&(value << more), key.modulus().limbs())).collect();
        let plaintexts = Rows::new(&plaintexts, key.width());
        let out = evaluate::add_plain_rows(key, &self.device, a.ciphertexts().rows(), plaintexts);
        Ok(E::from_array(self.array(out, exponent, bound)))
    }

    /// Returns a·b. The exponents are added. A product with 0 is visibly an encryption of 0.
    pub fn mul_plain<E: Encrypted>(&self, a: &E, b: &PlainArray) -> Result<E, Error> {
        let a = self.own("mul_plain", a.array())?;
        let bound = check_bound(self.public_key(), "mul_plain", a.bound() * b.largest())?;
        let exponent = sum_of_exponents("mul_plain", a.exponent(), b.exponent())?;
        let mut weights = Weights::new(b.width());
        b.broadcast(a.len())?.enumerate().for_each(|(i, value)| weights.push([term(i, value)]));
        let out = self.weighted(a.ciphertexts().rows().limbs(), &weights);
        Ok(E::from_array(self.array(out, exponent, bound)))
    }

    /// Returns the sum of all numbers. The sum of an empty array is visibly an encryption of 0.
    pub fn sum(&self, a: &EncryptedArray) -> Result<EncryptedNumber, Error> {
        self.dot_product("sum", a, &PlainArray::integers([1]))
    }

    /// Returns the dot product Σ a_i·b_i.
    pub fn dot(&self, a: &EncryptedArray, b: &PlainArray) -> Result<EncryptedNumber, Error> {
        self.dot_product("dot", a, b)
    }

    fn dot_product(
        &self,
        operation: &'static str,
        a: &EncryptedArray,
        b: &PlainArray,
    ) -> Result<EncryptedNumber, Error> {
        let row: Vec<BigInt> = b.broadcast(a.len())?.cloned().collect();
        let matrix = PlainMatrix::new(a.len(), PlainArray::new(row, b.exponent()))?;
        let product = self.product(operation, &matrix, a, 1)?;
        Ok(EncryptedNumber::from_array(product))
    }

    /// Returns the product of the matrix and a: Σ w_i·a_i for each row w.
    pub fn matmul(&self, matrix: &PlainMatrix, a: &EncryptedArray) -> Result<EncryptedArray, Error> {
        self.product("matmul", matrix, a, matrix.rows())
    }

    fn product(
        &self,
        operation: &'static str,
        matrix: &PlainMatrix,
        a: &EncryptedArray,
        outputs: usize,
    ) -> Result<EncryptedArray, Error> {
        let a = self.own(operation, a)?;
        if a.len() != matrix.columns() {
            return Err(Error::Length { what: "the encrypted array", expected: matrix.columns(), actual: a.len() });
        }
        let bound = check_bound(self.public_key(), operation, a.bound() * matrix.largest_sum())?;
        let exponent = sum_of_exponents(operation, a.exponent(), matrix.values().exponent())?;
        let mut weights = matrix.weights();
        // A matrix without columns has no rows either, but the sum of an empty array is one output.
        (weights.outputs()..outputs).for_each(|_| weights.push([] as [(usize, bool, [u64; 1]); 0]));
        let out = self.weighted(a.ciphertexts().rows().limbs(), &weights);
        Ok(self.array(out, exponent, bound))
    }

    /// Returns the same numbers with fresh noise, which hides from anyone without the secret key how they were
    /// computed.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Random`].
    pub fn rerandomize<E: Encrypted>(&self, a: &E) -> Result<E, Error> {
        let (key, a) = (self.public_key(), self.own("rerandomize", a.array())?);
        let zeros = vec![0; a.len() * key.width()];
        let zeros = encrypt::encrypt_rows(key, &self.device, Rows::new(&zeros, key.width()), 1, &mut OsRandom)?;
        let (rows, mut out) = (a.ciphertexts().rows(), vec![0; zeros.len()]);
        pair_mul(&self.device, key.modulus(), rows, Rows::new(&zeros, rows.width()), &mut out);
        Ok(E::from_array(self.array(out, a.exponent(), a.bound().clone())))
    }

    /// Returns the same numbers with a lower exponent.
    ///
    /// # Errors
    /// As for all operations; [`Error::Unsupported`] if the exponent is above that of the numbers, which would require
    /// rounding.
    pub fn with_exponent<E: Encrypted>(&self, a: &E, exponent: i32) -> Result<E, Error> {
        if exponent > a.array().exponent() {
            let reason = format!(
                "the numbers are multiples of 2^{}, and rounding requires the secret key; give an exponent that is \
                 not larger",
                a.array().exponent()
            );
            return Err(Error::Unsupported { operation: "raising the exponent of encrypted numbers", reason });
        }
        self.lowered("with_exponent", a.array(), exponent).map(E::from_array)
    }

    /// Collects single numbers into an array, which has the lowest of their exponents and the largest of their bounds.
    pub fn array_of<'a>(
        &self,
        numbers: impl IntoIterator<Item = &'a EncryptedNumber, IntoIter: Clone>,
    ) -> Result<EncryptedArray, Error> {
        self.joined("array_of", numbers.into_iter().map(EncryptedNumber::array))
    }

    /// Concatenates arrays. The result has the lowest of their exponents and the largest of their bounds.
    pub fn concat<'a>(
        &self,
        arrays: impl IntoIterator<Item = &'a EncryptedArray, IntoIter: Clone>,
    ) -> Result<EncryptedArray, Error> {
        self.joined("concat", arrays.into_iter())
    }

    fn joined<'a>(
        &self,
        operation: &'static str,
        arrays: impl Iterator<Item = &'a EncryptedArray> + Clone,
    ) -> Result<EncryptedArray, Error> {
        let exponent = arrays.clone().map(EncryptedArray::exponent).min().unwrap_or(0);
        let (mut rows, mut bound) = (Vec::new(), BigUint::ZERO);
        for array in arrays {
            let array = self.lowered(operation, array, exponent)?;
            rows.extend_from_slice(array.ciphertexts().rows().limbs());
            bound = bound.max(array.bound().clone());
        }
        Ok(self.array(rows, exponent, bound))
    }

    pub(super) fn open_device(&self) -> &OpenDevice {
        &self.device
    }

    fn array(&self, rows: Vec<u64>, exponent: i32, bound: BigUint) -> EncryptedArray {
        EncryptedArray::new(Ciphertexts::from_limbs(self.public_key(), rows), exponent, bound)
    }

    /// Checks key and bound of an operand.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Magnitude`].
    fn own<'a>(&self, operation: &'static str, a: &'a EncryptedArray) -> Result<&'a EncryptedArray, Error> {
        self.public_key().check_id("the encrypted array", a.key_id())?;
        // An array from a file can state any bound.
        check_bound(self.public_key(), operation, a.bound().clone())?;
        Ok(a)
    }

    /// Returns both operands with the lower of their exponents.
    fn aligned(
        &self,
        operation: &'static str,
        a: &EncryptedArray,
        b: &EncryptedArray,
    ) -> Result<(EncryptedArray, EncryptedArray), Error> {
        if a.len() != b.len() {
            return Err(Error::Length { what: "the second operand", expected: a.len(), actual: b.len() });
        }
        let exponent = a.exponent().min(b.exponent());
        Ok((self.lowered(operation, a, exponent)?, self.lowered(operation, b, exponent)?))
    }

    /// Returns the same numbers with an exponent that is not above theirs.
    fn lowered(&self, operation: &'static str, a: &EncryptedArray, exponent: i32) -> Result<EncryptedArray, Error> {
        let a = self.own(operation, a)?;
        let more = power_of_two(self.public_key(), operation, a.exponent(), exponent, a.bound())?;
        if more == 0 {
            return Ok(self.array(a.ciphertexts().rows().limbs().to_vec(), exponent, a.bound().clone()));
        }
        let bound = check_bound(self.public_key(), operation, a.bound() << more)?;
        let scaled = self.mul_plain(a, &PlainArray::integers([BigInt::from(1) << more]))?;
        Ok(EncryptedArray::new(scaled.ciphertexts().clone(), exponent, bound))
    }

    fn weighted(&self, inputs: &[u64], weights: &Weights) -> Vec<u64> {
        let width = 2 * self.public_key().width();
        let mut out = vec![0; weights.outputs() * width];
        let inputs = Rows::new(inputs, width);
        multi_exp_vartime(&self.device, self.public_key().modulus(), inputs, weights, &mut out);
        out
    }
}

/// Returns by how many bits integers grow when their exponent is lowered `from` one value `to` another: 0 if all are 0.
fn power_of_two(key: &PublicKey, operation: &'static str, from: i32, to: i32, largest: &BigUint) -> Result<u64, Error> {
    let bits = u64::from(from.abs_diff(to));
    if *largest == BigUint::ZERO {
        return Ok(0);
    }
    // Refused before a number of that length is allocated.
    if bits + largest.bits() > key.n().bits() {
        Err(too_large(operation, bits + largest.bits(), key))
    } else {
        Ok(bits)
    }
}

fn sum_of_exponents(operation: &'static str, a: i32, b: i32) -> Result<i32, Error> {
    let reason = || format!("the sum of the exponents {a} and {b} exceeds the range of a 32-bit integer");
    a.checked_add(b).ok_or_else(|| Error::Unsupported { operation, reason: reason() })
}
