//! Tests packed search with each metric.

use super::{Case, Secrets};
use crate::bignum::random::RandomSource;
use crate::bignum::secrecy::memcheck;
use crate::bit_matrix::BitMatrix;
use crate::device::open_device::OpenDevice;
use crate::id::IdRef;
use crate::paillier::public_key::PublicId;
use crate::rlwe::packed::{
    Block, BlockHeader, EvaluationKey, Parameters, PlainVectors, QuerySecret, SecretKey, Vectors, plain_row, score,
};
use crate::search::packed::rows::RowKey;
use zeroize::Zeroizing;

pub(super) const CASES: [Case; 5] = [
    ("packed, hamming", |device| hamming(device, search)),
    ("packed, inner product", |device| inner_product(device, 64, search)),
    ("packed rows, hamming", |device| hamming(device, rows)),
    ("packed rows, inner product, one byte", |device| inner_product(device, 64, rows)),
    ("packed rows, inner product, two bytes", |device| inner_product(device, 620, rows)),
];

const VECTORS: usize = 5;
const DIMENSIONS: usize = 64;

/// Work on secret vectors, which returns the scores of all of them and the first.
type Work = fn(&Parameters, &Vectors<'_>, &OpenDevice) -> Vec<i32>;

fn hamming(device: &OpenDevice, work: Work) {
    let plain: Vec<Vec<u8>> =
        (0..VECTORS).map(|i| (0..DIMENSIONS).map(|j| u8::from((i + 1) * j % 3 == 1)).collect()).collect();
    let mut vectors = BitMatrix::new(DIMENSIONS);
    for mut row in plain.clone() {
        memcheck::mark(&mut row);
        vectors.push_bits(&row).unwrap();
    }
    let distances = work(&Parameters::hamming(DIMENSIONS).unwrap(), &Vectors::Bits(&vectors), device);
    for (row, distance) in plain.iter().zip(distances) {
        assert_eq!(row.iter().zip(&plain[0]).filter(|(a, b)| a != b).count(), distance as usize);
    }
}

fn inner_product(device: &OpenDevice, length: u32, work: Work) {
    let component = |i: usize| f32::from(u8::try_from(i * i % 97).unwrap()) - 40.0;
    let mut vectors: Vec<f32> = (0..VECTORS * DIMENSIONS).map(component).collect();
    memcheck::mark(&mut vectors);
    let products = work(&Parameters::inner_product(DIMENSIONS, length).unwrap(), &Vectors::Reals(&vectors), device);
    let square = length.pow(2).cast_signed();
    assert!((square * 95 / 100..square * 105 / 100).contains(&products[0]), "{products:?}");
}

fn secret_key(parameters: &Parameters) -> SecretKey {
    let mut seed = Zeroizing::new([0; 32]);
    Secrets.fill(&mut *seed).unwrap();
    SecretKey::from_seed(parameters.clone(), seed).unwrap()
}

fn publish(mut bytes: Vec<u8>) -> Vec<u8> {
    assert!(memcheck::is_secret(&bytes), "the result is not marked as secret");
    memcheck::publish(&mut bytes, "the evaluator gets it");
    bytes
}

fn read_scores(mut scores: Vec<i32>) -> Vec<i32> {
    assert!(memcheck::is_secret(&scores), "the result is not marked as secret");
    memcheck::publish(&mut scores, "the test reads them");
    scores
}

/// Encrypts vectors and returns the blocks as the evaluator has them.
fn encrypted(key: &SecretKey, vectors: &Vectors<'_>, device: &OpenDevice) -> Vec<Block> {
    let blocks = key.encrypt_from(device, vectors, &|| Secrets).unwrap();
    blocks.iter().map(|block| Block::from_bytes(key.parameters(), &publish(block.to_bytes())).unwrap()).collect()
}

/// Generates a key, encrypts vectors and the first of them as a query, and decodes the scores.
fn search(parameters: &Parameters, vectors: &Vectors<'_>, device: &OpenDevice) -> Vec<i32> {
    let key = secret_key(parameters);
    let evaluation_key =
        EvaluationKey::from_bytes(parameters, publish(key.evaluation_key_bytes(device).unwrap())).unwrap();
    let blocks = encrypted(&key, vectors, device);
    let (mut query, secret) = key.encrypt_query_from(device, vectors, 0, &mut Secrets).unwrap();
    assert!(memcheck::is_secret(&query.words), "the result is not marked as secret");
    memcheck::publish(&mut query.words, "the evaluator gets it");

    let response = evaluation_key.expand(device, &query).unwrap().scan(device, &blocks).unwrap();
    let headers: Vec<&BlockHeader> = blocks.iter().map(Block::header).collect();
    // As a file keeps it.
    let bytes = secret.to_bytes();
    assert!(parameters.most_length().is_some() || memcheck::is_secret(&bytes), "the result is not marked as secret");
    let secret = QuerySecret::from_bytes(&bytes).unwrap();
    read_scores(key.decode(device, &secret, &headers, &response).unwrap())
}

/// Seals vectors as rows and as notes, decrypts their blocks, and computes scores in the clear, as for the rows of a tail.
///
/// Opening is left out: AES-GCM branches on whether the tag is right, which is public.
fn rows(parameters: &Parameters, vectors: &Vectors<'_>, device: &OpenDevice) -> Vec<i32> {
    let key = secret_key(parameters);
    let sealing = RowKey::new(&key, PublicId([7; 32]));
    let plain: Vec<_> = (0..VECTORS).map(|row| plain_row(parameters, vectors, row).unwrap()).collect();
    for (row, id) in plain.iter().zip([IdRef::Number(3), IdRef::Text("three")].into_iter().cycle()) {
        assert!(memcheck::is_secret(row), "the result is not marked as secret");
        publish(sealing.seal(id, row).unwrap());
    }
    let (_, secret) = key.encrypt_query_from(device, vectors, 0, &mut Secrets).unwrap();
    publish(sealing.seal_note(&secret, &plain[0]).unwrap());

    // A compaction decrypts vectors, collects them, and encrypts or seals them again. A resumed job compares them.
    let decrypted = key.decrypt(device, &encrypted(&key, vectors, device)).unwrap();
    let mut collected = PlainVectors::with_capacity(parameters, VECTORS);
    for row in 0..VECTORS {
        collected.push(parameters, &plain_row(parameters, &decrypted.as_vectors(), row).unwrap()).unwrap();
        let [same, expected] = [&decrypted, &collected].map(|first| collected.has(row, first, parameters).unwrap());
        assert_eq!(same, expected, "vector {row}");
    }
    encrypted(&key, &collected.as_vectors(), device);
    let first = plain_row(parameters, &decrypted.as_vectors(), 0).unwrap();
    let again = (0..VECTORS).map(|row| plain_row(parameters, &collected.as_vectors(), row).unwrap());
    read_scores(again.map(|row| score(parameters, &row, &first)).collect())
}
