//! Ciphertexts in NumPy's `.npy` files: (N, bytes) uint8.

use crate::failure::Failure;
use crate::npy_header;
use crate::output_file::OutputFile;
use npyz::{NpyFile, NpyReader, NpyWriter, Order, WriterBuilder};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

/// The number of ciphertexts read at a time.
const BLOCK: usize = 4096;

/// An array that is read row by row.
pub struct Reader {
    data: NpyReader<u8, BufReader<File>>,
    path: PathBuf,
    rows: u64,
    bytes: usize,
}

impl Reader {
    pub fn open(path: &Path, bytes: usize) -> Result<Self, Failure> {
        let wrong = |reason: String| Failure::Other(format!("{}: {reason}", path.display()));
        let file = File::open(path).map_err(Failure::io("open", path))?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let header = npy_header::read(&mut reader)
            .map_err(|error| wrong(format!("neither a readable .npy file nor Parquet ({error})")))?;
        let npy = NpyFile::with_header(header, reader);
        let shape = npy.shape().to_vec();
        let rows = match shape.as_slice() {
            [rows, width] if *width == bytes as u64 => *rows,
            _ => return Err(wrong(format!("has the shape {shape:?}, expected (N, {bytes}) for this key"))),
        };
        if npy.order() == Order::Fortran && rows > 1 {
            return Err(wrong("is in Fortran order; save it as numpy.ascontiguousarray(ciphertexts)".to_owned()));
        }
        let dtype = npy.dtype();
        let data = npy.data().map_err(|_| wrong(format!("holds {}, expected uint8", dtype.descr())))?;
        Ok(Self { data, path: path.to_owned(), rows, bytes })
    }

    pub fn len(&self) -> u64 {
        self.rows
    }

    pub fn read_block(&mut self) -> Result<Vec<u8>, Failure> {
        let block: std::io::Result<Vec<u8>> = self.data.by_ref().take(BLOCK * self.bytes).collect();
        let path = self.path.display();
        block.map_err(|error| Failure::Other(format!("{path}: cannot be read to the end: {error}")))
    }
}

/// An array that is written row by row.
pub struct Writer {
    writer: NpyWriter<u8, BufWriter<File>>,
    file: OutputFile,
    path: PathBuf,
}

impl Writer {
    pub fn create(path: &Path, rows: u64, bytes: usize) -> Result<Self, Failure> {
        let (file, buffer) = OutputFile::create(path)?;
        let options = npyz::WriteOptions::new().default_dtype().shape(&[rows, bytes as u64]);
        let writer = options.writer(buffer).begin_nd().map_err(Failure::io("write", path))?;
        Ok(Self { writer, file, path: path.to_owned() })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.writer.extend(bytes.iter().copied()).map_err(Failure::io("write", &self.path))
    }

    pub fn finish(self) -> Result<(), Failure> {
        self.writer.finish().map_err(Failure::io("write", &self.path))?;
        self.file.finish()
    }
}
