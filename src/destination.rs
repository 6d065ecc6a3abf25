//! Checks of paths: which files may be overwritten, so that a mistyped name never destroys keys, and which can be read.

use crate::error::Error;
use crate::occupant::Occupant;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The first bytes of all binary files.
pub(crate) const MAGIC: &[u8; 8] = b"hushvec\0";
/// Texts that occur only in contexts with a secret key: the name of the native format, and a field of XTrace's format.
const OWNER: [&[u8]; 2] = [b"\"hushvec-context\"", b"\"sk\""];
/// The name of the format of public contexts.
const PUBLIC: &[u8] = b"\"hushvec-public-context\"";

/// The kinds of files that this crate writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Index,
    Query,
    Response,
    Numbers,
    PublicContext,
    OwnerContext,
}

impl Content {
    fn name(self) -> &'static str {
        match self {
            Self::Index => "an index",
            Self::Query => "an encrypted query",
            Self::Response => "a response",
            Self::Numbers => "an array of encrypted numbers",
            Self::PublicContext => "a public context",
            Self::OwnerContext => "an owner's context",
        }
    }

    /// Detects the kind of a file; `None` if it is not a hushvec file. A file that could hold a secret key counts as an
    /// owner's context, even if it is damaged.
    fn of(path: &Path) -> std::io::Result<Option<Self>> {
        let mut file = File::open(path)?;
        let mut start = Vec::with_capacity(16);
        file.by_ref().take(16).read_to_end(&mut start)?;
        if let Some(rest) = start.strip_prefix(MAGIC) {
            return Ok(match rest.get(4..8) {
                Some([1, 0, 0, 0]) => Some(Self::Index),
                Some([2, 0, 0, 0]) => Some(Self::Query),
                Some([3, 0, 0, 0]) => Some(Self::Response),
                Some([4, 0, 0, 0]) => Some(Self::Numbers),
                _ => None,
            });
        }
        if !start.trim_ascii_start().starts_with(b"{") {
            return Ok(None);
        }
        // Reads the whole file: XTrace's tables can be large and precede the secret key.
        let (mut window, mut content) = (start, None);
        loop {
            let holds = |field: &[u8]| window.windows(field.len()).any(|text| text == field);
            if OWNER.into_iter().any(holds) {
                return Ok(Some(Self::OwnerContext));
            }
            if holds(PUBLIC) {
                content = Some(Self::PublicContext);
            }
            // Keeps the end of the window, in case a field spans two reads.
            window.drain(..window.len().saturating_sub(PUBLIC.len()));
            if file.by_ref().take(1 << 16).read_to_end(&mut window)? == 0 {
                return Ok(content);
            }
        }
    }
}

impl Occupant {
    /// Returns what is at a path, or `None` if nothing is. For callers to check before they write there.
    ///
    /// # Errors
    /// [`Error::Io`] if the file or its metadata cannot be read.
    pub fn of(path: &Path) -> Result<Option<Self>, Error> {
        Ok(match look(path)? {
            Found::Nothing => None,
            Found::NoFile(occupant) => Some(occupant),
            Found::File(Some(Content::OwnerContext)) => Some(Self::SecretKey),
            Found::File(Some(content)) => Some(Self::OtherKind(content.name())),
            Found::File(None) => Some(Self::File),
        })
    }
}

enum Found {
    Nothing,
    NoFile(Occupant),
    File(Option<Content>),
}

fn look(path: &Path) -> Result<Found, Error> {
    Ok(match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Found::Nothing,
        Err(error) => return Err(Error::io("create", path)(error)),
        Ok(metadata) if metadata.is_symlink() => Found::NoFile(Occupant::Link),
        Ok(metadata) if metadata.is_dir() => Found::NoFile(Occupant::Folder),
        Ok(metadata) if !metadata.is_file() => Found::NoFile(Occupant::Special),
        Ok(_) => Found::File(Content::of(path).map_err(Error::io("read", path))?),
    })
}

fn occupied(path: &Path, occupant: Occupant) -> Result<(), Error> {
    Err(Error::Occupied { path: path.to_owned(), occupant })
}

/// Checks that a file of this content may be written to a path, before anything is computed or written.
///
/// It may if there is nothing, or a file of the same content, or one that is not a hushvec file. The caller must
/// check that an owner's context only replaces its own keys.
///
/// # Errors
/// [`Error::Occupied`]; [`Error::Io`] if an existing file cannot be read.
pub(crate) fn check(path: &Path, content: Content) -> Result<(), Error> {
    match look(path)? {
        Found::Nothing | Found::File(None) => Ok(()),
        Found::NoFile(occupant) => occupied(path, occupant),
        Found::File(Some(found)) if found == content => Ok(()),
        Found::File(Some(Content::OwnerContext)) => occupied(path, Occupant::SecretKey),
        Found::File(Some(found)) => occupied(path, Occupant::OtherKind(found.name())),
    }
}

/// Checks that there is nothing at a path.
///
/// # Errors
/// [`Error::Occupied`]; [`Error::Io`] if the path cannot be checked.
pub(crate) fn check_free(path: &Path) -> Result<(), Error> {
    match look(path)? {
        Found::Nothing => Ok(()),
        Found::NoFile(occupant) => occupied(path, occupant),
        Found::File(Some(Content::OwnerContext)) => occupied(path, Occupant::Context),
        Found::File(_) => occupied(path, Occupant::File),
    }
}

/// Like [`check_free`], but allows an empty file, which programs create to reserve a name.
///
/// # Errors
/// As [`check_free`].
#[cfg(feature = "owner")]
pub(crate) fn check_nothing_lost(path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() == 0 => Ok(()),
        _ => check_free(path),
    }
}

/// Opens a file, pipe or device for reading.
///
/// # Errors
/// [`Error::Format`], naming the path, if it is a folder; [`Error::Io`].
pub(crate) fn open(path: &Path) -> Result<File, Error> {
    if path.is_dir() {
        return Err(Error::format("is a folder; give the path of a file").in_file(path));
    }
    File::open(path).map_err(Error::io("open", path))
}

/// Opens a regular file, whose length is known. Opening a pipe instead could block.
///
/// # Errors
/// [`Error::Format`], naming the path, if it is not a regular file; [`Error::Io`].
pub(crate) fn open_regular(path: &Path) -> Result<File, Error> {
    match path.metadata() {
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            Err(Error::format("is a device, a pipe or a socket; give the path of a file").in_file(path))
        }
        _ => open(path),
    }
}

/// Returns whether a file holds a secret key, encrypted or not.
#[cfg(feature = "owner")]
pub(crate) fn holds_secret_key(path: &Path) -> Result<bool, Error> {
    Ok(matches!(look(path)?, Found::File(Some(Content::OwnerContext))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Content; 6] = [
        Content::Index,
        Content::Query,
        Content::Response,
        Content::Numbers,
        Content::PublicContext,
        Content::OwnerContext,
    ];

    fn occupant(path: &Path, content: Content) -> Option<Occupant> {
        match check(path, content) {
            Ok(()) => None,
            Err(Error::Occupied { occupant, path: named }) if named == path => Some(occupant),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn files_are_overwritten_by_their_own_kind_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let binary = |kind: u8| [MAGIC.as_slice(), &[2, 0, 0, 0, kind, 0, 0, 0], &[0; 112]].concat();
        let contents = [
            binary(1),
            binary(2),
            binary(3),
            binary(4),
            b"{\"format\": \"hushvec-public-context\"}".to_vec(),
            b"{\n  \"format\": \"hushvec-context\", cut shor".to_vec(),
        ];
        for (written, content) in contents.iter().zip(ALL) {
            assert_eq!(occupant(&path, content), None, "there is nothing");
            std::fs::write(&path, written).unwrap();
            for new in ALL {
                let found = occupant(&path, new);
                assert_eq!(found.is_none(), new == content, "{new:?} over {content:?}");
                assert_eq!(found == Some(Occupant::SecretKey), new != content && content == Content::OwnerContext);
            }
            std::fs::remove_file(&path).unwrap();
        }
        // Finds the secret key at any position, also across the boundary of two reads.
        for table in (65_500..65_600).chain([0, 1 << 20]) {
            std::fs::write(&path, format!("{{\"type\": \"{}\", \"sk\": \"gcm\"}}", "7".repeat(table))).unwrap();
            assert_eq!(occupant(&path, Content::PublicContext), Some(Occupant::SecretKey), "{table}");
        }
        for strange in ["", "notes", "{}", "hushvec\0"] {
            std::fs::write(&path, strange).unwrap();
            assert!(ALL.iter().all(|content| occupant(&path, *content).is_none()), "{strange:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_folders_and_devices_are_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("target"), &link).unwrap();
        for content in ALL {
            assert_eq!(occupant(&link, content), Some(Occupant::Link));
            assert_eq!(occupant(folder.path(), content), Some(Occupant::Folder));
            assert_eq!(occupant(Path::new("/dev/null"), content), Some(Occupant::Special));
        }
    }
}
