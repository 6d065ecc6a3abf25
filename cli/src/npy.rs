//! Vectors in NumPy's `.npy` files, read row by row.

pub mod ids;

use crate::failure::Failure;
use clap::Args;
use hushvec::{BitMatrix, Error};
use npyz::{DType, NpyFile, NpyReader, Order, TypeChar, WriterBuilder};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

/// How the bits of an input file are written.
#[derive(Args, Clone, Debug)]
pub struct Packing {
    /// The file holds bits packed into bytes, as `numpy.packbits` makes them, instead of one number a dimension
    #[arg(long)]
    pub packed: bool,
}

/// Vectors in a file: booleans, integers 0 and 1, floats (1 where above zero), or packed bits.
pub struct Vectors<R: Read = BufReader<File>> {
    elements: Elements<R>,
    path: PathBuf,
    rows: u64,
    columns: usize,
    dimensions: usize,
    packed: bool,
    next: u64,
    /// What is wrong with the next row, once it is known.
    failure: Option<Failure>,
}

/// The element types that vectors come in.
enum Elements<R: Read> {
    Bool(NpyReader<bool, R>),
    I8(NpyReader<i8, R>),
    I16(NpyReader<i16, R>),
    I32(NpyReader<i32, R>),
    I64(NpyReader<i64, R>),
    U8(NpyReader<u8, R>),
    U16(NpyReader<u16, R>),
    U32(NpyReader<u32, R>),
    U64(NpyReader<u64, R>),
    F16(NpyReader<npyz::half::f16, R>),
    F32(NpyReader<f32, R>),
    F64(NpyReader<f64, R>),
}

/// One row of whatever type.
enum Row {
    Integers(Vec<i128>),
    Bytes(Vec<u8>),
    Floats(Vec<f64>),
    Packed(Vec<u8>),
}

impl Vectors {
    /// Opens a file of vectors of `dimensions` dimensions: (N, D), or (D,) for a single one.
    pub fn open(path: &Path, dimensions: usize, packing: &Packing) -> Result<Self, Failure> {
        let file = File::open(path).map_err(Failure::io("open", path))?;
        Self::read(BufReader::with_capacity(1 << 20, file), path, dimensions, packing.packed)
    }
}

impl<R: Read> Vectors<R> {
    /// [`Vectors::open`] of anything readable.
    pub fn read(reader: R, path: &Path, dimensions: usize, packed: bool) -> Result<Self, Failure> {
        let wrong = |reason: String| Failure::Other(format!("{}: {reason}", path.display()));
        let npy = NpyFile::new(reader).map_err(|error| wrong(format!("not a readable .npy file ({error})")))?;
        let (rows, columns) = match *npy.shape() {
            [columns] => (1, columns),
            [rows, columns] => (rows, columns),
            ref shape => {
                return Err(wrong(format!("has the shape {shape:?}, expected (N, {dimensions}) or ({dimensions},)")));
            }
        };
        let fortran = npy.order() == Order::Fortran && rows > 1 && columns > 1;
        if fortran {
            return Err(wrong("is in Fortran order; save numpy.ascontiguousarray(vectors)".to_owned()));
        }
        let expected = if packed { dimensions.div_ceil(8) } else { dimensions };
        if columns != expected as u64 {
            let unit = if packed { "packed bytes" } else { "dimensions" };
            let hint = if !packed && columns == dimensions.div_ceil(8) as u64 { " (is it --packed?)" } else { "" };
            return Err(wrong(format!("has {columns} {unit} a vector, the context needs {expected}{hint}")));
        }
        let dtype = npy.dtype();
        let Some(elements) = elements(npy).filter(|elements| !packed || matches!(elements, Elements::U8(_))) else {
            let wanted = if packed { "uint8" } else { "booleans, integers or floats" };
            return Err(wrong(format!("holds {}, expected {wanted}", dtype.descr())));
        };
        Ok(Self {
            elements,
            path: path.to_owned(),
            rows,
            columns: expected,
            dimensions,
            packed,
            next: 0,
            failure: None,
        })
    }

    /// How many vectors the file says it has.
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// Passes over rows without looking at them.
    pub fn skip(&mut self, rows: u64) -> Result<(), Failure> {
        for _ in 0..rows {
            self.row()?;
            self.next += 1;
        }
        Ok(())
    }

    /// Up to `most` more vectors; none at the end. A row that cannot be used ends the block before it, and is the next
    /// call's failure: nothing before it is lost.
    pub fn read_block(&mut self, most: usize) -> Result<BitMatrix, Failure> {
        let mut block = BitMatrix::new(self.dimensions);
        while self.failure.is_none() && self.next < self.rows && block.len() < most {
            match self.push_row(&mut block) {
                Ok(()) => self.next += 1,
                Err(failure) => self.failure = Some(failure),
            }
        }
        match self.failure.take() {
            Some(failure) if block.is_empty() => Err(failure),
            failure => {
                self.failure = failure;
                Ok(block)
            }
        }
    }

    /// All vectors that are left.
    pub fn read_all(&mut self) -> Result<BitMatrix, Failure> {
        let all = self.read_block(usize::MAX)?;
        self.failure.take().map_or(Ok(all), Err)
    }

    fn push_row(&mut self, block: &mut BitMatrix) -> Result<(), Failure> {
        let pushed = match self.row()? {
            Row::Integers(integers) => push_integers(block, &integers),
            Row::Bytes(bytes) => block.push_bits(&bytes),
            Row::Floats(floats) => block.push_floats(&floats),
            Row::Packed(bytes) => block.push_packed(&bytes),
        };
        // The matrix counts rows from the start of the block, the message counts from the start of the file.
        pushed.map_err(|error| Failure::Engine(at_row(error, self.next).in_file(&self.path)))
    }

    fn row(&mut self) -> Result<Row, Failure> {
        let (row, columns) = (self.next, self.columns);
        let integers = |values: std::io::Result<Vec<i128>>| values.map(Row::Integers);
        let taken = match &mut self.elements {
            Elements::Bool(x) => integers(x.take(columns).map(|x| x.map(i128::from)).collect()),
            Elements::I8(x) => integers(x.take(columns).map(|x| x.map(i128::from)).collect()),
            Elements::I16(x) => integers(x.take(columns).map(|x| x.map(i128::from)).collect()),
            Elements::I32(x) => integers(x.take(columns).map(|x| x.map(i128::from)).collect()),
            Elements::I64(x) => integers(x.take(columns).map(|x| x.map(i128::from)).collect()),
            Elements::U8(x) => x
                .take(columns)
                .collect::<std::io::Result<_>>()
                .map(|row| if self.packed { Row::Packed(row) } else { Row::Bytes(row) }),
            Elements::U16(x) => integers(x.take(columns).map(|x| x.map(i128::from)).collect()),
            Elements::U32(x) => integers(x.take(columns).map(|x| x.map(i128::from)).collect()),
            Elements::U64(x) => integers(x.take(columns).map(|x| x.map(i128::from)).collect()),
            Elements::F16(x) => {
                x.take(columns).map(|x| x.map(f64::from)).collect::<std::io::Result<_>>().map(Row::Floats)
            }
            Elements::F32(x) => {
                x.take(columns).map(|x| x.map(f64::from)).collect::<std::io::Result<_>>().map(Row::Floats)
            }
            Elements::F64(x) => x.take(columns).collect::<std::io::Result<_>>().map(Row::Floats),
        };
        taken.map_err(|error| {
            let (path, rows) = (self.path.display(), self.rows);
            Failure::Other(match error.kind() {
                std::io::ErrorKind::UnexpectedEof => {
                    format!("{path}: ends in row {row}, but its header says {rows} rows")
                }
                _ => format!("{path}: row {row} cannot be read: {error}"),
            })
        })
    }
}

fn elements<R: Read>(npy: NpyFile<R>) -> Option<Elements<R>> {
    let DType::Plain(element) = npy.dtype() else { return None };
    let size = element.num_bytes();
    match (element.type_char(), size) {
        (TypeChar::Bool, _) => npy.data().ok().map(Elements::Bool),
        (TypeChar::Int, Some(1)) => npy.data().ok().map(Elements::I8),
        (TypeChar::Int, Some(2)) => npy.data().ok().map(Elements::I16),
        (TypeChar::Int, Some(4)) => npy.data().ok().map(Elements::I32),
        (TypeChar::Int, Some(8)) => npy.data().ok().map(Elements::I64),
        (TypeChar::Uint, Some(1)) => npy.data().ok().map(Elements::U8),
        (TypeChar::Uint, Some(2)) => npy.data().ok().map(Elements::U16),
        (TypeChar::Uint, Some(4)) => npy.data().ok().map(Elements::U32),
        (TypeChar::Uint, Some(8)) => npy.data().ok().map(Elements::U64),
        (TypeChar::Float, Some(2)) => npy.data().ok().map(Elements::F16),
        (TypeChar::Float, Some(4)) => npy.data().ok().map(Elements::F32),
        (TypeChar::Float, Some(8)) => npy.data().ok().map(Elements::F64),
        _ => None,
    }
}

fn push_integers(block: &mut BitMatrix, integers: &[i128]) -> Result<(), Error> {
    if let Some((column, value)) = integers.iter().enumerate().find(|(_, x)| !(0..=1).contains(*x)) {
        return Err(Error::NotBinary { row: 0, column, value: value.to_string() });
    }
    let bits: Vec<u8> = integers.iter().map(|x| u8::from(*x == 1)).collect();
    block.push_bits(&bits)
}

fn at_row(error: Error, row: u64) -> Error {
    match error {
        Error::NotBinary { column, value, .. } => Error::NotBinary { row, column, value },
        Error::NotANumber { column, .. } => Error::NotANumber { row, column },
        Error::Dimension { expected, actual, .. } => Error::Dimension { row, expected, actual },
        other => other,
    }
}

/// Raw ciphertexts in a file: (N, bytes) uint8, one little-endian integer a row.
pub struct RawReader {
    data: NpyReader<u8, BufReader<File>>,
    path: PathBuf,
    rows: u64,
    bytes: usize,
}

impl RawReader {
    pub fn open(path: &Path, bytes: usize) -> Result<Self, Failure> {
        let wrong = |reason: String| Failure::Other(format!("{}: {reason}", path.display()));
        let file = File::open(path).map_err(Failure::io("open", path))?;
        let npy = NpyFile::new(BufReader::with_capacity(1 << 20, file))
            .map_err(|error| wrong(format!("not a readable .npy file ({error})")))?;
        let shape = npy.shape().to_vec();
        let rows = match shape.as_slice() {
            [rows, width] if *width == bytes as u64 => *rows,
            _ => return Err(wrong(format!("has the shape {shape:?}, expected (N, {bytes}) for this key"))),
        };
        if npy.order() == Order::Fortran && rows > 1 {
            return Err(wrong("is in Fortran order; save numpy.ascontiguousarray(ciphertexts)".to_owned()));
        }
        let dtype = npy.dtype();
        let data = npy.data().map_err(|_| wrong(format!("holds {}, expected uint8", dtype.descr())))?;
        Ok(Self { data, path: path.to_owned(), rows, bytes })
    }

    pub fn len(&self) -> u64 {
        self.rows
    }

    /// The bytes of up to `most` more ciphertexts; none at the end.
    pub fn read_block(&mut self, most: usize) -> Result<Vec<u8>, Failure> {
        let block: std::io::Result<Vec<u8>> = self.data.by_ref().take(most * self.bytes).collect();
        let path = self.path.display();
        block.map_err(|error| Failure::Other(format!("{path}: cannot be read to its end: {error}")))
    }
}

/// Writes a file of `shape`, row by row.
pub struct Writer<T: npyz::Serialize + npyz::AutoSerialize> {
    writer: npyz::NpyWriter<T, BufWriter<File>>,
    path: PathBuf,
}

impl<T: npyz::Serialize + npyz::AutoSerialize> Writer<T> {
    pub fn create(path: &Path, shape: &[u64]) -> Result<Self, Failure> {
        let file = File::create(path).map_err(Failure::io("create", path))?;
        let writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(BufWriter::new(file)).begin_nd();
        Ok(Self { writer: writer.map_err(Failure::io("write", path))?, path: path.to_owned() })
    }

    pub fn write(&mut self, elements: impl IntoIterator<Item = T>) -> Result<(), Failure> {
        self.writer.extend(elements).map_err(Failure::io("write", &self.path))
    }

    pub fn finish(self) -> Result<(), Failure> {
        self.writer.finish().map_err(Failure::io("write", &self.path))
    }
}
