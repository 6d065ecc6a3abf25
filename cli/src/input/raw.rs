//! Arrays of fixed-size elements, as written by NumPy and big-ann-benchmarks.

use super::reader::Reader;
use super::row::{Components, Place};
use super::tiles::Tiles;
use crate::failure::Failure;
use npyz::half::f16;
use std::io::{ErrorKind, Read};

/// The type of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    Bool,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
    /// Packed bits.
    Packed,
    /// Packed bits minus 128, as sentence-transformers writes `binary` embeddings.
    PackedSigned,
    /// A real number quantised to an 8-bit integer. Its sign is used.
    Quantised,
}

impl Element {
    fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::Packed | Self::PackedSigned | Self::Quantised => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// Returns whether the element is a real number.
    pub fn is_real(self) -> bool {
        match self {
            Self::F16 | Self::F32 | Self::F64 | Self::Quantised => true,
            Self::Bool | Self::Packed | Self::PackedSigned => false,
            Self::I16 | Self::I32 | Self::I64 | Self::U8 | Self::U16 | Self::U32 | Self::U64 => false,
        }
    }

    /// Decodes a row of little-endian elements.
    fn decode(self, bytes: Vec<u8>) -> Components {
        macro_rules! each {
            ($kind:ident, $type:ty, $wide:ty) => {
                Components::$kind(
                    bytes.as_chunks().0.iter().map(|bytes| <$wide>::from(<$type>::from_le_bytes(*bytes))).collect(),
                )
            };
        }
        match self {
            Self::Bool | Self::U8 => Components::Bytes(bytes),
            Self::Packed => Components::Packed(bytes),
            Self::PackedSigned => Components::Packed(bytes.into_iter().map(|byte| byte ^ 0x80).collect()),
            Self::I16 => each!(Integers, i16, i128),
            Self::I32 => each!(Integers, i32, i128),
            Self::I64 => each!(Integers, i64, i128),
            Self::U16 => each!(Integers, u16, i128),
            Self::U32 => each!(Integers, u32, i128),
            Self::U64 => each!(Integers, u64, i128),
            Self::F16 => each!(Numbers, f16, f64),
            Self::F32 => each!(Numbers, f32, f64),
            Self::F64 => each!(Numbers, f64, f64),
            Self::Quantised => each!(Numbers, i8, f64),
        }
    }
}

/// An array of vectors.
pub struct Rows {
    pub reader: Reader,
    pub element: Element,
    pub big_endian: bool,
    /// The number of elements per row.
    pub columns: usize,
    pub rows: u64,
    next: u64,
    /// Set if the array is stored column by column.
    tiles: Option<Tiles>,
}

impl Rows {
    /// Creates an array from the position of `reader`.
    pub fn new(reader: Reader, element: Element, big_endian: bool, columns: usize, rows: u64) -> Self {
        Self { reader, element, big_endian, columns, rows, next: 0, tiles: None }
    }

    /// Like [`Rows::new`], for an array that is stored column by column. Needs a file, since it seeks.
    pub fn by_columns(
        mut reader: Reader,
        element: Element,
        big_endian: bool,
        columns: usize,
        rows: u64,
    ) -> Result<Self, Failure> {
        let Some(length) = reader.file_bytes() else {
            return Err(reader.wrong(
                "is in Fortran order, which must be read from an uncompressed file; or save it as \
                 numpy.ascontiguousarray(vectors)",
            ));
        };
        let start = reader.position()?;
        let bytes = rows.checked_mul(columns as u64).and_then(|count| count.checked_mul(element.bytes() as u64));
        if bytes.and_then(|bytes| bytes.checked_add(start)).is_none_or(|end| end > length) {
            return Err(reader.wrong(format!("is shorter than the {rows} rows in its header")));
        }
        let tiles = Some(Tiles::new(start, rows, columns, element.bytes()));
        Ok(Self { tiles, ..Self::new(reader, element, big_endian, columns, rows) })
    }

    fn row_bytes(&self) -> usize {
        self.columns * self.element.bytes()
    }

    /// Returns the row that was read last.
    pub fn place(&self) -> Place {
        Place::Row(self.next.saturating_sub(1))
    }

    /// Skips up to `rows` rows. Returns the number skipped.
    pub fn skip(&mut self, rows: u64) -> Result<u64, Failure> {
        let rows = rows.min(self.rows - self.next);
        if self.tiles.is_none() {
            self.reader.skip(rows.saturating_mul(self.row_bytes() as u64))?;
        }
        self.next += rows;
        Ok(rows)
    }

    fn read_row(&mut self) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; self.row_bytes()];
        self.reader.read_exact(&mut bytes).map_err(|error| {
            let (row, rows) = (self.next, self.rows);
            self.reader.wrong(match error.kind() {
                ErrorKind::UnexpectedEof => format!("ends in row {row}, but its header says {rows} rows"),
                _ => format!("row {row} cannot be read: {error}"),
            })
        })?;
        Ok(bytes)
    }

    /// Reads the next row. `None` at the end.
    pub fn next(&mut self) -> Result<Option<Components>, Failure> {
        if self.next >= self.rows {
            self.reader.check_end()?;
            return Ok(None);
        }
        let mut bytes = match &mut self.tiles {
            Some(tiles) => tiles.row(&mut self.reader, self.next)?,
            None => self.read_row()?,
        };
        if self.big_endian {
            bytes.chunks_exact_mut(self.element.bytes()).for_each(<[u8]>::reverse);
        }
        self.next += 1;
        Ok(Some(self.element.decode(bytes)))
    }
}
