//! The headers of NumPy's `.npy` files, checked before they are parsed.

use crate::guard::unless_it_panics;
use npyz::NpyHeader;
use std::io::{Error, Read, Result};

/// NumPy's own limit (`max_header_size`).
const LONGEST: u64 = 10_000;
/// The maximum nesting of brackets. The shape of an array has two levels, the fields of a record have four. The parser
/// takes time exponential in the nesting.
const DEEPEST: usize = 4;
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Reads the header, and nothing after it.
pub fn read(mut reader: impl Read) -> Result<NpyHeader> {
    let mut bytes = vec![0; 8];
    reader.read_exact(&mut bytes).map_err(|_| Error::other("its header is truncated"))?;
    let version = match bytes.split_first_chunk() {
        Some((magic, version)) if magic == MAGIC => version,
        _ => return Err(Error::other("it does not start with \\x93NUMPY")),
    };
    let width = if version.starts_with(&[1]) { 2 } else { 4 };
    let mut length = [0; 4];
    for byte in length.iter_mut().take(width) {
        reader.read_exact(std::slice::from_mut(byte)).map_err(|_| Error::other("its header is truncated"))?;
        bytes.push(*byte);
    }
    let length = u64::from(u32::from_le_bytes(length));
    if length > LONGEST {
        return Err(Error::other(format!("its header has {length} bytes; the maximum is {LONGEST} bytes")));
    }
    let start = bytes.len();
    if reader.take(length).read_to_end(&mut bytes)? as u64 != length {
        return Err(Error::other("its header is truncated"));
    }
    let mut depth = 0usize;
    for byte in bytes.iter().skip(start) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(Error::other("its header has too many nested brackets"));
        }
    }
    // The parser multiplies the shape without checking for overflow.
    unless_it_panics(|| NpyHeader::from_reader(bytes.as_slice()))
        .unwrap_or_else(|| Err(Error::other("its shape is too large")))
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

    /// A few dozen nested brackets would keep the parser busy for years.
    #[test]
    fn brackets_are_counted_first() {
        let error = read(header(&"[".repeat(60)).as_slice()).err().unwrap().to_string();
        assert!(error.contains("brackets"), "{error}");
        let long = [&b"\x93NUMPY\x02\x00"[..], &u32::MAX.to_le_bytes()].concat();
        assert!(read(long.as_slice()).err().unwrap().to_string().contains("the maximum is 10000"));
        assert!(read(&b"\x93NUMPX\x01\x00\x00\x00"[..]).is_err());
    }
}
