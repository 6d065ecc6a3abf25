//! One file of vectors, of any format.

use super::compressed::extension;
use super::csv::Csv;
use super::json_lines::JsonLines;
use super::layout::Layout;
use super::projector::{self, Projector};
use super::raw::{Element, Rows};
use super::reader::{Reader, wrong};
use super::row::{self, Components, Row};
use super::table::Table;
use super::table_kind::Kind;
use super::{bin, npy};
use crate::failure::Failure;
use crate::guard::guarded;
use hushvec::{BitMatrix, Error, Id};
use std::io::BufRead;
use std::path::Path;

/// The supported formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Npy,
    Table(Kind),
    JsonLines,
    Bin(Element),
    /// CSV with this delimiter.
    Csv(u8),
}

/// A file whose vectors are read one by one.
pub enum Source {
    Rows(Rows),
    Lines(JsonLines),
    Csv(Box<Csv>, Layout),
    Table(Box<Table>),
}

impl Source {
    /// Detects the format, and starts reading vectors of `dimensions` dimensions.
    pub fn open(reader: Reader, layout: &Layout, dimensions: usize) -> Result<Self, Failure> {
        let (format, reader) = detect(reader)?;
        if let (Format::Npy | Format::Bin(_), Some(column)) = (format, &layout.column) {
            return Err(reader.wrong(format!("is an array without columns, so there is no column {column:?}")));
        }
        Ok(match format {
            Format::Npy => Self::Rows(npy::open(reader, dimensions, layout)?),
            Format::Bin(element) => Self::Rows(bin::open(reader, element, dimensions, layout)?),
            Format::JsonLines => Self::Lines(JsonLines::open(reader, layout.clone(), dimensions)),
            Format::Csv(delimiter) => {
                Self::Csv(Box::new(Csv::open(reader, layout, dimensions, delimiter)?), layout.clone())
            }
            Format::Table(kind) => {
                let name = reader.name().to_owned();
                let table = guarded(&name, || Table::open(reader, kind, layout.clone(), dimensions))?;
                Self::Table(Box::new(table))
            }
        })
    }

    /// Skips up to `rows` vectors. Returns the number skipped.
    pub fn skip(&mut self, rows: u64) -> Result<u64, Failure> {
        match self {
            Self::Rows(rows_of) => rows_of.skip(rows),
            Self::Lines(lines) => lines.skip(rows),
            Self::Csv(csv, _) => csv.skip(rows),
            Self::Table(table) => {
                let name = table.name().to_owned();
                guarded(&name, || table.skip(rows))
            }
        }
    }

    /// Appends the next vector to a matrix, projected if there is a projector, and to the list of real vectors if
    /// there is one. Returns `None` at the end, otherwise the id of the vector, if it has one.
    pub fn push_next(
        &mut self,
        vectors: &mut BitMatrix,
        reals: Option<&mut Vec<Vec<f32>>>,
        projector: Option<&mut Projector>,
    ) -> Result<Option<Option<Id>>, Failure> {
        let (row, place) = match self {
            Self::Rows(rows) => (rows.next()?.map(|components| Row { components, id: None }), rows.place()),
            Self::Lines(lines) => (lines.next()?, lines.place()),
            Self::Csv(csv, layout) => (csv.next(layout)?, csv.place()),
            Self::Table(table) => {
                let name = table.name().to_owned();
                (guarded(&name, || table.next())?, table.place())
            }
        };
        let Some(Row { components, id }) = row else { return Ok(None) };
        let refused = |why: &str| wrong(self.name(), format!("{place} {why}"));
        let why_real = match (&reals, &projector) {
            (_, Some(_)) => Some(projector::BITS),
            (Some(_), None) => Some("has bits or integers, expected floating-point numbers or int8 to rank by cosine"),
            (None, None) => None,
        };
        let real = why_real.map(|why| components.to_reals().ok_or_else(|| refused(why))).transpose()?;
        match (projector, &real) {
            (Some(projector), Some(real)) => projector.push(real, vectors).map_err(|why| refused(&why))?,
            _ => components.push_to(vectors).map_err(|error| match (&components, error) {
                (Components::Numbers(_), Error::Dimension { expected, actual, .. }) if actual < expected => {
                    let hint = if reals.is_some() { String::new() } else { projector::hint(expected) };
                    refused(&format!("has {actual} dimensions, the context needs {expected}{hint}"))
                }
                (_, error) => row::refused(self.name(), place, error),
            })?,
        }
        if let (Some(reals), Some(real)) = (reals, real) {
            reals.push(real);
        }
        Ok(Some(id))
    }

    /// Returns the position of the vector that was read last, for messages.
    pub fn last(&self) -> String {
        match self {
            Self::Rows(rows) => rows.place().to_string(),
            Self::Lines(lines) => lines.place().to_string(),
            Self::Csv(csv, _) => csv.place().to_string(),
            Self::Table(table) => table.place().to_string(),
        }
    }

    /// Returns the name of the file for messages.
    pub fn name(&self) -> &Path {
        match self {
            Self::Rows(rows) => rows.reader.name(),
            Self::Lines(lines) => lines.reader().name(),
            Self::Csv(csv, _) => csv.name(),
            Self::Table(table) => table.name(),
        }
    }

    /// Returns the number of vectors, from the metadata of the file if it has any, or else by reading all of them.
    pub fn count(mut self, path: &Path) -> Result<u64, Failure> {
        if let Self::Rows(rows) = &self {
            return Ok(rows.rows);
        }
        if let Self::Table(table) = &self {
            if let Some(rows) = table.rows() {
                return Ok(rows);
            }
            let (format, reader) = detect(Reader::open(path)?)?;
            if let Format::Table(kind) = format {
                return guarded(path, || Table::count(reader, kind));
            }
        }
        self.skip(u64::MAX)
    }
}

/// Detects the format by the first bytes, or by the name for big-ann-benchmarks and CSV, which have no magic bytes.
fn detect(mut reader: Reader) -> Result<(Format, Reader), Failure> {
    let extension = extension(reader.name());
    match extension.as_str() {
        "fbin" => return Ok((Format::Bin(Element::F32), reader)),
        "u8bin" => return Ok((Format::Bin(Element::U8), reader)),
        "i8bin" => return Ok((Format::Bin(Element::Quantised), reader)),
        _ => {}
    }
    let name = reader.name().to_owned();
    let start = reader.fill_buf().map_err(Failure::io("read", &name))?;
    let start = start.get(..start.len().min(64)).unwrap_or_default();
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    if let Some(kind) = Kind::of_start(start) {
        return Ok((Format::Table(kind), reader));
    }
    let format = match extension.as_str() {
        _ if start.starts_with(b"\x93NUMPY") => Format::Npy,
        _ if text.starts_with(b"{") => Format::JsonLines,
        "npy" => Format::Npy,
        "jsonl" | "ndjson" | "json" => Format::JsonLines,
        "csv" => Format::Csv(b','),
        "tsv" => Format::Csv(b'\t'),
        extension => match Kind::of_extension(extension) {
            Some(kind) => Format::Table(kind),
            None if start.is_empty() => return Err(reader.wrong("is empty")),
            None => {
                return Err(reader.wrong(
                    "its first bytes are not those of .npy, Parquet, Arrow or JSON lines, and its name does not end in \
                     .csv, .tsv, .fbin, .u8bin or .i8bin",
                ));
            }
        },
    };
    Ok((format, reader))
}
