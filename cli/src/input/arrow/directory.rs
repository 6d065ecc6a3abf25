//! The footer of an Arrow file.

use super::{damaged, read_exactly, schema_of};
use crate::failure::Failure;
use crate::input::reader::Reader;
use crate::input::table_kind::ARROW_FILE;
use arrow_ipc::{MetadataVersion, root_as_footer};
use arrow_schema::Schema;
use std::collections::VecDeque;

/// The bytes after the footer: its length and the magic bytes.
const END: u64 = 10;

/// Reads the offsets of the batches, the schema and the version.
pub fn read(reader: &mut Reader) -> Result<(VecDeque<u64>, Schema, MetadataVersion), Failure> {
    let Some(bytes) = reader.file_bytes() else {
        return Err(reader.wrong(
            "an Arrow file must be read from an uncompressed file, since its footer is at the end; an Arrow stream can \
             be piped",
        ));
    };
    let Some(before_end) = bytes.checked_sub(END) else { return Err(damaged(reader, "it is too short")) };
    reader.seek(before_end)?;
    let end = read_exactly(reader, END)?;
    let length = match end.split_first_chunk() {
        Some((length, magic)) if magic == ARROW_FILE => u64::from(u32::from_le_bytes(*length)),
        _ => return Err(damaged(reader, "its footer is missing")),
    };
    let Some(start) = before_end.checked_sub(length) else {
        return Err(damaged(reader, format!("its footer has {length} bytes, more than the file")));
    };
    reader.seek(start)?;
    let footer = read_exactly(reader, length)?;
    let footer = root_as_footer(&footer).map_err(|error| damaged(reader, error))?;
    let Some(schema) = footer.schema() else { return Err(damaged(reader, "its footer has no schema")) };
    let mut offsets = VecDeque::new();
    for block in footer.recordBatches().into_iter().flatten() {
        offsets.push_back(u64::try_from(block.offset()).map_err(|error| damaged(reader, error))?);
    }
    Ok((offsets, schema_of(reader, schema)?, footer.version()))
}
