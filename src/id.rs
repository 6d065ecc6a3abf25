//! Vector ids: integers or strings.

use std::fmt;

/// The id of a vector.
///
/// Integers come before strings; integers are ordered by value, strings by their bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(untagged)]
pub enum Id {
    /// An integer.
    Number(u64),
    /// 1 to [`Id::MOST_BYTES`] bytes of text without control characters.
    Text(String),
}

impl Id {
    /// The longest text, in bytes of UTF-8.
    pub const MOST_BYTES: usize = 1024;

    /// Borrows the id.
    pub fn as_ref(&self) -> IdRef<'_> {
        match self {
            Self::Number(number) => IdRef::Number(*number),
            Self::Text(text) => IdRef::Text(text),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// As a literal: 7 or "seven".
impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_ref(), f)
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl PartialEq<u64> for Id {
    fn eq(&self, number: &u64) -> bool {
        self.as_ref().number() == Some(*number)
    }
}

impl PartialEq<str> for Id {
    fn eq(&self, text: &str) -> bool {
        self.as_ref() == IdRef::Text(text)
    }
}

/// An [`Id`], borrowed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdRef<'a> {
    /// An integer.
    Number(u64),
    /// Text.
    Text(&'a str),
}

impl<'a> IdRef<'a> {
    /// Returns the integer, or `None` for a text.
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(_) => None,
        }
    }

    /// Returns the text, or `None` for an integer.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Number(_) => None,
            Self::Text(text) => Some(text),
        }
    }

    /// Returns an owned copy.
    pub fn to_owned(self) -> Id {
        match self {
            Self::Number(number) => Id::Number(number),
            Self::Text(text) => Id::Text(text.to_owned()),
        }
    }

    /// Returns whether it is an integer or a string.
    pub fn kind(self) -> IdKind {
        match self {
            Self::Number(_) => IdKind::Integers,
            Self::Text(_) => IdKind::Strings,
        }
    }
}

impl fmt::Display for IdRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => f.pad(&number.to_string()),
            Self::Text(text) => f.pad(text),
        }
    }
}

/// As a literal: 7 or "seven".
impl fmt::Debug for IdRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => fmt::Debug::fmt(number, f),
            Self::Text(text) => fmt::Debug::fmt(text, f),
        }
    }
}

impl From<u64> for IdRef<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a Id> for IdRef<'a> {
    fn from(id: &'a Id) -> Self {
        id.as_ref()
    }
}

/// The kind of the ids of an index. All ids are of one kind, so `7` on a command line is unambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IdKind {
    /// Unsigned integers of 64 bits.
    Integers,
    /// Text.
    Strings,
}

impl fmt::Display for IdKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integers => "integers",
            Self::Strings => "strings",
        })
    }
}

/// Checks that a text is a valid id, and returns what is wrong with it otherwise.
pub(crate) fn check_text(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > Id::MOST_BYTES {
        return Err(format!("{} has {} bytes; the maximum is {} bytes", quoted(text), text.len(), Id::MOST_BYTES));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(control) => Err(format!("{} contains the control character {:?}; remove it", quoted(text), control)),
        None => Ok(()),
    }
}

/// Returns the text as a string literal, shortened to 40 characters for error messages.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
