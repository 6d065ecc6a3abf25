//! Tests all schemes against textbook Paillier.

use super::*;
use crate::bignum::random::stub;
use crate::device::Device;
use crate::error::CiphertextProblem;
use crate::paillier::evaluate;
use num_bigint::BigUint;
use std::collections::HashSet;

fn device() -> OpenDevice {
    OpenDevice::open(Device::Cpu, None).unwrap()
}

/// Makes a small key of each scheme. Small keys are weak, but fast to make.
fn clients(dimensions: usize) -> Vec<Client> {
    Scheme::ALL
        .into_iter()
        .map(|scheme| {
            let alpha = scheme.has_alpha().then_some(256);
            let parameters = Parameters::new(scheme, dimensions, 512, alpha).unwrap();
            Client::generate_from(parameters, &device(), &mut OsRandom).unwrap()
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

/// Decrypts as in the paper, with φ(n): L(c^φ)·L(g^φ)⁻¹ mod n.
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
fn distances_are_decoded() {
    let device = device();
    // Up to 256 dimensions decode with one prime; 300 and 511 need both.
    for dimensions in [1, 63, 64, 256, 300, 511] {
        for client in clients(dimensions) {
            let key = client.public_key();
            let plain = vectors(dimensions, 9);
            let query = plain.slice(3..4);
            let stored = client.encrypt_vectors(&device, &plain).unwrap();
            let expected: Vec<u32> = (0..9).map(|i| plain.hamming(i, &query, 0).unwrap()).collect();
            let by_public = encrypt::encrypt_vec_batch(key, &device, &query).unwrap();
            let by_owner = client.encrypt_vectors(&device, &query).unwrap();
            for query in [by_public, by_owner] {
                let response = evaluate::hamming_batch(key, &device, &query.get(0).unwrap(), &stored).unwrap();
                assert_eq!(client.decode_hamming(&device, &response).unwrap(), expected);
            }
        }
    }
}

#[test]
fn integers_agree_with_the_textbook() {
    let device = device();
    for client in clients(64) {
        let key = client.public_key();
        let n = key.n().clone();
        let numbers = [BigUint::ZERO, 1u32.into(), 41u32.into(), &n / 3u32, &n - 2u32, &n - 1u32];
        for a in &numbers {
            let by_owner = client.encrypt(&device, &a.into()).unwrap();
            let by_public = encrypt::encrypt(key, &device, &a.into()).unwrap();
            assert_ne!(by_owner, by_public);
            for c in [&by_owner, &by_public] {
                assert_eq!(client.decrypt(&device, c).unwrap().to_biguint(), *a);
                assert_eq!(textbook_decrypt(&client, c), *a);
            }
            for b in &numbers {
                let other = client.encrypt(&device, &b.into()).unwrap();
                let of = |c| client.decrypt(&device, &c).unwrap().to_biguint();
                assert_eq!(of(evaluate::add(key, &device, &by_public, &other).unwrap()), (a + b) % &n);
                assert_eq!(of(evaluate::add_plain(key, &device, &by_owner, &b.into()).unwrap()), (a + b) % &n);
                assert_eq!(of(evaluate::mul_plain(key, &device, &by_owner, &b.into()).unwrap()), a * b % &n);
            }
        }
        for too_large in [n.clone(), &n + 1u32, &n << 64u32] {
            let refused = client.encrypt(&device, &(&too_large).into());
            assert!(matches!(refused, Err(Error::Plaintext { .. })));
            assert!(matches!(encrypt::encrypt(key, &device, &(&too_large).into()), Err(Error::Plaintext { .. })));
        }
    }
}

#[test]
fn invalid_ciphertexts_are_refused_by_number() {
    let device = device();
    for client in clients(64) {
        let key = client.public_key();
        let p = crate::paillier::public_key::biguint(client.keys().crt.p().modulus.limbs());
        let square = key.n() * key.n();
        let size = key.parameters().ciphertext_bytes();
        let good = client.encrypt_vectors(&device, &vectors(64, 700)).unwrap();
        let bytes = good.to_integers(key, &device).unwrap();
        assert_eq!(Ciphertexts::from_integers(key, &device, &bytes).unwrap(), good);
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
                match Ciphertexts::from_integers(key, &device, &bad) {
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
        assert!(matches!(long, Err(Error::Ciphertext { problem: CiphertextProblem::TooLong { actual, limit: l }, .. })
            if actual == size + 1 && l == limit));
        assert!(Ciphertexts::from_integers(key, &device, &bytes[1..]).is_err());
    }
}

#[test]
fn ciphertexts_without_a_distance_are_refused_by_number() {
    let device = device();
    for (client, other) in clients(64).into_iter().zip(clients(64)) {
        let key = client.public_key();
        let encrypt = |m: BigUint| client.encrypt(&device, &(&m).into()).unwrap();
        let fine = encrypt(5u32.into());
        for (m, expected) in [
            (3u32.into(), DecodeProblem::Digit3),
            (BigUint::from(3u32) << 126u32, DecodeProblem::Digit3),
            (BigUint::from(1u32) << 128u32, DecodeProblem::UpperBits),
            (key.n() - 1u32, DecodeProblem::UpperBits),
        ] {
            let batch = Ciphertexts::from_ciphertexts(key, [&fine, &fine, &encrypt(m), &fine]).unwrap();
            match client.decode_hamming(&device, &batch) {
                Err(Error::Decode { record: 2, problem }) => assert_eq!(problem, expected),
                result => panic!("{result:?}"),
            }
        }
        let foreign = other.encrypt(&device, &1u64.into()).unwrap();
        assert!(matches!(client.decrypt(&device, &foreign), Err(Error::WrongKey { .. })));
        let batch = Ciphertexts::from_ciphertexts(other.public_key(), [&foreign]).unwrap();
        assert!(matches!(client.decode_hamming(&device, &batch), Err(Error::WrongKey { .. })));
        assert!(Ciphertexts::from_ciphertexts(key, [&foreign]).is_err());
        if client.parameters().scheme().has_alpha() {
            // An arbitrary number is outside the noise group.
            let c = Ciphertext::from_biguint(key, &(key.n() * 12_345u32 + 678u32)).unwrap();
            let foreign = Error::Decode { record: 0, problem: DecodeProblem::Foreign };
            assert_eq!(client.decrypt(&device, &c).unwrap_err().to_string(), foreign.to_string());
            let batch = Ciphertexts::from_ciphertexts(key, [&c]).unwrap();
            assert_eq!(client.decode_hamming(&device, &batch).unwrap_err().to_string(), foreign.to_string());
        }
    }
}

#[test]
fn encryptions_are_fresh_and_a_failing_source_is_an_error() {
    let device = device();
    let count = std::env::var("HUSHVEC_LONG_TESTS").map_or(2_000, |_| 1_000_000);
    for client in clients(32) {
        let mut seen = HashSet::new();
        let zeros = BitMatrix::from_rows(32, vec![[0; 32]; 1000]).unwrap();
        for _ in 0..count / 1000 {
            for c in client.encrypt_vectors(&device, &zeros).unwrap().iter() {
                assert!(seen.insert(c.row().to_vec()), "a ciphertext repeats");
            }
        }
        let zeros = zeros.slice(0..50);
        for bytes_left in [0, 31, 200] {
            let owner = client.encrypt_vectors_from(&device, &zeros, &mut stub::Failing { bytes_left });
            assert!(matches!(owner, Err(Error::Random(_))));
            let plaintexts = vector_plaintexts(client.public_key(), &zeros).unwrap();
            let rows = Rows::new(&plaintexts, client.public_key().width());
            let source = &mut stub::Failing { bytes_left };
            let public = encrypt::encrypt_rows(client.public_key(), &device, rows, 64, source);
            assert!(matches!(public, Err(Error::Random(_))));
        }
    }
    let parameters = Parameters::new(Scheme::PaillierSubgroup, 32, 512, Some(256)).unwrap();
    for bytes_left in [0, 100, 2000] {
        let made = Client::generate_from(parameters, &device, &mut stub::Failing { bytes_left });
        assert!(matches!(made, Err(Error::Random(_))));
    }
}

#[test]
fn owner_and_public_noise_have_the_same_orders() {
    let device = device();
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
            for c in [client.encrypt(&device, &zero), encrypt::encrypt(client.public_key(), &device, &zero)] {
                let power = c.unwrap().to_biguint(client.public_key()).unwrap().modpow(&order, &square);
                assert!(power == BigUint::from(1u32) || power == &square - 1u32, "outside the group");
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
        assert!(matches!(Client::generate(parameters, &device()), Err(Error::WeakKey { .. })));
    }
}

#[test]
fn keys_have_the_right_lengths() {
    for client in clients(32) {
        let crt = &client.keys().crt;
        for key in [crt.p(), crt.q()] {
            assert_eq!(key.modulus.limbs().last().unwrap() >> 62, 3, "the two top bits must be set");
        }
        assert_eq!(client.public_key().n().bits(), 1024);
        assert!(!format!("{client:?}").contains(&crt.p().modulus.limbs()[0].to_string()));
    }
}

/// With exponents of only alpha_len bits about a third of the noise group would never be used.
#[test]
fn public_noise_exponents_have_64_bits_more_than_alpha_len() {
    let device = device();
    for client in clients(64) {
        let (key, square) = (client.public_key(), client.public_key().n() * client.public_key().n());
        let base = match key.elements() {
            crate::paillier::public_key::Elements::Paillier => continue,
            crate::paillier::public_key::Elements::Lookup { g_n, .. } => g_n,
            crate::paillier::public_key::Elements::Subgroup { h_n } => h_n,
        };
        let zero = vec![0; key.width()];
        let row = encrypt::encrypt_rows(key, &device, Rows::new(&zero, key.width()), 64, &mut stub::Constant(0xff));
        let largest = (BigUint::from(1u32) << (256u32 + 64)) - 1u32;
        let noise = Ciphertext::from_row(key.id(), &row.unwrap()).to_biguint(key).unwrap();
        assert_eq!(noise, base.modpow(&largest, &square));
    }
}

#[test]
fn new_subgroup_keys_have_the_least_common_divisor() {
    let small = |x: u32| uint::from_limbs(&[u64::from(x)]);
    let primes = |p, q| Primes { p: small(p), q: small(q) };
    assert!(primes(11, 7).share_only_two());
    for (p, q) in [(13, 7), (31, 11), (13, 5)] {
        assert!(!primes(p, q).share_only_two(), "{p}, {q}");
    }
    // About a third of all pairs of primes do not have this property.
    let parameters = Parameters::new(Scheme::PaillierSubgroup, 64, 512, Some(256)).unwrap();
    for _ in 0..12 {
        let client = Client::PaillierSubgroup(PaillierSubgroup::generate(parameters, &mut OsRandom).unwrap());
        assert!(client.primes().unwrap().share_only_two());
    }
}
