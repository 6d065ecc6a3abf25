//! Output files, and checks against overwriting other files.

use crate::failure::Failure;
use hushvec::{Error, Occupant};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The flags for an output file.
#[derive(clap::Args, Clone, Debug)]
pub struct Target {
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace the output file if it exists. Inputs and files that hold a secret key are never replaced
    #[arg(long)]
    pub force: bool,
}

impl Target {
    /// Checks, before any work, that keys may be written: to a regular file that is not one of hushvec's files.
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

    /// Checks, before any work, that the output may be written. Standard output (`-`), pipes and devices are allowed.
    pub fn check_stream(&self, inputs: &[&Path]) -> Result<(), Failure> {
        check_binary(&self.output, self.force, inputs)
    }

    /// Like [`Target::check_stream`], for text, which may go to a terminal.
    pub fn check_text(&self, inputs: &[&Path]) -> Result<(), Failure> {
        check_stream(&self.output, self.force, inputs)
    }

    /// Returns the path for the engine to write to.
    pub fn stage(&self) -> Result<Staged, Failure> {
        Staged::new(&self.output)
    }

    /// Returns the name of the file for messages.
    pub fn name(&self) -> String {
        name(&self.output)
    }

    /// Refuses `--json` if the output also goes to standard output.
    pub fn check_report(&self, json: bool) -> Result<(), Failure> {
        if json && is_stdout(&self.output) {
            return Err(Failure::Usage("--json and -o - both write to standard output; give -o a file".to_owned()));
        }
        Ok(())
    }
}

/// Returns whether a path is `-`, standard output.
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Returns the name of a file for messages.
pub fn name(path: &Path) -> String {
    if is_stdout(path) { "standard output".to_owned() } else { path.display().to_string() }
}

fn no_stdout() -> Failure {
    Failure::Usage("this command cannot write to standard output (-); give a file name".to_owned())
}

/// Checks that a new file does not exist yet, for commands that never replace a file. `instead` is the advice for an
/// existing file, before "give another name".
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

/// Like [`check_stream`], for output that is not text.
pub fn check_binary(path: &Path, force: bool, inputs: &[&Path]) -> Result<(), Failure> {
    if is_stdout(path) && io::stdout().is_terminal() {
        return Err(Failure::Usage(
            "the output is binary and standard output is a terminal; give a file name, or redirect it".to_owned(),
        ));
    }
    check_stream(path, force, inputs)
}

/// Like [`check_stream`], for a chart, which must not share standard output with the report.
pub fn check_chart(path: &Path, force: bool) -> Result<(), Failure> {
    if is_stdout(path) { Err(no_stdout()) } else { check_stream(path, force, &[]) }
}

/// Like [`check`], but also allows standard output, pipes and devices.
pub fn check_stream(path: &Path, force: bool, inputs: &[&Path]) -> Result<(), Failure> {
    if is_stdout(path) || is_stream(path) {
        return Ok(());
    }
    check(path, force, inputs)
}

/// Checks that a file may be written: it is not an input, a device or a link, holds no secret key, and does not exist
/// unless `force` is set.
pub fn check(path: &Path, force: bool, inputs: &[&Path]) -> Result<(), Failure> {
    let Some(occupant) = Occupant::of(path)? else { return check_folder(path) };
    if inputs.iter().any(|input| is_same_file(input, path)) {
        return Err(Failure::Usage(format!("{} is also an input; give another output", path.display())));
    }
    match occupant {
        Occupant::OtherKind(_) | Occupant::File if force => Ok(()),
        Occupant::OtherKind(_) | Occupant::File => {
            Err(Failure::Usage(format!("{} exists; give --force to replace it, or another name", path.display())))
        }
        occupant => Err(not_replaced(path, occupant)),
    }
}

/// Checks that the folder of a file exists. Folders are not created, since their names may be mistyped.
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

/// Returns whether a path is a pipe or a device, such as /dev/stdout or `>(gzip)` in a shell.
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

/// Returns whether two paths are the same file, following links.
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

/// A file that the engine writes: the output itself, or a temporary file that is copied to a stream.
pub struct Staged {
    temporary: Option<NamedTempFile>,
    path: PathBuf,
}

impl Staged {
    fn new(output: &Path) -> Result<Self, Failure> {
        let stream = is_stdout(output) || is_stream(output);
        let folder = std::env::temp_dir();
        let temporary = stream.then(|| tempfile::Builder::new().prefix("hushvec-").tempfile_in(&folder)).transpose();
        Ok(Self { temporary: temporary.map_err(Failure::io("create a file in", &folder))?, path: output.to_owned() })
    }

    /// Returns the file to write.
    pub fn path(&self) -> &Path {
        self.temporary.as_ref().map_or(&self.path, |file| file.path())
    }

    /// Copies a temporary file to its stream.
    pub fn finish(self) -> Result<(), Failure> {
        let Some(staged) = self.temporary else { return Ok(()) };
        // Open it by name: the engine has replaced the file behind the handle.
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
    /// Creates the temporary file, to find errors before there is content to lose.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(Failure::io("create a file in", folder))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Writes the content and gives the file its name. Never replaces an existing file.
    pub fn finish(mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.as_file().sync_all());
        written.map_err(Failure::io("write", &self.path))?;
        let kept = self.file.persist_noclobber(&self.path);
        kept.map(drop).map_err(|error| Failure::io("write", &self.path)(error.error))
    }
}

/// Opens standard output, a pipe or a device. `None` for any other path.
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

/// Returns the error of a write to a stream. A reader that is gone is [`Failure::BrokenPipe`].
pub fn failed(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
        _ => Failure::Other(format!("cannot write to {}: {error}", name(path))),
    }
}
