//! Parses encrypted distances from MessagePack: an array of rows `[[ciphertext], chunk_id]`.

use rmp::decode::{NumValueReadError, ValueReadError, read_array_len, read_bin_len, read_int};
use std::io;

/// A block of encrypted distances and their chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// The ids of the chunks.
    pub chunk_ids: Vec<u64>,
    /// The ciphertexts as consecutive little-endian integers of the key's length, the input of
    /// `ExecutionContext::import`.
    pub integers: Vec<u8>,
}

/// A streaming parser of rows. It buffers at most the latest bytes and part of a row.
#[derive(Debug)]
pub struct Rows {
    /// The maximum size of a ciphertext, in bytes.
    size: usize,
    /// The number of rows still to come, once it is known.
    left: Option<u32>,
    bytes: Vec<u8>,
    /// How many of `bytes` are consumed.
    taken: usize,
}

/// Why parsing stopped: more bytes are needed, or the bytes are invalid.
enum Stop {
    Incomplete,
    Malformed(&'static str),
}

fn stopped(error: &io::Error, what: &'static str) -> Stop {
    if error.kind() == io::ErrorKind::UnexpectedEof { Stop::Incomplete } else { Stop::Malformed(what) }
}

fn value<T>(read: Result<T, ValueReadError>, what: &'static str) -> Result<T, Stop> {
    read.map_err(|error| match error {
        ValueReadError::InvalidMarkerRead(error) | ValueReadError::InvalidDataRead(error) => stopped(&error, what),
        ValueReadError::TypeMismatch(_) => Stop::Malformed(what),
    })
}

fn number(read: Result<u64, NumValueReadError>, what: &'static str) -> Result<u64, Stop> {
    read.map_err(|error| match error {
        NumValueReadError::InvalidMarkerRead(error) | NumValueReadError::InvalidDataRead(error) => {
            stopped(&error, what)
        }
        NumValueReadError::TypeMismatch(_) | NumValueReadError::OutOfRange => Stop::Malformed(what),
    })
}

impl Rows {
    /// Creates a parser for ciphertexts of up to `size` bytes.
    pub fn new(size: usize) -> Self {
        Self { size, left: None, bytes: Vec::new(), taken: 0 }
    }

    /// Adds received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the number of rows still to come, once it is known.
    ///
    /// # Errors
    /// The reason, if the bytes are invalid.
    pub fn left(&mut self) -> Result<Option<u32>, &'static str> {
        if self.left.is_none() {
            self.left = self.take(|bytes| value(read_array_len(bytes), "they are not an array of rows"))?;
        }
        Ok(self.left)
    }

    /// Returns whether all rows have been read.
    pub fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    /// Returns whether there are bytes after the last row.
    pub fn has_more(&self) -> bool {
        self.is_done() && self.bytes.len() > self.taken
    }

    /// Appends the next row to a block. Returns `false` if it has not arrived completely.
    ///
    /// # Errors
    /// The reason, if the bytes are invalid.
    pub fn next(&mut self, block: &mut Block) -> Result<bool, &'static str> {
        let Some(left) = self.left()?.and_then(|left| left.checked_sub(1)) else { return Ok(false) };
        let size = self.size;
        let row = self.take(|bytes| {
            if value(read_array_len(bytes), "a row is not an array")? != 2 {
                return Err(Stop::Malformed("a row does not have two parts"));
            }
            if value(read_array_len(bytes), "a row has no array of ciphertexts")? != 1 {
                return Err(Stop::Malformed("a row does not have exactly one ciphertext"));
            }
            let length = value(read_bin_len(bytes), "a ciphertext is not binary")? as usize;
            if length > size {
                return Err(Stop::Malformed("a ciphertext is longer than this key allows"));
            }
            let (ciphertext, rest) = bytes.split_at_checked(length).ok_or(Stop::Incomplete)?;
            *bytes = rest;
            let id = number(read_int(bytes), "a chunk_id is not an integer >= 0")?;
            block.integers.extend_from_slice(ciphertext);
            block.integers.resize(block.integers.len() + size - length, 0);
            block.chunk_ids.push(id);
            Ok(())
        })?;
        if row.is_some() {
            self.left = Some(left);
        }
        Ok(row.is_some())
    }

    /// Parses a value with `read`. Returns `None` if more bytes are needed.
    fn take<T>(&mut self, read: impl FnOnce(&mut &[u8]) -> Result<T, Stop>) -> Result<Option<T>, &'static str> {
        let mut bytes = self.bytes.get(self.taken..).unwrap_or_default();
        match read(&mut bytes) {
            Ok(value) => {
                self.taken = self.bytes.len() - bytes.len();
                Ok(Some(value))
            }
            Err(Stop::Incomplete) => Ok(None),
            Err(Stop::Malformed(what)) => Err(what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rmp::encode::{write_array_len, write_bin, write_uint};

    fn encoded(rows: &[(&[u8], u64)]) -> Vec<u8> {
        let mut out = Vec::new();
        write_array_len(&mut out, u32::try_from(rows.len()).unwrap()).unwrap();
        for (ciphertext, id) in rows {
            write_array_len(&mut out, 2).unwrap();
            write_array_len(&mut out, 1).unwrap();
            write_bin(&mut out, ciphertext).unwrap();
            write_uint(&mut out, *id).unwrap();
        }
        out
    }

    #[test]
    fn rows_arrive_in_pieces_of_any_size() {
        let rows: Vec<(&[u8], u64)> = vec![(&[1, 2, 3, 4], 1), (&[], 300), (&[9], u64::MAX), (&[5, 6], 70_000)];
        let bytes = encoded(&rows);
        for piece in 1..=bytes.len() {
            let (mut parser, mut block) = (Rows::new(4), Block::default());
            for piece in bytes.chunks(piece) {
                assert!(!parser.has_more());
                parser.push(piece);
                while parser.next(&mut block).unwrap() {}
            }
            assert_eq!((parser.left(), parser.has_more()), (Ok(Some(0)), false));
            assert_eq!(block.chunk_ids, [1, 300, u64::MAX, 70_000]);
            assert_eq!(block.integers, [1, 2, 3, 4, 0, 0, 0, 0, 9, 0, 0, 0, 5, 6, 0, 0]);
        }
    }

    #[test]
    fn bytes_after_the_last_row_are_noticed() {
        let (mut parser, mut block) = (Rows::new(4), Block::default());
        parser.push(&encoded(&[]));
        assert_eq!(parser.next(&mut block), Ok(false));
        parser.push(&[0]);
        assert!(parser.has_more());
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(pieces in proptest::collection::vec(proptest::collection::vec(0u8.., 0..40), 0..8)) {
            let (mut parser, mut block) = (Rows::new(4), Block::default());
            for piece in pieces {
                parser.push(&piece);
                while parser.next(&mut block).unwrap_or(false) {}
                assert_eq!(block.integers.len(), 4 * block.chunk_ids.len());
            }
        }
    }

    #[test]
    fn malformed_bytes_are_refused() {
        for (bytes, why) in [
            (&[0xc0][..], "they are not an array of rows"),
            (&[0x91, 0xc0], "a row is not an array"),
            (&[0x91, 0x93], "a row does not have two parts"),
            (&[0x91, 0x92, 0xc0], "a row has no array of ciphertexts"),
            (&[0x91, 0x92, 0x92], "a row does not have exactly one ciphertext"),
            (&[0x91, 0x92, 0x91, 0xa1], "a ciphertext is not binary"),
            (&[0x91, 0x92, 0x91, 0xc6, 0xff, 0xff, 0xff, 0xff], "a ciphertext is longer than this key allows"),
            (&[0x91, 0x92, 0x91, 0xc4, 1, 7, 0xff], "a chunk_id is not an integer >= 0"),
        ] {
            let mut parser = Rows::new(4);
            parser.push(bytes);
            let mut block = Block::default();
            assert_eq!(parser.next(&mut block), Err(why));
            assert_eq!(block, Block::default());
        }
    }
}
