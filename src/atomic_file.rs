//! Atomic file writes: a file appears complete or not at all.

use crate::destination::{self, Content};
use crate::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A temporary file beside its destination. Dropping it before [`AtomicFile::finish`] removes it.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    writer: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl AtomicFile {
    /// Starts a file that will become `path`. A file with secret keys is readable by its owner only (mode 0600); the
    /// umask determines the permissions of others.
    ///
    /// # Errors
    /// [`Error::Occupied`] if a file is there that must not be overwritten; [`Error::Io`].
    pub(crate) fn create(path: &Path, content: Content) -> Result<Self, Error> {
        destination::check(path, content)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".hushvec-");
        #[cfg(unix)]
        if content != Content::OwnerContext {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        // Removes the name of the temporary file from the message.
        let plain = |error: std::io::Error| {
            let text = error.to_string();
            std::io::Error::new(error.kind(), text.split(" at path ").next().unwrap_or(&text).to_owned())
        };
        let file = builder.tempfile_in(folder_of(path)).map_err(|error| Error::io("create", path)(plain(error)))?;
        #[cfg(unix)]
        if content == Content::OwnerContext {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(0o600);
            file.as_file().set_permissions(mode).map_err(Error::io("set the permissions of", path))?;
        }
        Ok(Self { writer: BufWriter::with_capacity(1 << 20, file), path: path.to_owned() })
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.writer.write_all(bytes).map_err(Error::io("write", &self.path))
    }

    /// Returns how many bytes were written so far.
    pub(crate) fn bytes(&mut self) -> Result<u64, Error> {
        self.writer.flush().map_err(Error::io("write", &self.path))?;
        Ok(self.file().metadata().map_err(Error::io("read", &self.path))?.len())
    }

    /// Returns the temporary file, without the bytes that are still buffered.
    pub(crate) fn file(&self) -> &File {
        self.writer.get_ref().as_file()
    }

    /// Sets its permissions.
    pub(crate) fn set_permissions(&self, permissions: std::fs::Permissions) -> Result<(), Error> {
        self.file().set_permissions(permissions).map_err(Error::io("set the permissions of", &self.path))
    }

    /// Syncs the file to disk and moves it into place atomically, replacing an existing file.
    ///
    /// # Errors
    /// [`Error::Io`]: an existing file is unchanged. [`Error::NotDurable`]: the new file is in place.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let (file, folder, path) = self.on_disk()?;
        file.persist(&path).map_err(|error| Error::io("replace", &path)(error.error))?;
        folder.sync(&path)
    }

    /// Like [`AtomicFile::finish`], for a path where no file may exist. Returns the open file.
    ///
    /// # Errors
    /// [`Error::Io`]: there is no new file. [`Error::NotDurable`]: the new file is in place, see [`withdraw`].
    pub(crate) fn finish_new(self) -> Result<File, Error> {
        let (file, folder, path) = self.on_disk()?;
        let file = file.persist_noclobber(&path).map_err(|error| Error::io("create", &path)(error.error))?;
        folder.sync(&path)?;
        Ok(file)
    }

    /// Does everything that can fail before the file is moved into place: opens its folder and syncs the file to disk.
    fn on_disk(self) -> Result<(NamedTempFile, Folder, PathBuf), Error> {
        let Self { writer, path } = self;
        let folder = Folder::of(&path)?;
        let file = writer.into_inner().map_err(|error| Error::io("write", &path)(error.into_error()))?;
        file.as_file().sync_all().map_err(Error::io("write", &path))?;
        Ok((file, folder, path))
    }
}

/// Removes the file after a [`AtomicFile::finish_new`] that failed with [`Error::NotDurable`], so that the name is
/// free for another attempt.
pub(crate) fn withdraw(error: Error) -> Error {
    match error {
        Error::NotDurable { path, source } if std::fs::remove_file(&path).is_ok() => Error::io("create", &path)(source),
        error => error,
    }
}

/// Renames a file atomically. No file of the new name may exist.
///
/// # Errors
/// [`Error::Io`]: the file has its old name. [`Error::NotDurable`]: it has its new name.
pub(crate) fn rename_new(from: &Path, to: &Path) -> Result<(), Error> {
    let folder = Folder::of(to)?;
    let named = tempfile::TempPath::try_from_path(from).map_err(Error::io("rename", from))?;
    if let Err(error) = named.persist_noclobber(to) {
        // Dropping the path would delete the file.
        let _ = error.path.keep();
        return Err(Error::io("create", to)(error.error));
    }
    folder.sync(to)
}

/// Returns whether an open file is still the one at this path.
pub(crate) fn is_at(file: &File, path: &Path) -> Result<bool, Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let opened = file.metadata().map_err(Error::io("read", path))?;
        let named = std::fs::metadata(path).map_err(Error::io("read", path))?;
        Ok(identity(opened) == identity(named))
    }
    // On other systems an open file cannot be replaced.
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        Ok(true)
    }
}

/// Writes a whole file atomically: afterwards `path` has either its old content or the new one.
pub(crate) fn write(path: &Path, content: Content, bytes: &[u8]) -> Result<(), Error> {
    let mut file = AtomicFile::create(path, content)?;
    file.write(bytes)?;
    file.finish()
}

/// Reads a whole context file of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, Error> {
    // Also accepts a pipe: another program may produce the context.
    let file = destination::open(path)?;
    let mut text = String::new();
    let read = file.take(limit + 1).read_to_string(&mut text);
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::format("not a hushvec context: it is not a text file").in_file(path),
        _ => Error::io("read", path)(error),
    })?;
    if text.len() as u64 > limit {
        return Err(
            Error::format(format!("not a hushvec context: larger than the limit of {limit} bytes")).in_file(path)
        );
    }
    Ok(text)
}

/// The open folder of a file, to sync renames to disk. Exists on Unix only.
struct Folder {
    #[cfg(unix)]
    file: File,
}

impl Folder {
    #[cfg(unix)]
    fn of(path: &Path) -> Result<Self, Error> {
        let path = folder_of(path);
        Ok(Self { file: File::open(path).map_err(Error::io("open", path))? })
    }

    #[cfg(not(unix))]
    fn of(_: &Path) -> Result<Self, Error> {
        Ok(Self {})
    }

    /// Syncs the folder, so that the existing name `path` survives a power failure.
    ///
    /// # Errors
    /// [`Error::NotDurable`].
    fn sync(&self, path: &Path) -> Result<(), Error> {
        #[cfg(unix)]
        self.file.sync_all().map_err(|source| Error::NotDurable { path: path.to_owned(), source })?;
        #[cfg(not(unix))]
        let _ = path;
        Ok(())
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_atomically_and_no_temporary_file_remains() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, Content::Numbers, b"old").unwrap();
        let mut unfinished = AtomicFile::create(&path, Content::Numbers).unwrap();
        unfinished.write(b"new").unwrap();
        drop(unfinished);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        write(&path, Content::Numbers, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let missing = folder.path().join("no/such/folder");
        assert!(matches!(write(&missing, Content::Numbers, b""), Err(Error::Io { action: "create", .. })));
    }

    /// A failure after the file is in place is a separate error that names the file.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_failed_folder_sync_is_not_a_failed_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, Content::Numbers, b"new").unwrap();
        // A device that does not support fsync.
        let refuses = Folder { file: File::open("/dev/null").unwrap() };
        let error = refuses.sync(&path).unwrap_err();
        assert!(matches!(&error, Error::NotDurable { path: named, .. } if *named == path));
        assert!(error.to_string().contains("is in place"), "{error}");
        assert!(matches!(withdraw(error), Error::Io { action: "create", .. }));
        assert!(!path.exists());
        // An earlier failure removes nothing.
        write(&path, Content::Numbers, b"new").unwrap();
        withdraw(Error::io("write", &path)(std::io::ErrorKind::Other.into()));
        assert!(path.exists());
    }

    #[cfg(all(unix, feature = "owner"))]
    #[test]
    fn private_files_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write(&path, Content::Numbers, b"before").unwrap();
        write(&path, Content::OwnerContext, b"secret").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
