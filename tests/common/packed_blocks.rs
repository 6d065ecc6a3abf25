//! The bytes of files of packed search: their blocks, as docs/formats.md describes them.

#![allow(dead_code, reason = "each test uses a part")]

use std::ops::Range;

pub const HEADER: usize = 128;
pub const BLOCK_HEADER: usize = 64;

/// A block of a file.
#[derive(Debug, Clone)]
pub struct Block {
    pub magic: [u8; 4],
    pub count: usize,
    /// Its bytes in the file. A block that was cut ends with the file.
    pub range: Range<usize>,
    /// Where its records, rows, parts or deletions begin in the file.
    pub content: usize,
    /// The size of a record, row, part or deletion.
    pub size: usize,
    pub is_whole: bool,
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Returns the blocks of a file, including a last one that was cut, if its header is there.
pub fn blocks(bytes: &[u8]) -> Vec<Block> {
    let (mut blocks, mut at) = (Vec::new(), HEADER);
    while at + BLOCK_HEADER <= bytes.len() && is_sealed(&bytes[at..at + BLOCK_HEADER]) {
        let magic: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
        let number = |offset: usize| u32_at(bytes, at + offset) as usize;
        let (count, has_ids) = (number(4), matches!(&magic, b"BLK1" | b"ROW1"));
        let ids = match number(20) {
            1 if has_ids => 8 * count,
            2 if has_ids => 4 * count + number(24),
            _ => 0,
        };
        let (size, items) = match &magic {
            b"BLK1" => (u32_at(bytes, 56) as usize, count.div_ceil(u32_at(bytes, 92) as usize)),
            b"DEL1" => (8, count),
            _ => (number(28), count),
        };
        let content = at + BLOCK_HEADER + ids.next_multiple_of(64);
        let end = content + (size * items).next_multiple_of(64);
        let (range, is_whole) = (at..end.min(bytes.len()), end <= bytes.len());
        blocks.push(Block { magic, count, range, content, size, is_whole });
        at = end;
    }
    blocks
}

/// Returns the nonce and the words of each record, as far as they are in the file. Others of the same nonce may be cut
/// elsewhere.
pub fn records(bytes: &[u8]) -> Vec<([u8; 32], &[u8])> {
    let mut records = Vec::new();
    for block in blocks(bytes).iter().filter(|block| &block.magic == b"BLK1") {
        for at in (block.content..block.range.end).step_by(block.size) {
            let end = block.range.end.min(at + block.size);
            if let Some((nonce, words)) = bytes[at..end].split_first_chunk() {
                records.push((*nonce, words.get(32..).unwrap_or_default()));
            }
        }
    }
    records
}

fn is_sealed(header: &[u8]) -> bool {
    header.split_last_chunk().is_some_and(|(rest, end)| crc32fast::hash(rest).to_le_bytes() == *end)
}

/// Corrects the checksum at the end of a header.
pub fn seal(header: &mut [u8]) {
    let (rest, end) = header.split_last_chunk_mut().unwrap();
    *end = crc32fast::hash(rest).to_le_bytes();
}

/// Corrects both checksums of a block.
pub fn seal_block(block: &mut [u8]) {
    let (header, payload) = block.split_at_mut(BLOCK_HEADER);
    header[32..36].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    seal(header);
}

/// Returns a file with new bytes in its header, and the right checksum.
pub fn with_header(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + new.len()].copy_from_slice(new);
    seal(&mut bytes[..HEADER]);
    bytes
}

/// Returns a file with new bytes in a block, at an offset from its start, and the right checksums.
pub fn with_block(bytes: &[u8], block: &Block, at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[block.range.start + at..][..new.len()].copy_from_slice(new);
    seal_block(&mut bytes[block.range.clone()]);
    bytes
}

/// Returns a file with two parts of a block exchanged, given by their offsets in the file and their length.
pub fn exchanged(bytes: &[u8], block: &Block, [a, b]: [usize; 2], length: usize) -> Vec<u8> {
    let first = bytes[a..a + length].to_vec();
    let bytes = with_block(bytes, block, a - block.range.start, &bytes[b..b + length]);
    with_block(&bytes, block, b - block.range.start, &first)
}

/// Returns a file with the header of another and these blocks.
pub fn with_blocks<'a>(bytes: &'a [u8], parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    [&bytes[..HEADER]].into_iter().chain(parts).flatten().copied().collect()
}
