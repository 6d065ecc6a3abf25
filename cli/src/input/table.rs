//! Vectors in tables: Parquet files, Arrow files and Arrow streams, read batch by batch.

use super::arrow::Arrow;
use super::columns::{self, Columns};
use super::layout::Layout;
use super::reader::{Reader, wrong};
use super::row::{Place, Row};
use super::table_kind::Kind;
use crate::failure::Failure;
use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The number of rows decoded at a time.
const BATCH: usize = 1024;

/// An open table.
pub struct Table {
    batches: Batches,
    columns: Columns,
    layout: Layout,
    dimensions: usize,
    name: PathBuf,
    batch: Option<RecordBatch>,
    /// The number of the next row in the batch.
    at: usize,
    /// The number of the next row in the table.
    row: u64,
}

enum Batches {
    /// A file of which no row was read yet. Rows to skip are set before its reader is built.
    Parquet(Option<Box<ParquetRecordBatchReaderBuilder<File>>>),
    Rows(Box<ParquetRecordBatchReader>),
    Arrow(Box<Arrow>),
}

impl Table {
    pub fn open(reader: Reader, kind: Kind, layout: Layout, dimensions: usize) -> Result<Self, Failure> {
        let name = reader.name().to_owned();
        let (batches, columns) = match kind {
            Kind::Parquet => {
                let Some(file) = reader.into_file() else {
                    let why = "Parquet must be read from an uncompressed file, since its footer is at the end";
                    return Err(wrong(&name, why));
                };
                let builder = ParquetRecordBatchReaderBuilder::try_new(file)
                    .map_err(|error| wrong(&name, format!("not a readable Parquet file ({error})")))?;
                let columns = Columns::choose(builder.schema(), &layout, &name)?;
                let mask = ProjectionMask::roots(builder.parquet_schema(), columns.projection());
                let builder = builder.with_projection(mask).with_batch_size(BATCH);
                (Batches::Parquet(Some(Box::new(builder))), columns)
            }
            Kind::ArrowFile | Kind::ArrowStream => {
                let arrow = Arrow::open(reader, kind == Kind::ArrowFile)?;
                let columns = Columns::choose(arrow.schema(), &layout, &name)?;
                (Batches::Arrow(Box::new(arrow.with_projection(columns.projection()))), columns)
            }
        };
        Ok(Self { batches, columns, layout, dimensions, name, batch: None, at: 0, row: 0 })
    }

    /// Returns the number of rows of an Arrow file or stream.
    pub fn count(reader: Reader, kind: Kind) -> Result<u64, Failure> {
        Arrow::open(reader, kind == Kind::ArrowFile)?.count()
    }

    /// Returns the number of rows, if the metadata of the file has it.
    pub fn rows(&self) -> Option<u64> {
        match &self.batches {
            Batches::Parquet(Some(builder)) => u64::try_from(builder.metadata().file_metadata().num_rows()).ok(),
            _ => None,
        }
    }

    /// Returns the name for messages.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Returns the row that was read last.
    pub fn place(&self) -> Place {
        Place::Row(self.row.saturating_sub(1))
    }

    /// Skips up to `rows` rows. Returns the number skipped.
    pub fn skip(&mut self, rows: u64) -> Result<u64, Failure> {
        let all = self.rows();
        if let (Batches::Parquet(builder), Some(all)) = (&mut self.batches, all) {
            let rows = rows.min(all);
            let offset = usize::try_from(rows).unwrap_or(usize::MAX);
            *builder = builder.take().map(|builder| Box::new(builder.with_offset(offset)));
            self.row = rows;
            return Ok(rows);
        }
        let mut left = rows;
        while left > 0 {
            let Some(batch) = self.batch()? else { break };
            let here = left.min((batch.num_rows() - self.at) as u64);
            self.at += usize::try_from(here).unwrap_or(usize::MAX);
            self.row += here;
            left -= here;
        }
        Ok(rows - left)
    }

    /// Reads the next row. `None` at the end.
    pub fn next(&mut self) -> Result<Option<Row>, Failure> {
        let Some(batch) = self.batch()?.cloned() else { return Ok(None) };
        let at = self.at;
        (self.at, self.row) = (at + 1, self.row + 1);
        let place = self.place();
        let missing = || wrong(&self.name, format!("{place} has fewer columns than its table"));
        // A batch has only the projected columns, in the order of the file.
        let find = |column: usize| {
            batch.columns().get(usize::from(self.columns.projection().iter().any(|other| *other < column)))
        };
        let vectors = find(self.columns.vectors).ok_or_else(missing)?;
        let components = columns::components(vectors, at, self.dimensions, &self.layout)
            .map_err(|reason| wrong(&self.name, format!("{place} {reason}")))?;
        let id = match self.columns.ids {
            None => None,
            Some(column) => {
                let ids = find(column).ok_or_else(missing)?;
                Some(columns::id(ids, at).map_err(|reason| wrong(&self.name, format!("the id of {place} {reason}")))?)
            }
        };
        Ok(Some(Row { components, id }))
    }

    /// Returns the batch of the next row. `None` at the end.
    fn batch(&mut self) -> Result<Option<&RecordBatch>, Failure> {
        while self.batch.as_ref().is_none_or(|batch| self.at >= batch.num_rows()) {
            if let Batches::Parquet(builder) = &mut self.batches {
                let Some(builder) = builder.take() else { return Ok(None) };
                let reader = builder.build().map_err(|error| unreadable(&self.name, self.row, &error))?;
                self.batches = Batches::Rows(Box::new(reader));
            }
            let next = match &mut self.batches {
                Batches::Parquet(_) => None,
                Batches::Rows(reader) => {
                    reader.next().transpose().map_err(|error| unreadable(&self.name, self.row, &error))?
                }
                Batches::Arrow(arrow) => arrow.next()?,
            };
            let Some(next) = next else { return Ok(None) };
            self.batch = Some(next);
            self.at = 0;
        }
        Ok(self.batch.as_ref())
    }
}

fn unreadable(name: &Path, row: u64, error: &dyn std::fmt::Display) -> Failure {
    wrong(name, format!("cannot be read after {} ({error})", crate::output::count(row, "row")))
}
