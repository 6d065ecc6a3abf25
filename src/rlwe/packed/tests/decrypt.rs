//! Decrypting blocks.

use super::*;

fn integers(key: &SecretKey, vectors: &Vectors<'_>, rows: usize) -> Vec<i16> {
    let mut all = Vec::new();
    let mut row = vec![0; key.parameters().dimensions()];
    for i in 0..rows {
        vectors.integers(key.parameters(), i, &mut row).unwrap();
        all.extend(row.iter().map(|x| i16::try_from(*x).unwrap()));
    }
    all
}

fn same(a: &BitMatrix, b: &BitMatrix) -> bool {
    a.len() == b.len() && (0..a.len()).all(|row| a.row(row) == b.row(row))
}

#[test]
fn blocks_are_decrypted() {
    let parameters =
        [64, 100, 128, 512, 2048].map(|dimensions| Parameters::hamming(dimensions).unwrap()).into_iter().chain(
            [(64, 64), (101, 620), (512, 128), (384, 64)]
                .map(|(dimensions, length)| Parameters::inner_product(dimensions, length).unwrap()),
        );
    for parameters in parameters {
        let (dimensions, rows) = (parameters.dimensions(), if parameters.dimensions() == 100 { 4100 } else { 70 });
        let (binary, real) = (bits(dimensions, rows), reals(dimensions, rows));
        let is_hamming = parameters.metric() == Metric::Hamming;
        let vectors = if is_hamming { Vectors::Bits(&binary) } else { Vectors::Reals(&real) };
        let key = key(parameters);
        let blocks = key.encrypt(&device(), &vectors).unwrap();
        for device in devices() {
            match key.decrypt(&device, &blocks).unwrap() {
                PlainVectors::Bits(found) => assert!(same(&found, &binary), "{dimensions} bits"),
                PlainVectors::Integers(found) => {
                    assert!(*found == integers(&key, &vectors, rows), "{:?}", key.parameters());
                }
            }
        }
        // What was decrypted can be encrypted again.
        let plain = key.decrypt(&device(), &blocks).unwrap();
        let again = key.encrypt(&device(), &plain.as_vectors()).unwrap();
        match (plain, key.decrypt(&device(), &again).unwrap()) {
            (PlainVectors::Bits(a), PlainVectors::Bits(b)) => assert!(same(&a, &b)),
            (PlainVectors::Integers(a), PlainVectors::Integers(b)) => assert!(a == b),
            _ => panic!("the kind of vectors changed"),
        }
    }
}

#[test]
fn foreign_and_damaged_blocks_are_refused() {
    for parameters in [Parameters::hamming(64).unwrap(), Parameters::inner_product(64, 64).unwrap()] {
        let (binary, real) = (bits(64, 9), reals(64, 9));
        let is_hamming = parameters.metric() == Metric::Hamming;
        let vectors = if is_hamming { Vectors::Bits(&binary) } else { Vectors::Reals(&real) };
        let other = SecretKey::generate(parameters.clone()).unwrap();
        let key = key(parameters);
        let mut blocks = key.encrypt(&device(), &vectors).unwrap();
        let error = other.decrypt(&device(), &blocks).unwrap_err().to_string();
        assert!(error.contains("block 0") && error.contains("this key"), "{error}");
        blocks[0].words[77] ^= 1;
        key.decrypt(&device(), &blocks).unwrap_err();
        blocks[0].words[77] ^= 1;
        blocks[0].header.nonce[3] ^= 1;
        key.decrypt(&device(), &blocks).unwrap_err();
    }
}

#[test]
fn integers_that_are_too_long_are_refused() {
    let key = key(Parameters::inner_product(64, 64).unwrap());
    let mut vector = vec![0i16; 128];
    vector[64] = 69;
    key.encrypt(&device(), &Vectors::Integers(&vector)).unwrap();
    vector[64] = 70;
    let error = key.encrypt(&device(), &Vectors::Integers(&vector)).unwrap_err().to_string();
    assert!(error.contains("vector 1 is 69"), "{error}");
    key.encrypt_query(&device(), &Vectors::Integers(&vector), 1).unwrap_err();
}
