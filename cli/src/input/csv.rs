//! Vectors in CSV: one vector per record, one number per field, and optionally a column of ids.

use super::layout::{IdSource, Layout};
use super::projector::{self, are_bits};
use super::reader::Reader;
use super::row::{Components, Place, Row};
use crate::failure::Failure;
use csv::{ReaderBuilder, StringRecord};
use hushvec::Id;
use std::path::{Path, PathBuf};

const ID: &str = "id";

/// A file of records.
pub struct Csv {
    records: csv::Reader<Bounded>,
    name: PathBuf,
    /// The index of the id field, if there is one.
    id: Option<usize>,
    dimensions: usize,
    /// The first record, if it is a vector and not yet returned.
    first: Option<StringRecord>,
    line: u64,
}

impl Csv {
    /// Opens a file. The delimiter is a comma, or a tab in .tsv files.
    pub fn open(reader: Reader, layout: &Layout, dimensions: usize, delimiter: u8) -> Result<Self, Failure> {
        let name = reader.name().to_owned();
        if let Some(column) = &layout.column {
            let why = "is CSV, whose vectors are all columns but the id";
            return Err(reader.wrong(format!("{why}; leave --column {column} out")));
        }
        if layout.packed {
            return Err(reader.wrong("is CSV, which has one number per dimension; leave --packed out"));
        }
        let records = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(Bounded { reader, left: 0 });
        let mut csv = Self { records, name, id: None, dimensions, first: None, line: 0 };
        csv.read_header(layout)?;
        Ok(csv)
    }

    /// Finds the id column in the header. Without a header, the first field is the id if there is one field more than
    /// dimensions.
    fn read_header(&mut self, layout: &Layout) -> Result<(), Failure> {
        let Some(first) = self.read()? else { return Err(self.wrong("is empty")) };
        // Test the last field, since the first one may be an id.
        let is_header = first.iter().next_back().is_some_and(|field| field.parse::<f64>().is_err());
        let named = |name: &str| first.iter().position(|field| field == name);
        self.id = match &layout.ids {
            IdSource::Column(column) if is_header => Some(named(column).ok_or_else(|| {
                let names: Vec<&str> = first.iter().take(10).collect();
                self.wrong(format!("has no column {column:?}; its columns are {}", names.join(", ")))
            })?),
            IdSource::Column(column) => {
                return Err(self.wrong(format!("has no header, so there is no column {column:?}")));
            }
            IdSource::IfAny | IdSource::RowNumbers if is_header => named(ID),
            IdSource::IfAny | IdSource::RowNumbers if layout.project => {
                self.check_no_id(&first)?;
                None
            }
            IdSource::IfAny | IdSource::RowNumbers => (first.len() == self.dimensions + 1).then_some(0),
        };
        if layout.project {
            self.dimensions = first.len() - usize::from(self.id.is_some());
        }
        self.first = (!is_header).then_some(first);
        Ok(())
    }

    /// Refuses a first field that looks like an id if vectors may have any number of dimensions.
    fn check_no_id(&self, first: &StringRecord) -> Result<(), Failure> {
        let is_integer = |field: &str| field.parse::<i64>().is_ok();
        match first.get(0) {
            Some(id) if is_integer(id) && !first.iter().skip(1).any(is_integer) => Err(self.refused(format!(
                "the first field, {id}, looks like an id; for --project, add a header that names the columns, such as \
                 id,v0,v1"
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the line that was read last.
    pub fn place(&self) -> Place {
        Place::Line(self.line)
    }

    /// Returns the name of the file for messages.
    pub fn name(&self) -> &Path {
        &self.name
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> Failure {
        super::reader::wrong(&self.name, reason)
    }

    fn refused(&self, reason: impl std::fmt::Display) -> Failure {
        self.wrong(format!("{}: {reason}", self.place()))
    }

    fn read(&mut self) -> Result<Option<StringRecord>, Failure> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let mut record = StringRecord::new();
        self.records.get_mut().left = LONGEST;
        let found = self.records.read_record(&mut record);
        self.line = record.position().map_or(self.line, csv::Position::line);
        match found {
            Ok(true) => Ok(Some(record)),
            Ok(false) => Ok(None),
            Err(error) => Err(self.wrong(format!("after line {}: cannot be read as CSV: {error}", self.line))),
        }
    }

    /// Skips up to `records` records. Returns the number skipped.
    pub fn skip(&mut self, records: u64) -> Result<u64, Failure> {
        for skipped in 0..records {
            if self.read()?.is_none() {
                return Ok(skipped);
            }
        }
        Ok(records)
    }

    /// Reads the next record. `None` at the end.
    pub fn next(&mut self, layout: &Layout) -> Result<Option<Row>, Failure> {
        let Some(record) = self.read()? else { return Ok(None) };
        let expected = self.dimensions + usize::from(self.id.is_some());
        if record.len() != expected {
            return Err(self.refused(self.wrong_count(record.len(), layout)));
        }
        let mut numbers = Vec::with_capacity(self.dimensions);
        for (at, field) in record.iter().enumerate().filter(|(at, _)| Some(*at) != self.id) {
            let number: f64 = field
                .parse()
                .map_err(|_| self.refused(format!("field {} is {:?}, expected a number", at + 1, shown(field))))?;
            numbers.push(number);
        }
        let fields = record.iter().enumerate().filter(|(at, _)| Some(*at) != self.id).map(|(_, field)| field);
        if layout.project && are_bits(fields) {
            return Err(self.refused(projector::BITS));
        }
        let id = self.id.filter(|_| !matches!(layout.ids, IdSource::RowNumbers)).and_then(|at| record.get(at));
        let id = id.map(|text| match text.parse() {
            _ if text.is_empty() => Err(self.refused("the id is empty")),
            Ok(number) => Ok(Id::Number(number)),
            Err(_) => Ok(Id::Text(text.to_owned())),
        });
        Ok(Some(Row { components: Components::Numbers(numbers), id: id.transpose()? }))
    }

    /// Describes a record with the wrong number of fields.
    fn wrong_count(&self, fields: usize, layout: &Layout) -> String {
        let besides_id = if self.id.is_some() { " besides the id" } else { "" };
        let who = if layout.project { "the lines before have" } else { "the context needs" };
        let is_short = fields < self.dimensions + usize::from(self.id.is_some());
        let hint =
            if is_short && !layout.project && !layout.reals { projector::hint(self.dimensions) } else { String::new() };
        format!("{fields} fields, {who} {} numbers{besides_id}{hint}", self.dimensions)
    }
}

fn shown(field: &str) -> String {
    field.chars().take(40).collect()
}

/// The maximum length of a record in bytes. A record with quoted fields may have many lines.
const LONGEST: u64 = 16 << 20;

/// A reader that limits the bytes read for a record.
struct Bounded {
    reader: Reader,
    left: u64,
}

impl std::io::Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            let limit = crate::output::bytes(LONGEST);
            return Err(std::io::Error::other(format!("a record is longer than {limit}")));
        }
        let read = self.reader.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
