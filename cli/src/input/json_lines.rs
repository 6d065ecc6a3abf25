//! Vectors in JSON lines, one object per line: `{"id": 7, "vector": [0.1, -0.2]}` or `{"id": "a", "bits": "0110"}`.

use super::layout::{IdSource, Layout};
use super::projector::{self, are_bits};
use super::reader::Reader;
use super::row::{Components, Place, Row};
use crate::failure::Failure;
use hushvec::Id;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, Read};

/// The maximum length of a line in bytes. The longest vectors take 200 kB; the rest allows for other fields.
const LONGEST: u64 = 16 << 20;
const VECTOR: &str = "vector";
const BITS: &str = "bits";
const ID: &str = "id";

/// A file of records.
pub struct JsonLines {
    reader: Reader,
    layout: Layout,
    dimensions: usize,
    line: u64,
    text: Vec<u8>,
}

type Record<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

impl JsonLines {
    pub fn open(reader: Reader, layout: Layout, dimensions: usize) -> Self {
        Self { reader, layout, dimensions, line: 0, text: Vec::new() }
    }

    /// Returns the line that was read last.
    pub fn place(&self) -> Place {
        Place::Line(self.line)
    }

    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Skips up to `records` records. Returns the number skipped.
    pub fn skip(&mut self, records: u64) -> Result<u64, Failure> {
        for skipped in 0..records {
            if !self.next_line()? {
                return Ok(skipped);
            }
        }
        Ok(records)
    }

    /// Reads the next record. `None` at the end.
    pub fn next(&mut self) -> Result<Option<Row>, Failure> {
        if !self.next_line()? {
            return Ok(None);
        }
        let record: Record<'_> = serde_json::from_slice(&self.text)
            .map_err(|error| self.wrong(format!("is not a JSON object ({})", why(&error))))?;
        let components = self.components(&record)?;
        let id = self.id(&record)?;
        Ok(Some(Row { components, id }))
    }

    /// Reads the next line that is not blank. Returns false at the end.
    fn next_line(&mut self) -> Result<bool, Failure> {
        loop {
            self.text.clear();
            let read = (&mut self.reader).take(LONGEST + 1).read_until(b'\n', &mut self.text);
            if read.map_err(Failure::io("read", self.reader.name()))? == 0 {
                return Ok(false);
            }
            self.line += 1;
            if self.text.len() as u64 > LONGEST {
                return Err(self.wrong(format!("is longer than {}", crate::output::bytes(LONGEST))));
            }
            if self.line == 1 && self.text.starts_with(b"\xef\xbb\xbf") {
                self.text.drain(..3);
            }
            if !self.text.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> Failure {
        self.reader.wrong(format!("{} {reason}", self.place()))
    }

    fn components(&self, record: &Record<'_>) -> Result<Components, Failure> {
        let (name, value) = match &self.layout.column {
            Some(name) => (name.as_str(), record.get(name.as_str())),
            None => match (record.get(VECTOR), record.get(BITS)) {
                (Some(_), Some(_)) => {
                    return Err(self.wrong("has both \"vector\" and \"bits\"; choose one with --column"));
                }
                (vector @ Some(_), None) => (VECTOR, vector),
                (None, bits) => (BITS, bits),
            },
        };
        let Some(value) = value else { return Err(self.wrong(self.without(name, record))) };
        let value = value.get();
        let unusable = |reason: String| self.wrong(format!("has an invalid {name:?}: {reason}"));
        if value.starts_with('"') {
            let text: Cow<'_, str> = serde_json::from_str(value).map_err(|error| unusable(why(&error)))?;
            return if self.layout.packed { hexadecimal(&text) } else { digits(&text) }.map_err(unusable);
        }
        if name == BITS {
            let bits: Vec<Bit> = serde_json::from_str(value).map_err(|error| unusable(why(&error)))?;
            return Ok(Components::Integers(bits.into_iter().map(Bit::integer).collect()));
        }
        let numbers: Vec<f64> = serde_json::from_str(value).map_err(|error| unusable(why(&error)))?;
        let texts = value.trim_matches(['[', ']']).split(',').map(str::trim);
        if self.layout.project && are_bits(texts) {
            return Err(self.wrong(projector::BITS));
        }
        Ok(Components::Numbers(numbers))
    }

    /// Describes a record without a vector.
    fn without(&self, name: &str, record: &Record<'_>) -> String {
        let mut fields: Vec<&str> = record.keys().map(AsRef::as_ref).take(10).collect();
        fields.sort_unstable();
        let wanted =
            if self.layout.column.is_some() { format!("{name:?}") } else { "\"vector\" or \"bits\"".to_owned() };
        let found = if fields.is_empty() { "none".to_owned() } else { fields.join(", ") };
        let dimensions = self.dimensions;
        format!("has no {wanted} (fields: {found}); name the field of {dimensions} components with --column")
    }

    fn id(&self, record: &Record<'_>) -> Result<Option<Id>, Failure> {
        let (name, required) = match &self.layout.ids {
            IdSource::RowNumbers => return Ok(None),
            IdSource::IfAny => (ID, false),
            IdSource::Column(name) => (name.as_str(), true),
        };
        let value = match record.get(name).map(|value| value.get()) {
            None if required => return Err(self.wrong(format!("has no {name:?}"))),
            None => return Ok(None),
            Some(value) => value,
        };
        let id = if value.starts_with('"') {
            serde_json::from_str(value).ok().map(Id::Text)
        } else {
            value.parse().ok().map(Id::Number)
        };
        id.map(Some).ok_or_else(|| {
            let shown: String = value.chars().take(40).collect();
            self.wrong(format!("has the {name} {shown}, expected a non-negative integer or a string"))
        })
    }
}

/// A bit in JSON.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Bit {
    Bool(bool),
    Integer(i64),
}

impl Bit {
    fn integer(self) -> i128 {
        match self {
            Self::Bool(bit) => i128::from(bit),
            Self::Integer(integer) => i128::from(integer),
        }
    }
}

/// Parses a string of zeros and ones.
fn digits(text: &str) -> Result<Components, String> {
    let digit = |(at, digit): (usize, char)| match digit {
        '0' => Ok(0),
        '1' => Ok(1),
        other => Err(format!("character {at} is {other:?}, expected 0 or 1 (or hexadecimal digits with --packed)")),
    };
    text.chars().enumerate().map(digit).collect::<Result<_, _>>().map(Components::Bytes)
}

/// Parses packed bits in hexadecimal digits.
fn hexadecimal(text: &str) -> Result<Components, String> {
    let digits: Vec<u8> = text
        .chars()
        .enumerate()
        .map(|(at, digit)| match digit.to_digit(16) {
            Some(value) => u8::try_from(value).map_err(|error| error.to_string()),
            None => Err(format!("character {at} is {digit:?}, expected a hexadecimal digit")),
        })
        .collect::<Result<_, _>>()?;
    let (pairs, rest) = digits.as_chunks();
    if !rest.is_empty() {
        return Err(format!("it has {} hexadecimal digits, an odd number", digits.len()));
    }
    Ok(Components::Packed(pairs.iter().map(|[high, low]| high << 4 | low).collect()))
}

/// Returns the message of a JSON error without its position, which is relative to the value and would mislead.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}
