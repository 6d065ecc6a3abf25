//! Indexes whose blocks, rows and records are missing, moved, exchanged or foreign.

use crate::blocks::{BLOCK_HEADER, blocks, exchanged, seal_block, with_block, with_blocks};
use crate::files::{DELETED, Files, Outcome, VECTORS, generate, random_bits};
use hushvec::packed::Vectors;
use hushvec::{PackedIndex, PackedIndexWriter, Progress};

#[test]
fn blocks_of_an_index() {
    let files = Files::new();
    let bytes = files.bytes("index");
    let parts = blocks(&bytes);
    let magics: Vec<&[u8; 4]> = parts.iter().map(|block| &block.magic).collect();
    assert_eq!(magics, [b"BLK1", b"BLK1", b"ROW1", b"DEL1"]);
    let with = |numbers: &[usize]| with_blocks(&bytes, numbers.iter().map(|n| &bytes[parts[*n].range.clone()]));
    files.refused("index", &with(&[0, 3, 1, 2]), "deletions first", "only 4096 vectors come before them");
    files.refused("index", &with(&[0, 1, 2, 2, 3]), "rows twice", "two vectors have the id");
    files.refused("index", &with(&[0, 0, 1, 2, 3]), "a block twice", "two vectors have the id");
    // Deletions are a set of positions.
    assert_eq!(files.outcome("index", &with(&[0, 1, 2, 3, 3])).0, Outcome::Same);
    for (at, new) in [(64, VECTORS), (72, VECTORS), (80, VECTORS), (80, u64::MAX), (80, 4100), (64, 4101)] {
        let changed = with_block(&bytes, &parts[3], at, &new.to_le_bytes());
        files.refused("index", &changed, &format!("deletion of vector {new}"), "deletions at byte");
    }
    // What only responses have.
    let mut shared = files.bytes("response")[parts[0].range.start..].to_vec();
    shared.truncate(blocks(&files.bytes("response"))[0].range.len());
    files.refused("index", &[&bytes[..], &shared].concat(), "parts of queries", "which only a response has");
    // The first block is damaged, and the second is not.
    let mut damaged = bytes.clone();
    damaged[parts[0].range.start] ^= 1;
    files.refused("index", &damaged, "a damaged header", "damaged in the middle");
}

#[test]
fn every_cut_of_an_index_is_a_state_before() {
    let files = Files::new();
    let bytes = files.bytes("index");
    let ends: Vec<usize> = blocks(&bytes).iter().map(|block| block.range.end).collect();
    let kept = [4096, 8192, VECTORS, VECTORS - DELETED.len() as u64];
    let path = files.path("cut");
    for end in ends.iter().copied() {
        for length in [end - 1, end, end + 1, end + 63, end + 64, end + 5000].into_iter().filter(|n| *n <= bytes.len())
        {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let index = PackedIndex::open(&path).unwrap();
            let whole = ends.iter().filter(|end| **end <= length).count();
            assert_eq!(index.len(), if whole == 0 { 0 } else { kept[whole - 1] }, "cut to {length}");
            files.evaluator.verify(&index, &Progress::new()).unwrap();
            drop(index);
            // A writer removes the rest and goes on.
            let (mut writer, _) = PackedIndexWriter::append_to(&path, &files.context).unwrap();
            let before = writer.len();
            writer.append(&Vectors::Bits(&random_bits(3, 2)), None).unwrap();
            drop(writer);
            let index = PackedIndex::open(&path).unwrap();
            assert_eq!((index.len(), index.recovery()), (before + 2, None));
        }
    }
}

#[test]
fn rows_and_records_cannot_be_exchanged() {
    let files = Files::new();
    let bytes = files.bytes("index");
    let parts = blocks(&bytes);
    let rows = &parts[2];
    let row = |i: usize| rows.content + i * rows.size;
    let foreign = {
        let path = files.path("other");
        let mut writer = PackedIndexWriter::create(&path, &generate()).unwrap();
        writer.append(&Vectors::Bits(&random_bits(1, 4106)), None).unwrap();
        std::fs::read(path).unwrap()
    };
    let others = blocks(&foreign);
    let record = |i: usize| parts[i].content..parts[i].content + parts[i].size;
    let other_row = &foreign[others[1].content..][..rows.size];
    let changed = [
        ("rows exchanged", exchanged(&bytes, rows, [row(0), row(1)], rows.size), "row with the id"),
        ("a row of another key", with_block(&bytes, rows, row(4) - rows.range.start, other_row), "row with the id"),
        (
            "a changed row",
            with_block(&bytes, rows, row(5) - rows.range.start + 20, &[bytes[row(5) + 20] ^ 4]),
            "row with",
        ),
        (
            "the nonce of another block",
            with_block(&bytes, &parts[0], BLOCK_HEADER, &bytes[record(1)][..32]),
            "this key",
        ),
        (
            "a record of another key",
            with_block(&bytes, &parts[1], BLOCK_HEADER, &foreign[others[0].content..][..parts[1].size]),
            "this key",
        ),
    ];
    for (what, bytes, says) in &changed {
        files.refused("index", bytes, what, "");
        // Neither compaction nor appending uses what does not decrypt, and the file stays as it is.
        let path = files.path("index.changed");
        let error = PackedIndex::compact(&path, &files.context, &Progress::new()).unwrap_err().to_string();
        assert!(error.starts_with(path.to_str().unwrap()) && error.contains(says), "{what}: {error}");
        assert!(std::fs::read(&path).unwrap() == *bytes, "{what}: changed");
        if says.starts_with("row") {
            let (mut writer, _) = PackedIndexWriter::append_to(&path, &files.context).unwrap();
            writer.append(&Vectors::Bits(&random_bits(3, 4096)), None).unwrap_err();
            assert_eq!(PackedIndex::open(&path).unwrap().tail().unwrap(), 9, "{what}");
        }
        drop(std::fs::remove_file(path));
    }
    // An evaluator finds what can be seen without a key.
    let reserved = with_block(&bytes, &parts[0], BLOCK_HEADER + 40, &[1]);
    files.refused("index", &reserved, "a reserved byte of a record", "bytes that the format reserves");
    let large = with_block(&bytes, &parts[0], BLOCK_HEADER + 64, &[255; 4]);
    files.refused("index", &large, "a residue that is not reduced", "it must be below");
}

/// A block replaces the tail. Without the block, or if it is cut, the tail counts.
#[test]
fn a_replaced_tail_comes_back_without_its_block() {
    let files = Files::new();
    let path = files.path("replaced");
    let mut writer = PackedIndexWriter::create(&path, &files.context).unwrap();
    for count in [60, 40, 4000] {
        writer.append(&Vectors::Bits(&random_bits(count, usize::try_from(count).unwrap())), None).unwrap();
    }
    drop(writer);
    let bytes = std::fs::read(&path).unwrap();
    let parts = blocks(&bytes);
    assert_eq!(parts.iter().map(|part| part.count).collect::<Vec<_>>(), [60, 40, 4096, 4]);
    let state = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let index = PackedIndex::open(&path).unwrap();
        files.evaluator.verify(&index, &Progress::new()).unwrap();
        (index.len(), index.tail().unwrap(), index.recovery().is_some())
    };
    assert_eq!(state(&bytes), (4100, 4, false));
    let [_, second, block, last] = [0, 1, 2, 3].map(|i: usize| parts[i].range.clone());
    assert_eq!(state(&bytes[..block.end]), (4096, 0, false));
    assert_eq!(state(&bytes[..block.end - 1]), (100, 100, true));
    assert_eq!(state(&bytes[..second.end]), (100, 100, false));
    assert_eq!(state(&[&bytes[..block.start], &bytes[last.clone()]].concat()), (104, 104, false));
    // The rows alone are missing: nothing is lost.
    let without = [&bytes[..parts[0].range.start], &bytes[block.start..]].concat();
    assert_eq!(state(&without), (4100, 4, false));
    // The block does not say that it replaces the rows, so ids occur twice.
    let mut changed = bytes.clone();
    changed[block.start + 28] = 0;
    seal_block(&mut changed[block]);
    std::fs::write(&path, &changed).unwrap();
    let index = PackedIndex::open(&path).unwrap();
    let error = files.evaluator.verify(&index, &Progress::new()).unwrap_err().to_string();
    assert!(error.contains("two vectors have the id"), "{error}");
    // The block is damaged, and rows follow it: the tail does not count silently.
    let mut damaged = bytes;
    damaged[parts[2].content + 100] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let index = PackedIndex::open(&path).unwrap();
    files.evaluator.verify(&index, &Progress::new()).unwrap_err();
    PackedIndexWriter::append_to(&path, &files.context).unwrap_err();
}
