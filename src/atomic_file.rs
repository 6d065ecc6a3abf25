//! Files that appear whole or not at all.

use crate::destination::{self, Content};
use crate::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file being written beside its destination. Dropped before [`AtomicFile::finish`], it disappears.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    writer: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins a file that is to become `path`: with secret keys readable by its owner only (mode 0600), whatever the umask
    /// says, and by whoever the umask lets otherwise.
    ///
    /// # Errors
    /// [`Error::Occupied`] if what is there may not be replaced; [`Error::Io`].
    pub(crate) fn create(path: &Path, content: Content) -> Result<Self, Error> {
        destination::check(path, content)?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".hushvec-");
        #[cfg(unix)]
        if content != Content::OwnerContext {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        // Without the name of a file that nobody asked for.
        let plain = |error: std::io::Error| {
            let text = error.to_string();
            std::io::Error::new(error.kind(), text.split(" at path ").next().unwrap_or(&text).to_owned())
        };
        let file = builder.tempfile_in(folder_of(path)).map_err(|error| Error::io("create", path)(plain(error)))?;
        #[cfg(unix)]
        if content == Content::OwnerContext {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(0o600);
            file.as_file().set_permissions(mode).map_err(Error::io("restrict", path))?;
        }
        Ok(Self { writer: BufWriter::with_capacity(1 << 20, file), path: path.to_owned() })
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.writer.write_all(bytes).map_err(Error::io("write", &self.path))
    }

    /// Bytes so far.
    pub(crate) fn bytes(&mut self) -> Result<u64, Error> {
        self.writer.flush().map_err(Error::io("write", &self.path))?;
        Ok(self.file().metadata().map_err(Error::io("read", &self.path))?.len())
    }

    /// The file so far; the last bytes may not have reached it.
    pub(crate) fn file(&self) -> &File {
        self.writer.get_ref().as_file()
    }

    /// Gives it the permissions of another file.
    pub(crate) fn set_permissions(&self, permissions: std::fs::Permissions) -> Result<(), Error> {
        self.file().set_permissions(permissions).map_err(Error::io("restrict", &self.path))
    }

    /// Puts everything on disk and then, in one step, in place of whatever was there.
    ///
    /// # Errors
    /// [`Error::Io`], and whatever was there is still there; [`Error::NotDurable`], and the new file is in place.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let (file, folder, path) = self.on_disk()?;
        file.persist(&path).map_err(|error| Error::io("replace", &path)(error.error))?;
        folder.sync(&path)
    }

    /// [`AtomicFile::finish`] where there must be no such file yet. It stays open.
    ///
    /// # Errors
    /// [`Error::Io`], and there is no new file; [`Error::NotDurable`], and there is: see [`withdraw`].
    pub(crate) fn finish_new(self) -> Result<File, Error> {
        let (file, folder, path) = self.on_disk()?;
        let file = file.persist_noclobber(&path).map_err(|error| Error::io("create", &path)(error.error))?;
        folder.sync(&path)?;
        Ok(file)
    }

    /// Whatever can fail does so before the file has its name, as far as that is possible.
    fn on_disk(self) -> Result<(NamedTempFile, Folder, PathBuf), Error> {
        let Self { writer, path } = self;
        let folder = Folder::of(&path)?;
        let file = writer.into_inner().map_err(|error| Error::io("write", &path)(error.into_error()))?;
        file.as_file().sync_all().map_err(Error::io("write", &path))?;
        Ok((file, folder, path))
    }
}

/// After [`AtomicFile::finish_new`] failed: takes a file away again that is in place but may not stay, so that the name is
/// free for another attempt.
pub(crate) fn withdraw(error: Error) -> Error {
    match error {
        Error::NotDurable { path, source } if std::fs::remove_file(&path).is_ok() => Error::io("create", &path)(source),
        error => error,
    }
}

/// Gives a file another name, in one step; there must be none of that name yet.
///
/// # Errors
/// [`Error::Io`], and it has its old name; [`Error::NotDurable`], and it has its new one.
pub(crate) fn rename_new(from: &Path, to: &Path) -> Result<(), Error> {
    let folder = Folder::of(to)?;
    let named = tempfile::TempPath::try_from_path(from).map_err(Error::io("rename", from))?;
    if let Err(error) = named.persist_noclobber(to) {
        // Dropped, the path would take the file with it.
        let _ = error.path.keep();
        return Err(Error::io("create", to)(error.error));
    }
    folder.sync(to)
}

/// Whether an open file is the one that has this name now.
pub(crate) fn is_at(file: &File, path: &Path) -> Result<bool, Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let opened = file.metadata().map_err(Error::io("read", path))?;
        let named = std::fs::metadata(path).map_err(Error::io("read", path))?;
        Ok(identity(opened) == identity(named))
    }
    // Elsewhere a file that is open cannot be replaced.
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        Ok(true)
    }
}

/// Writes a whole file in one step: afterwards `path` holds either its old content or the new one.
pub(crate) fn write(path: &Path, content: Content, bytes: &[u8]) -> Result<(), Error> {
    let mut file = AtomicFile::create(path, content)?;
    file.write(bytes)?;
    file.finish()
}

/// A whole text file of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, Error> {
    // A pipe will do: a context may come out of another program.
    let file = destination::open(path)?;
    let mut text = String::new();
    let read = file.take(limit + 1).read_to_string(&mut text);
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::format("not a text file, and so no context").in_file(path),
        _ => Error::io("read", path)(error),
    })?;
    if text.len() as u64 > limit {
        return Err(Error::format(format!("larger than the {limit} bytes that such a file can have")).in_file(path));
    }
    Ok(text)
}

/// The folder of a file, open to make names in it durable. Only Unix knows such a thing.
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

    /// Makes the name `path` durable, which exists already.
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
    fn a_file_is_replaced_whole_and_nothing_is_left_behind() {
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

    /// What fails once a file has its name says so, and names it.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_put_on_disk_is_no_failed_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, Content::Numbers, b"new").unwrap();
        // A device that has no fsync.
        let refuses = Folder { file: File::open("/dev/null").unwrap() };
        let error = refuses.sync(&path).unwrap_err();
        assert!(matches!(&error, Error::NotDurable { path: named, .. } if *named == path));
        assert!(error.to_string().contains("is in place"), "{error}");
        assert!(matches!(withdraw(error), Error::Io { action: "create", .. }));
        assert!(!path.exists());
        // What failed earlier takes nothing away.
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
