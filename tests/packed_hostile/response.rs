//! Responses whose blocks, rows, notes and records are missing, repeated, moved or exchanged.

use crate::blocks::{BLOCK_HEADER, Block, HEADER, blocks, exchanged, with_block, with_blocks, with_header};
use crate::files::{Files, Outcome, generate, random_bits};
use hushvec::packed::Vectors;
use hushvec::{Ids, PackedEvaluator, PackedIndex, PackedIndexWriter, PackedResponse, Progress};

/// The parts of a response: what the queries share, rows, deletions, and two blocks for each query.
struct Parts {
    bytes: Vec<u8>,
    blocks: Vec<Block>,
}

impl Parts {
    fn of(files: &Files) -> Self {
        let bytes = files.bytes("response");
        let blocks = blocks(&bytes);
        let magics: Vec<&[u8; 4]> = blocks.iter().map(|block| &block.magic).collect();
        assert_eq!(magics, [b"SHR1", b"ROW1", b"DEL1", b"BLK1", b"BLK1", b"BLK1", b"BLK1"]);
        Self { bytes, blocks }
    }

    /// The file with these blocks, by their numbers.
    fn with(&self, numbers: &[usize]) -> Vec<u8> {
        with_blocks(&self.bytes, numbers.iter().map(|number| &self.bytes[self.blocks[*number].range.clone()]))
    }
}

#[test]
fn blocks_have_one_order() {
    let files = Files::new();
    let parts = Parts::of(&files);
    for (numbers, says) in [
        (&[1, 0, 2, 3, 4, 5, 6][..], ""),
        (&[2, 0, 1, 3, 4, 5, 6], "deletions come before"),
        (&[0, 0, 1, 2, 3, 4, 5, 6], "parts for other queries"),
        (&[0, 1, 1, 2, 3, 4, 5, 6], "more rows than announced"),
        (&[0, 1, 2, 2, 3, 4, 5, 6], "deletions are not in order"),
        (&[0, 2, 3, 4, 5, 6], "incomplete"),
        (&[1, 2, 3, 4, 5, 6], ""),
        (&[3, 4, 5, 6], "missing"),
        (&[0, 1, 2, 3, 4, 5], "incomplete"),
        (&[0, 1, 2, 3, 4], "incomplete"),
        (&[0, 1, 2], "incomplete"),
        (&[0, 1], "incomplete"),
        (&[0], "incomplete"),
        (&[], "incomplete"),
        (&[0, 1, 2, 4, 3, 5, 6], "expected query 0"),
        (&[0, 1, 2, 3, 3, 5, 6], "expected query 1"),
        (&[0, 1, 2, 3, 4, 3, 4], "two vectors have the id 0"),
        (&[0, 1, 2, 3, 6, 5, 4], "other ids than query 0"),
        (&[0, 1, 2, 3, 4, 5, 6, 3, 4], "follow the last vector"),
        (&[0, 1, 3, 2, 4, 5, 6], "it deletes vectors"),
        (&[0, 1, 2, 3, 0, 4, 5, 6], "come before all records"),
        (&[0, 1, 2, 3, 1, 4, 5, 6], "come before all records"),
        (&[0, 2, 3, 4, 5, 6, 1], "incomplete"),
        (&[0, 1, 2, 3, 4, 5, 6, 1], "come before all records"),
        (&[0, 1, 2, 3, 4, 5, 6, 2], "it deletes vectors"),
    ] {
        files.refused("response", &parts.with(numbers), &format!("blocks {numbers:?}"), says);
    }
    // Deletions may come before rows.
    assert_eq!(files.outcome("response", &parts.with(&[0, 2, 1, 3, 4, 5, 6])).0, Outcome::Same);
}

#[test]
fn rows_notes_and_records_cannot_be_exchanged() {
    let files = Files::new();
    let Parts { bytes, blocks } = Parts::of(&files);
    let [shared, rows] = [&blocks[0], &blocks[1]];
    let row = |i: usize| rows.content + i * rows.size;
    let two = exchanged(&bytes, rows, [row(2), row(7)], rows.size);
    files.refused("response", &two, "two rows exchanged", "was not sealed with this key, or was changed or exchanged");
    for at in [0, 12, rows.size - 1] {
        let changed = with_block(&bytes, rows, row(3) - rows.range.start + at, &[bytes[row(3) + at] ^ 1]);
        files.refused("response", &changed, &format!("byte {at} of a row"), "row with the id");
    }
    let repeated = with_block(&bytes, rows, row(1) - rows.range.start, &bytes[row(0)..row(1)]);
    files.refused("response", &repeated, "a row twice", "row with the id");

    // A0 and A1, then the query's id and its note.
    let part = |i: usize| shared.content + i * shared.size;
    let words = 2 * 4096 * 4;
    for (what, at, length) in [
        ("notes", words + 16, shared.size - words - 16),
        ("ids of queries", words, 16),
        ("ids and notes", words, shared.size - words),
        ("shared words", 0, words),
        ("parts", 0, shared.size),
    ] {
        let changed = exchanged(&bytes, shared, [part(0) + at, part(1) + at], length);
        files.refused("response", &changed, &format!("{what} exchanged"), "");
    }
    // Without the query, ids that were exchanged together with parts still show when scores are decoded.
    let path = files.path("exchanged");
    std::fs::write(&path, exchanged(&bytes, shared, [part(0), part(1)], shared.size)).unwrap();
    let response = PackedResponse::open(&path).unwrap();
    let error = response.nearest(&files.context, 3, &Progress::new()).unwrap_err().to_string();
    assert!(error.starts_with(path.to_str().unwrap()), "{error}");

    // Answers with the nonce of another block, and answers to the other query.
    let nonce = |i: usize| bytes[blocks[i].content..][..32].to_vec();
    let changed = with_block(&bytes, &blocks[3], BLOCK_HEADER, &nonce(5));
    files.refused("response", &changed, "the nonce of another block", "");
    let answers = |i: usize| &bytes[blocks[i].content..blocks[i].range.end];
    let changed = with_block(&bytes, &blocks[3], BLOCK_HEADER, answers(4));
    files.refused("response", &changed, "the answers to another query", "");
    let changed = with_block(&bytes, &blocks[3], BLOCK_HEADER, answers(5));
    assert_eq!(files.outcome("response", &changed).0, Outcome::Other, "an evaluator can repeat vectors");
    for at in [32, 63] {
        let changed = with_block(&bytes, &blocks[3], BLOCK_HEADER + at, &[1]);
        files.refused("response", &changed, "a reserved byte of a record", "bytes that the format reserves");
    }
}

#[test]
fn sizes_and_counts_are_bounded() {
    let files = Files::new();
    let Parts { bytes, blocks } = Parts::of(&files);
    let [shared, rows, deletions] = [&blocks[0], &blocks[1], &blocks[2]];
    let u32s = |number: u32| number.to_le_bytes().to_vec();
    for (block, at, new, says) in [
        (shared, 4, u32s(1), "parts for other queries"),
        (shared, 4, u32s(3), "parts for other queries"),
        (shared, 4, u32s(65_536), "parts for other queries"),
        (shared, 8, 8u64.to_le_bytes().to_vec(), "more rows than announced"),
        (shared, 8, 10u64.to_le_bytes().to_vec(), "incomplete"),
        (shared, 8, u64::MAX.to_le_bytes().to_vec(), "incomplete"),
        (shared, 28, u32s(8), ""),
        (shared, 28, u32s(65_536), ""),
        (rows, 4, u32s(10), "more rows than announced"),
        (rows, 4, u32s(1), ""),
        (rows, 4, u32s(65_536), "more rows than announced"),
        (rows, 28, u32s(65_536), "incomplete"),
        (rows, 28, u32s(32), ""),
        (rows, 28, u32s(48), ""),
        (deletions, 4, u32s(u32::MAX), "incomplete"),
        (deletions, 4, u32s(9), ""),
        (deletions, 64, 8192u64.to_le_bytes().to_vec(), "deletions are not in order"),
        (deletions, 72, 8192u64.to_le_bytes().to_vec(), "deletions are not in order"),
        (deletions, 72, 5u64.to_le_bytes().to_vec(), "deletions are not in order"),
        (deletions, 72, u64::MAX.to_le_bytes().to_vec(), "deletions are not in order"),
        (deletions, 80, vec![1], "padding is not zero"),
    ] {
        let changed = with_block(&bytes, block, at, &new);
        let what = format!("byte {at} of {} as {new:?}", block.magic.escape_ascii());
        files.refused("response", &changed, &what, says);
    }
    for (at, new) in
        [(60, u32s(65_536)), (64, u64::MAX.to_le_bytes().to_vec()), (64, (1u64 << 50).to_le_bytes().to_vec())]
    {
        for length in [HEADER, bytes.len()] {
            files.refused("response", &with_header(&bytes[..length], at, &new), &format!("byte {at} as {new:?}"), "");
        }
    }
}

#[test]
fn rows_of_another_key_are_refused() {
    let files = Files::new();
    let Parts { bytes, blocks } = Parts::of(&files);
    let other = generate();
    let path = files.path("other");
    let mut writer = PackedIndexWriter::create(&path, &other).unwrap();
    let ids = Ids::from(8192..8202u64);
    writer.append(&Vectors::Bits(&random_bits(1, 10)), Some(&ids)).unwrap();
    drop(writer);
    let foreign = std::fs::read(&path).unwrap();
    let from = crate::blocks::blocks(&foreign)[0].content;
    let rows = &blocks[1];
    let changed = with_block(&bytes, rows, rows.content - rows.range.start, &foreign[from..from + rows.size]);
    files.refused("response", &changed, "a row of another key", "was not sealed with this key");
}

/// The id of a deleted vector can be used again. Responses then have it twice: deleted, and as a row or a record.
#[test]
fn ids_of_deleted_vectors_are_used_again() {
    let files = Files::new();
    let (path, response) = (files.path("index"), files.path("again"));
    let query = &files.query;
    for count in [1, 4096] {
        let ids: Vec<u64> = if count == 1 { vec![5] } else { [4100].into_iter().chain(100_000..104_095).collect() };
        let (mut writer, _) = PackedIndexWriter::append_to(&path, &files.context).unwrap();
        writer.append(&Vectors::Bits(&random_bits(9, count)), Some(&Ids::from(ids))).unwrap();
        drop(writer);
        let index = PackedIndex::open(&path).unwrap();
        let evaluator: &PackedEvaluator = &files.evaluator;
        evaluator.verify(&index, &Progress::new()).unwrap();
        evaluator.aggregate(query, &index, &response, &Progress::new()).unwrap();
        let answer = PackedResponse::open(&response).unwrap();
        let found = answer.nearest(&files.context, usize::MAX, &Progress::new()).unwrap();
        assert!(found.iter().all(|found| found.len() as u64 == index.len()));
    }
}
