//! Truncated, changed and forged files with records of many vectors.

use super::super::{HEADER_BYTES, Header, Kind, Layout};
use super::{CHECK, header, limbs, place, read_whole, response, seal, write_index};
use crate::bignum::batch::Rows;
use crate::search::index::Index;
use crate::search::index::writer::IndexWriter;

fn layout() -> Layout {
    Layout::new(64, 2048).unwrap()
}

/// An index cut at any byte opens with its complete blocks and reports the cut, and a writer can append to it.
#[test]
fn every_cut_of_an_index_is_recovered() {
    let (_folder, path) = place("index");
    drop(write_index(&path, layout(), 0, &[2048, 3000, 1]));
    let whole = std::fs::read(&path).unwrap();
    let ends = [128usize, 128 + 128, 128 + 128 + 192, whole.len()];
    let kept = [0, 2048, 5048, 5049];
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let Ok(index) = Index::open_checked(&path, CHECK) else {
            assert!(length < HEADER_BYTES, "cut to {length}");
            continue;
        };
        let blocks = ends.iter().rposition(|end| *end <= length).unwrap();
        assert_eq!((index.len(), index.blocks(), index.bytes()), (kept[blocks], blocks, ends[blocks] as u64));
        assert_eq!(index.recovery().is_some(), length > ends[blocks], "cut to {length}");
        drop(index);
        if length % 37 == 0 {
            let (mut writer, _) = IndexWriter::open_checked(&path, CHECK).unwrap();
            let limbs = limbs(layout(), 5, 7);
            writer.append_records(Rows::new(&limbs, 8), 5, None).unwrap();
            drop(writer);
            let index = Index::open_checked(&path, CHECK).unwrap();
            assert_eq!((index.len(), index.recovery()), (kept[blocks] + 5, None));
            index.verify().unwrap();
        }
    }
}

/// A changed byte anywhere gives an error that names the file, or invalidates the last block.
#[test]
fn every_byte_of_an_index_counts() {
    for way in 0..3 {
        let (_folder, path) = place("index");
        let middle = if way == 0 { 2049 } else { 40 };
        drop(write_index(&path, layout(), way, &[3, middle, 2]));
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            std::fs::write(&path, &changed).unwrap();
            match Index::open_checked(&path, CHECK).and_then(|index| index.verify().map(|()| index)) {
                Ok(index) => {
                    let torn = index.recovery().unwrap();
                    assert_eq!(torn.kept, 3 + middle as u64, "way {way}, byte {at}");
                }
                Err(error) => assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}"),
            }
        }
    }
}

#[test]
fn every_cut_and_every_byte_of_a_response_counts() {
    for way in 0..3 {
        let (_folder, path) = place("response");
        let whole = response(layout(), way, 2, &[2, 2049 / (usize::from(way == 2) * 200 + 1)]);
        std::fs::write(&path, &whole).unwrap();
        read_whole(&path, Kind::Response).unwrap();
        let refused = |bytes: &[u8], what: String| {
            std::fs::write(&path, bytes).unwrap();
            let error = read_whole(&path, Kind::Response).expect_err(&what);
            assert!(error.to_string().starts_with(path.to_str().unwrap()), "{what}: {error}");
        };
        let step = if way == 0 { 1 } else { 7 };
        for length in (0..whole.len()).step_by(step) {
            refused(&whole[..length], format!("way {way}, cut to {length}"));
        }
        for at in (0..whole.len()).step_by(step) {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            refused(&changed, format!("way {way}, byte {at}"));
        }
        refused(&[&whole[..], &[0]].concat(), "a byte more".to_owned());
    }
}

/// Counts beyond the limits are refused before anything is allocated, by an error that names count and limit.
#[test]
fn absurd_counts_are_refused_by_their_limits() {
    let whole = response(layout(), 0, 1, &[2048]);
    let (_folder, path) = place("response");
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        read_whole(&path, Kind::Response).unwrap_err().to_string()
    };
    let with = |start: usize, end: usize, at: usize, new: &[u8]| {
        let mut bytes = whole.clone();
        bytes[start + at..start + at + new.len()].copy_from_slice(new);
        seal(&mut bytes[start..end]);
        refused(&bytes)
    };
    let most = u32::MAX.to_le_bytes();
    for (at, new, says) in [
        (56, &most[..], "records of 4294967295 bytes; the maximum is 134217728"),
        (56, &100u32.to_le_bytes(), "in multiples of 64"),
        (56, &0u32.to_le_bytes(), "records of 0 bytes"),
        (
            56,
            &(128u32 << 20).to_le_bytes(),
            "incomplete: its header announces 1 times 2048 vectors in records of 134217728 bytes",
        ),
        (56, &((128u32 << 20) + 64).to_le_bytes(), "the maximum is 134217728"),
        (92, &most, "4294967295 vectors in a record, expected 1 to 65536"),
        (92, &65_537u32.to_le_bytes(), "65537 vectors in a record"),
        (92, &0u32.to_le_bytes(), "0 vectors in a record"),
        (92, &1u32.to_le_bytes(), "incomplete"),
        (60, &most, "4294967295 queries; a response has from 1 to 65536"),
        (64, &u64::MAX.to_le_bytes(), "incomplete"),
        (64, &2049u64.to_le_bytes(), "incomplete"),
        (64, &2047u64.to_le_bytes(), "follow the last vector"),
    ] {
        let text = with(0, HEADER_BYTES, at, new);
        assert!(text.contains(says), "byte {at} of the header as {new:?}: {text}");
    }
    for (at, new, says) in [
        (4, &most[..], "has 4294967295 vectors, expected 1 to 65536"),
        (4, &0u32.to_le_bytes(), "has 0 vectors"),
        (4, &2049u32.to_le_bytes(), "incomplete"),
        (4, &1u32.to_le_bytes(), "incomplete"),
        (20, &[2, 0, 0, 0, 255, 255, 255, 255], "4294967295 bytes of strings; the maximum for its 2048 ids is 2097152"),
        (24, &[1], "1 bytes of strings; the maximum for its 2048 ids is 0"),
        (8, &u64::MAX.to_le_bytes(), "2048 ids from 18446744073709551615 on"),
    ] {
        let text = with(HEADER_BYTES, HEADER_BYTES + 64, at, new);
        assert!(text.contains(says), "byte {at} of the block as {new:?}: {text}");
    }
    // Large records: the total size of a block is bounded, not only the number of records.
    let large = Layout::new(64 << 20, 1).unwrap();
    let mut bytes = header(Kind::Index, large, 1, 0).to_bytes().to_vec();
    bytes.extend(&whole[HEADER_BYTES..HEADER_BYTES + 64]);
    std::fs::write(&path, &bytes).unwrap();
    let error = Index::open_checked(&path, CHECK).unwrap_err().to_string();
    assert!(error.contains("2048 records of 67108864 bytes; the maximum is 134217728 bytes in total"), "{error}");
    assert!(Header::from_bytes(&bytes, CHECK).is_ok());
}

/// Errors about a block name the block, its offset and its first vector, and say what to do.
#[test]
fn errors_locate_the_block() {
    let (_folder, path) = place("index");
    drop(write_index(&path, layout(), 0, &[2048, 3000, 1]));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[128 + 128 + 64] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = Index::open_checked(&path, CHECK).unwrap().verify().unwrap_err().to_string();
    let expected =
        "index: block 1 is damaged: its checksum does not match (byte 256, vectors from 2048 on); restore the file";
    assert!(error.contains(expected), "{error}");
}
