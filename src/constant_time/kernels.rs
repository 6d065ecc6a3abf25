//! Tests all kernels that handle secrets, at every size.

use super::{Case, Secrets, secret_limbs};
use crate::bignum::batch::Rows;
use crate::bignum::modulus::Modulus;
use crate::bignum::random;
use crate::bignum::secrecy::memcheck;
use crate::bignum::window::Exponent;
use crate::bit_matrix::{BitMatrix, count_digits};
use crate::device::open_device::OpenDevice;
use crate::hazmat::{self, FixedBase};
use crate::paillier::kernels::crt_key::{CrtKey, PrimeKey};
use std::sync::Arc;

pub(super) const CASES: [Case; 8] = [
    ("pair_pow", pair_pow),
    ("pair_fixed_base_pow", pair_fixed_base_pow),
    ("add_messages and pair_mul", products),
    ("crt_pow", crt_pow),
    ("hamming_decode", hamming_decode),
    ("crt_encrypt and crt_decrypt", crt),
    ("vectors to plaintexts and back to distances", vectors),
    ("random numbers below a bound", below_a_bound),
];

/// Returns the batch sizes in rows: 6, a full group of lanes and a partial one. To save time, only small numbers are
/// also tested with a full group alone and with a single row.
fn batches(bits: usize) -> impl Iterator<Item = usize> {
    [6, 4, 1].into_iter().take(if bits <= 1024 { 3 } else { 1 })
}

/// The length of exponents in bits: several windows, the last of which is partial.
const EXPONENT_BITS: usize = 10;

/// Draws a secret odd number of exactly `bits` bits.
fn secret_odd(bits: usize) -> Vec<u64> {
    let mut limbs = secret_limbs(bits / 64);
    limbs[0] |= 1;
    limbs[bits / 64 - 1] |= 1 << 63;
    limbs
}

fn secret_modulus(bits: usize) -> Arc<Modulus> {
    Arc::new(Modulus::new(&secret_odd(bits)).unwrap())
}

/// Draws secret numbers that are below every modulus from [`secret_odd`].
fn secret_rows(count: usize, width: usize) -> Vec<u64> {
    let mut rows = secret_limbs(count * width);
    for number in rows.chunks_exact_mut(width) {
        number[width - 1] >>= 1;
    }
    rows
}

/// Fails if a result is not marked as secret. Then the marks of its inputs were lost, and the test would prove nothing.
fn assert_secret<T: bytemuck::NoUninit>(out: &[T]) {
    assert!(memcheck::is_secret(out), "the result is not marked as secret");
}

fn pair_pow(device: &OpenDevice) {
    for bits in Modulus::SIZES {
        let (modulus, width) = (secret_modulus(bits), bits / 64);
        let exponent_bits = if bits == 512 { 512 } else { EXPONENT_BITS };
        let exponent = Exponent::new(&secret_limbs(exponent_bits.div_ceil(64)), exponent_bits);
        for count in batches(bits) {
            let bases = secret_rows(2 * count, width);
            let mut out = vec![0; bases.len()];
            hazmat::pair_pow(device, &modulus, Rows::new(&bases, 2 * width), &exponent, &mut out);
            assert_secret(&out);
        }
    }
}

fn pair_fixed_base_pow(device: &OpenDevice) {
    for bits in Modulus::SIZES {
        let (modulus, width) = (secret_modulus(bits), bits / 64);
        let base = FixedBase::new(modulus, &secret_rows(2, width), EXPONENT_BITS);
        for count in batches(bits) {
            let exponents = secret_limbs(count);
            let mut out = vec![0; count * 2 * width];
            hazmat::pair_fixed_base_pow(device, &base, EXPONENT_BITS, Rows::new(&exponents, 1), &mut out);
            assert_secret(&out);
        }
    }
}

fn products(device: &OpenDevice) {
    for bits in Modulus::SIZES {
        let (modulus, width) = (secret_modulus(bits), bits / 64);
        for count in batches(bits) {
            let (a, b) = (secret_rows(2 * count, width), secret_rows(2 * count, width));
            let mut out = vec![0; a.len()];
            hazmat::pair_mul(device, &modulus, Rows::new(&a, 2 * width), Rows::new(&b, 2 * width), &mut out);
            hazmat::add_messages(device, &modulus, Rows::new(&secret_rows(count, width), width), &mut out);
            assert_secret(&out);
        }
    }
}

/// Makes a key from random numbers. It is not valid, but the kernels compute with it in the same way.
fn secret_key(bits: usize) -> CrtKey {
    let prime = || PrimeKey {
        modulus: secret_modulus(bits),
        exponent: Exponent::new(&secret_limbs(1), EXPONENT_BITS),
        message_scale: secret_rows(1, bits / 64).into(),
        decode_scale: secret_rows(1, bits / 64).into(),
        other_inverse: secret_rows(1, bits / 64).into(),
    };
    CrtKey::new(prime(), prime()).unwrap()
}

/// Returns the sizes of primes.
fn prime_sizes() -> impl Iterator<Item = usize> {
    Modulus::SIZES.into_iter().filter(|bits| *bits <= 4096)
}

fn crt_pow(device: &OpenDevice) {
    for bits in prime_sizes() {
        let (key, width) = (secret_key(bits), bits / 64);
        // 2 rows, so that both moduli share a vector's lanes, and 6, which are too many for that.
        for count in [2, 6] {
            let bases = [secret_rows(2 * count, width), secret_rows(2 * count, width)];
            let bases = bases.each_ref().map(|bases| Rows::new(bases, 2 * width));
            let mut out = [vec![0; 2 * count * width], vec![0; 2 * count * width]];
            let [out_p, out_q] = &mut out;
            hazmat::crt_pow(device, &key, bases, [&key.p().exponent, &key.q().exponent], [out_p, out_q]);
            out.iter().for_each(|out| assert_secret(out));
        }
    }
}

fn hamming_decode(device: &OpenDevice) {
    for bits in prime_sizes() {
        let (key, width) = (secret_key(bits), bits / 64);
        // 100 dimensions need one prime, bits − 1 need both.
        for (count, dimensions) in batches(bits).flat_map(|count| [(count, 100), (count, bits - 1)]) {
            let ciphertexts = secret_rows(2 * count, 2 * width);
            let mut distances = vec![0; count];
            hazmat::hamming_decode(device, &key, dimensions, Rows::new(&ciphertexts, 4 * width), &mut distances);
            assert_secret(&distances);
        }
    }
}

fn crt(device: &OpenDevice) {
    for bits in prime_sizes() {
        let (key, width) = (secret_key(bits), bits / 64);
        for count in batches(bits) {
            let noise = [secret_rows(2 * count, width), secret_rows(2 * count, width)];
            let [noise_p, noise_q] = noise.each_ref().map(|noise| Rows::new(noise, 2 * width));
            let plaintexts = secret_rows(count, 2 * width);
            let mut ciphertexts = vec![0; 4 * width * count];
            hazmat::crt_encrypt(device, &key, [noise_p, noise_q], Rows::new(&plaintexts, 2 * width), &mut ciphertexts);
            assert_secret(&ciphertexts);
            let mut decrypted = vec![0; 2 * width * count];
            hazmat::crt_decrypt(device, &key, Rows::new(&ciphertexts, 4 * width), &mut decrypted);
            assert_secret(&decrypted);
        }
    }
}

fn vectors(_: &OpenDevice) {
    for dimensions in [1, 63, 64, 100] {
        let mut matrix = BitMatrix::new(dimensions);
        let mut bits = vec![1u8; dimensions];
        memcheck::mark(&mut bits);
        bits.iter_mut().for_each(|bit| *bit &= 1);
        matrix.push_bits(&bits).unwrap();
        let mut floats = vec![0.5f32; dimensions];
        memcheck::mark(&mut floats);
        matrix.push_floats(&floats).unwrap();
        let mut packed = vec![0u8; dimensions.div_ceil(8)];
        memcheck::mark(&mut packed);
        matrix.push_packed(&packed).unwrap();
        for row in 0..3 {
            let mut plaintext = vec![0; 8];
            matrix.plaintext(row, &mut plaintext);
            assert_secret(&plaintext);
            let count = count_digits(&plaintext, dimensions);
            assert_secret(&[count.ones, count.threes, u32::from(count.upper)]);
            assert_secret(&matrix.row(row).unwrap());
            assert_secret(&[matrix.hamming(row, &matrix, 0).unwrap()]);
        }
    }
}

fn below_a_bound(_: &OpenDevice) {
    for width in [1, 4, 16] {
        // More rows than are drawn at once.
        let mut rows = vec![0; 65 * width];
        random::fill_below(&mut Secrets, &secret_odd(64 * width), &mut rows).unwrap();
        assert_secret(&rows);
    }
}
