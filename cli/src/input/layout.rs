//! How vectors lie in files.

/// Where ids come from.
#[derive(Clone, Debug, Default)]
pub enum IdSource {
    /// Nowhere: rows are numbered.
    #[default]
    RowNumbers,
    /// A column or field `id`, if there is one.
    IfAny,
    /// This column or field.
    Column(String),
}

/// Everything that has to be known of a file to read it.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Whether integers are packed bits.
    pub packed: bool,
    /// Whether vectors are projected to the context's bits.
    pub project: bool,
    /// The column or field with the vectors, if it was named.
    pub column: Option<String>,
    /// Where ids come from.
    pub ids: IdSource,
}
