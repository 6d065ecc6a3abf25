//! Compares every kernel on every device with the oracle, at every size: results must be byte-identical.
//!
//! HUSHVEC_LONG_TESTS=1 runs a hundred times as many cases, and `all_kernels_agree` at every size.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/crt.rs"]
mod crt;
#[path = "common/devices.rs"]
mod devices;
#[path = "common/numbers.rs"]
mod numbers;
#[path = "common/reference.rs"]
mod reference;

use crt::{PRIMES, crt_key};
use hushvec::hazmat::{self, Exponent, FixedBase, Modulus, NOT_A_DISTANCE, Resident, Rows, Weights};
use num_bigint::{BigInt, BigUint, Sign};
use numbers::SplitMix;
use reference::{biguint, limbs, pair_row, pair_value};
use std::sync::Arc;

fn is_long() -> bool {
    std::env::var_os("HUSHVEC_LONG_TESTS").is_some()
}

/// The number of cases for a size: fewer for larger numbers, so that each size takes about the same time.
fn cases(bits: usize, at_1024: usize) -> usize {
    let long = if is_long() { 100 } else { 1 };
    (at_1024 * long * 1024 * 1024 / (bits * bits)).max(9)
}

fn rows_of(values: &[BigUint], m: &BigUint, width: usize) -> Vec<u64> {
    values.iter().flat_map(|x| pair_row(x, m, width)).collect()
}

fn check(out: &[u64], width: usize, m: &BigUint, expected: impl Iterator<Item = BigUint>, what: &str) {
    let mut count = 0;
    for (i, (row, expected)) in out.chunks(2 * width).zip(expected).enumerate() {
        assert_eq!(pair_value(row, m), expected, "{what}, row {i}");
        count += 1;
    }
    assert_eq!(count * 2 * width, out.len());
}

#[test]
fn pair_mul_and_hamming_aggregate() {
    let mut random = SplitMix(1);
    // 2047 bits: the SDK's moduli sometimes have a leading zero bit.
    for exact in Modulus::SIZES.into_iter().chain([2047]) {
        let (m, bits) = (random.modulus(exact), exact.next_multiple_of(64));
        let width = bits / 64;
        let (modulus, square) = (Modulus::new(&limbs(&m, width)).unwrap(), &m * &m);
        for (name, device) in devices::devices(bits) {
            for count in [0, 1, 7, 15, 16, 17, 63, 65, cases(bits, 2000)] {
                let (a, b) = (random.residues(&m, count), random.residues(&m, count + 3).split_off(3));
                let (a_rows, b_rows) = (rows_of(&a, &m, width), rows_of(&b, &m, width));
                let mut out = vec![7; a_rows.len()];
                let (a_rows, b_rows) = (Rows::new(&a_rows, 2 * width), Rows::new(&b_rows, 2 * width));
                hazmat::pair_mul(device, &modulus, a_rows, b_rows, &mut out);
                let products = a.iter().zip(&b).map(|(a, b)| a * b % &square);
                check(&out, width, &m, products, &format!("pair_mul/{name}/{bits}/{count}"));
                if let Some(outcome) = hazmat::pair_mul_on_gpu(device, &modulus, a_rows, b_rows, &mut out) {
                    outcome.unwrap();
                    let products = a.iter().zip(&b).map(|(a, b)| a * b % &square);
                    check(&out, width, &m, products, &format!("pair_mul on the device/{name}/{bits}/{count}"));
                }

                let several = random.residues(&m, 12).split_off(9);
                let query_rows = rows_of(&several, &m, width);
                let mut answers = vec![7; 3 * out.len()];
                hazmat::hamming_aggregate(device, &modulus, Rows::new(&query_rows, 2 * width), a_rows, &mut answers);
                let products = several.iter().flat_map(|query| a.iter().map(move |a| query * a)).map(|c| c % &square);
                check(&answers, width, &m, products, &format!("three queries/{name}/{bits}/{count}"));
                let mut integers = vec![7; answers.len()];
                let not_resident = Resident::default();
                let queries = Rows::new(&query_rows, 2 * width);
                hazmat::hamming_aggregate_integers(device, &modulus, queries, a_rows, &not_resident, &mut integers);
                hazmat::integers_from_pairs(device, &modulus, &mut answers);
                assert!(integers == answers, "as integers/{name}/{bits}/{count}");
                for query in random.residues(&m, 9).iter().skip(2).step_by(3) {
                    hazmat::hamming_aggregate(
                        device,
                        &modulus,
                        Rows::new(&pair_row(query, &m, width), 2 * width),
                        a_rows,
                        &mut out,
                    );
                    let products = a.iter().map(|a| query * a % &square);
                    check(&out, width, &m, products, &format!("hamming_aggregate/{name}/{bits}/{count}"));
                }
            }
        }
    }
    devices::assert_nothing_fell_back();
}

#[test]
fn pair_pow() {
    let mut random = SplitMix(2);
    for bits in Modulus::SIZES {
        let (m, width) = (random.modulus(bits), bits / 64);
        let (modulus, square) = (Modulus::new(&limbs(&m, width)).unwrap(), &m * &m);
        for (name, device) in devices::devices(bits) {
            for exponent_bits in [0, 1, 6, 64, 257] {
                let exponent = random.number(exponent_bits.max(1)) % (BigUint::from(1u32) << exponent_bits);
                let bases = random.residues(&m, cases(bits, 40));
                let rows = rows_of(&bases, &m, width);
                let mut out = vec![7; rows.len()];
                let secret = Exponent::new(&limbs(&exponent, 5), exponent_bits);
                hazmat::pair_pow(device, &modulus, Rows::new(&rows, 2 * width), &secret, &mut out);
                let powers = bases.iter().map(|x| x.modpow(&exponent, &square));
                check(&out, width, &m, powers, &format!("pair_pow/{name}/{bits}/{exponent_bits}"));
            }
        }
    }
    devices::assert_nothing_fell_back();
}

#[test]
fn pair_fixed_base_pow() {
    let mut random = SplitMix(3);
    for bits in Modulus::SIZES {
        let (m, width) = (random.modulus(bits), bits / 64);
        let (modulus, square) = (Arc::new(Modulus::new(&limbs(&m, width)).unwrap()), &m * &m);
        for (name, device) in devices::devices(bits) {
            for exponent_bits in [1, 6, 7, 100] {
                let base = random.residues(&m, 9).pop().unwrap();
                let fixed = FixedBase::new(Arc::clone(&modulus), &pair_row(&base, &m, width), exponent_bits);
                for count in [0, 1, 127, 129].into_iter().take(if bits > 2048 { 2 } else { 4 }) {
                    let mut exponents: Vec<BigUint> = (0..count).map(|_| random.number(exponent_bits)).collect();
                    if let Some(first) = exponents.first_mut() {
                        *first = (BigUint::from(1u32) << exponent_bits) - 1u32;
                    }
                    let rows: Vec<u64> = exponents.iter().flat_map(|e| limbs(e, 2)).collect();
                    let mut out = vec![7; count * 2 * width];
                    hazmat::pair_fixed_base_pow(device, &fixed, exponent_bits, Rows::new(&rows, 2), &mut out);
                    let powers = exponents.iter().map(|e| base.modpow(e, &square));
                    check(&out, width, &m, powers, &format!("pair_fixed_base_pow/{name}/{bits}/{exponent_bits}"));
                }
            }
        }
    }
    devices::assert_nothing_fell_back();
}

/// Π x^w modulo m², or 0 if a number without an inverse has a weight w < 0.
fn weighted(values: &[BigUint], weights: &[BigInt], m: &BigUint) -> BigUint {
    let square = m * m;
    let power = |(x, w): (&BigUint, &BigInt)| match w.sign() {
        Sign::Minus => x.modinv(&square).map(|x| x.modpow(w.magnitude(), &square)),
        _ => Some(x.modpow(w.magnitude(), &square)),
    };
    let powers: Option<Vec<BigUint>> = values.iter().zip(weights).map(power).collect();
    powers.map_or(BigUint::ZERO, |powers| powers.into_iter().fold(BigUint::from(1u32), |x, y| x * y % &square))
}

#[test]
fn multi_exp() {
    let mut random = SplitMix(6);
    for bits in Modulus::SIZES {
        let (m, width) = (random.modulus(bits), bits / 64);
        let modulus = Modulus::new(&limbs(&m, width)).unwrap();
        for (inputs, outputs, weight_bits) in
            [(0, 2, 8), (1, 1, 1), (2, 2, 100), (5, 3, 20), (8, 6, 64), (4, 30, 8), (2 * cases(bits, 30), 3, 8)]
        {
            // Numbers that all have an inverse, or the extremes, some of which have none.
            let is_even = inputs % 2 == 0;
            let values = if is_even { random.units(&m, inputs) } else { random.residues(&m, inputs + 3).split_off(3) };
            let rows: Vec<Vec<BigInt>> = (0..outputs)
                .map(|output| {
                    let weight = |random: &mut SplitMix| {
                        let magnitude = random.number(weight_bits);
                        // Outputs with positive weights only, with negative weights only, and with both.
                        let is_negative = output % 3 == 1 || (output % 3 == 2 && random.next().is_multiple_of(2));
                        BigInt::from_biguint(if is_negative { Sign::Minus } else { Sign::Plus }, magnitude)
                    };
                    (0..inputs).map(|_| weight(&mut random)).collect()
                })
                .collect();
            let mut weights = Weights::new(2);
            for row in &rows {
                let term = |(i, w): (usize, &BigInt)| (i, w.sign() == Sign::Minus, w.magnitude().to_u64_digits());
                weights.push(row.iter().enumerate().map(term));
            }
            let expected: Vec<BigUint> = rows.iter().map(|row| weighted(&values, row, &m)).collect();
            let pairs = rows_of(&values, &m, width);
            for (name, device) in devices::devices(bits) {
                let mut out = vec![7; outputs * 2 * width];
                hazmat::multi_exp_vartime(device, &modulus, Rows::new(&pairs, 2 * width), &weights, &mut out);
                let what = format!("multi_exp/{name}/{bits}/{inputs}×{outputs}");
                check(&out, width, &m, expected.iter().cloned(), &what);
                out.fill(7);
                if let Some(outcome) =
                    hazmat::multi_exp_on_gpu(device, &modulus, Rows::new(&pairs, 2 * width), &weights, &mut out)
                {
                    outcome.unwrap();
                    check(&out, width, &m, expected.iter().cloned(), &format!("{what} on the device"));
                }
            }
        }
    }
    devices::assert_nothing_fell_back();
}

#[test]
fn integers_products_and_messages() {
    let mut random = SplitMix(4);
    for bits in Modulus::SIZES {
        let (m, width) = (random.modulus(bits), bits / 64);
        let (modulus, square) = (Modulus::new(&limbs(&m, width)).unwrap(), &m * &m);
        for (name, device) in devices::devices(bits) {
            for count in [0, 1, 255, 257] {
                let values = random.residues(&m, count);
                let pairs = rows_of(&values, &m, width);
                let mut rows: Vec<u64> = values.iter().flat_map(|x| limbs(x, 2 * width)).collect();
                let integers = rows.clone();
                hazmat::pairs_from_integers(device, &modulus, &mut rows);
                assert_eq!(rows, pairs, "pairs_from_integers/{name}/{bits}");
                hazmat::integers_from_pairs(device, &modulus, &mut rows);
                assert_eq!(rows, integers, "integers_from_pairs/{name}/{bits}");

                let messages: Vec<BigUint> = (0..count).map(|_| random.number(bits) % &m).collect();
                let message_rows: Vec<u64> = messages.iter().flat_map(|x| limbs(x, width)).collect();
                let mut out = pairs.clone();
                hazmat::add_messages(device, &modulus, Rows::new(&message_rows, width), &mut out);
                let expected = values.iter().zip(&messages).map(|(x, k)| x * (k * &m + 1u32) % &square);
                check(&out, width, &m, expected, &format!("add_messages/{name}/{bits}"));

                // The product is defined up to powers of R, so only its common factors with m are compared.
                let product = biguint(&hazmat::residue_product(device, &modulus, Rows::new(&pairs, 2 * width)));
                let expected = values.iter().fold(BigUint::from(1u32), |p, x| p * x % &m);
                assert_eq!(
                    product.modinv(&m).is_some(),
                    expected.modinv(&m).is_some(),
                    "residue_product/{name}/{bits}"
                );
                let units: Vec<BigUint> = values.iter().filter(|x| x.modinv(&m).is_some()).cloned().collect();
                let units = rows_of(&units, &m, width);
                let product = biguint(&hazmat::residue_product(device, &modulus, Rows::new(&units, 2 * width)));
                assert!(product.modinv(&m).is_some(), "residue_product of units/{name}/{bits}");
            }
        }
    }
    devices::assert_nothing_fell_back();
}

#[test]
fn decryption_and_owner_encryption() {
    let mut random = SplitMix(5);
    for (bits, primes) in PRIMES {
        let [p, q] = primes.map(|hex| BigUint::parse_bytes(hex.as_bytes(), 16).unwrap());
        let (p, q) = if p > q { (p, q) } else { (q, p) };
        let key = reference::Key { p: p.clone(), q: q.clone() };
        let (n, width) = (key.n(), bits / 32);
        let square = &n * &n;
        let crt = crt_key(&p, &q, bits);
        for (name, device) in devices::devices(bits) {
            for dimensions in [1, 33, bits / 2 - 1, bits / 2, bits / 2 + 1, bits - 1] {
                let vectors: Vec<[Vec<u8>; 2]> =
                    (0..cases(bits, 6)).map(|_| [random.bits(dimensions), random.bits(dimensions)]).collect();
                let sums: Vec<BigUint> =
                    vectors.iter().map(|[a, b]| reference::encode(a) + reference::encode(b)).collect();
                let ciphertexts: Vec<BigUint> =
                    sums.iter().map(|m| key.encrypt(m, &(random.number(bits) + 1u32))).collect();
                let rows = rows_of(&ciphertexts, &n, width);
                let mut distances = vec![0; sums.len()];
                hazmat::hamming_decode(device, &crt, dimensions, Rows::new(&rows, 2 * width), &mut distances);
                let expected: Vec<u32> = sums.iter().cloned().map(reference::count_ones).collect();
                assert_eq!(distances, expected, "hamming_decode/{name}/{bits}/{dimensions}");
                let mut plaintexts = vec![0; width * sums.len()];
                hazmat::crt_decrypt(device, &crt, Rows::new(&rows, 2 * width), &mut plaintexts);
                for (plaintext, m) in plaintexts.chunks(width).zip(&sums) {
                    assert_eq!(biguint(plaintext), *m, "crt_decrypt/{name}/{bits}");
                }
            }
            // Digits of 3 and bits above the dimensions are not distances.
            for m in [BigUint::from(3u32), BigUint::from(1u32) << 20u32, &n - 1u32] {
                let rows = rows_of(&[key.encrypt(&m, &7u32.into())], &n, width);
                let mut distance = [0];
                hazmat::hamming_decode(device, &crt, 10, Rows::new(&rows, 2 * width), &mut distance);
                assert_eq!(distance, [NOT_A_DISTANCE]);
            }
            // A few rows share the lanes of a vector with both primes; more rows do not.
            let exponents = [&p, &q].map(|e| Exponent::new(&limbs(&(e % (BigUint::from(1u32) << 70)), 2), 70));
            for count in [0, 1, 2, 3, 4, 5, 9] {
                let (a, b) = (random.residues(&p, count), random.residues(&q, count + 2).split_off(2));
                let (a_rows, b_rows) = (rows_of(&a, &p, width / 2), rows_of(&b, &q, width / 2));
                let bases = [Rows::new(&a_rows, width), Rows::new(&b_rows, width)];
                let mut out = [vec![7; a_rows.len()], vec![7; b_rows.len()]];
                let [out_p, out_q] = &mut out;
                hazmat::crt_pow(device, &crt, bases, exponents.each_ref(), [out_p, out_q]);
                for (((m, e), bases), out) in [&p, &q].into_iter().zip(&exponents).zip([a, b]).zip(&out) {
                    let powers = bases.iter().map(|x| x.modpow(&biguint(e.limbs()), &(m * m)));
                    check(out, width / 2, m, powers, &format!("crt_pow/{name}/{bits}/{count}"));
                }
            }
            // Arbitrary residues in place of y_p^p mod p² and y_q^q mod q² are joined as defined.
            let count = cases(bits, 20);
            let (a, b) = (random.residues(&p, count), random.residues(&q, count + 2).split_off(2));
            let messages: Vec<BigUint> = (0..count).map(|_| random.number(2 * bits) % &n).collect();
            let (a_rows, b_rows) = (rows_of(&a, &p, width / 2), rows_of(&b, &q, width / 2));
            let message_rows: Vec<u64> = messages.iter().flat_map(|m| limbs(m, width)).collect();
            let mut out = vec![0; 2 * width * count];
            let (a_rows, b_rows) = (Rows::new(&a_rows, width), Rows::new(&b_rows, width));
            hazmat::crt_encrypt(device, &crt, [a_rows, b_rows], Rows::new(&message_rows, width), &mut out);
            for (i, row) in out.chunks(2 * width).enumerate() {
                let c = pair_value(row, &n);
                let message = &messages[i] * &n + 1u32;
                assert_eq!(&c % (&p * &p), &a[i] * &message % (&p * &p), "crt_encrypt/{name}/{bits}/{i}");
                assert_eq!(&c % (&q * &q), &b[i] * &message % (&q * &q), "crt_encrypt/{name}/{bits}/{i}");
                assert!(c < square);
            }
        }
    }
    devices::assert_nothing_fell_back();
}

/// The owner's noise is distributed like public noise: it takes every n-th residue, each equally often. Checked
/// exhaustively for small primes.
#[test]
fn owner_noise_is_public_noise() {
    for (p, q) in [(5u32, 7u32), (11, 7), (7, 13), (17, 11)] {
        let (n, pp, qq) = (p * q, p * p, q * q);
        let pow = |x: u32, e: u32, m: u32| u32::try_from(BigUint::from(x).modpow(&e.into(), &m.into())).unwrap();
        let units: Vec<u32> = (1..n).filter(|r| r % p != 0 && r % q != 0).collect();
        let mut public: Vec<u32> = units.iter().map(|r| pow(*r, n, n * n)).collect();
        let mut owner: Vec<u32> = (1..p)
            .flat_map(|y_p| (1..q).map(move |y_q| (y_p, y_q)))
            .map(|(y_p, y_q)| {
                let (a, b) = (pow(y_p, p, pp), pow(y_q, q, qq));
                (0..n * n).find(|c| c % pp == a && c % qq == b).unwrap()
            })
            .collect();
        public.sort_unstable();
        owner.sort_unstable();
        assert_eq!(owner, public);
    }
}

/// Every kernel returns the same bytes on all devices for the inputs of its sampler: numbers that produce many
/// carries, in batches around the sizes of workgroups. Above 2,048 bits, where powers as long as the modulus take minutes
/// on an emulated GPU, only the tests above run, unless the run is long.
#[test]
fn all_kernels_agree() {
    for bits in Modulus::SIZES.into_iter().filter(|bits| *bits <= 2048 || is_long()) {
        for sampler in hazmat::SAMPLERS {
            for rows in [1, 8, 9, 65].into_iter().take(if bits > 2048 { 2 } else { 4 }) {
                let sample = (sampler.make)(bits, rows).unwrap();
                let mut expected = None;
                for (name, device) in devices::devices(bits) {
                    let out = sample.run(device);
                    assert!(
                        out.iter().any(|limb| *limb != 7),
                        "{}/{name}/{bits}/{rows}: nothing was written",
                        sampler.name
                    );
                    let expected = expected.get_or_insert_with(|| out.clone());
                    assert!(out == *expected, "{}/{name}/{bits}/{rows}", sampler.name);
                }
            }
        }
    }
    devices::assert_nothing_fell_back();
}
