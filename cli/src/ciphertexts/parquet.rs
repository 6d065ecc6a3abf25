//! Ciphertexts in Parquet files: a column `id`, and a column `ciphertext` of fixed-size binary.

use crate::failure::Failure;
use crate::input;
use crate::output_file::OutputFile;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use hushvec::{IdKind, IdRef, Ids, Index, PublicContext};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ID: &str = "id";
const CIPHERTEXT: &str = "ciphertext";
/// The metadata entry with the public id of the key.
const PUBLIC_ID: &str = "hushvec.public_id";
/// The number of ciphertexts read at a time.
const BLOCK: usize = 4096;
/// The number of bytes buffered in memory before a row group is written.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// A table that is read row by row.
pub struct Reader {
    batches: ParquetRecordBatchReader,
    path: PathBuf,
    rows: u64,
    row: u64,
    bytes: usize,
}

impl Reader {
    pub fn open(path: &Path, public: &PublicContext) -> Result<Self, Failure> {
        let wrong = |reason: String| Failure::Other(format!("{}: {reason}", path.display()));
        let damaged = |error| wrong(format!("not a readable Parquet file ({error})"));
        let file = File::open(path).map_err(Failure::io("open", path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
        let bytes = public.parameters().ciphertext_bytes();
        let metadata = builder.metadata().file_metadata();
        let rows = u64::try_from(metadata.num_rows()).map_err(|error| wrong(error.to_string()))?;
        let entries = metadata.key_value_metadata().map(Vec::as_slice).unwrap_or_default();
        let key = entries.iter().find(|entry| entry.key == PUBLIC_ID).and_then(|entry| entry.value.as_deref());
        let ours = public.public_id().to_string();
        if key.is_some_and(|key| key != ours) {
            return Err(wrong(format!("its ciphertexts belong to another key, {}", key.unwrap_or_default())));
        }
        match builder.schema().field_with_name(CIPHERTEXT).map(Field::data_type) {
            Ok(DataType::FixedSizeBinary(width)) if usize::try_from(*width) == Ok(bytes) => {}
            Ok(DataType::Binary | DataType::LargeBinary) => {}
            Ok(other) => {
                return Err(wrong(format!(
                    "the column {CIPHERTEXT:?} holds {other}, expected {bytes} bytes for this key"
                )));
            }
            Err(_) => return Err(wrong(format!("has no column {CIPHERTEXT:?}"))),
        }
        let columns = ProjectionMask::columns(builder.parquet_schema(), [ID, CIPHERTEXT]);
        let batches = builder.with_projection(columns).with_batch_size(BLOCK).build().map_err(damaged)?;
        Ok(Self { batches, path: path.to_owned(), rows, row: 0, bytes })
    }

    pub fn len(&self) -> u64 {
        self.rows
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn read_block(&mut self) -> Result<(Vec<u8>, Option<Ids>), Failure> {
        let Some(batch) = self.batches.next() else { return Ok((Vec::new(), None)) };
        let (path, first) = (self.path.display(), self.row);
        let wrong =
            |row: usize, reason: String| Failure::Other(format!("{path}: row {}: {reason}", first + row as u64));
        let batch = batch.map_err(|error| wrong(0, format!("cannot be read: {error}")))?;
        let ciphertexts = batch.column_by_name(CIPHERTEXT);
        let ciphertexts = ciphertexts.ok_or_else(|| wrong(0, format!("the column {CIPHERTEXT:?} is missing")))?;
        let mut block = Vec::with_capacity(batch.num_rows() * self.bytes);
        for row in 0..batch.num_rows() {
            match binary(ciphertexts, row) {
                Some(bytes) if bytes.len() == self.bytes => block.extend_from_slice(bytes),
                Some(bytes) => {
                    return Err(wrong(row, format!("{} bytes, expected {} for this key", bytes.len(), self.bytes)));
                }
                None => return Err(wrong(row, "the ciphertext is null".to_owned())),
            }
        }
        let ids = match batch.column_by_name(ID) {
            Some(column) => {
                let mut ids = Ids::new();
                for row in 0..batch.num_rows() {
                    let id = input::id(column, row).map_err(|reason| wrong(row, format!("the id {reason}")))?;
                    ids.push(IdRef::from(&id)).map_err(|error| wrong(row, error.to_string()))?;
                }
                Some(ids)
            }
            None => None,
        };
        self.row += batch.num_rows() as u64;
        Ok((block, ids))
    }
}

fn binary(column: &ArrayRef, row: usize) -> Option<&[u8]> {
    match column.data_type() {
        _ if column.is_null(row) => None,
        DataType::FixedSizeBinary(_) => Some(column.as_fixed_size_binary().value(row)),
        DataType::Binary => Some(column.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Some(column.as_binary::<i64>().value(row)),
        _ => None,
    }
}

/// A table that is written block by block.
pub struct Writer {
    writer: ArrowWriter<BufWriter<File>>,
    file: OutputFile,
    schema: Arc<Schema>,
    bytes: usize,
    path: PathBuf,
}

impl Writer {
    pub fn create(path: &Path, index: &Index, public: &PublicContext) -> Result<Self, Failure> {
        let bytes = public.parameters().ciphertext_bytes();
        let width = i32::try_from(bytes).map_err(|error| Failure::Other(error.to_string()))?;
        let ids = match index.id_kind()? {
            Some(IdKind::Strings) => DataType::Utf8,
            _ => DataType::UInt64,
        };
        let fields = [Field::new(ID, ids, false), Field::new(CIPHERTEXT, DataType::FixedSizeBinary(width), false)];
        let schema = Arc::new(Schema::new(fields.to_vec()));
        // Ciphertexts look random: they do not compress, and their statistics are useless.
        let properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_dictionary_enabled(false)
            .set_column_statistics_enabled(CIPHERTEXT.into(), EnabledStatistics::None)
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .set_created_by(concat!("hushvec ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![KeyValue::new(PUBLIC_ID.to_owned(), public.public_id().to_string())]))
            .build();
        let (file, buffer) = OutputFile::create(path)?;
        let writer = ArrowWriter::try_new(buffer, Arc::clone(&schema), Some(properties));
        let writer = writer.map_err(|error| failed(path, &error))?;
        Ok(Self { writer, file, schema, bytes, path: path.to_owned() })
    }

    pub fn write(&mut self, ids: &Ids, ciphertexts: &[u8]) -> Result<(), Failure> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids: ArrayRef = match ids.kind() {
            Some(IdKind::Strings) => Arc::new(ids.iter().map(IdRef::text).collect::<StringArray>()),
            _ => Arc::new(ids.iter().map(IdRef::number).collect::<UInt64Array>()),
        };
        let write = || {
            let ciphertexts = FixedSizeBinaryArray::try_from_iter(ciphertexts.chunks_exact(self.bytes))?;
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), vec![ids, Arc::new(ciphertexts)])?;
            self.writer.write(&batch)
        };
        write().map_err(|error| failed(&self.path, &error))
    }

    pub fn finish(self) -> Result<(), Failure> {
        self.writer.close().map_err(|error| failed(&self.path, &error))?;
        self.file.finish()
    }
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Other(format!("cannot write {}: {error}", path.display()))
}
