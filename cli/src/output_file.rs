//! Output files that appear only when they are complete.

use crate::failure::Failure;
use crate::target;
use hushvec::{Error, Occupant};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A temporary file that replaces its destination when it is finished. Standard output (`-`), pipes and devices are
/// written directly.
pub struct OutputFile {
    temporary: Option<NamedTempFile>,
    path: PathBuf,
}

impl OutputFile {
    /// Creates a file. Also returns the writer, which must be flushed before the file is finished.
    pub fn create(path: &Path) -> Result<(Self, BufWriter<File>), Failure> {
        let failed = || Failure::io("create", path);
        if let Some(file) = target::open_stream(path)? {
            return Ok((Self { temporary: None, path: path.to_owned() }, buffered(file)));
        }
        // Even with --force, hushvec's own files are not replaced by a file of another format.
        match Occupant::of(path)? {
            None | Some(Occupant::File) => {}
            Some(occupant) => return Err(Error::Occupied { path: path.to_owned(), occupant }.into()),
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // The umask decides who may read the file, as for any file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary =
            builder.prefix(".hushvec-").tempfile_in(folder).map_err(|error| without_path(&error)).map_err(failed())?;
        let file = temporary.as_file().try_clone().map_err(failed())?;
        Ok((Self { temporary: Some(temporary), path: path.to_owned() }, buffered(file)))
    }

    /// Syncs the file to disk and moves it to its destination.
    pub fn finish(self) -> Result<(), Failure> {
        let Some(file) = self.temporary else { return Ok(()) };
        file.as_file().sync_all().map_err(Failure::io("write", &self.path))?;
        file.persist(&self.path).map_err(|error| error.error).map_err(Failure::io("write", &self.path))?;
        Ok(())
    }
}

/// Removes the name of the temporary file, which means nothing to the user, from an error.
fn without_path(error: &std::io::Error) -> std::io::Error {
    let text = error.to_string();
    std::io::Error::new(error.kind(), text.split(" at path ").next().unwrap_or(&text).to_owned())
}

fn buffered(file: File) -> BufWriter<File> {
    BufWriter::with_capacity(1 << 20, file)
}
