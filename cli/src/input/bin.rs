//! Vectors in the format of big-ann-benchmarks: two 32-bit integers, N and D, then N × D elements.

use super::layout::Layout;
use super::npy::check_columns;
use super::raw::{Element, Rows};
use super::reader::Reader;
use crate::failure::Failure;
use std::io::Read;

const HEADER: usize = 8;

/// Opens `.fbin` (32-bit floats), `.i8bin` (int8, of which the signs are used) or `.u8bin` (0 and 1, or packed bits).
pub fn open(mut reader: Reader, element: Element, dimensions: usize, layout: &Layout) -> Result<Rows, Failure> {
    let element = match (element, layout.packed) {
        (Element::U8, true) => Element::Packed,
        (_, true) => return Err(reader.wrong("--packed needs bytes: .u8bin, or uint8 in .npy")),
        (element, false) => element,
    };
    let mut header = [0; HEADER];
    reader.read_exact(&mut header).map_err(|_| reader.wrong("is shorter than its header of 8 bytes"))?;
    let [rows, columns] = [0, 4].map(|at| header.iter().skip(at).take(4).rev().fold(0, |x, b| x << 8 | u64::from(*b)));
    let columns = check_columns(&reader, columns, dimensions, element, layout)?;
    let rows = Rows::new(reader, element, false, columns, rows);
    let expected = HEADER as u64 + rows.rows * columns as u64 * if element == Element::F32 { 4 } else { 1 };
    match rows.reader.file_bytes() {
        Some(bytes) if bytes != expected => Err(rows.reader.wrong(format!(
            "has {bytes} bytes, but its header says {} of {columns} columns, which are {expected} bytes",
            crate::output::count(rows.rows, "row")
        ))),
        _ => Ok(rows),
    }
}
