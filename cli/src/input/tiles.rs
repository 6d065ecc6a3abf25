//! Rows of an array that is stored column by column (Fortran order), read in tiles of several thousand rows.

use super::reader::Reader;
use crate::failure::Failure;
use std::io::Read;

/// The size of a tile in bytes.
const TILE_BYTES: usize = 32 << 20;

/// An array of `columns` columns, each of `rows` elements.
pub struct Tiles {
    /// The offset of the first column in the file.
    start: u64,
    rows: u64,
    columns: usize,
    element: usize,
    /// The rows in memory, row by row.
    tile: Vec<u8>,
    /// The first row of the tile.
    first: u64,
}

impl Tiles {
    pub fn new(start: u64, rows: u64, columns: usize, element: usize) -> Self {
        Self { start, rows, columns, element, tile: Vec::new(), first: 0 }
    }

    /// Returns the bytes of a row.
    pub fn row(&mut self, reader: &mut Reader, row: u64) -> Result<Vec<u8>, Failure> {
        let width = self.columns * self.element;
        let held = (self.tile.len() / width.max(1)) as u64;
        if row < self.first || row >= self.first + held {
            self.load(reader, row)?;
        }
        let at = usize::try_from(row - self.first).unwrap_or(usize::MAX).saturating_mul(width);
        self.tile.get(at..at.saturating_add(width)).map(<[u8]>::to_vec).ok_or_else(|| reader.wrong("ends too early"))
    }

    /// Loads a tile that starts at the row `first`.
    fn load(&mut self, reader: &mut Reader, first: u64) -> Result<(), Failure> {
        let width = self.columns * self.element;
        let most = (TILE_BYTES / width.max(1)).max(1) as u64;
        let rows = most.min(self.rows - first);
        let count = usize::try_from(rows).unwrap_or(usize::MAX);
        let (mut part, mut tile) = (vec![0; count * self.element], vec![0; count * width]);
        for column in 0..self.columns {
            let at = (column as u64 * self.rows + first) * self.element as u64;
            reader.seek(self.start + at)?;
            reader.read_exact(&mut part).map_err(|error| {
                reader.wrong(format!(
                    "column {column} cannot be read to the end: {error}; the header says {} rows",
                    self.rows
                ))
            })?;
            let elements = part.chunks_exact(self.element);
            for (row, element) in tile.chunks_exact_mut(width).zip(elements) {
                if let Some(place) = row.get_mut(column * self.element..(column + 1) * self.element) {
                    place.copy_from_slice(element);
                }
            }
        }
        (self.tile, self.first) = (tile, first);
        Ok(())
    }
}
