//! Tests packed search with each metric.

use super::{Case, Secrets};
use crate::bignum::random::RandomSource;
use crate::bignum::secrecy::memcheck;
use crate::bit_matrix::BitMatrix;
use crate::device::open_device::OpenDevice;
use crate::rlwe::packed::{Block, BlockHeader, EvaluationKey, Parameters, SecretKey, Vectors};
use zeroize::Zeroizing;

pub(super) const CASES: [Case; 2] = [("packed, hamming", hamming), ("packed, inner product", inner_product)];

const VECTORS: usize = 5;
const DIMENSIONS: usize = 64;

fn hamming(device: &OpenDevice) {
    let plain: Vec<Vec<u8>> =
        (0..VECTORS).map(|i| (0..DIMENSIONS).map(|j| u8::from((i + 1) * j % 3 == 1)).collect()).collect();
    let mut vectors = BitMatrix::new(DIMENSIONS);
    for mut row in plain.clone() {
        memcheck::mark(&mut row);
        vectors.push_bits(&row).unwrap();
    }
    let distances = search(&Parameters::hamming(DIMENSIONS).unwrap(), &Vectors::Bits(&vectors), device);
    for (row, distance) in plain.iter().zip(distances) {
        assert_eq!(row.iter().zip(&plain[0]).filter(|(a, b)| a != b).count(), distance as usize);
    }
}

fn inner_product(device: &OpenDevice) {
    let component = |i: usize| f32::from(u8::try_from(i * i % 97).unwrap()) - 40.0;
    let mut vectors: Vec<f32> = (0..VECTORS * DIMENSIONS).map(component).collect();
    memcheck::mark(&mut vectors);
    let products = search(&Parameters::inner_product(DIMENSIONS, 64).unwrap(), &Vectors::Reals(&vectors), device);
    assert!((3900..4300).contains(&products[0]), "{products:?}");
}

/// Generates a key, encrypts vectors and the first of them as a query, and decodes the scores.
fn search(parameters: &Parameters, vectors: &Vectors<'_>, device: &OpenDevice) -> Vec<i32> {
    let mut seed = Zeroizing::new([0; 32]);
    Secrets.fill(&mut *seed).unwrap();
    let key = SecretKey::from_seed(parameters.clone(), seed).unwrap();

    let publish = |mut bytes: Vec<u8>| {
        assert!(memcheck::is_secret(&bytes), "the result is not marked as secret");
        memcheck::publish(&mut bytes, "the evaluator gets it");
        bytes
    };
    let evaluation_key =
        EvaluationKey::from_bytes(parameters, publish(key.evaluation_key_bytes(device).unwrap())).unwrap();
    let blocks = key.encrypt_from(device, vectors, &|| Secrets).unwrap();
    let read = |block: Block| Block::from_bytes(parameters, &publish(block.to_bytes())).unwrap();
    let blocks: Vec<Block> = blocks.into_iter().map(read).collect();
    let (mut query, secret) = key.encrypt_query_from(device, vectors, 0, &mut Secrets).unwrap();
    assert!(memcheck::is_secret(&query.words), "the result is not marked as secret");
    memcheck::publish(&mut query.words, "the evaluator gets it");

    let response = evaluation_key.expand(device, &query).unwrap().scan(device, &blocks).unwrap();
    let headers: Vec<&BlockHeader> = blocks.iter().map(Block::header).collect();
    let mut scores = key.decode(device, &secret, &headers, &response).unwrap();
    assert!(memcheck::is_secret(&scores), "the result is not marked as secret");
    memcheck::publish(&mut scores, "the test reads them");
    scores
}
