//! How readers treat unknown content: a test for each rule of docs/formats.md.

use super::super::{HEADER_BYTES, Kind, Layout};
use super::{CHECK, header, place, read_whole, response, seal, write_index};
use crate::search::index::Index;
use crate::search::index::writer::IndexWriter;
use crate::search::schemes;

fn layout() -> Layout {
    Layout::new(64, 2048).unwrap()
}

/// Writes `new` at `at` in the part of an index from `start` to `end`, corrects the checksum, and returns the error
/// of opening it.
fn refused(start: usize, end: usize, at: usize, new: &[u8]) -> String {
    let (_folder, path) = place("index");
    drop(write_index(&path, layout(), 0, &[2048, 1]));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[start + at..start + at + new.len()].copy_from_slice(new);
    seal(&mut bytes[start..end]);
    std::fs::write(&path, &bytes).unwrap();
    let error = Index::open_checked(&path, CHECK).unwrap_err().to_string();
    // A writer refuses it as well, and does not truncate it.
    assert_eq!(IndexWriter::open_checked(&path, CHECK).unwrap_err().to_string(), error);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert!(error.starts_with(path.to_str().unwrap()), "{error}");
    error
}

#[test]
fn the_version_is_checked_first() {
    // Even if the rest of the header has another form and another checksum.
    let (_folder, path) = place("index");
    let mut bytes = [0xa5; 500];
    bytes[..12].copy_from_slice(b"hushvec\0\x03\0\0\0");
    std::fs::write(&path, bytes).unwrap();
    let error = Index::open(&path).unwrap_err().to_string();
    assert!(error.contains("version 3 of the format; this build reads versions 1 to 2. Use a newer"), "{error}");
}

#[test]
fn kinds_are_refused_by_their_numbers() {
    let text = refused(0, HEADER_BYTES, 12, &9u32.to_le_bytes());
    assert!(text.contains("a hushvec file of kind 9") && text.contains("3 (a response)"), "{text}");
    let text = refused(0, HEADER_BYTES, 12, &4u32.to_le_bytes());
    assert!(text.contains("a hushvec file of kind 4") && text.contains("encrypted numbers (4)"), "{text}");
}

#[test]
fn schemes_are_refused_before_any_block_is_read() {
    let (_folder, path) = place("index");
    drop(write_index(&path, layout(), 0, &[1]));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(b"NEW1");
    seal(&mut bytes[HEADER_BYTES..HEADER_BYTES + 64]);
    std::fs::write(&path, &bytes).unwrap();
    let error = Index::open(&path).unwrap_err().to_string();
    assert!(error.contains("unknown scheme number 1398361684: this build supports 1 (paillier), 2"), "{error}");
}

#[test]
fn layouts_that_are_not_the_schemes_are_refused() {
    for (record_bytes, vectors, third) in [(512, 2, 0), (1024, 1, 0), (512, 1, 1)] {
        let layout = Layout::new(record_bytes, vectors).unwrap();
        let mut header = header(Kind::Index, layout, 1, 0);
        (header.scheme, header.parameters) = (Some(1), [1024, 96, third]);
        let error = schemes::check(&header).unwrap_err().to_string();
        assert!(error.contains("no key of the scheme paillier has"), "{error}");
        (header.layout, header.parameters) = (Layout::new(512, 1).unwrap(), [1024, 96, 0]);
        schemes::check(&header).unwrap();
    }
}

#[test]
fn reserved_bytes_of_the_header_are_zero() {
    for at in 116..124 {
        let text = refused(0, HEADER_BYTES, at, &[1]);
        assert!(text.contains("bytes that version 2 of the format reserves"), "{text}");
    }
}

#[test]
fn blocks_with_unknown_fields_are_refused() {
    // Wherever the block is: the last one is not mistaken for an interrupted append.
    for (start, end) in [(128, 192), (256, 320)] {
        for (at, new, says) in [
            (0, &b"BLK2"[..], "is of an unknown kind, \"BLK2\""),
            (
                20,
                &3u32.to_le_bytes(),
                "ids of unknown kind 3, expected 0 (consecutive), 1 (other numbers) or 2 (strings)",
            ),
            (28, &[2], "bytes of its header that the format reserves"),
            (36, &[1], "bytes of its header that the format reserves"),
            (59, &[1], "bytes of its header that the format reserves"),
            (16, &[1], "answers query 1, which only blocks of a response do"),
        ] {
            let text = refused(start, end, at, new);
            assert!(text.contains(says) && text.contains(&format!("byte {start}")), "{text}");
            assert!(at == 16 || text.contains("a newer hushvec"), "{text}");
        }
    }
    let mut bytes = response(layout(), 0, 1, &[1]);
    bytes[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(b"BLK2");
    seal(&mut bytes[HEADER_BYTES..HEADER_BYTES + 64]);
    let (_folder, path) = place("response");
    std::fs::write(&path, bytes).unwrap();
    let error = read_whole(&path, Kind::Response).unwrap_err().to_string();
    assert!(error.contains("block 0 is of an unknown kind, \"BLK2\""), "{error}");
}

#[test]
fn deletions_and_padding_are_checked() {
    let (_folder, path) = place("index");
    let mut writer = write_index(&path, layout(), 1, &[4]);
    writer.delete(&super::ids(0, 1, 1)).unwrap();
    drop(writer);
    let whole = std::fs::read(&path).unwrap();
    let (records, deletions) = (128, 128 + 64 + 64 + 64);
    for (block, at, new, says) in [
        (deletions, 8, &[1][..], "bytes of its header that the format reserves"),
        (deletions, 4, &[0], "deletes 0 vectors"),
        (deletions, 64, &[4], "delete vector 4, but only 4 vectors come before them"),
        (deletions, 72, &[1], "have padding that is not zero"),
        (deletions, 4, &[2], "are not in order"),
        (records, 64 + 63, &[1], "its padding is not zero"),
    ] {
        let mut bytes = whole.clone();
        bytes[block + at..block + at + new.len()].copy_from_slice(new);
        let end = if block == records { deletions } else { bytes.len() };
        let checksum = crc32fast::hash(&bytes[block + 64..end]).to_le_bytes();
        bytes[block + 32..block + 36].copy_from_slice(&checksum);
        seal(&mut bytes[block..block + 64]);
        std::fs::write(&path, &bytes).unwrap();
        let opened = Index::open_checked(&path, CHECK).and_then(|index| index.verify());
        let error = opened.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
