//! Lists of ids.

use crate::error::Error;
use crate::id::{IdKind, IdRef, check_text, quoted};
use std::ops::Range;

/// A list of vector ids, all of one kind. Consecutive numbers take no memory, other numbers 8 bytes each, and texts 8
/// bytes plus their length.
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
    /// Returns an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an id. The first id determines the kind of all.
    ///
    /// # Errors
    /// [`Error::BadId`] if it is of another kind than the others, or a text that is not a valid id.
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
                return Err(bad(format!("{id:?} among {before}; give ids of one kind")));
            }
        }
        Ok(())
    }

    /// Returns how many ids there are.
    pub fn len(&self) -> usize {
        match &self.column {
            Column::Range(range) => usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX),
            Column::Numbers(numbers) => numbers.len(),
            Column::Texts { ends, .. } => ends.len(),
        }
    }

    /// Returns whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the kind of the ids; `None` if the list is empty.
    pub fn kind(&self) -> Option<IdKind> {
        self.get(0).map(IdRef::kind)
    }

    /// Returns the id at a position, counted from 0.
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

    /// Iterates over the ids.
    pub fn iter(&self) -> impl Iterator<Item = IdRef<'_>> {
        (0..self.len()).filter_map(|number| self.get(number))
    }

    /// Returns the ids in a range, which is cut to the length of the list.
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

    /// Returns whether both lists have the same ids in the same order.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.len() == other.len()
            && (self.run().is_some_and(|first| other.run() == Some(first)) || self.iter().eq(other.iter()))
    }

    /// Returns the first id if the list is not empty and all ids are consecutive numbers.
    pub(super) fn run(&self) -> Option<u64> {
        match &self.column {
            Column::Range(range) => (!range.is_empty()).then_some(range.start),
            Column::Numbers(numbers) => {
                let first = *numbers.first()?;
                let in_order = |(i, number): (usize, &u64)| first.checked_add(i as u64) == Some(*number);
                // The number after the last must be representable, because runs have an exclusive end.
                let ends = first.checked_add(numbers.len() as u64).is_some();
                (ends && numbers.iter().enumerate().all(in_order)).then_some(first)
            }
            Column::Texts { .. } => None,
        }
    }

    /// Parses ids of a kind from texts, such as command-line arguments or the lines of a file.
    ///
    /// # Errors
    /// [`Error::BadId`], with the position counted from 0, if a text is not an integer or not a valid id.
    pub fn parse<S: AsRef<str>>(kind: IdKind, texts: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let mut ids = Self::new();
        for (number, text) in (0..).zip(texts) {
            let text = text.as_ref();
            match kind {
                IdKind::Strings => ids.push(IdRef::Text(text))?,
                IdKind::Integers => {
                    let reason = || format!("{} is not an integer from 0 to {}", quoted(text), u64::MAX);
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

#[cfg(test)]
mod tests;
