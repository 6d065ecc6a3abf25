//! Ids in NumPy's `.npy` files: integers or strings, one per vector.

use crate::failure::Failure;
use crate::npy_header;
use crate::output_file::OutputFile;
use hushvec::{Id, IdKind, IdRef, Ids, Index};
use npyz::{DType, NpyFile, NpyWriter, TypeChar, TypeStr, WriterBuilder};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The maximum string width of a NumPy array, in characters.
const WIDEST: usize = 1 << 16;

/// Reads the ids in a one-dimensional file of 32- or 64-bit integers or of strings.
pub fn read(path: &Path) -> Result<Ids, Failure> {
    let wrong = |reason: String| Failure::Other(format!("{}: {reason}", path.display()));
    let file = File::open(path).map_err(Failure::io("open", path))?;
    let mut reader = BufReader::new(file);
    let header = npy_header::read(&mut reader).map_err(|error| wrong(format!("not a readable .npy file ({error})")))?;
    let npy = NpyFile::with_header(header, reader);
    if npy.shape().len() != 1 {
        return Err(wrong(format!("has the shape {:?}, expected (N,)", npy.shape())));
    }
    let described = npy.dtype().descr();
    let unusable = || wrong(format!("holds {described}, expected 32- or 64-bit integers or strings"));
    let DType::Plain(element) = npy.dtype() else { return Err(unusable()) };
    match (element.type_char(), element.num_bytes()) {
        (TypeChar::UnicodeStr, Some(bytes)) if bytes / 4 > WIDEST => Err(wrong(format!(
            "holds strings of up to {} characters; the maximum for an id is {} bytes",
            bytes / 4,
            Id::MOST_BYTES
        ))),
        (TypeChar::UnicodeStr, _) => {
            let texts = npy.data::<String>().map_err(|_| unusable())?;
            collect(path, texts.map(|text| text.map(Id::Text)))
        }
        (TypeChar::Int, Some(4)) => numbers(path, npy.data::<i32>().map_err(|_| unusable())?),
        (TypeChar::Int, Some(8)) => numbers(path, npy.data::<i64>().map_err(|_| unusable())?),
        (TypeChar::Uint, Some(4)) => numbers(path, npy.data::<u32>().map_err(|_| unusable())?),
        (TypeChar::Uint, Some(8)) => numbers(path, npy.data::<u64>().map_err(|_| unusable())?),
        _ => Err(unusable()),
    }
}

fn numbers<T>(path: &Path, ids: impl Iterator<Item = std::io::Result<T>>) -> Result<Ids, Failure>
where
    T: Copy + std::fmt::Display + TryInto<u64>,
{
    collect(path, ids.map(|id| number(id?)))
}

fn number<T: Copy + std::fmt::Display + TryInto<u64>>(id: T) -> std::io::Result<Id> {
    id.try_into().map(Id::Number).map_err(|_| std::io::Error::other(format!("{id} is negative")))
}

fn collect(path: &Path, ids: impl Iterator<Item = std::io::Result<Id>>) -> Result<Ids, Failure> {
    let mut all = Ids::new();
    for (number, id) in ids.enumerate() {
        let id = id.map_err(|error| Failure::Other(format!("{}: id {number}: {error}", path.display())))?;
        all.push(IdRef::from(&id)).map_err(|error| error.in_file(path))?;
    }
    Ok(all)
}

/// Writes the ids of an index: as a NumPy array if the file name ends in .npy, else as text with one id per line.
pub struct IdWriter {
    writer: Format,
    file: OutputFile,
    path: PathBuf,
}

enum Format {
    Numbers(NpyWriter<u64, BufWriter<File>>),
    Texts(NpyWriter<String, BufWriter<File>>),
    Lines(BufWriter<File>),
}

impl IdWriter {
    pub fn create(path: &Path, index: &Index) -> Result<Self, Failure> {
        let (output, file) = OutputFile::create(path)?;
        let is_npy = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"));
        let writer = match index.id_kind()? {
            _ if !is_npy => Ok(Format::Lines(file)),
            Some(IdKind::Strings) => {
                // All strings of a NumPy array have the width of the longest one.
                let mut longest = 1;
                index.for_each_id(|id| {
                    longest = longest.max(id.text().unwrap_or_default().chars().count());
                    Ok(())
                })?;
                let dtype = format!("<U{longest}").parse::<TypeStr>();
                let dtype = dtype.map_err(|error| Failure::Other(format!("{}: {error}", path.display())))?;
                let options = npyz::WriteOptions::new().dtype(DType::new_scalar(dtype)).shape(&[index.len()]);
                options.writer(file).begin_nd().map(Format::Texts)
            }
            _ => {
                let options = npyz::WriteOptions::new().default_dtype().shape(&[index.len()]);
                options.writer(file).begin_nd().map(Format::Numbers)
            }
        };
        Ok(Self { writer: writer.map_err(Failure::io("write", path))?, file: output, path: path.to_owned() })
    }

    pub fn write(&mut self, ids: &Ids) -> Result<(), Failure> {
        let written = match &mut self.writer {
            Format::Numbers(writer) => writer.extend(ids.iter().filter_map(IdRef::number)),
            Format::Texts(writer) => writer.extend(ids.iter().filter_map(IdRef::text).map(str::to_owned)),
            Format::Lines(file) => ids.iter().try_for_each(|id| writeln!(file, "{id}")),
        };
        written.map_err(Failure::io("write", &self.path))
    }

    pub fn finish(self) -> Result<(), Failure> {
        let finished = match self.writer {
            Format::Numbers(writer) => writer.finish(),
            Format::Texts(writer) => writer.finish(),
            Format::Lines(mut file) => file.flush(),
        };
        finished.map_err(Failure::io("write", &self.path))?;
        self.file.finish()
    }
}
