//! The MessagePack in which encrypted distances arrive: an array of rows `[[ciphertext], chunk_id]`.

use rmp::decode::{NumValueReadError, ValueReadError, read_array_len, read_bin_len, read_int};
use std::io;

/// Some encrypted distances, and the chunks that they belong to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// The numbers of the chunks.
    pub chunk_ids: Vec<u64>,
    /// The ciphertexts as little-endian integers of the key's length, one after the other, as
    /// `ExecutionContext::import` takes them.
    pub integers: Vec<u8>,
}

/// Takes rows out of bytes as they come. Keeps no more than what it was given last, and part of a row.
#[derive(Debug)]
pub struct Rows {
    /// Bytes of a ciphertext, at most.
    size: usize,
    /// Rows that are announced and not taken, once their number has come.
    left: Option<u32>,
    bytes: Vec<u8>,
    /// Of `bytes`, how many are taken.
    taken: usize,
}

/// Why bytes are no row: there will be more, or nothing can become of them.
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
    /// For ciphertexts of up to `size` bytes.
    pub fn new(size: usize) -> Self {
        Self { size, left: None, bytes: Vec::new(), taken: 0 }
    }

    /// More bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Rows that are to come, once that is known.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn left(&mut self) -> Result<Option<u32>, &'static str> {
        if self.left.is_none() {
            self.left = self.take(|bytes| value(read_array_len(bytes), "it is no array of rows"))?;
        }
        Ok(self.left)
    }

    /// Whether all rows are taken.
    pub fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    /// Whether there is something behind the last row.
    pub fn has_more(&self) -> bool {
        self.is_done() && self.bytes.len() > self.taken
    }

    /// Moves the next row to a block, if it is there.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn next(&mut self, block: &mut Block) -> Result<bool, &'static str> {
        let Some(left) = self.left()?.and_then(|left| left.checked_sub(1)) else { return Ok(false) };
        let size = self.size;
        let row = self.take(|bytes| {
            if value(read_array_len(bytes), "a row is no array")? != 2 {
                return Err(Stop::Malformed("a row has not two parts"));
            }
            if value(read_array_len(bytes), "a row has no array of ciphertexts")? != 1 {
                return Err(Stop::Malformed("a row has not one ciphertext"));
            }
            let length = value(read_bin_len(bytes), "a ciphertext is not binary")? as usize;
            if length > size {
                return Err(Stop::Malformed("a ciphertext is longer than any of this key"));
            }
            let (ciphertext, rest) = bytes.split_at_checked(length).ok_or(Stop::Incomplete)?;
            *bytes = rest;
            let id = number(read_int(bytes), "the number of a chunk is none")?;
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

    /// What `read` makes of the next bytes, if they are all there.
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
    fn what_is_behind_the_last_row_is_noticed() {
        let (mut parser, mut block) = (Rows::new(4), Block::default());
        parser.push(&encoded(&[]));
        assert_eq!(parser.next(&mut block), Ok(false));
        parser.push(&[0]);
        assert!(parser.has_more());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(pieces in proptest::collection::vec(proptest::collection::vec(0u8.., 0..40), 0..8)) {
            let (mut parser, mut block) = (Rows::new(4), Block::default());
            for piece in pieces {
                parser.push(&piece);
                while parser.next(&mut block).unwrap_or(false) {}
                assert_eq!(block.integers.len(), 4 * block.chunk_ids.len());
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for (bytes, why) in [
            (&[0xc0][..], "it is no array of rows"),
            (&[0x91, 0xc0], "a row is no array"),
            (&[0x91, 0x93], "a row has not two parts"),
            (&[0x91, 0x92, 0xc0], "a row has no array of ciphertexts"),
            (&[0x91, 0x92, 0x92], "a row has not one ciphertext"),
            (&[0x91, 0x92, 0x91, 0xa1], "a ciphertext is not binary"),
            (&[0x91, 0x92, 0x91, 0xc6, 0xff, 0xff, 0xff, 0xff], "a ciphertext is longer than any of this key"),
            (&[0x91, 0x92, 0x91, 0xc4, 1, 7, 0xff], "the number of a chunk is none"),
        ] {
            let mut parser = Rows::new(4);
            parser.push(bytes);
            let mut block = Block::default();
            assert_eq!(parser.next(&mut block), Err(why));
            assert_eq!(block, Block::default());
        }
    }
}
