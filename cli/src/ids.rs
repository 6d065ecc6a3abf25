//! Ids in files and on the command line.

pub mod npy;

use crate::failure::Failure;
use clap::{Args, ValueEnum};
use hushvec::{Id, IdKind, IdRef, Ids};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The flags for a file of ids, one per vector.
#[derive(Args, Clone, Debug)]
pub struct IdFile {
    /// File with the ids of the vectors: .npy of integers or strings, or text with one id per line [default: the ids in
    /// the input, or row numbers]
    #[arg(long, value_name = "FILE")]
    pub ids: Option<PathBuf>,
    /// Type of the ids in a text file [default: the type of the ids in the index, or strings]
    #[arg(long, value_name = "KIND", requires = "ids")]
    pub ids_are: Option<Kind>,
}

/// [`IdKind`] as an argument.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum Kind {
    Integers,
    Strings,
}

impl From<Kind> for IdKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Integers => Self::Integers,
            Kind::Strings => Self::Strings,
        }
    }
}

impl IdFile {
    /// Reads the ids of `vectors` vectors, if a file was given. `existing` is the kind of the ids already in the index.
    pub fn read(&self, existing: Option<IdKind>, vectors: Option<u64>) -> Result<Option<Ids>, Failure> {
        let Some(path) = &self.ids else { return Ok(None) };
        let Some(vectors) = vectors else {
            return Err(Failure::Usage(
                "--ids needs uncompressed input files, whose vectors can be counted before they are read".to_owned(),
            ));
        };
        let ids = read(path, self.ids_are.map(IdKind::from).or(existing))?;
        if ids.len() as u64 != vectors {
            return Err(Failure::Usage(format!(
                "{}: has {} ids for {}; give one id per vector",
                path.display(),
                ids.len(),
                crate::output::count(vectors, "vector")
            )));
        }
        Ok(Some(ids))
    }
}

/// Reads the ids in a file: a .npy file determines their kind, the lines of a text file are of `kind`, or else strings.
pub fn read(path: &Path, kind: Option<IdKind>) -> Result<Ids, Failure> {
    let mut reader = BufReader::new(File::open(path).map_err(Failure::io("open", path))?);
    let start = reader.fill_buf().map_err(Failure::io("read", path))?;
    if start.starts_with(b"\x93NUMPY") {
        return npy::read(path);
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    let mut ids = Ids::new();
    while let Some(line) = next_line(&mut reader, path)? {
        let id = match kind {
            Some(IdKind::Integers) => integer(&line, path, ids.len())?,
            Some(IdKind::Strings) | None => IdRef::Text(&line),
        };
        ids.push(id).map_err(|error| error.in_file(path))?;
    }
    Ok(ids)
}

/// Reads one line without its line ending. Reads no more bytes of a long line than an id can have.
fn next_line(reader: &mut impl BufRead, path: &Path) -> Result<Option<String>, Failure> {
    let mut line = Vec::new();
    let read = reader.take(Id::MOST_BYTES as u64 + 3).read_until(b'\n', &mut line);
    if read.map_err(Failure::io("read", path))? == 0 {
        return Ok(None);
    }
    for end in [b'\n', b'\r'] {
        line.pop_if(|last| *last == end);
    }
    let text = String::from_utf8(line).map_err(|_| Failure::Other(format!("{}: not UTF-8 text", path.display())))?;
    Ok(Some(text))
}

fn integer(line: &str, path: &Path, number: usize) -> Result<IdRef<'static>, Failure> {
    let ids = Ids::parse(IdKind::Integers, [line]);
    let id = ids.ok().and_then(|ids| ids.get(0).and_then(IdRef::number));
    id.map(IdRef::Number).ok_or_else(|| {
        let shown: String = line.chars().take(40).collect();
        Failure::Other(format!("{}: invalid id at position {number}: {shown:?} is not an integer", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8], kind: Option<IdKind>) -> Result<Ids, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids.txt");
        std::fs::write(&path, bytes).unwrap();
        read(&path, kind)
    }

    fn message(bytes: &[u8], kind: Option<IdKind>) -> String {
        match of(bytes, kind) {
            Err(Failure::Engine(error)) => error.to_string(),
            Err(Failure::Other(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_id_a_line() {
        let want = Ids::parse(IdKind::Strings, ["a b", "7", "é"]).unwrap();
        for text in ["a b\n7\né\n", "a b\n7\né", "a b\r\n7\r\né\r\n", "\u{feff}a b\n7\né"] {
            assert_eq!(of(text.as_bytes(), None).unwrap(), want, "{text:?}");
        }
        assert_eq!(of(b"7\n18446744073709551615\n", Some(IdKind::Integers)).unwrap(), Ids::from(vec![7, u64::MAX]));
        assert!(of(b"", None).unwrap().is_empty());
    }

    #[test]
    fn invalid_ids_are_named() {
        assert!(message(b"a\n\nb\n", None).contains("ids.txt: invalid id at position 1: it is empty"));
        assert!(
            message(b"5\nsix\n", Some(IdKind::Integers))
                .contains("invalid id at position 1: \"six\" is not an integer")
        );
        assert!(message(b"a\tb\n", None).contains("control character"));
        assert!(message(b"\xff\n", None).contains("not UTF-8"));
        assert!(message(&[b'x'; 100_000], None).contains("1027 bytes; the maximum is 1024"));
    }
}
