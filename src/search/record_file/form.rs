//! The forms of blocks of vectors.

/// The content of a block of vectors: records or rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::search) enum Form {
    /// Records of the file's layout.
    Records {
        /// Whether they contain the vectors of all rows before them in the file, which they replace.
        replaces_rows: bool,
    },
    /// Rows of one vector each, for schemes whose records hold several vectors.
    Rows {
        /// The size of a row in bytes, a multiple of 8.
        bytes: usize,
    },
}

impl Form {
    /// Records that replace nothing.
    pub(in crate::search) const RECORDS: Self = Self::Records { replaces_rows: false };
}
