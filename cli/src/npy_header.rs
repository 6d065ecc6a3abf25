//! The headers of NumPy's `.npy` files, looked at before they are parsed.

use crate::guard::unless_it_panics;
use npyz::NpyHeader;
use std::io::{Error, Read, Result};

/// NumPy's own limit (`max_header_size`).
const LONGEST: u64 = 10_000;
/// Brackets within brackets. An array's shape has one in the dictionary's, a record's fields have three; the parser takes time
/// exponential in them.
const DEEPEST: usize = 4;
const MARK: &[u8; 6] = b"\x93NUMPY";

/// Reads the header, and nothing that comes after it.
pub fn read(mut reader: impl Read) -> Result<NpyHeader> {
    let mut bytes = vec![0; 8];
    reader.read_exact(&mut bytes).map_err(|_| Error::other("it ends in its header"))?;
    let version = match bytes.split_first_chunk() {
        Some((mark, version)) if mark == MARK => version,
        _ => return Err(Error::other("it does not begin as one")),
    };
    let width = if version.starts_with(&[1]) { 2 } else { 4 };
    let mut length = [0; 4];
    for byte in length.iter_mut().take(width) {
        reader.read_exact(std::slice::from_mut(byte)).map_err(|_| Error::other("it ends in its header"))?;
        bytes.push(*byte);
    }
    let length = u64::from(u32::from_le_bytes(length));
    if length > LONGEST {
        return Err(Error::other(format!("its header has {length} bytes, at most {LONGEST} are possible")));
    }
    let start = bytes.len();
    if reader.take(length).read_to_end(&mut bytes)? as u64 != length {
        return Err(Error::other("it ends in its header"));
    }
    let mut depth = 0usize;
    for byte in bytes.iter().skip(start) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(Error::other("its header has too many brackets within brackets"));
        }
    }
    // It multiplies whatever the shape may be.
    unless_it_panics(|| NpyHeader::from_reader(bytes.as_slice()))
        .unwrap_or_else(|| Err(Error::other("its shape is impossible")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Vec<u8> {
        let length = u16::try_from(text.len()).unwrap().to_le_bytes();
        [&b"\x93NUMPY\x01\x00"[..], &length, text.as_bytes(), b"and more"].concat()
    }

    #[test]
    fn nothing_beyond_the_header_is_read() {
        let bytes = header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 64), }\n");
        let mut rest = bytes.as_slice();
        assert_eq!(read(&mut rest).unwrap().shape(), [3, 64]);
        assert_eq!(rest, b"and more");
        for end in 0..bytes.len() - 8 {
            assert!(read(&bytes[..end]).is_err(), "{end}");
        }
    }

    /// A few dozen brackets would keep the parser busy for years.
    #[test]
    fn brackets_are_counted_first() {
        let error = read(header(&"[".repeat(60)).as_slice()).err().unwrap().to_string();
        assert!(error.contains("brackets"), "{error}");
        let long = [&b"\x93NUMPY\x02\x00"[..], &u32::MAX.to_le_bytes()].concat();
        assert!(read(long.as_slice()).err().unwrap().to_string().contains("at most 10000"));
        assert!(read(&b"\x93NUMPX\x01\x00\x00\x00"[..]).is_err());
    }
}
