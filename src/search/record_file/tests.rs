//! Tests of the container with a synthetic scheme whose records hold thousands of vectors, through the same code that
//! reads and writes Paillier's.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod damage;
mod round_trips;
mod unknown;

use super::{Check, Header, Kind, Layout, WholeFile, records_block};
use crate::bignum::batch::Rows;
use crate::error::Error;
use crate::id::IdKind;
use crate::paillier::public_key::PublicId;
use crate::query_id::QueryId;
use crate::search::ids::Ids;
use crate::search::index::writer::IndexWriter;
use std::path::{Path, PathBuf};

/// A number that no scheme has.
const SYNTHETIC: u32 = 0x5359_4e54;
const PARAMETERS: [u32; 3] = [4096, 768, 7];

/// Accepts the synthetic scheme only, with any layout.
const CHECK: Check = |header| match (header.scheme, header.parameters) {
    (Some(SYNTHETIC), PARAMETERS) => Ok(()),
    other => Err(Error::format(format!("{other:?} is not the synthetic scheme"))),
};

fn header(kind: Kind, layout: Layout, groups: usize, vectors: u64) -> Header {
    let query = QueryId::from_bytes([9; 16]).filter(|_| kind != Kind::Index);
    let (key, scheme) = (PublicId([5; 32]), Some(SYNTHETIC));
    Header { kind, key, scheme, parameters: PARAMETERS, layout, groups, vectors, next_number: 0, shard: None, query }
}

/// Limbs of the records of `vectors` vectors, different for each seed.
fn limbs(layout: Layout, vectors: usize, seed: u64) -> Vec<u64> {
    let count = (layout.records(vectors) * layout.width()) as u64;
    (0..count).map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed).collect()
}

/// Ids of three kinds. Values of `first` that are far apart give distinct ids.
fn ids(way: u8, first: u64, vectors: usize) -> Ids {
    let numbers = first..first + vectors as u64;
    match way % 3 {
        0 => Ids::from(numbers),
        1 => Ids::from(numbers.rev().collect::<Vec<_>>()),
        _ => Ids::parse(IdKind::Strings, numbers.map(|number| format!("chunk-é{number}"))).unwrap(),
    }
}

/// Writes an index whose blocks have these numbers of vectors.
fn write_index(path: &Path, layout: Layout, way: u8, blocks: &[usize]) -> IndexWriter {
    let mut writer = IndexWriter::begin(path, header(Kind::Index, layout, 1, 0), CHECK).unwrap();
    for (number, vectors) in blocks.iter().enumerate() {
        let limbs = limbs(layout, *vectors, number as u64);
        let ids = ids(way, number as u64 * 1_000_000, *vectors);
        writer.append_records(Rows::new(&limbs, layout.width()), *vectors, Some(&ids)).unwrap();
    }
    writer.sync().unwrap();
    writer
}

/// The bytes of a response with one block for each group and each entry of `blocks`.
fn response(layout: Layout, way: u8, groups: usize, blocks: &[usize]) -> Vec<u8> {
    let vectors = blocks.iter().sum::<usize>() as u64;
    let mut bytes = header(Kind::Response, layout, groups, vectors).to_bytes().to_vec();
    for (number, vectors) in blocks.iter().enumerate() {
        for group in 0..groups {
            let limbs = limbs(layout, *vectors, (number * groups + group) as u64);
            let ids = ids(way, number as u64 * 1_000_000, *vectors);
            bytes.extend(records_block(group, &ids, Rows::new(&limbs, layout.width())));
        }
    }
    bytes
}

/// Reads a whole query or response: the limbs and the ids of each block.
fn read_whole(path: &Path, kind: Kind) -> Result<Vec<(Vec<u64>, Ids)>, Error> {
    let file = WholeFile::open(path, kind, CHECK)?;
    file.check_ids()?;
    let (mut found, mut blocks) = (Vec::new(), file.blocks());
    while let Some(block) = blocks.next_block()? {
        found.push((block.records.limbs().to_vec(), block.live_ids()));
    }
    Ok(found)
}

/// A new temporary folder, and a path in it.
fn place(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

/// Recomputes the checksum at the end of a header.
fn seal(header: &mut [u8]) {
    let end = header.len() - 4;
    let checksum = crc32fast::hash(&header[..end]).to_le_bytes();
    header[end..].copy_from_slice(&checksum);
}
