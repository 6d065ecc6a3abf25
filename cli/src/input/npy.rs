//! Vectors in NumPy's `.npy` files: (N, D), or (D,) for a single one.

use super::layout::Layout;
use super::projector;
use super::raw::{Element, Rows};
use super::reader::Reader;
use crate::failure::Failure;
use crate::npy_header;
use hushvec::Projection;
use npyz::{DType, Endianness, Order, TypeChar};

/// Opens an array of vectors of `dimensions` dimensions.
pub fn open(mut reader: Reader, dimensions: usize, layout: &Layout) -> Result<Rows, Failure> {
    let header = npy_header::read(&mut reader).map(|npy| (npy.shape().to_vec(), npy.order(), npy.dtype()));
    let (shape, order, dtype) = header.map_err(|error| reader.wrong(format!("not a readable .npy file ({error})")))?;
    let (rows, columns) = match *shape {
        [columns] => (1, columns),
        [rows, columns] => (rows, columns),
        _ => {
            let columns = if layout.project { "D".to_owned() } else { dimensions.to_string() };
            let expected = format!("expected (N, {columns}) or ({columns},)");
            return Err(reader.wrong(format!("has the shape {shape:?}, {expected}")));
        }
    };
    let (element, big_endian) = match element(&dtype) {
        Some((Element::U8, _)) if layout.packed => (Element::Packed, false),
        Some((Element::Quantised, _)) if layout.packed => (Element::PackedSigned, false),
        Some(element) if !layout.packed => element,
        _ => {
            let wanted = if layout.packed { "uint8 or int8" } else { "booleans, integers or floats" };
            return Err(reader.wrong(format!("holds {}, expected {wanted}", dtype.descr())));
        }
    };
    let expected = check_columns(&reader, columns, dimensions, element, layout)?;
    if order == Order::Fortran && rows > 1 && columns > 1 {
        return Rows::by_columns(reader, element, big_endian, expected, rows);
    }
    Ok(Rows::new(reader, element, big_endian, expected, rows))
}

/// Checks the number of columns against the context. Returns the number of columns of a row.
pub fn check_columns(
    reader: &Reader,
    columns: u64,
    dimensions: usize,
    element: Element,
    layout: &Layout,
) -> Result<usize, Failure> {
    if layout.project && columns <= Projection::LIMIT as u64 {
        return Ok(usize::try_from(columns).unwrap_or(Projection::LIMIT));
    }
    if layout.project {
        let most = Projection::LIMIT;
        return Err(reader.wrong(format!("has {columns} dimensions per vector; the maximum for --project is {most}")));
    }
    let bytes = dimensions.div_ceil(8);
    let expected = if layout.packed { bytes } else { dimensions };
    if columns == expected as u64 {
        return Ok(expected);
    }
    let unit = if layout.packed { "packed bytes" } else { "dimensions" };
    let hint = match element {
        Element::U8 | Element::Quantised if columns == bytes as u64 => "; give --packed for packed bits".to_owned(),
        element if element.is_real() && !layout.reals && columns < dimensions as u64 => projector::hint(dimensions),
        _ => String::new(),
    };
    Err(reader.wrong(format!("has {columns} {unit} per vector, the context needs {expected}{hint}")))
}

/// Returns the type of the elements, and whether they are big-endian.
fn element(dtype: &DType) -> Option<(Element, bool)> {
    let DType::Plain(element) = dtype else { return None };
    let kind = match (element.type_char(), element.num_bytes()?) {
        (TypeChar::Bool, 1) => Element::Bool,
        // Written by `quantize_embeddings` of sentence-transformers. The signs are used.
        (TypeChar::Int, 1) => Element::Quantised,
        (TypeChar::Int, 2) => Element::I16,
        (TypeChar::Int, 4) => Element::I32,
        (TypeChar::Int, 8) => Element::I64,
        (TypeChar::Uint, 1) => Element::U8,
        (TypeChar::Uint, 2) => Element::U16,
        (TypeChar::Uint, 4) => Element::U32,
        (TypeChar::Uint, 8) => Element::U64,
        (TypeChar::Float, 2) => Element::F16,
        (TypeChar::Float, 4) => Element::F32,
        (TypeChar::Float, 8) => Element::F64,
        _ => return None,
    };
    Some((kind, element.endianness() == Endianness::Big))
}
