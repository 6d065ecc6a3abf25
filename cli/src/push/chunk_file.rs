//! Content and metadata of vectors, as JSON lines. Only where lines are is kept in memory.

use crate::failure::Failure;
use crate::output;
use hushvec::{Id, IdRef, Index};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The most bytes of a line: more than a server takes of content.
const LONGEST: u64 = 16 << 20;

/// A file of records.
pub struct ChunkFile {
    path: PathBuf,
    file: BufReader<File>,
    /// The first byte of each record.
    places: HashMap<Id, u64>,
    line: Vec<u8>,
}

/// A line. What else it has, such as a vector, is none of ours.
#[derive(Deserialize)]
pub struct Record {
    #[serde(deserialize_with = "id")]
    id: Id,
    pub content: String,
    #[serde(default)]
    pub meta_data: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "an id must be an integer from 0 or a string")]
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
    /// Opens a file and reads it once, so that nothing is wrong with it later: each line must be a record, and each vector
    /// of the index must have one.
    pub fn open(path: &Path, index: &Index) -> Result<Self, Failure> {
        let file = File::open(path).map_err(Failure::io("open", path))?;
        let mut opened =
            Self { path: path.to_owned(), file: BufReader::new(file), places: HashMap::new(), line: Vec::new() };
        let (mut place, mut number) = (0, 0u64);
        while opened.read_line()? > 0 {
            number += 1;
            let length = opened.line.len() as u64;
            if !opened.line.trim_ascii().is_empty() {
                let record = opened.record(|| format!("line {number}"))?;
                if opened.places.insert(record.id.clone(), place).is_some() {
                    return Err(opened.wrong(format!("line {number} has the id {:?} again", record.id)));
                }
            }
            place += length;
        }
        opened.check(index)?;
        Ok(opened)
    }

    fn check(&self, index: &Index) -> Result<(), Failure> {
        let (mut found, mut missing, mut first) = (0, 0, None);
        index.for_each_id(|id| {
            if self.places.contains_key(&id.to_owned()) {
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
            return Err(self.wrong(format!("the index has {all}, and there is no record of {first:?}{others}")));
        }
        let unused = self.places.len() as u64 - found;
        if unused > 0 {
            let path = self.path.display();
            tracing::warn!(
                "{path}: {} of vectors that are not in the index are left out",
                output::count(unused, "record")
            );
        }
        Ok(())
    }

    /// The record of an id.
    pub fn get(&mut self, id: IdRef<'_>) -> Result<Record, Failure> {
        let changed = || format!("it was changed meanwhile: {id:?}");
        let Some(place) = self.places.get(&id.to_owned()).copied() else { return Err(self.wrong(changed())) };
        // Records in the order of the index are read without going back.
        let here = self.file.stream_position().map_err(Failure::io("read", &self.path))?;
        if here != place {
            self.file.seek(SeekFrom::Start(place)).map_err(Failure::io("read", &self.path))?;
        }
        self.read_line()?;
        let record = self.record(changed)?;
        if record.id.as_ref() != id {
            return Err(self.wrong(changed()));
        }
        Ok(record)
    }

    fn read_line(&mut self) -> Result<usize, Failure> {
        self.line.clear();
        let read = (&mut self.file).take(LONGEST + 1).read_until(b'\n', &mut self.line);
        let read = read.map_err(Failure::io("read", &self.path))?;
        if read as u64 > LONGEST {
            return Err(self.wrong(format!("a line is longer than {}", output::bytes(LONGEST))));
        }
        Ok(read)
    }

    fn record(&self, place: impl FnOnce() -> String) -> Result<Record, Failure> {
        serde_json::from_slice(&self.line).map_err(|error| {
            let text = error.to_string();
            // The parser counts from the start of the line.
            let why = text.split(" at line ").next().unwrap_or(&text);
            let what = if error.is_syntax() { " is not a JSON object" } else { "" };
            self.wrong(format!("{}{what}: {why}", place()))
        })
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> Failure {
        Failure::Other(format!("{}: {reason}", self.path.display()))
    }
}
