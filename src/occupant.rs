//! Files and folders that must not be overwritten.

/// An existing file or folder that must not be overwritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Occupant {
    /// A symbolic link: writing would replace the link or its target.
    Link,
    /// A folder.
    Folder,
    /// A device, a named pipe or a socket.
    Special,
    /// A file that holds a secret key other than the one to write.
    SecretKey,
    /// A hushvec file of another kind than the one to write.
    OtherKind(&'static str),
    /// A context, at the path for a new one.
    Context,
    /// Any other file, at the path for a new one.
    File,
}

impl std::fmt::Display for Occupant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Link => "is a symbolic link; give the path of the file that it points to",
            Self::Folder => "is a folder; give the name of a file in it",
            Self::Special => "is a device, a pipe or a socket; give the name of a file",
            Self::SecretKey => {
                "holds a secret key, and without that key nothing encrypted with it can be decrypted; give another \
                 name, or move that file away"
            }
            Self::OtherKind(kind) => return write!(f, "is {kind}; give another name"),
            Self::Context => {
                "already holds a secret key, and without that key nothing encrypted with it can be decrypted; open \
                 it with `load_from_disk`, or give another name for a new context"
            }
            Self::File => "exists; give another name, or move that file away",
        })
    }
}
