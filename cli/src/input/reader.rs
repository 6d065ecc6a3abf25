//! Readers of files and standard input.

use super::compressed::{decompressed, is_compressed};
use crate::failure::Failure;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const BUFFER: usize = 1 << 20;

/// A reader of a file or stream, with its name for messages.
pub struct Reader {
    bytes: Bytes,
    compressed: bool,
    name: PathBuf,
}

enum Bytes {
    File(BufReader<File>),
    /// Standard input, a pipe or a compressed file.
    Stream(BufReader<Box<dyn Read + Send>>),
}

impl Reader {
    /// Opens a file, or standard input for `-`.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if is_standard_input(path) {
            return Self::stream(std::io::stdin(), Path::new("standard input"));
        }
        let file = File::open(path).map_err(Failure::io("open", path))?;
        if path.is_dir() {
            return Err(Failure::Other(format!("{} is a folder; give the files in it", path.display())));
        }
        if is_stream(path)? {
            return Self::stream(file, path);
        }
        let bytes = Bytes::File(BufReader::with_capacity(BUFFER, file));
        Ok(Self { bytes, compressed: false, name: path.to_owned() })
    }

    /// Reads a stream, compressed or not. Messages call it `name`.
    pub fn stream(stream: impl Read + Send + 'static, name: &Path) -> Result<Self, Failure> {
        let (stream, compressed) = decompressed(stream, BUFFER).map_err(Failure::io("read", name))?;
        let bytes = Bytes::Stream(BufReader::with_capacity(BUFFER, stream));
        Ok(Self { bytes, compressed, name: name.to_owned() })
    }

    /// Returns the name for messages.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Returns the error "`name`: `reason`".
    pub fn wrong(&self, reason: impl std::fmt::Display) -> Failure {
        wrong(&self.name, reason)
    }

    /// Returns the file, if this is one.
    #[cfg(feature = "tables")]
    pub fn into_file(self) -> Option<File> {
        match self.bytes {
            Bytes::File(reader) => Some(reader.into_inner()),
            Bytes::Stream(_) => None,
        }
    }

    /// Returns the length in bytes, if this is a file.
    pub fn file_bytes(&self) -> Option<u64> {
        match &self.bytes {
            Bytes::File(reader) => reader.get_ref().metadata().ok().map(|file| file.len()),
            Bytes::Stream(_) => None,
        }
    }

    /// Reads past the last row of a compressed stream, so that its checksum is verified.
    pub fn check_end(&mut self) -> Result<(), Failure> {
        if let Bytes::Stream(reader) = &mut self.bytes
            && self.compressed
        {
            reader.fill_buf().map_err(Failure::io("read", &self.name))?;
        }
        Ok(())
    }

    /// Returns the position in the file.
    pub fn position(&mut self) -> Result<u64, Failure> {
        let found = match &mut self.bytes {
            Bytes::File(reader) => reader.stream_position(),
            Bytes::Stream(_) => Err(ErrorKind::NotSeekable.into()),
        };
        found.map_err(Failure::io("read", &self.name))
    }

    /// Seeks to a position in the file.
    pub fn seek(&mut self, position: u64) -> Result<(), Failure> {
        let found = match &mut self.bytes {
            Bytes::File(reader) => reader.seek(SeekFrom::Start(position)),
            Bytes::Stream(_) => Err(ErrorKind::NotSeekable.into()),
        };
        found.map(drop).map_err(Failure::io("read", &self.name))
    }

    /// Skips bytes. Skipping past the end is no error here; the next read fails.
    pub fn skip(&mut self, bytes: u64) -> Result<(), Failure> {
        let skipped = match &mut self.bytes {
            Bytes::File(reader) if bytes <= i64::MAX as u64 => reader.seek_relative(bytes.cast_signed()),
            Bytes::File(reader) => io::copy(&mut reader.take(bytes), &mut io::sink()).map(drop),
            Bytes::Stream(reader) => io::copy(&mut reader.take(bytes), &mut io::sink()).map(drop),
        };
        skipped.map_err(Failure::io("read", &self.name))
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.bytes {
            Bytes::File(reader) => reader.read(buffer),
            Bytes::Stream(reader) => reader.read(buffer),
        }
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match &mut self.bytes {
            Bytes::File(reader) => reader.fill_buf(),
            Bytes::Stream(reader) => reader.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match &mut self.bytes {
            Bytes::File(reader) => reader.consume(amount),
            Bytes::Stream(reader) => reader.consume(amount),
        }
    }
}

/// Returns whether a path can only be read from start to end: standard input, a pipe or a compressed file.
pub fn is_stream(path: &Path) -> Result<bool, Failure> {
    if is_standard_input(path) {
        return Ok(true);
    }
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {
            let mut start = Vec::new();
            let file = File::open(path).map_err(Failure::io("open", path))?;
            file.take(4).read_to_end(&mut start).map_err(Failure::io("read", path))?;
            Ok(is_compressed(&start))
        }
        Ok(metadata) => Ok(!metadata.is_dir()),
        // Opening the file will report the error.
        Err(_) => Ok(false),
    }
}

/// Returns whether a path is `-`, standard input.
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Returns the error "`name`: `reason`".
pub fn wrong(name: &Path, reason: impl std::fmt::Display) -> Failure {
    Failure::Other(format!("{}: {reason}", name.display()))
}
