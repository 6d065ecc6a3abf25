//! Writes tables of vectors for the tests.

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, FixedSizeListBuilder, Float32Builder, Float64Builder,
    Int16Builder, LargeListBuilder, ListBuilder, UInt8Builder,
};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The column types for vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Floats,
    Doubles,
    FixedFloats,
    Integers,
    Booleans,
    PackedLists,
    FixedBinary,
    BytesOfBits,
    Binary,
}

impl Column {
    pub const ALL: [Self; 9] = [
        Self::Floats,
        Self::Doubles,
        Self::FixedFloats,
        Self::Integers,
        Self::Booleans,
        Self::PackedLists,
        Self::FixedBinary,
        Self::BytesOfBits,
        Self::Binary,
    ];
}

/// Returns rows in a column `embedding`, seven per batch.
pub fn batches(column: Column, rows: &[Vec<f32>]) -> Vec<RecordBatch> {
    rows.chunks(7).map(|rows| batch("embedding", array(column, rows))).collect()
}

fn batch(name: &str, column: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap()
}

fn array(column: Column, rows: &[Vec<f32>]) -> ArrayRef {
    let bits = |row: &[f32]| row.iter().map(|x| u8::from(*x > 0.)).collect::<Vec<_>>();
    let packed = |row: &[f32]| {
        bits(row).chunks(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit)).collect::<Vec<u8>>()
    };
    // The list builders have no common trait for appending a row.
    macro_rules! lists {
        ($builder:expr, $row:ident => $values:expr) => {{
            let mut builder = $builder;
            for $row in rows {
                $values.into_iter().for_each(|value| builder.values().append_value(value));
                builder.append(true);
            }
            Arc::new(builder.finish())
        }};
    }
    match column {
        Column::Floats => lists!(ListBuilder::new(Float32Builder::new()), row => row.clone()),
        Column::Doubles => {
            lists!(LargeListBuilder::new(Float64Builder::new()), row => row.iter().map(|x| f64::from(*x)))
        }
        Column::FixedFloats => lists!(FixedSizeListBuilder::new(Float32Builder::new(), 64), row => row.clone()),
        Column::Integers => lists!(ListBuilder::new(Int16Builder::new()), row => bits(row).into_iter().map(i16::from)),
        Column::Booleans => lists!(ListBuilder::new(BooleanBuilder::new()), row => row.iter().map(|x| *x > 0.)),
        Column::PackedLists => lists!(ListBuilder::new(UInt8Builder::new()), row => packed(row)),
        Column::FixedBinary | Column::BytesOfBits => {
            let width = if column == Column::FixedBinary { 8 } else { 64 };
            let mut builder = FixedSizeBinaryBuilder::new(width);
            for row in rows {
                builder.append_value(if width == 8 { packed(row) } else { bits(row) }).unwrap();
            }
            Arc::new(builder.finish())
        }
        Column::Binary => {
            let mut builder = BinaryBuilder::new();
            rows.iter().for_each(|row| builder.append_value(packed(row)));
            Arc::new(builder.finish())
        }
    }
}

/// Returns a table whose first vector is null.
pub fn with_null_vector(rows: &[Vec<f32>]) -> Vec<RecordBatch> {
    let mut builder = ListBuilder::new(Float32Builder::new());
    builder.append(false);
    for row in rows {
        builder.values().append_slice(row);
        builder.append(true);
    }
    vec![batch("embedding", Arc::new(builder.finish()))]
}

/// Returns a table whose first vector has a null component.
pub fn with_null_component(rows: &[Vec<f32>]) -> Vec<RecordBatch> {
    let mut builder = ListBuilder::new(Float32Builder::new());
    for row in rows {
        builder.values().append_value(1.0);
        builder.values().append_null();
        builder.values().append_slice(&row[2..]);
        builder.append(true);
    }
    vec![batch("embedding", Arc::new(builder.finish()))]
}

/// Returns a table whose vectors all have the same id.
pub fn with_id(rows: &[Vec<f32>], id: i64) -> Vec<RecordBatch> {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![id; rows.len()]));
    let columns = [("id", ids), ("embedding", array(Column::Floats, rows))];
    vec![RecordBatch::try_from_iter(columns).unwrap()]
}

/// Returns a table without vectors.
pub fn titles(rows: usize) -> Vec<RecordBatch> {
    vec![batch("title", Arc::new(StringArray::from(vec!["a title"; rows])))]
}

/// Returns a table with one ciphertext that is zero.
pub fn ciphertexts(width: i32) -> Vec<RecordBatch> {
    let mut builder = FixedSizeBinaryBuilder::new(width);
    builder.append_value(vec![0; usize::try_from(width).unwrap()]).unwrap();
    vec![batch("ciphertext", Arc::new(builder.finish()))]
}

pub fn parquet(path: &Path, batches: &[RecordBatch]) {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batches[0].schema(), None).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
}

pub fn arrow_file(path: &Path, batches: &[RecordBatch]) {
    let file = File::create(path).unwrap();
    let mut writer = arrow_ipc::writer::FileWriter::try_new(file, &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
}

pub fn arrow_stream(path: &Path, batches: &[RecordBatch]) {
    let file = File::create(path).unwrap();
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(file, &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
}

/// Returns the columns of a Parquet file and their types.
pub fn columns(path: &Path) -> Vec<String> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    reader.schema().fields().iter().map(|field| format!("{}: {}", field.name(), field.data_type())).collect()
}
