//! Nonces: different for different contents, even if random numbers repeat.

use super::super::secret_key::Purpose;
use super::*;
use std::collections::HashMap;

/// The nonces of all contents so far.
#[derive(Default)]
struct Seen(HashMap<[u8; 32], Vec<u8>>);

impl Seen {
    /// Adds the nonce of a content. The same content may come again.
    fn add(&mut self, nonce: [u8; 32], content: &[u8]) {
        let known = self.0.entry(nonce).or_insert_with(|| content.to_vec());
        assert!(known == content, "a nonce has two contents");
    }
}

/// The nonce of a block, with random numbers that repeat.
fn nonce(key: &SecretKey, vectors: &Vectors<'_>, rows: usize) -> ([u8; 32], Vec<u8>) {
    let columns = Columns::new(key, vectors, 0..rows).unwrap();
    let nonce = key.synthetic_nonce(Purpose::Block, &columns.digest(), &mut fixed()).unwrap();
    let content = match &columns {
        Columns::Bits(columns) => bytemuck::cast_slice(columns).to_vec(),
        Columns::Integers(columns) => bytemuck::cast_slice(columns).to_vec(),
    };
    (nonce, content)
}

#[test]
fn every_bit_of_a_block_changes_its_nonce() {
    let (key, rows) = (key(Parameters::hamming(64).unwrap()), 12);
    let plain: Vec<Vec<u8>> = (0..rows).map(|row| bits(64, rows).row(row).unwrap()).collect();
    let (mut seen, mut contents) = (Seen::default(), 0);
    let mut add = |plain: &[Vec<u8>]| {
        let matrix = BitMatrix::from_rows(64, plain).unwrap();
        let (nonce, content) = nonce(&key, &Vectors::Bits(&matrix), plain.len());
        seen.add(nonce, &content);
        contents += 1;
    };
    for row in 0..rows {
        for bit in 0..64 {
            let mut changed = plain.clone();
            changed[row][bit] ^= 1;
            add(&changed);
        }
        add(&plain[..=row]);
        let mut exchanged = plain.clone();
        exchanged.swap(0, row);
        add(&exchanged);
    }
    // The vectors with all rows and with the first exchanged for itself are the same.
    assert_eq!(seen.0.len(), contents - 1);
    // Another key, and another purpose.
    let other = SecretKey::from_seed(Parameters::hamming(64).unwrap(), [6; 32].into()).unwrap();
    let matrix = BitMatrix::from_rows(64, &plain).unwrap();
    let foreign = nonce(&other, &Vectors::Bits(&matrix), rows).0;
    let columns = Columns::new(&key, &Vectors::Bits(&matrix), 0..rows).unwrap();
    let query = key.synthetic_nonce(Purpose::Query, &columns.digest(), &mut fixed()).unwrap();
    assert!(foreign != query && !seen.0.contains_key(&foreign) && !seen.0.contains_key(&query));
}

#[test]
fn every_component_of_a_block_changes_its_nonce() {
    let key = key(Parameters::inner_product(64, 620).unwrap());
    let plain: Vec<i16> = (0..4 * 64).map(|i| i * 37 % 101 - 50).collect();
    let mut seen = Seen::default();
    for i in 0..plain.len() {
        for change in [1, -1, 100] {
            let mut changed = plain.clone();
            changed[i] += change;
            let (nonce, content) = nonce(&key, &Vectors::Integers(&changed), 4);
            seen.add(nonce, &content);
        }
    }
    assert_eq!(seen.0.len(), 3 * plain.len());
}

/// A random number generator that is stuck.
struct Stuck;

impl RandomSource for Stuck {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        bytes.fill(0);
        Ok(())
    }
}

/// A random number generator that fails.
struct Failing;

impl RandomSource for Failing {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), Error> {
        Err(Error::Random("none".to_owned()))
    }
}

/// Appends, compactions and retries with a stuck generator: each block of another content has another nonce, and words
/// that agree in no more places than those of unrelated blocks.
#[test]
fn retried_blocks_do_not_share_secrets() {
    let (device, key) = (device(), key(Parameters::hamming(64).unwrap()));
    let vectors = bits(64, 40);
    let encrypt = |rows: std::ops::Range<usize>| {
        key.encrypt_from(&device, &Vectors::Bits(&vectors.slice(rows)), &|| Stuck).unwrap().remove(0)
    };
    // A tail of 20 rows; more of them; without deleted ones; and again.
    let blocks = [0..20, 0..21, 0..40, 1..40, 1..20, 0..20].map(encrypt);
    for (i, a) in blocks.iter().enumerate() {
        for b in &blocks[..i] {
            let same = a.words.iter().zip(&b.words).filter(|(a, b)| a == b).count();
            let is_same = a.header.nonce == b.header.nonce;
            assert_eq!(is_same, a.header.rows == b.header.rows && same == a.words.len());
            assert!(is_same || same < 10, "{same} words agree");
        }
    }
    assert_eq!(blocks[0].header.nonce, blocks[5].header.nonce);
    let refused = key.encrypt_from(&device, &Vectors::Bits(&vectors), &|| Failing);
    assert!(matches!(refused, Err(Error::Random(_))));
    let refused = key.encrypt_query_from(&device, &Vectors::Bits(&vectors), 0, &mut Failing);
    assert!(matches!(refused, Err(Error::Random(_))));
}
