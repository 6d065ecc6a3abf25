//! The kinds of tables, and how they are recognised.

/// The magic bytes at the start and the end of an Arrow file.
pub const ARROW_FILE: &[u8] = b"ARROW1";
/// The bytes at the start of each message in an Arrow stream.
pub const ARROW_MESSAGE: [u8; 4] = [0xff; 4];

/// A kind of table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Parquet,
    ArrowFile,
    ArrowStream,
}

impl Kind {
    /// Returns the kind of table that starts with these bytes.
    pub fn of_start(start: &[u8]) -> Option<Self> {
        let magic = [(&b"PAR1"[..], Self::Parquet), (ARROW_FILE, Self::ArrowFile), (&ARROW_MESSAGE, Self::ArrowStream)];
        magic.into_iter().find(|(bytes, _)| start.starts_with(bytes)).map(|(_, kind)| kind)
    }

    /// Returns the kind of table with this file name extension.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "parquet" => Some(Self::Parquet),
            "arrow" | "feather" | "ipc" => Some(Self::ArrowFile),
            "arrows" => Some(Self::ArrowStream),
            _ => None,
        }
    }
}
