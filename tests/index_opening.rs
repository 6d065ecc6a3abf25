//! Opening an index takes time linear in its size, however its deletions are spread over blocks.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/keys.rs"]
mod keys;
#[path = "common/numbers.rs"]
mod numbers;

use hushvec::{BitMatrix, Ciphertexts, HomomorphicClient, Index, IndexWriter, Scheme};
use numbers::SplitMix;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The CRC-32 of zlib (IEEE 802.3), computed bit by bit.
fn crc32(bytes: &[u8]) -> [u8; 4] {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    (!crc).to_le_bytes()
}

/// A block that deletes one record, as specified in docs/formats.md.
fn deletion(record: u64) -> [u8; 128] {
    let mut block = [0; 128];
    block[..4].copy_from_slice(b"DEL1");
    block[4..8].copy_from_slice(&1u32.to_le_bytes());
    block[64..72].copy_from_slice(&record.to_le_bytes());
    let checksum = crc32(&block[64..]);
    block[32..36].copy_from_slice(&checksum);
    let checksum = crc32(&block[..60]);
    block[60..64].copy_from_slice(&checksum);
    block
}

/// Writes an index of one block and deletes all its vectors except the first, last one first, each in a separate block.
fn write(path: &Path, vectors: &Ciphertexts, key: &Arc<hushvec::PublicKey>) {
    let mut writer = IndexWriter::create(path, Arc::clone(key)).unwrap();
    writer.append(vectors, None).unwrap();
    drop(writer);
    let mut file = std::fs::read(path).unwrap();
    (1..vectors.len() as u64).rev().for_each(|record| file.extend(deletion(record)));
    std::fs::write(path, file).unwrap();
}

fn time_to_open(path: &Path) -> Duration {
    let once = |_| {
        let started = Instant::now();
        let index = Index::open(path).unwrap();
        assert_eq!(index.len(), 1);
        started.elapsed()
    };
    (0..5).map(once).min().unwrap()
}

#[test]
fn many_small_deletions_are_read_in_linear_time() {
    let ctx = keys::context(Scheme::PaillierSubgroup);
    let mut random = SplitMix(1);
    let one = BitMatrix::from_rows(keys::DIMENSIONS, [random.bits(keys::DIMENSIONS)]).unwrap();
    let one = ctx.encrypt_vec_batch(&one).unwrap().get(0).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [short, long] = [4_000, 64_000].map(|count| {
        let path = folder.path().join(count.to_string());
        let vectors = Ciphertexts::from_ciphertexts(ctx.public_key(), std::iter::repeat_n(&one, count)).unwrap();
        write(&path, &vectors, ctx.public_key());
        let index = Index::open(&path).unwrap();
        assert_eq!((index.len(), index.deleted(), index.recovery()), (1, count as u64 - 1, None));
        index.verify().unwrap();
        assert!(index.get(ctx.public_key(), 0).unwrap().is_some() && index.get(ctx.public_key(), 1).unwrap().is_none());
        time_to_open(&path)
    });
    // Sixteen times as many deletions. A quadratic implementation takes 256 times as long.
    assert!(long < short * 64, "{short:?} for 4,000 vectors, {long:?} for 64,000");
}
