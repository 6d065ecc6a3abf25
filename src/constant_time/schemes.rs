//! Tests the operations of the three schemes, with small keys.

use super::{Case, Secrets};
use crate::bignum::batch::Rows;
use crate::bignum::random::OsRandom;
use crate::bignum::secrecy::memcheck;
use crate::bit_matrix::BitMatrix;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::ciphertext::{Ciphertext, Ciphertexts};
use crate::paillier::client::Client;
use crate::paillier::encrypt::{self, vector_plaintexts};
use crate::paillier::evaluate;
use crate::paillier::parameters::{Parameters, Scheme};
use crate::paillier::plaintext::Plaintext;
use std::sync::OnceLock;

pub(super) const CASES: [Case; 3] = [
    ("paillier", |device| operations(Scheme::Paillier, device)),
    ("paillier_lookup", |device| operations(Scheme::PaillierLookup, device)),
    ("paillier_subgroup", |device| operations(Scheme::PaillierSubgroup, device)),
];

const VECTORS: usize = 5;

/// Returns a key whose secrets are marked. It is generated without marks, because key generation tries numbers until
/// one fits, in a time that depends on them. It is generated only once, because that takes long under valgrind.
fn secret_client(scheme: Scheme, device: &OpenDevice) -> Client {
    static CLIENTS: [OnceLock<Client>; 3] = [const { OnceLock::new() }; 3];
    // The vectors of the lookup scheme need both primes to decode, those of the others only one.
    let (client, dimensions) = match scheme {
        Scheme::Paillier => (&CLIENTS[0], 100),
        Scheme::PaillierLookup => (&CLIENTS[1], 300),
        Scheme::PaillierSubgroup => (&CLIENTS[2], 100),
    };
    let alpha = scheme.has_alpha().then_some(256);
    let parameters = Parameters::new(scheme, dimensions, 512, alpha).unwrap();
    client.get_or_init(|| Client::generate_from(parameters, device, &mut OsRandom).unwrap()).marked()
}

fn secret_vectors(dimensions: usize) -> BitMatrix {
    let mut vectors = BitMatrix::new(dimensions);
    for i in 0..VECTORS {
        let mut bits: Vec<u8> = (0..dimensions).map(|j| u8::from((i + 1) * j % 3 == 1)).collect();
        memcheck::mark(&mut bits);
        vectors.push_bits(&bits).unwrap();
    }
    vectors
}

/// Runs both ways to encrypt, decoding, and operations on integers.
fn operations(scheme: Scheme, device: &OpenDevice) {
    let client = secret_client(scheme, device);
    let (key, dimensions) = (client.public_key(), client.parameters().embedding_length());
    let vectors = secret_vectors(dimensions);

    let publish = |mut limbs: Vec<u64>| {
        assert!(memcheck::is_secret(&limbs), "the result is not marked as secret");
        memcheck::publish(&mut limbs, "ciphertexts go to the evaluator");
        limbs
    };
    let plaintexts = vector_plaintexts(key, &vectors).unwrap();
    let plaintexts = Rows::new(&plaintexts, key.width());
    let by_owner = publish(client.encrypt_rows(device, plaintexts, &mut Secrets).unwrap());
    let bits = 2 * dimensions;
    let by_public_key = publish(encrypt::encrypt_rows(key, device, plaintexts, bits, &mut Secrets).unwrap());
    let query = Ciphertexts::from_limbs(key, by_owner).get(0).unwrap();
    let stored = Ciphertexts::from_limbs(key, by_public_key);

    let response = evaluate::hamming_batch(key, device, &query, &stored).unwrap();
    let mut distances = client.decode_hamming(device, &response).unwrap();
    assert!(memcheck::is_secret(&distances), "the result is not marked as secret");
    memcheck::publish(&mut distances, "the test reads them");
    let expected = (0..VECTORS).map(|row| {
        let mut distance = [vectors.hamming(0, &vectors, row).unwrap()];
        memcheck::publish(&mut distance, "the test reads it");
        distance[0]
    });
    assert!(expected.eq(distances));

    // Three times a vector has digits 3, so it does not hold a distance.
    let tripled = evaluate::mul_plain(key, device, &query, &3u64.into()).unwrap();
    let tripled = Ciphertexts::from_ciphertexts(key, [&tripled]).unwrap();
    assert!(matches!(client.decode_hamming(device, &tripled), Err(Error::Decode { record: 0, .. })));
    integers(&client, device);
}

fn integers(client: &Client, device: &OpenDevice) {
    let mut bytes = *b"an integer of more than one limb";
    memcheck::mark(&mut bytes);
    let plaintext = Plaintext::from_le_bytes(&bytes);
    let ciphertext = client.encrypt(device, &plaintext).unwrap();
    let mut row = ciphertext.row().to_vec();
    memcheck::publish(&mut row, "ciphertexts go to the evaluator");
    let ciphertext = Ciphertext::from_row(ciphertext.key_id(), &row);
    let mut decrypted = client.decrypt(device, &ciphertext).unwrap().to_le_bytes();
    assert!(memcheck::is_secret(&decrypted), "the result is not marked as secret");
    memcheck::publish(&mut decrypted, "the test reads it");
    assert_eq!(**decrypted, *b"an integer of more than one limb");
}
