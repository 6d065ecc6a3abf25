//! Files that appear when they are whole.

use crate::failure::Failure;
use crate::target;
use hushvec::{Error, Occupant};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that is written beside its destination, or straight into it if that is standard output (`-`), a pipe or a device.
pub struct OutputFile {
    beside: Option<NamedTempFile>,
    path: PathBuf,
}

impl OutputFile {
    /// Begins a file, and gives what to write to, which is done with before it is finished.
    pub fn create(path: &Path) -> Result<(Self, BufWriter<File>), Failure> {
        let failed = || Failure::io("create", path);
        if let Some(file) = target::open_stream(path)? {
            return Ok((Self { beside: None, path: path.to_owned() }, buffered(file)));
        }
        // Whatever was asked for, a file of no use to anybody else is not replaced by one of another format.
        match Occupant::of(path)? {
            None | Some(Occupant::File) => {}
            Some(occupant) => return Err(Error::Occupied { path: path.to_owned(), occupant }.into()),
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // What others may read is for the umask to say, as with any file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let beside =
            builder.prefix(".hushvec-").tempfile_in(folder).map_err(|error| without_path(&error)).map_err(failed())?;
        let file = beside.as_file().try_clone().map_err(failed())?;
        Ok((Self { beside: Some(beside), path: path.to_owned() }, buffered(file)))
    }

    /// Puts it on disk and in its place.
    pub fn finish(self) -> Result<(), Failure> {
        let Some(file) = self.beside else { return Ok(()) };
        file.as_file().sync_all().map_err(Failure::io("write", &self.path))?;
        file.persist(&self.path).map_err(|error| error.error).map_err(Failure::io("write", &self.path))?;
        Ok(())
    }
}

/// The error without the name of a temporary file, which nobody asked for.
fn without_path(error: &std::io::Error) -> std::io::Error {
    let text = error.to_string();
    std::io::Error::new(error.kind(), text.split(" at path ").next().unwrap_or(&text).to_owned())
}

fn buffered(file: File) -> BufWriter<File> {
    BufWriter::with_capacity(1 << 20, file)
}
