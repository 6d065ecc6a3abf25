//! The layout of vectors in files.

/// Where ids come from.
#[derive(Clone, Debug, Default)]
pub enum IdSource {
    /// Row numbers.
    #[default]
    RowNumbers,
    /// A column or field `id`, if there is one.
    IfAny,
    /// This column or field.
    Column(String),
}

/// The options for reading a file.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Whether integers are packed bits.
    pub packed: bool,
    /// Whether vectors are projected to the context's bits.
    pub project: bool,
    /// Whether the real vectors are wanted, rather than bits.
    pub reals: bool,
    /// The name of the column or field that holds the vectors, if given.
    pub column: Option<String>,
    /// Where ids come from.
    pub ids: IdSource,
}
