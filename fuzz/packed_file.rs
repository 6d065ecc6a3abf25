//! Files of packed search with and without records.

use crate::FixedKeyProvider;
use hushvec::PackedContext;
use std::ops::Range;

/// What stands for the evaluation key in the seed of a public context.
pub const EVALUATION_KEY: &str = "EVALUATION_KEY";

/// A block of a file.
pub struct Block {
    /// Its bytes.
    pub range: Range<usize>,
    /// Its records or parts, without ids and padding.
    pub content: Range<usize>,
}

impl Block {
    /// Returns the first four bytes.
    pub fn magic(&self, file: &[u8]) -> [u8; 4] {
        file[self.range.clone()].first_chunk().copied().unwrap_or_default()
    }
}

/// Returns the blocks of a file. Of an input without records, a block extends to the next one.
pub fn blocks(file: &[u8], has_records: bool) -> Vec<Block> {
    let number = |at: usize| {
        let bytes = file.get(at..).and_then(|bytes| bytes.first_chunk()).copied();
        u32::from_le_bytes(bytes.unwrap_or_default()) as usize
    };
    let (mut blocks, mut at) = (Vec::new(), 128);
    while at < file.len() {
        let is_start =
            |at: &usize| [b"BLK1", b"ROW1", b"SHR1", b"DEL1"].iter().any(|magic| file[*at..].starts_with(*magic));
        let (count, mut content) = (number(at + 4), at + 64..at + 64);
        let end = if has_records {
            if number(at + 20) == 1 && matches!(&file[at..at + 4], b"BLK1" | b"ROW1") {
                content.start += (8 * count).next_multiple_of(64);
            }
            let size = match &file[at..at + 4] {
                b"BLK1" => count.div_ceil(number(92)) * number(56),
                b"DEL1" => 8 * count,
                _ => count * number(at + 28),
            };
            content.end = content.start + size;
            content.end.next_multiple_of(64)
        } else {
            (at + 64..file.len()).step_by(64).find(is_start).unwrap_or(file.len())
        };
        blocks.push(Block { range: at..end.min(file.len()), content });
        at = end;
    }
    blocks
}

/// Returns a file with numbers as ids without its records and parts.
pub fn without_records(file: &[u8]) -> Vec<u8> {
    let mut short = file[..128].to_vec();
    for block in blocks(file, true) {
        let keeps = matches!(&block.magic(file), b"ROW1" | b"DEL1");
        let end = if keeps { block.range.end } else { block.content.start };
        short.extend_from_slice(&file[block.range.start..end]);
    }
    short
}

/// Loads the context that the seeds of the corpus belong to.
///
/// # Panics
/// If the seed is missing or invalid.
pub fn context() -> PackedContext {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/packed_file/context.json");
    let text = std::fs::read_to_string(path).expect("the seed exists");
    PackedContext::from_serialized(&text, &FixedKeyProvider(Vec::new()), None).expect("the seed is a context")
}
