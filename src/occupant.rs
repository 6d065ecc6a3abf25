//! What keeps a file from being written.

/// What is at a path, and so is not written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Occupant {
    /// A symbolic link, whose target would be replaced, or which would be.
    Link,
    /// A folder.
    Folder,
    /// A device, a named pipe or a socket.
    Special,
    /// A file that holds another secret key than what is written.
    SecretKey,
    /// A file of hushvec's, of another kind than what is written if that is known.
    OtherKind(&'static str),
    /// A context, where a new one is to be made.
    Context,
    /// Any other file, where a new one is to be made.
    File,
}

impl std::fmt::Display for Occupant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Link => "is a symbolic link; give the path of the file that it points to",
            Self::Folder => "is a folder; give the name of a file in it",
            Self::Special => "is a device, a pipe or a socket; give the name of a file",
            Self::SecretKey => {
                "holds a secret key, without which nothing can be decrypted that was encrypted with it; give another \
                 name, or move that file away"
            }
            Self::OtherKind(kind) => return write!(f, "is {kind}; give another name"),
            Self::Context => {
                "holds a secret key already, without which nothing can be decrypted that was encrypted with it; \
                 `load_from_disk` opens it, and another name makes a new one"
            }
            Self::File => "exists; give another name, or move that file away",
        })
    }
}
