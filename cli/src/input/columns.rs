//! The columns of vectors and ids in a table, and their values.

use super::layout::{IdSource, Layout};
use super::reader::wrong;
use super::row::Components;
use crate::failure::Failure;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, Schema};
use hushvec::Id;
use std::path::Path;

const ID: &str = "id";

/// The indices of the columns to read.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    pub vectors: usize,
    pub ids: Option<usize>,
}

impl Columns {
    /// Chooses the requested columns. The defaults are the only column that can hold vectors, and `id` if there is one.
    pub fn choose(schema: &Schema, layout: &Layout, name: &Path) -> Result<Self, Failure> {
        let vectors = match &layout.column {
            Some(column) => {
                let at = find(schema, column, name)?;
                let kind = schema.field(at).data_type();
                if !can_be_vectors(kind) {
                    let expected = "lists of numbers or booleans, or binary";
                    return Err(wrong(name, format!("the column {column:?} holds {kind}, expected {expected}")));
                }
                at
            }
            None => the_only_vectors(schema, name)?,
        };
        let ids = match &layout.ids {
            IdSource::RowNumbers => None,
            IdSource::IfAny => match schema.index_of(ID).ok() {
                Some(at) if !can_be_ids(schema.field(at).data_type()) => {
                    return Err(wrong(name, cannot_be_ids(schema.field(at).data_type())));
                }
                at => at,
            },
            IdSource::Column(column) => {
                let at = find(schema, column, name)?;
                let kind = schema.field(at).data_type();
                if !can_be_ids(kind) {
                    let expected = "integers or strings";
                    return Err(wrong(name, format!("the column {column:?} holds {kind}, expected {expected}")));
                }
                Some(at)
            }
        };
        Ok(Self { vectors, ids })
    }

    /// Returns the indices of the columns in ascending order.
    pub fn projection(&self) -> Vec<usize> {
        let mut indices: Vec<usize> = std::iter::once(self.vectors).chain(self.ids).collect();
        indices.sort_unstable();
        indices
    }
}

/// Describes a column `id` of the wrong type. It is an error rather than ignored, since results would then have row
/// numbers in place of the ids.
fn cannot_be_ids(kind: &DataType) -> String {
    let why = if kind.is_floating() { " (pandas converts integers to floats if a value is missing)" } else { "" };
    format!(
        "the column {ID:?} holds {kind}, expected integers or strings{why}; convert it, for example with \
         df[\"id\"] = df[\"id\"].astype(\"uint64\"), choose another column with --id-column, or use row numbers with \
         --row-numbers"
    )
}

fn find(schema: &Schema, column: &str, name: &Path) -> Result<usize, Failure> {
    schema.index_of(column).map_err(|_| {
        let found = list(schema.fields().iter().map(AsRef::as_ref));
        wrong(name, format!("has no column {column:?}; its columns are {found}"))
    })
}

fn the_only_vectors(schema: &Schema, name: &Path) -> Result<usize, Failure> {
    let candidates: Vec<usize> =
        (0..schema.fields().len()).filter(|at| can_be_vectors(schema.field(*at).data_type())).collect();
    match *candidates {
        [only] => Ok(only),
        [] => {
            let found = list(schema.fields().iter().map(AsRef::as_ref));
            let expected = "lists of numbers or booleans, or binary";
            Err(wrong(name, format!("no column can hold vectors ({expected}); its columns are {found}")))
        }
        _ => {
            let found = list(candidates.iter().map(|at| schema.field(*at)));
            Err(wrong(name, format!("several columns can hold vectors; choose one with --column: {found}")))
        }
    }
}

fn list<'a>(fields: impl Iterator<Item = &'a Field>) -> String {
    let names: Vec<String> = fields.map(|field| format!("{} ({})", field.name(), field.data_type())).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn can_be_vectors(kind: &DataType) -> bool {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let item = item.data_type();
            *item == DataType::Boolean || item.is_integer() || item.is_floating()
        }
        DataType::FixedSizeBinary(_) | DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
        _ => false,
    }
}

fn can_be_ids(kind: &DataType) -> bool {
    kind.is_integer() || matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Returns the vector in a row of a column of vectors.
pub fn components(column: &ArrayRef, row: usize, dimensions: usize, layout: &Layout) -> Result<Components, String> {
    let packed = layout.packed;
    if column.is_null(row) {
        return Err("is null".to_owned());
    }
    let binary = |bytes: &[u8]| {
        let (width, bytes) = (dimensions.div_ceil(8), bytes.to_vec());
        match bytes.len() {
            // The projector refuses bits of any length.
            _ if layout.project => Ok(Components::Packed(bytes)),
            found if found == width => Ok(Components::Packed(bytes)),
            found if found == dimensions && !packed => Ok(Components::Bytes(bytes)),
            found => Err(format!(
                "has {found} bytes, the context needs {width} of packed bits, or {dimensions} of zeros and ones"
            )),
        }
    };
    match column.data_type() {
        DataType::List(_) => items(&column.as_list::<i32>().value(row), packed),
        DataType::LargeList(_) => items(&column.as_list::<i64>().value(row), packed),
        DataType::FixedSizeList(..) => items(&column.as_fixed_size_list().value(row), packed),
        DataType::FixedSizeBinary(_) => binary(column.as_fixed_size_binary().value(row)),
        DataType::Binary => binary(column.as_binary::<i32>().value(row)),
        DataType::LargeBinary => binary(column.as_binary::<i64>().value(row)),
        DataType::BinaryView => binary(column.as_binary_view().value(row)),
        other => Err(format!("holds {other}")),
    }
}

fn items(items: &ArrayRef, packed: bool) -> Result<Components, String> {
    if let Some(column) = (0..items.len()).find(|at| items.is_null(*at)) {
        return Err(format!("has a null as component {column}"));
    }
    if packed && *items.data_type() != DataType::UInt8 {
        return Err(format!("holds {}, expected bytes of packed bits", items.data_type()));
    }
    let integers = |values: Vec<i128>| Ok(Components::Integers(values));
    match items.data_type() {
        DataType::Boolean => {
            Ok(Components::Bytes(items.as_boolean().iter().map(|bit| u8::from(bit == Some(true))).collect()))
        }
        DataType::UInt8 if packed => Ok(Components::Packed(values::<UInt8Type, u8>(items))),
        DataType::UInt8 => Ok(Components::Bytes(values::<UInt8Type, u8>(items))),
        DataType::UInt16 => integers(values::<UInt16Type, i128>(items)),
        DataType::UInt32 => integers(values::<UInt32Type, i128>(items)),
        DataType::UInt64 => integers(values::<UInt64Type, i128>(items)),
        DataType::Int8 => Ok(Components::Numbers(values::<Int8Type, f64>(items))),
        DataType::Int16 => integers(values::<Int16Type, i128>(items)),
        DataType::Int32 => integers(values::<Int32Type, i128>(items)),
        DataType::Int64 => integers(values::<Int64Type, i128>(items)),
        DataType::Float16 => Ok(Components::Numbers(values::<Float16Type, f64>(items))),
        DataType::Float32 => Ok(Components::Numbers(values::<Float32Type, f64>(items))),
        DataType::Float64 => Ok(Components::Numbers(values::<Float64Type, f64>(items))),
        other => Err(format!("holds {other}")),
    }
}

fn values<T: ArrowPrimitiveType, W: From<T::Native>>(items: &ArrayRef) -> Vec<W> {
    items.as_primitive::<T>().values().iter().map(|value| W::from(*value)).collect()
}

/// Returns the id in a row of a column of ids.
pub fn id(column: &ArrayRef, row: usize) -> Result<Id, String> {
    if column.is_null(row) {
        return Err("is null".to_owned());
    }
    let text = |text: &str| Ok(Id::Text(text.to_owned()));
    match column.data_type() {
        DataType::Utf8 => text(column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => text(column.as_string::<i64>().value(row)),
        DataType::Utf8View => text(column.as_string_view().value(row)),
        DataType::UInt8 => number::<UInt8Type>(column, row),
        DataType::UInt16 => number::<UInt16Type>(column, row),
        DataType::UInt32 => number::<UInt32Type>(column, row),
        DataType::UInt64 => number::<UInt64Type>(column, row),
        DataType::Int8 => number::<Int8Type>(column, row),
        DataType::Int16 => number::<Int16Type>(column, row),
        DataType::Int32 => number::<Int32Type>(column, row),
        DataType::Int64 => number::<Int64Type>(column, row),
        other => Err(format!("holds {other}")),
    }
}

fn number<T: ArrowPrimitiveType>(column: &ArrayRef, row: usize) -> Result<Id, String>
where
    T::Native: TryInto<u64> + std::fmt::Display,
{
    let number = column.as_primitive::<T>().value(row);
    number.try_into().map(Id::Number).map_err(|_| format!("is {number}, expected a non-negative integer"))
}
