//! The file that a command writes, and what it must not be written over.

use crate::failure::Failure;
use hushvec::{Error, Occupant};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that replaces another only if asked to.
#[derive(clap::Args, Clone, Debug)]
pub struct Target {
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace the output file if it exists. An input, or a file that holds a secret key, is never replaced
    #[arg(long)]
    pub force: bool,
}

impl Target {
    /// Checks, before any work, that keys may be written there: only to a regular file, and in place of none of hushvec's.
    pub fn check_for_keys(&self, inputs: &[&Path]) -> Result<(), Failure> {
        if is_stdout(&self.output) {
            return Err(no_stdout());
        }
        check(&self.output, self.force, inputs)?;
        match Occupant::of(&self.output)? {
            Some(occupant @ Occupant::OtherKind(_)) => Err(not_replaced(&self.output, occupant)),
            _ => Ok(()),
        }
    }

    /// Checks, before any work, that the file may be written, or standard output (`-`), a pipe or a device.
    pub fn check_stream(&self, inputs: &[&Path]) -> Result<(), Failure> {
        check_binary(&self.output, self.force, inputs)
    }

    /// [`Target::check_stream`] for text, which can go to a terminal too.
    pub fn check_text(&self, inputs: &[&Path]) -> Result<(), Failure> {
        check_stream(&self.output, self.force, inputs)
    }

    /// Where to write what is whole only at the end.
    pub fn stage(&self) -> Result<Staged, Failure> {
        Staged::new(&self.output)
    }

    /// What the file is called in messages.
    pub fn name(&self) -> String {
        name(&self.output)
    }

    /// Refuses a report on standard output beside what is written there.
    pub fn check_report(&self, json: bool) -> Result<(), Failure> {
        if json && is_stdout(&self.output) {
            return Err(Failure::Usage("--json and -o - both write to standard output; give -o a file".to_owned()));
        }
        Ok(())
    }
}

/// Whether a path stands for standard output.
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What a file is called in messages.
pub fn name(path: &Path) -> String {
    if is_stdout(path) { "standard output".to_owned() } else { path.display().to_string() }
}

fn no_stdout() -> Failure {
    Failure::Usage("this command does not write to standard output (-); give the name of a file".to_owned())
}

/// Checks that there is nothing yet where a command makes a new file, for commands that replace none. `instead` says what
/// else there is to do.
pub fn check_new(path: &Path, instead: &str) -> Result<(), Failure> {
    if is_stdout(path) {
        return Err(no_stdout());
    }
    match Occupant::of(path)? {
        None => check_folder(path),
        Some(occupant @ (Occupant::Link | Occupant::Folder | Occupant::Special)) => Err(not_replaced(path, occupant)),
        Some(_) => Err(Failure::Usage(format!("{} exists; {instead}give another name", path.display()))),
    }
}

/// [`check_stream`] for what is not text.
pub fn check_binary(path: &Path, force: bool, inputs: &[&Path]) -> Result<(), Failure> {
    if is_stdout(path) && io::stdout().is_terminal() {
        return Err(Failure::Usage("standard output is a terminal, and the output is not text".to_owned()));
    }
    check_stream(path, force, inputs)
}

/// [`check_stream`] for what goes beside a report on standard output.
pub fn check_chart(path: &Path, force: bool) -> Result<(), Failure> {
    if is_stdout(path) { Err(no_stdout()) } else { check_stream(path, force, &[]) }
}

/// [`check`] for what can also go to standard output, a pipe or a device.
pub fn check_stream(path: &Path, force: bool, inputs: &[&Path]) -> Result<(), Failure> {
    if is_stdout(path) || is_stream(path) {
        return Ok(());
    }
    check(path, force, inputs)
}

/// Checks that a file may be written: it is no input, holds no secret key, is no device and no link, and if it exists
/// it is to be replaced.
pub fn check(path: &Path, force: bool, inputs: &[&Path]) -> Result<(), Failure> {
    let Some(occupant) = Occupant::of(path)? else { return check_folder(path) };
    if inputs.iter().any(|input| is_same_file(input, path)) {
        return Err(Failure::Usage(format!("{} is also an input; give another name to write to", path.display())));
    }
    match occupant {
        Occupant::OtherKind(_) | Occupant::File if force => Ok(()),
        Occupant::OtherKind(_) | Occupant::File => {
            Err(Failure::Usage(format!("{} exists; give --force to replace it, or another name", path.display())))
        }
        occupant => Err(not_replaced(path, occupant)),
    }
}

/// Folders are not made: their names may be mistyped.
fn check_folder(path: &Path) -> Result<(), Failure> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(Failure::Usage(format!("{}: there is no folder {}", path.display(), folder.display())))
        }
        _ => Ok(()),
    }
}

fn not_replaced(path: &Path, occupant: Occupant) -> Failure {
    Failure::Usage(Error::Occupied { path: path.to_owned(), occupant }.to_string())
}

/// Whether a path leads to something that is written into and not replaced, such as /dev/stdout or `>(gzip)` in a shell.
fn is_stream(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo() || metadata.file_type().is_char_device())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Whether two paths name one file, by whatever links.
fn is_same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| path.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
    }
    #[cfg(not(unix))]
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// A file that a part of the engine writes whole: the output itself, or a file that is copied into a stream.
pub struct Staged {
    beside: Option<NamedTempFile>,
    path: PathBuf,
}

impl Staged {
    fn new(output: &Path) -> Result<Self, Failure> {
        let stream = is_stdout(output) || is_stream(output);
        let folder = std::env::temp_dir();
        let beside = stream.then(|| tempfile::Builder::new().prefix("hushvec-").tempfile_in(&folder)).transpose();
        Ok(Self { beside: beside.map_err(Failure::io("create a file in", &folder))?, path: output.to_owned() })
    }

    /// The file to write.
    pub fn path(&self) -> &Path {
        self.beside.as_ref().map_or(&self.path, |file| file.path())
    }

    /// Copies it to where it goes.
    pub fn finish(self) -> Result<(), Failure> {
        let Some(staged) = self.beside else { return Ok(()) };
        // By its name, since it was replaced.
        let mut from = File::open(staged.path()).map_err(Failure::io("open", staged.path()))?;
        let Some(mut to) = open_stream(&self.path)? else { return Ok(()) };
        let copied = io::copy(&mut from, &mut to).and_then(|_| to.flush());
        copied.map_err(|error| failed(&self.path, &error))
    }
}

/// A new file that only its owner can read, and that appears when it is complete.
#[cfg(feature = "client")]
pub struct PrivateFile {
    file: NamedTempFile,
    path: PathBuf,
}

#[cfg(feature = "client")]
impl PrivateFile {
    /// Makes sure that it can be written, before there is anything to lose.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(Failure::io("create a file in", folder))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Writes it. It replaces nothing.
    pub fn finish(mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.as_file().sync_all());
        written.map_err(Failure::io("write", &self.path))?;
        let kept = self.file.persist_noclobber(&self.path);
        kept.map(drop).map_err(|error| Failure::io("write", &self.path)(error.error))
    }
}

/// Opens standard output, or a pipe or a device, if a path stands for one.
pub fn open_stream(path: &Path) -> Result<Option<File>, Failure> {
    if is_stdout(path) {
        #[cfg(unix)]
        let handle = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned();
        #[cfg(windows)]
        let handle = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned();
        return handle.map(|handle| Some(File::from(handle))).map_err(|error| failed(path, &error));
    }
    if !is_stream(path) {
        return Ok(None);
    }
    File::options().write(true).open(path).map(Some).map_err(Failure::io("write to", path))
}

/// Why a stream was not written; a reader that has gone is no error.
pub fn failed(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
        _ => Failure::Other(format!("cannot write to {}: {error}", name(path))),
    }
}
