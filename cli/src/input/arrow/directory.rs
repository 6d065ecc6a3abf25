//! The directory at the end of an Arrow file.

use super::{damaged, read_exactly, schema_of};
use crate::failure::Failure;
use crate::input::reader::Reader;
use crate::input::table_kind::ARROW_FILE;
use arrow_ipc::{MetadataVersion, root_as_footer};
use arrow_schema::Schema;
use std::collections::VecDeque;

/// The directory's length and the mark, at the very end.
const END: u64 = 10;

/// Where the batches of a file are, and what its columns are.
pub fn read(reader: &mut Reader) -> Result<(VecDeque<u64>, Schema, MetadataVersion), Failure> {
    let Some(bytes) = reader.file_bytes() else {
        return Err(reader.wrong("an Arrow file is read from its end, so it has to be in a file; a stream need not"));
    };
    let Some(before_end) = bytes.checked_sub(END) else { return Err(damaged(reader, "it is too short")) };
    reader.seek(before_end)?;
    let end = read_exactly(reader, END)?;
    let length = match end.split_first_chunk() {
        Some((length, mark)) if mark == ARROW_FILE => u64::from(u32::from_le_bytes(*length)),
        _ => return Err(damaged(reader, "its end is missing")),
    };
    let Some(start) = before_end.checked_sub(length) else {
        return Err(damaged(reader, format!("its directory has {length} bytes, more than the file")));
    };
    reader.seek(start)?;
    let directory = read_exactly(reader, length)?;
    let directory = root_as_footer(&directory).map_err(|error| damaged(reader, error))?;
    let Some(schema) = directory.schema() else { return Err(damaged(reader, "its directory has no schema")) };
    let mut places = VecDeque::new();
    for block in directory.recordBatches().into_iter().flatten() {
        places.push_back(u64::try_from(block.offset()).map_err(|error| damaged(reader, error))?);
    }
    Ok((places, schema_of(reader, schema)?, directory.version()))
}
