//! Arrow files and streams, read message by message.
//!
//! Lengths are checked before memory is allocated, since the Arrow library trusts the lengths in a message.

mod directory;

use super::reader::Reader;
use super::table_kind::ARROW_MESSAGE;
use crate::failure::Failure;
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::read_record_batch;
use arrow_ipc::{Message, MetadataVersion, convert, root_as_message};
use arrow_schema::{Schema, SchemaRef};
use std::collections::{HashMap, VecDeque};
use std::fmt::Display;
use std::io::Read;
use std::sync::Arc;

/// The maximum length of a message's metadata, in bytes. A thousand columns need a tenth of that.
const LONGEST_METADATA: u64 = 16 << 20;
/// The maximum expansion factor of a compressed buffer. LZ4 reaches 255; random-looking numbers hardly reach 2.
const MOST_EXPANSION: u64 = 1024;
/// The length up to which memory is allocated without a check, in bytes.
const HARMLESS: u64 = 1 << 20;

/// A file or stream whose schema has been read.
pub struct Arrow {
    reader: Reader,
    /// The offsets of the batches of a file. `None` for a stream, whose batches are read in order.
    offsets: Option<VecDeque<u64>>,
    schema: SchemaRef,
    version: MetadataVersion,
    /// The indices of the columns to read, ascending.
    projection: Vec<usize>,
}

impl Arrow {
    /// Reads the schema.
    pub fn open(mut reader: Reader, is_file: bool) -> Result<Self, Failure> {
        let (offsets, schema, version) = if is_file {
            let (offsets, schema, version) = directory::read(&mut reader)?;
            (Some(offsets), schema, version)
        } else {
            let Some(metadata) = next_metadata(&mut reader)? else { return Err(damaged(&reader, "it is empty")) };
            let message = parse(&reader, &metadata)?;
            let Some(schema) = message.header_as_schema() else {
                return Err(damaged(&reader, "it does not start with a schema"));
            };
            (None, schema_of(&reader, schema)?, message.version())
        };
        Ok(Self { reader, offsets, schema: Arc::new(schema), version, projection: Vec::new() })
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Sets the columns to read, in ascending order.
    pub fn with_projection(mut self, projection: Vec<usize>) -> Self {
        self.projection = projection;
        self
    }

    /// Reads the next batch of rows. `None` at the end.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, Failure> {
        while let Some(metadata) = self.next_metadata()? {
            let message = parse(&self.reader, &metadata)?;
            let length = body_length(&self.reader, &message)?;
            // Dictionaries belong to columns that are not read.
            let Some(batch) = message.header_as_record_batch() else {
                self.reader.skip(length)?;
                continue;
            };
            let body = read_exactly(&mut self.reader, length)?;
            check_buffers(&batch, &body).map_err(|reason| damaged(&self.reader, reason))?;
            let (body, schema) = (Buffer::from(body), Arc::clone(&self.schema));
            let batch = read_record_batch(&body, batch, schema, &HashMap::new(), Some(&self.projection), &self.version);
            return Ok(Some(batch.map_err(|error| damaged(&self.reader, error))?));
        }
        Ok(None)
    }

    /// Returns the number of remaining rows. Reads only the metadata of the batches.
    pub fn count(mut self) -> Result<u64, Failure> {
        let mut rows = 0u64;
        while let Some(metadata) = self.next_metadata()? {
            let message = parse(&self.reader, &metadata)?;
            self.reader.skip(body_length(&self.reader, &message)?)?;
            if let Some(batch) = message.header_as_record_batch() {
                let length = u64::try_from(batch.length()).map_err(|error| damaged(&self.reader, error))?;
                rows = rows.saturating_add(length);
            }
        }
        Ok(rows)
    }

    fn next_metadata(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(offsets) = &mut self.offsets {
            let Some(offset) = offsets.pop_front() else { return Ok(None) };
            self.reader.seek(offset)?;
        }
        next_metadata(&mut self.reader)
    }
}

fn schema_of(reader: &Reader, schema: arrow_ipc::Schema<'_>) -> Result<Schema, Failure> {
    if schema.endianness() != arrow_ipc::Endianness::Little {
        return Err(reader.wrong("is big-endian Arrow; only little-endian Arrow is supported"));
    }
    convert::try_fb_to_schema(schema).map_err(|error| damaged(reader, error))
}

fn damaged(reader: &Reader, reason: impl Display) -> Failure {
    reader.wrong(format!("not readable as Arrow ({reason})"))
}

/// Reads the metadata of the next message. `None` at the end.
fn next_metadata(reader: &mut Reader) -> Result<Option<Vec<u8>>, Failure> {
    let mut word = [0; 4];
    match reader.read(&mut word[..1]).map_err(Failure::io("read", reader.name()))? {
        0 => return Ok(None),
        _ => fill(reader, &mut word[1..])?,
    }
    // Arrow before 0.15 has no marker before the length.
    if word == ARROW_MESSAGE {
        fill(reader, &mut word)?;
    }
    match u64::from(u32::from_le_bytes(word)) {
        0 => Ok(None),
        length @ 1..=LONGEST_METADATA => Ok(Some(read_exactly(reader, length)?)),
        length => {
            let most = LONGEST_METADATA;
            Err(damaged(reader, format!("the metadata of a message has {length} bytes; the maximum is {most} bytes")))
        }
    }
}

fn fill(reader: &mut Reader, bytes: &mut [u8]) -> Result<(), Failure> {
    reader.read_exact(bytes).map_err(|_| damaged(reader, "a message is truncated"))
}

/// Reads `length` bytes. Memory grows with the bytes that are there, not with `length`.
fn read_exactly(reader: &mut Reader, length: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(HARMLESS)).unwrap_or(0));
    let read = reader.by_ref().take(length).read_to_end(&mut bytes);
    match read.map_err(Failure::io("read", reader.name()))? as u64 {
        read if read == length => Ok(bytes),
        _ => Err(damaged(reader, "a message is truncated")),
    }
}

fn parse<'a>(reader: &Reader, metadata: &'a [u8]) -> Result<Message<'a>, Failure> {
    root_as_message(metadata).map_err(|error| damaged(reader, error))
}

fn body_length(reader: &Reader, message: &Message<'_>) -> Result<u64, Failure> {
    u64::try_from(message.bodyLength()).map_err(|_| damaged(reader, "a message has a negative length"))
}

/// Checks that buffers are within the message, and that decompressed lengths are plausible.
fn check_buffers(batch: &arrow_ipc::RecordBatch<'_>, body: &[u8]) -> Result<(), String> {
    for buffer in batch.buffers().into_iter().flatten() {
        let outside = || format!("a buffer of {} bytes at {} is outside its message", buffer.length(), buffer.offset());
        let start = usize::try_from(buffer.offset()).map_err(|_| outside())?;
        let length = usize::try_from(buffer.length()).map_err(|_| outside())?;
        let bytes = start.checked_add(length).and_then(|end| body.get(start..end)).ok_or_else(outside)?;
        if batch.compression().is_none() {
            continue;
        }
        // A buffer starts with its decompressed length; −1 means that it is not compressed.
        if let Some(decompressed) = bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
            && decompressed.cast_unsigned() > HARMLESS + MOST_EXPANSION * length as u64
            && decompressed != -1
        {
            return Err(format!("{length} compressed bytes claim to decompress to {decompressed}"));
        }
    }
    Ok(())
}
