//! Files and standard input, read once from the start to the end.

use crate::failure::Failure;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const BUFFER: usize = 1 << 20;

/// Something to read from, and what messages call it.
pub struct Reader {
    bytes: Bytes,
    name: PathBuf,
}

enum Bytes {
    File(BufReader<File>),
    Stream(BufReader<Box<dyn Read + Send>>),
}

impl Reader {
    /// Opens a file; `-` is standard input.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if is_standard_input(path) {
            return Ok(Self::stream(std::io::stdin(), Path::new("standard input")));
        }
        let file = File::open(path).map_err(Failure::io("open", path))?;
        if path.is_dir() {
            return Err(Failure::Other(format!("{} is a folder; give the files in it", path.display())));
        }
        if is_stream(path) {
            return Ok(Self::stream(file, path));
        }
        Ok(Self { bytes: Bytes::File(BufReader::with_capacity(BUFFER, file)), name: path.to_owned() })
    }

    /// Anything that can be read, called `name`.
    pub fn stream(stream: impl Read + Send + 'static, name: &Path) -> Self {
        let bytes = Bytes::Stream(BufReader::with_capacity(BUFFER, Box::new(stream)));
        Self { bytes, name: name.to_owned() }
    }

    /// What messages call it.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// That it is not what it should be.
    pub fn wrong(&self, reason: impl std::fmt::Display) -> Failure {
        wrong(&self.name, reason)
    }

    /// The file, from its start, if it is one.
    pub fn into_file(self) -> Option<File> {
        match self.bytes {
            Bytes::File(reader) => Some(reader.into_inner()),
            Bytes::Stream(_) => None,
        }
    }

    /// How long it is, if it is a file.
    pub fn file_bytes(&self) -> Option<u64> {
        match &self.bytes {
            Bytes::File(reader) => reader.get_ref().metadata().ok().map(|file| file.len()),
            Bytes::Stream(_) => None,
        }
    }

    /// Goes to a place in the file, counted from its start.
    pub fn seek(&mut self, place: u64) -> Result<(), Failure> {
        let found = match &mut self.bytes {
            Bytes::File(reader) => reader.seek(SeekFrom::Start(place)),
            Bytes::Stream(_) => Err(ErrorKind::NotSeekable.into()),
        };
        found.map(drop).map_err(Failure::io("read", &self.name))
    }

    /// Passes over bytes. Whether there were so many shows when more are read.
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

/// Whether a path is something that can be read only once: standard input, or a pipe.
pub fn is_stream(path: &Path) -> bool {
    is_standard_input(path) || path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Whether a path stands for standard input.
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// That a file is not what it should be.
pub fn wrong(name: &Path, reason: impl std::fmt::Display) -> Failure {
    Failure::Other(format!("{}: {reason}", name.display()))
}
