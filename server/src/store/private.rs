//! Files and folders that only the server's user can read.

use std::fs::File;
use std::io;
use std::path::Path;

/// Creates a folder that only this user can read. Does nothing if it exists.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Opens a file for writing, creating it if needed, and removes all permissions of other users.
pub fn open_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    tighten(path)?;
    Ok(file)
}

/// Removes all permissions of other users on a file or folder. Does nothing if it does not exist.
pub fn tighten(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = match std::fs::metadata(path) {
            Ok(found) => found.permissions(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mode = permissions.mode();
        if mode & 0o077 != 0 {
            permissions.set_mode(mode & !0o077);
            std::fs::set_permissions(path, permissions)?;
            tracing::info!("removed the permissions of other users on {}", path.display());
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
