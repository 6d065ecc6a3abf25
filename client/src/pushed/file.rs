//! The list of pushed chunks on disk: an append-only file of JSON lines. A crash loses at most the line being written.

use super::Pushed;
use super::line::{Entry, Line, Step};
use crate::error::Error;
use hushvec::{Id, IdRef};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The first line, which identifies the format.
const HEADER: &[u8] = b"{\"format\":\"hushvec-pushed\",\"version\":1}\n";
/// The maximum length of a line, in bytes.
const LONGEST: u64 = 4 << 20;
/// The maximum length of the id of a knowledge base or a context, in bytes. Servers choose the ids of knowledge bases.
const LONGEST_NAME: usize = 1024;
/// The maximum number of chunks in a line. Even with ids of 1,024 bytes that are all escaped, the line is not too long.
const MOST_IN_A_LINE: usize = 500;

/// A file that lists the stored chunks of any number of knowledge bases. Only its owner can read it.
///
/// Several processes may append to it at the same time.
#[derive(Debug, Clone)]
pub struct PushedFile {
    path: PathBuf,
}

impl PushedFile {
    /// Creates a handle to the list in the file `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the chunks stored in a knowledge base under a context. Returns `None` if the file does not mention them.
    ///
    /// # Errors
    /// [`Error::List`] if the file cannot be read or is damaged; it names the line.
    pub fn read(&self, knowledge_base: &str, context_id: &str) -> Result<Option<Pushed>, Error> {
        let (mut chunks, mut new, mut known) = (BTreeMap::new(), None, false);
        let mut repeated = None;
        self.for_each_line(|line| {
            if line.kb != knowledge_base || line.context != context_id {
                return;
            }
            let entries = line.chunks.into_iter();
            match line.step {
                Step::Stored => {
                    known = true;
                    repeated = repeated.or(add_all(&mut chunks, entries).err());
                }
                Step::Deleted => entries.for_each(|Entry(chunk, _)| drop(chunks.remove(&chunk))),
                Step::Begin => new = Some(BTreeMap::new()),
                Step::Part => {
                    repeated = repeated.or(add_all(new.get_or_insert_default(), entries).err());
                }
                Step::End => {
                    known = true;
                    chunks = new.take().unwrap_or_default();
                }
            }
        })?;
        if let Some(chunk) = repeated {
            return Err(
                self.wrong(format!("chunk {chunk} of the knowledge base {knowledge_base} is listed with two ids"))
            );
        }
        Ok(known.then(|| Pushed { chunks: chunks.into_iter().collect() }))
    }

    /// Returns whether the file mentions a knowledge base, under any context.
    ///
    /// # Errors
    /// As [`PushedFile::read`].
    pub fn knows(&self, knowledge_base: &str) -> Result<bool, Error> {
        let mut known = false;
        self.for_each_line(|line| known |= line.kb == knowledge_base)?;
        Ok(known)
    }

    /// Opens the list for adding chunks of a knowledge base. Creates the file if needed.
    ///
    /// # Errors
    /// [`Error::List`] if the file has another format, is damaged, or cannot be written.
    pub fn writer(&self, knowledge_base: &str, context_id: &str) -> Result<PushedWriter, Error> {
        if knowledge_base.len() > LONGEST_NAME || context_id.len() > LONGEST_NAME {
            return Err(
                self.wrong(format!("the id of the knowledge base or the context has more than {LONGEST_NAME} bytes"))
            );
        }
        let known = self.read(knowledge_base, context_id)?.unwrap_or_default().chunks.into_iter().collect();
        let (file, base, context) = (self.clone(), knowledge_base.to_owned(), context_id.to_owned());
        let writer = PushedWriter { file, base, context, known };
        self.append(&[writer.line(Step::Stored, Vec::new())])?;
        Ok(writer)
    }

    /// Removes deleted chunks from the list. The change is on disk when this returns.
    ///
    /// # Errors
    /// As [`PushedFile::writer`].
    pub fn remove(&self, knowledge_base: &str, context_id: &str, chunks: &[u64]) -> Result<(), Error> {
        let line = |some: &[u64]| Line {
            kb: knowledge_base.into(),
            context: context_id.into(),
            step: Step::Deleted,
            chunks: some.iter().map(|chunk| Entry::new(*chunk, None)).collect(),
        };
        let lines: Vec<Line<'_>> = chunks.chunks(MOST_IN_A_LINE).map(line).collect();
        if lines.is_empty() { Ok(()) } else { self.append(&lines) }
    }

    /// Atomically replaces the list of a knowledge base and context. After a crash, the file has the old list or the
    /// new one.
    ///
    /// # Errors
    /// As [`PushedFile::writer`].
    pub fn replace(&self, knowledge_base: &str, context_id: &str, chunks: &Pushed) -> Result<(), Error> {
        let line = |step, chunks| Line { kb: knowledge_base.into(), context: context_id.into(), step, chunks };
        let part = |some: &[(u64, Option<Id>)]| {
            let entries = some.iter().map(|(chunk, id)| Entry::new(*chunk, id.as_ref().map(Id::as_ref)));
            line(Step::Part, entries.collect())
        };
        let parts = chunks.chunks.chunks(MOST_IN_A_LINE).map(part);
        let lines: Vec<Line<'_>> =
            [line(Step::Begin, Vec::new())].into_iter().chain(parts).chain([line(Step::End, Vec::new())]).collect();
        self.append(&lines)
    }

    fn for_each_line(&self, mut take: impl FnMut(Line<'_>)) -> Result<(), Error> {
        if !self.exists()? {
            return Ok(());
        }
        let file = File::open(&self.path).map_err(|error| self.failed("opened", &error))?;
        file.lock_shared().map_err(|error| self.failed("locked", &error))?;
        let (mut file, mut bytes, mut number) = (BufReader::new(file), Vec::new(), 0u64);
        loop {
            bytes.clear();
            number += 1;
            let read = (&mut file).take(LONGEST).read_until(b'\n', &mut bytes);
            read.map_err(|error| self.failed("read", &error))?;
            if number == 1 {
                if !HEADER.starts_with(&bytes) {
                    return Err(self.wrong("it is not a list of pushed chunks"));
                }
                continue;
            }
            if bytes.last() != Some(&b'\n') {
                if bytes.len() as u64 == LONGEST {
                    return Err(self.wrong(format!("line {number} is longer than {LONGEST} bytes")));
                }
                // The end of the file, or an incomplete last line left by a crash.
                return Ok(());
            }
            let line = serde_json::from_slice(&bytes);
            take(line.map_err(|error| self.wrong(format!("line {number} is damaged: {error}")))?);
        }
    }

    /// Appends lines. They are on disk when this returns.
    fn append(&self, lines: &[Line<'_>]) -> Result<(), Error> {
        let is_new = !self.exists()?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let failed = |error: io::Error| self.failed("written", &error);
        let mut file = options.open(&self.path).map_err(failed)?;
        // Held until the file is closed.
        file.lock().map_err(failed)?;
        let end = self.end(&mut file)?;
        file.set_len(end).map_err(failed)?;
        let mut bytes = if end == 0 { HEADER.to_vec() } else { Vec::new() };
        for line in lines {
            serde_json::to_writer(&mut bytes, line).map_err(|error| failed(error.into()))?;
            bytes.push(b'\n');
        }
        file.write_all(&bytes).and_then(|()| file.sync_data()).map_err(failed)?;
        if cfg!(unix) && is_new {
            // Folders can only be opened on Unix.
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(failed)?;
        }
        Ok(())
    }

    /// Returns the end of the last complete line. Anything after it was left by a crash.
    fn end(&self, file: &mut File) -> Result<u64, Error> {
        let failed = |error: io::Error| self.failed("read", &error);
        let mut header = Vec::new();
        (&mut *file).take(HEADER.len() as u64).read_to_end(&mut header).map_err(failed)?;
        if header != HEADER {
            return if HEADER.starts_with(&header) {
                Ok(0)
            } else {
                Err(self.wrong("it is not a list of pushed chunks"))
            };
        }
        let length = file.metadata().map_err(failed)?.len();
        let start = length.saturating_sub(LONGEST);
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let mut last = Vec::new();
        (&mut *file).take(LONGEST).read_to_end(&mut last).map_err(failed)?;
        let newline = last.iter().rposition(|byte| *byte == b'\n');
        let newline = newline.ok_or_else(|| self.wrong(format!("its last line is longer than {LONGEST} bytes")))?;
        Ok(start + newline as u64 + 1)
    }

    /// Returns whether the file exists. It must be a regular file, because opening other kinds can block or have
    /// effects.
    fn exists(&self) -> Result<bool, Error> {
        match std::fs::metadata(&self.path) {
            Ok(data) if data.is_file() => Ok(true),
            Ok(_) => Err(self.wrong("it is not a regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    fn failed(&self, action: &str, error: &io::Error) -> Error {
        self.wrong(format!("the list of pushed chunks cannot be {action}: {error}"))
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::List { path: self.path.clone(), reason: reason.into() }
    }
}

/// Adds stored chunks. A chunk may be stored again under the same id.
///
/// # Errors
/// The server's id of a chunk that is already listed under another id.
fn add_all(chunks: &mut BTreeMap<u64, Option<Id>>, entries: impl Iterator<Item = Entry>) -> Result<(), u64> {
    for Entry(chunk, id) in entries {
        let listed = chunks.entry(chunk).or_default();
        if listed.is_none() {
            *listed = id;
        } else if *listed != id {
            return Err(chunk);
        }
    }
    Ok(())
}

/// Adds chunks to a list after the server stored them.
#[derive(Debug)]
pub struct PushedWriter {
    file: PushedFile,
    base: String,
    context: String,
    known: HashMap<u64, Option<Id>>,
}

impl PushedWriter {
    /// Iterates over the client's ids of all listed chunks.
    pub fn ids(&self) -> impl Iterator<Item = &Id> {
        self.known.values().flatten()
    }

    /// Adds chunks with the ids that the server assigned. They are on disk when this returns. Chunks that are already
    /// listed with the same id are skipped.
    ///
    /// # Errors
    /// [`Error::List`] if another chunk already has the server's id, or if the file cannot be written. Then no chunk
    /// is added.
    pub fn add<'a>(&mut self, chunks: impl IntoIterator<Item = (u64, IdRef<'a>)>) -> Result<(), Error> {
        let mut added: BTreeMap<u64, Id> = BTreeMap::new();
        for (chunk, id) in chunks {
            let id = id.to_owned();
            let listed = added.get(&chunk).or(self.known.get(&chunk).and_then(Option::as_ref));
            if listed.is_some_and(|listed| *listed != id) {
                return Err(self.file.wrong(format!("the server assigned the id {chunk} to two chunks")));
            }
            if listed.is_none() {
                added.insert(chunk, id);
            }
        }
        let mut entries = added.iter().map(|(chunk, id)| Entry::new(*chunk, Some(id.as_ref()))).peekable();
        let mut lines = Vec::new();
        while entries.peek().is_some() {
            lines.push(self.line(Step::Stored, entries.by_ref().take(MOST_IN_A_LINE).collect()));
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.file.append(&lines)?;
        self.known.extend(added.into_iter().map(|(chunk, id)| (chunk, Some(id))));
        Ok(())
    }

    fn line(&self, step: Step, chunks: Vec<Entry>) -> Line<'_> {
        Line { kb: Cow::Borrowed(&self.base), context: Cow::Borrowed(&self.context), step, chunks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> (tempfile::TempDir, PushedFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = PushedFile::new(folder.path().join("ctx.json.pushed"));
        (folder, file)
    }

    fn numbers(file: &PushedFile, base: &str, context: &str) -> Option<Vec<u64>> {
        file.read(base, context).unwrap().map(|pushed| pushed.numbers().collect())
    }

    #[test]
    fn added_chunks_are_read() {
        let (_folder, file) = list();
        assert_eq!((numbers(&file, "a", "c"), file.knows("a").unwrap()), (None, false));
        let mut writer = file.writer("a", "c").unwrap();
        assert_eq!(numbers(&file, "a", "c"), Some(vec![]));
        writer.add([(2, IdRef::Text("q\"\\ü")), (1, IdRef::Number(u64::MAX))]).unwrap();
        file.writer("b", "c").unwrap().add((1..=1001).map(|chunk| (chunk, IdRef::Number(chunk)))).unwrap();
        writer.add([(3, IdRef::Number(3))]).unwrap();
        let pushed = file.read("a", "c").unwrap().unwrap();
        assert_eq!(
            (pushed.len(), pushed.id(2), pushed.id(1)),
            (3, Some(IdRef::Text("q\"\\ü")), Some(IdRef::Number(u64::MAX)))
        );
        assert_eq!(numbers(&file, "b", "c").unwrap().len(), 1001);
        assert_eq!((numbers(&file, "a", "other"), file.knows("a").unwrap()), (None, true));
        // A server's id belongs to one chunk only.
        for again in [vec![(3, IdRef::Number(4))], vec![(7, IdRef::Number(4)), (7, IdRef::Number(5))]] {
            let error = file.writer("a", "c").unwrap().add(again).unwrap_err();
            assert!(error.to_string().ends_with("to two chunks"), "{error}");
        }
        assert_eq!(numbers(&file, "a", "c"), Some(vec![1, 2, 3]));
        // A chunk that is stored again is listed once.
        let length = std::fs::read(file.path()).unwrap().len();
        file.writer("a", "c").unwrap().add([(3, IdRef::Number(3))]).unwrap();
        assert_eq!(numbers(&file, "a", "c"), Some(vec![1, 2, 3]));
        assert!(std::fs::read(file.path()).unwrap().len() < length + 100);
        file.remove("a", "c", &[2, 77]).unwrap();
        assert_eq!((numbers(&file, "a", "c"), numbers(&file, "b", "c").unwrap().len()), (Some(vec![1, 3]), 1001));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn lists_are_replaced_atomically() {
        let (_folder, file) = list();
        file.writer("a", "c").unwrap().add([(1, IdRef::Number(1)), (2, IdRef::Number(2))]).unwrap();
        let before = std::fs::read(file.path()).unwrap();
        let new = Pushed::new((2..1200).map(|chunk| (chunk, None)).collect()).unwrap();
        file.replace("a", "c", &new).unwrap();
        assert_eq!(file.read("a", "c").unwrap().unwrap(), new);
        // Truncated anywhere, the file has the old list, and a writer continues after the last complete line.
        let after = std::fs::read(file.path()).unwrap();
        for length in before.len()..after.len() {
            if length % 97 == 0 || length + 200 > after.len() {
                std::fs::write(file.path(), &after[..length]).unwrap();
                assert_eq!(numbers(&file, "a", "c"), Some(vec![1, 2]), "{length}");
            }
        }
        file.writer("a", "c").unwrap().add([(5, IdRef::Number(5))]).unwrap();
        assert_eq!(numbers(&file, "a", "c"), Some(vec![1, 2, 5]));
    }

    #[test]
    fn truncated_files_are_read_and_continued() {
        let (_folder, file) = list();
        file.writer("a", "c").unwrap().add([(1, IdRef::Number(1))]).unwrap();
        let first = std::fs::read(file.path()).unwrap().len();
        file.writer("a", "c").unwrap().add([(2, IdRef::Number(2))]).unwrap();
        let whole = std::fs::read(file.path()).unwrap();
        for length in 0..whole.len() {
            std::fs::write(file.path(), &whole[..length]).unwrap();
            let listed = numbers(&file, "a", "c");
            assert!(listed.is_none() || length >= HEADER.len());
            if length >= first {
                assert_eq!(listed, Some(vec![1]));
            }
            file.writer("a", "c").unwrap().add([(9, IdRef::Number(9))]).unwrap();
            assert_eq!(numbers(&file, "a", "c").unwrap().last(), Some(&9));
        }
    }

    #[test]
    fn other_files_are_left_alone() {
        let (folder, file) = list();
        for content in [&b"{\"sk\": \"...\"}\n"[..], b"x", &[0; 4096]] {
            std::fs::write(file.path(), content).unwrap();
            assert!(matches!(file.read("a", "c"), Err(Error::List { .. })));
            assert!(matches!(file.writer("a", "c"), Err(Error::List { .. })));
            assert!(matches!(file.replace("a", "c", &Pushed::default()), Err(Error::List { .. })));
            assert_eq!(std::fs::read(file.path()).unwrap(), content);
        }
        let damaged = [HEADER, b"{\"kb\":\"a\",\"context\":\"c\",\"step\":\"stored\",\"chunks\":[[1,-1]]}\n"].concat();
        std::fs::write(file.path(), damaged).unwrap();
        let error = file.read("a", "c").unwrap_err().to_string();
        assert!(error.contains("line 2 is damaged: an id must be"), "{error}");
        let long = [HEADER, &vec![b' '; 5 << 20], b"\n"].concat();
        std::fs::write(file.path(), long).unwrap();
        assert!(file.read("a", "c").unwrap_err().to_string().contains("line 2 is longer than"));
        let folder = PushedFile::new(folder.path());
        assert!(folder.read("a", "c").unwrap_err().to_string().ends_with("it is not a regular file"));
    }
}
