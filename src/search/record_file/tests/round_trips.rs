//! Round trips of blocks, partly filled records, ids, deletions and groups.

use super::super::survey::RecordSurvey;
use super::super::{Kind, Layout, MOST_VECTORS};
use super::{CHECK, header, ids, limbs, place, read_whole, response, write_index};
use crate::bignum::batch::Rows;
use crate::error::Error;
use crate::id::IdRef;
use crate::progress::Progress;
use crate::search::ids::Ids;
use crate::search::index::Index;
use crate::search::index::writer::IndexWriter;
use crate::search::record_file::records_block;
use proptest::prelude::*;

#[test]
fn thousands_of_vectors_are_one_record() {
    let layout = Layout::new(16_384, 4096).unwrap();
    for way in 0..3 {
        let (_folder, path) = place("index");
        // One full record, one partly filled record, and several records of which the last is partly filled.
        let blocks = [4096, 1000, 2 * 4096 + 1];
        drop(write_index(&path, layout, way, &blocks));
        let index = Index::open_checked(&path, CHECK).unwrap();
        assert_eq!((index.len(), index.blocks()), (13_289, 3));
        let records: Vec<usize> = index.file.blocks().map(|block| block.unwrap().records.len()).collect();
        assert_eq!(records, [1, 1, 3]);
        for (number, vectors) in blocks.into_iter().enumerate() {
            let block = index.file.block(number).unwrap();
            assert_eq!(block.records.limbs(), limbs(layout, vectors, number as u64));
            assert_eq!(block.live_ids(), ids(way, number as u64 * 1_000_000, vectors));
        }
        let last = index.file.block(2).unwrap();
        assert_eq!(last.record_of(8191), last.records.get(1));
        assert_eq!(last.record_of(8192), last.records.get(2));
        assert_eq!(last.record_of(8193), None);
        assert_eq!(index.file.find(4096), Some((1, 0)));
        assert_eq!(index.file.first_vector(2), 5096);
        let expected = RecordSurvey { vectors: 13_289, deleted: 0, records: 5, blocks: 3 };
        assert_eq!(RecordSurvey::of_index(&path).unwrap(), expected);
        // 5 records in total, not one per vector.
        assert!(index.bytes() < 128 + 5 * 16_384 + 3 * 64 + 13_289 * 24);
    }
}

#[test]
fn vectors_are_deleted_one_by_one() {
    let layout = Layout::new(128, 2048).unwrap();
    let (_folder, path) = place("index");
    drop(write_index(&path, layout, 0, &[3000, 10]));
    let (mut writer, _) = IndexWriter::open_checked(&path, CHECK).unwrap();
    assert_eq!(writer.delete(&Ids::from(vec![0, 2047, 2999, 1_000_009])).unwrap(), 4);
    assert!(matches!(writer.delete(&Ids::from(vec![2047])).unwrap_err().root(), Error::UnknownId { .. }));
    // The deleted id can be used again, for a vector of a new record.
    let limbs = limbs(layout, 1, 9);
    writer.append_records(Rows::new(&limbs, 16), 1, Some(&Ids::from(vec![2047]))).unwrap();
    writer.append_records(Rows::new(&limbs, 16), 1, None).unwrap();
    drop(writer);
    let index = Index::open_checked(&path, CHECK).unwrap();
    assert_eq!((index.len(), index.deleted()), (3008, 4));
    let block = index.file.block(0).unwrap();
    assert_eq!((block.vectors(), block.records.len(), block.live_vectors().count()), (3000, 2, 2997));
    assert_eq!(index.file.find(0), Some((0, 1)));
    assert_eq!(index.file.find(2046), Some((0, 2048)));
    assert_eq!(index.file.block(3).unwrap().id(0), IdRef::Number(1_000_010));
    // Records cannot be split, so vectors cannot be moved out of them.
    for error in [
        block.live().unwrap_err(),
        Index::merge(&[Index::open_checked(&path, CHECK).unwrap()], &path.with_extension("new"), &Progress::new())
            .unwrap_err(),
    ] {
        assert!(error.to_string().contains("room for 2048 vectors each"), "{error}");
    }
}

#[test]
fn responses_have_groups() {
    let layout = Layout::new(8192, 2048).unwrap();
    for way in 0..3 {
        let (_folder, path) = place("response");
        let blocks = [2048, 5000];
        std::fs::write(&path, response(layout, way, 3, &blocks)).unwrap();
        let found = read_whole(&path, Kind::Response).unwrap();
        assert_eq!(found.len(), 6);
        for (number, (records, block_ids)) in found.into_iter().enumerate() {
            let vectors = blocks[number / 3];
            assert_eq!(records, limbs(layout, vectors, number as u64));
            assert_eq!(block_ids, ids(way, (number / 3) as u64 * 1_000_000, vectors));
        }
        let expected = RecordSurvey { vectors: 3 * 7048, deleted: 0, records: 12, blocks: 6 };
        assert_eq!(RecordSurvey::of_response(&path).unwrap(), expected);
    }
}

#[test]
fn a_query_may_be_large_records_of_one_vector_each() {
    let layout = Layout::new(39_936, 1).unwrap();
    let (_folder, path) = place("query");
    let (header, limbs) = (header(Kind::Query, layout, 1, 2), limbs(layout, 2, 4));
    let block = records_block(0, &Ids::from(0..2), Rows::new(&limbs, layout.width()));
    std::fs::write(&path, [&header.to_bytes()[..], &block].concat()).unwrap();
    assert_eq!(read_whole(&path, Kind::Query).unwrap(), [(limbs, Ids::from(0..2))]);
    assert_eq!(RecordSurvey::of_query(&path).unwrap().records, 2);
}

#[test]
fn a_long_append_is_several_blocks_of_full_records() {
    let layout = Layout::new(64, 3000).unwrap();
    let (_folder, path) = place("index");
    drop(write_index(&path, layout, 0, &[150_001]));
    let index = Index::open_checked(&path, CHECK).unwrap();
    let vectors: Vec<usize> = index.file.blocks().map(|block| block.unwrap().vectors()).collect();
    assert_eq!(vectors, [63_000, 63_000, 24_001]);
    assert!(vectors.iter().all(|vectors| *vectors <= MOST_VECTORS));
    // The size of a block in bytes is bounded too.
    assert_eq!(Layout::new(64 << 20, 4096).unwrap().vectors_at_once(), 2 * 4096);
    assert_eq!(Layout::new(2048, 1).unwrap().vectors_at_once(), 65_536);
}

#[test]
fn records_and_vectors_have_to_agree() {
    let layout = Layout::new(128, 100).unwrap();
    let (_folder, path) = place("index");
    let mut writer = write_index(&path, layout, 0, &[]);
    let limbs = limbs(layout, 200, 0);
    for (records, width, vectors) in [(&limbs[..], 16, 100), (&limbs[..], 16, 201), (&limbs[..], 32, 200), (&[], 16, 1)]
    {
        let error = writer.append_records(Rows::new(records, width), vectors, None).unwrap_err();
        assert!(matches!(error, Error::Length { .. }), "{error}");
    }
    writer.append_records(Rows::new(&limbs, 16), 101, None).unwrap();
    assert_eq!(writer.len(), 101);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// For any layout, blocks and deletions, the same vectors and records are read back, also after reopening the
    /// writer.
    #[test]
    fn indexes_come_back(
        width in 1usize..5,
        room in 1usize..300,
        way in 0u8..3,
        blocks in prop::collection::vec(1usize..700, 0..5),
        deleted in prop::collection::btree_set(0usize..3500, 0..20),
    ) {
        let layout = Layout::new(64 * width, room).unwrap();
        let (_folder, path) = place("index");
        let mut writer = write_index(&path, layout, way, &blocks);
        let all: Vec<_> = blocks.iter().enumerate()
            .flat_map(|(number, vectors)| {
                ids(way, number as u64 * 1_000_000, *vectors).iter().map(IdRef::to_owned).collect::<Vec<_>>()
            })
            .collect();
        let gone: Vec<usize> = deleted.into_iter().filter(|number| *number < all.len()).collect();
        let mut gone_ids = Ids::new();
        gone.iter().for_each(|number| gone_ids.push(all[*number].as_ref()).unwrap());
        writer.delete(&gone_ids).unwrap();
        drop(writer);
        let index = Index::open_checked(&path, CHECK).unwrap();
        let mut left = Vec::new();
        index.for_each_id(|id| { left.push(id.to_owned()); Ok(()) }).unwrap();
        let expected: Vec<_> =
            all.iter().enumerate().filter(|(number, _)| !gone.contains(number)).map(|(_, id)| id.clone()).collect();
        prop_assert_eq!(&left, &expected);
        for (number, vectors) in blocks.iter().enumerate() {
            let block = index.file.block(number).unwrap();
            prop_assert_eq!(block.records.limbs(), &limbs(layout, *vectors, number as u64)[..]);
            prop_assert_eq!(block.records.len(), vectors.div_ceil(room));
        }
        for (row, id) in expected.iter().enumerate() {
            let (block, vector) = index.file.find(row as u64).unwrap();
            prop_assert_eq!(&index.file.block(block).unwrap().id(vector).to_owned(), id);
        }
        let (writer, recovery) = IndexWriter::open_checked(&path, CHECK).unwrap();
        prop_assert_eq!((writer.len(), writer.appended(), recovery), (expected.len() as u64, all.len() as u64, None));
    }

    /// Headers of any layout are read back with all their fields.
    #[test]
    fn headers_come_back(width in 1usize..2_000_000, room in 1usize..=65_536, groups in 1usize..=65_536, vectors: u64) {
        let Ok(layout) = Layout::new(64 * width, room) else {
            prop_assert!(64 * width > 128 << 20);
            return Ok(());
        };
        let header = header(Kind::Response, layout, groups, vectors);
        prop_assert_eq!(super::Header::from_bytes(&header.to_bytes(), CHECK).unwrap(), header);
    }
}
