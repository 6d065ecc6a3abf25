//! Content and metadata of chunks, as JSON lines. Only the offsets of lines are kept in memory.

use crate::failure::Failure;
use crate::output;
use hushvec::{Id, IdRef, Index};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The maximum length of a line in bytes, which is more than the content that a server accepts.
const LONGEST: u64 = 16 << 20;

/// A file of records.
pub struct ChunkFile {
    path: PathBuf,
    file: BufReader<File>,
    /// The offset of each record.
    offsets: HashMap<Id, u64>,
    line: Vec<u8>,
}

/// A line. Other fields, such as a vector, are ignored.
#[derive(Deserialize)]
pub struct Record {
    #[serde(deserialize_with = "id")]
    id: Id,
    pub content: String,
    #[serde(default)]
    pub meta_data: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "an id must be a non-negative integer or a string")]
enum AnyId {
    Number(u64),
    Text(String),
}

fn id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
    AnyId::deserialize(deserializer).map(|id| match id {
        AnyId::Number(number) => Id::Number(number),
        AnyId::Text(text) => Id::Text(text),
    })
}

impl ChunkFile {
    /// Opens a file and reads it once to find errors before anything is stored: each line must be a record, and each
    /// vector of the index must have one.
    pub fn open(path: &Path, index: &Index) -> Result<Self, Failure> {
        let file = File::open(path).map_err(Failure::io("open", path))?;
        let mut opened =
            Self { path: path.to_owned(), file: BufReader::new(file), offsets: HashMap::new(), line: Vec::new() };
        let (mut offset, mut number) = (0, 0u64);
        while opened.read_line(|| format!("line {}", number + 1))? > 0 {
            number += 1;
            let length = opened.line.len() as u64;
            if !opened.line.trim_ascii().is_empty() {
                let record = opened.record(|| format!("line {number}"))?;
                if opened.offsets.insert(record.id.clone(), offset).is_some() {
                    return Err(opened.wrong(format!("line {number} has the duplicate id {:?}", record.id)));
                }
            }
            offset += length;
        }
        opened.check(index)?;
        Ok(opened)
    }

    fn check(&self, index: &Index) -> Result<(), Failure> {
        let (mut found, mut missing, mut first) = (0, 0, None);
        index.for_each_id(|id| {
            if self.offsets.contains_key(&id.to_owned()) {
                found += 1;
            } else {
                missing += 1;
                first.get_or_insert_with(|| id.to_owned());
            }
            Ok(())
        })?;
        if let Some(first) = first {
            let all = output::count(index.len(), "vector");
            let others = if missing == 1 { String::new() } else { format!(" and {} others", missing - 1) };
            return Err(self.wrong(format!("has no record for the id {first:?}{others} of the index, which has {all}")));
        }
        let unused = self.offsets.len() as u64 - found;
        if unused > 0 {
            let path = self.path.display();
            tracing::warn!("{path}: ignored {} whose ids are not in the index", output::count(unused, "record"));
        }
        Ok(())
    }

    /// Returns the record of an id.
    pub fn get(&mut self, id: IdRef<'_>) -> Result<Record, Failure> {
        let changed = || format!("the record of the id {id:?} was changed during the push");
        let Some(offset) = self.offsets.get(&id.to_owned()).copied() else { return Err(self.wrong(changed())) };
        // A seek drops the buffer, so records in the order of the index are read without one.
        let here = self.file.stream_position().map_err(Failure::io("read", &self.path))?;
        if here != offset {
            self.file.seek(SeekFrom::Start(offset)).map_err(Failure::io("read", &self.path))?;
        }
        self.read_line(|| format!("the record of the id {id:?}"))?;
        let record = self.record(changed)?;
        if record.id.as_ref() != id {
            return Err(self.wrong(changed()));
        }
        Ok(record)
    }

    fn read_line(&mut self, place: impl FnOnce() -> String) -> Result<usize, Failure> {
        self.line.clear();
        let read = (&mut self.file).take(LONGEST + 1).read_until(b'\n', &mut self.line);
        let read = read.map_err(Failure::io("read", &self.path))?;
        if read as u64 > LONGEST {
            return Err(self.wrong(format!("{} is longer than {}", place(), output::bytes(LONGEST))));
        }
        Ok(read)
    }

    fn record(&self, place: impl FnOnce() -> String) -> Result<Record, Failure> {
        serde_json::from_slice(&self.line).map_err(|error| {
            let text = error.to_string();
            // The parser's position is relative to this line, so it would mislead.
            let why = text.split(" at line ").next().unwrap_or(&text);
            let what = if error.is_syntax() { " is not a JSON object" } else { "" };
            self.wrong(format!("{}{what}: {why}", place()))
        })
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> Failure {
        Failure::Other(format!("{}: {reason}", self.path.display()))
    }
}
