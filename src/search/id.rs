//! Ids of vectors: integers or strings.

use crate::error::Error;
use std::fmt;
use std::ops::Range;

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

    /// The same, borrowed.
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
    /// The integer, if it is one.
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Number(_) => None,
            Self::Text(text) => Some(text),
        }
    }

    /// The same, owned.
    pub fn to_owned(self) -> Id {
        match self {
            Self::Number(number) => Id::Number(number),
            Self::Text(text) => Id::Text(text.to_owned()),
        }
    }

    /// What it is.
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

/// What the ids of an index are. All are of one kind, so that `7` on a command line means one thing.
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

/// Ids of many vectors, in order and all of one kind. Numbers in order take no memory, other numbers 8 bytes each, texts
/// 8 bytes and themselves.
///
/// ```
/// use hushvec::{IdRef, Ids};
///
/// let mut ids = Ids::new();
/// ids.push(IdRef::Text("hushvec(1)"))?;
/// ids.push(IdRef::Text("ls(1)"))?;
/// assert_eq!(ids.get(1), Some(IdRef::Text("ls(1)")));
/// assert!(ids.push(IdRef::Number(7)).is_err());
/// assert_eq!(Ids::from(5..8), Ids::from(vec![5, 6, 7]));
/// # Ok::<(), hushvec::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ids {
    column: Column,
}

#[derive(Debug, Clone)]
enum Column {
    Range(Range<u64>),
    Numbers(Vec<u64>),
    Texts { ends: Vec<usize>, text: String },
}

impl Default for Ids {
    fn default() -> Self {
        Self { column: Column::Range(0..0) }
    }
}

impl Ids {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one at the end. The first one decides what all are.
    ///
    /// # Errors
    /// [`Error::BadId`] if it is of another kind than those before, or a text that cannot be an id.
    pub fn push(&mut self, id: IdRef<'_>) -> Result<(), Error> {
        let number = self.len() as u64;
        let bad = |reason: String| Error::BadId { number, reason };
        if let IdRef::Text(text) = id {
            check_text(text).map_err(bad)?;
        }
        if self.is_empty() {
            self.column = match id {
                IdRef::Number(first) => Column::Numbers(vec![first]),
                IdRef::Text(text) => Column::Texts { ends: vec![text.len()], text: text.to_owned() },
            };
            return Ok(());
        }
        match (&mut self.column, id) {
            (Column::Numbers(numbers), IdRef::Number(number)) => numbers.push(number),
            (Column::Texts { ends, text }, IdRef::Text(more)) => {
                text.push_str(more);
                ends.push(text.len());
            }
            (Column::Range(range), IdRef::Number(number)) => {
                let mut numbers: Vec<u64> = range.clone().collect();
                numbers.push(number);
                self.column = Column::Numbers(numbers);
            }
            (_, id) => {
                let before = if id.kind() == IdKind::Strings { IdKind::Integers } else { IdKind::Strings };
                return Err(bad(format!("{id:?} among {before}")));
            }
        }
        Ok(())
    }

    /// How many.
    pub fn len(&self) -> usize {
        match &self.column {
            Column::Range(range) => usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX),
            Column::Numbers(numbers) => numbers.len(),
            Column::Texts { ends, .. } => ends.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What they are; `None` if there is none.
    pub fn kind(&self) -> Option<IdKind> {
        self.get(0).map(IdRef::kind)
    }

    /// The id of that number.
    pub fn get(&self, number: usize) -> Option<IdRef<'_>> {
        match &self.column {
            Column::Range(range) => {
                let id = range.start.checked_add(number as u64)?;
                range.contains(&id).then_some(IdRef::Number(id))
            }
            Column::Numbers(numbers) => numbers.get(number).copied().map(IdRef::Number),
            Column::Texts { ends, text } => {
                let end = *ends.get(number)?;
                let start = if number == 0 { 0 } else { *ends.get(number - 1)? };
                text.get(start..end).map(IdRef::Text)
            }
        }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = IdRef<'_>> {
        (0..self.len()).filter_map(|number| self.get(number))
    }

    /// Some of them; fewer, if there are not so many.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let range = range.start.min(self.len())..range.end.min(self.len());
        let column = match &self.column {
            Column::Range(all) => Column::Range(all.start + range.start as u64..all.start + range.end as u64),
            Column::Numbers(numbers) => Column::Numbers(numbers.get(range).unwrap_or_default().to_vec()),
            Column::Texts { ends, text } => {
                let start = range.start.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
                let ends: Vec<usize> = ends.get(range).unwrap_or_default().iter().map(|end| end - start).collect();
                let end = start + ends.last().copied().unwrap_or(0);
                Column::Texts { ends, text: text.get(start..end).unwrap_or_default().to_owned() }
            }
        };
        Self { column }
    }

    /// The first number, if all are numbers in order without gaps.
    pub(super) fn run(&self) -> Option<u64> {
        match &self.column {
            Column::Range(range) => Some(range.start),
            Column::Numbers(numbers) => {
                let first = *numbers.first()?;
                let in_order = |(i, number): (usize, &u64)| first.checked_add(i as u64) == Some(*number);
                // The number after the last one has to exist too, so that a run has an end.
                let ends = first.checked_add(numbers.len() as u64).is_some();
                (ends && numbers.iter().enumerate().all(in_order)).then_some(first)
            }
            Column::Texts { .. } => None,
        }
    }

    /// Ids of a kind from the text that people write: on a command line, or one a line in a file.
    ///
    /// # Errors
    /// [`Error::BadId`], counted from 0, if integers are asked for and a text is none, or if a text cannot be an id.
    pub fn parse<S: AsRef<str>>(kind: IdKind, texts: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let mut ids = Self::new();
        for (number, text) in (0..).zip(texts) {
            let text = text.as_ref();
            match kind {
                IdKind::Strings => ids.push(IdRef::Text(text))?,
                IdKind::Integers => {
                    let reason = || format!("{} is no integer from 0 to {}", quoted(text), u64::MAX);
                    let id = text.parse().map_err(|_| Error::BadId { number, reason: reason() })?;
                    ids.push(IdRef::Number(id))?;
                }
            }
        }
        Ok(ids)
    }
}

impl From<Range<u64>> for Ids {
    fn from(range: Range<u64>) -> Self {
        Self { column: Column::Range(range.start..range.end.max(range.start)) }
    }
}

impl From<Vec<u64>> for Ids {
    fn from(numbers: Vec<u64>) -> Self {
        Self { column: Column::Numbers(numbers) }
    }
}

impl PartialEq for Ids {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Ids {}

/// Why a text can be no id.
pub(super) fn check_text(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > Id::MOST_BYTES {
        return Err(format!("{} has {} bytes, at most {} are possible", quoted(text), text.len(), Id::MOST_BYTES));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(control) => Err(format!("{} has the control character {:?}", quoted(text), control)),
        None => Ok(()),
    }
}

/// A text as a literal, shortened to what a message has room for.
fn quoted(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests;
