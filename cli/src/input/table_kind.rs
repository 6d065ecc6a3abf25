//! The kinds of tables, and what they are known by.

/// What Arrow's files begin and end with.
pub const ARROW_FILE: &[u8] = b"ARROW1";
/// What messages in Arrow's streams begin with.
pub const ARROW_MESSAGE: [u8; 4] = [0xff; 4];

/// A kind of table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Parquet,
    ArrowFile,
    ArrowStream,
}

impl Kind {
    /// What the first bytes of a file say.
    pub fn of_start(start: &[u8]) -> Option<Self> {
        let marks = [(&b"PAR1"[..], Self::Parquet), (ARROW_FILE, Self::ArrowFile), (&ARROW_MESSAGE, Self::ArrowStream)];
        marks.into_iter().find(|(mark, _)| start.starts_with(mark)).map(|(_, kind)| kind)
    }

    /// What the extension of its name says.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "parquet" => Some(Self::Parquet),
            "arrow" | "feather" | "ipc" => Some(Self::ArrowFile),
            "arrows" => Some(Self::ArrowStream),
            _ => None,
        }
    }
}
