//! Checks which chunks the answer to a search has.

use crate::error::{Error, RowsProblem};
use crate::pushed::Pushed;
use std::collections::HashSet;

/// The chunks that the answer to a search may have.
#[derive(Debug, Clone, Copy)]
pub enum Expected<'a> {
    /// Only chunks that this client stored. Without a filter, all of them must be there.
    Pushed(&'a Pushed),
    /// Any chunks without duplicates.
    Anything,
}

/// Checks the rows of an answer as they arrive.
#[derive(Debug)]
pub struct Checker<'a> {
    expected: Expected<'a>,
    range: Option<(u64, u64)>,
    /// Whether every expected chunk must be present.
    complete: bool,
    /// The chunks seen so far. Listed chunks are recorded by their positions in the list.
    seen: Seen,
    repeated: Counted,
    unexpected: Counted,
}

#[derive(Debug)]
enum Seen {
    Places(Vec<bool>),
    Numbers(HashSet<u64>),
}

#[derive(Debug, Default)]
struct Counted {
    count: u64,
    first: u64,
}

impl Counted {
    fn add(&mut self, chunk: u64) {
        if self.count == 0 {
            self.first = chunk;
        }
        self.count += 1;
    }
}

impl<'a> Checker<'a> {
    /// Creates a checker for an answer of `len` rows.
    ///
    /// # Errors
    /// [`RowsProblem::TooMany`] if there are more rows than expected chunks.
    pub fn new(
        expected: Expected<'a>,
        range: Option<(u64, u64)>,
        complete: bool,
        len: u64,
    ) -> Result<Self, RowsProblem> {
        let seen = match expected {
            Expected::Pushed(pushed) => Seen::Places(vec![false; pushed.len()]),
            Expected::Anything => Seen::Numbers(HashSet::new()),
        };
        let (repeated, unexpected) = (Counted::default(), Counted::default());
        let checker = Self { expected, range, complete, seen, repeated, unexpected };
        if let Expected::Pushed(pushed) = expected {
            let listed = pushed.numbers().filter(|chunk| checker.is_in_range(*chunk)).count() as u64;
            if len > listed {
                return Err(RowsProblem::TooMany { listed, actual: len });
            }
        }
        Ok(checker)
    }

    fn is_in_range(&self, chunk: u64) -> bool {
        self.range.is_none_or(|(first, last)| (first..=last).contains(&chunk))
    }

    /// Records a row. Returns `false` if the row must not be there.
    pub fn see(&mut self, chunk: u64) -> bool {
        let in_range = self.is_in_range(chunk);
        let is_new = match (&mut self.seen, self.expected) {
            (Seen::Places(places), Expected::Pushed(pushed)) => {
                let place = pushed.place(chunk).and_then(|place| places.get_mut(place)).filter(|_| in_range);
                let Some(seen) = place else {
                    self.unexpected.add(chunk);
                    return false;
                };
                !std::mem::replace(seen, true)
            }
            (Seen::Numbers(numbers), _) if in_range => numbers.insert(chunk),
            _ => {
                self.unexpected.add(chunk);
                return false;
            }
        };
        if !is_new {
            self.repeated.add(chunk);
        }
        is_new
    }

    /// Returns whether any row must not be there.
    pub fn has_failed(&self) -> bool {
        self.repeated.count > 0 || self.unexpected.count > 0
    }

    /// Checks the complete answer.
    ///
    /// # Errors
    /// The problem, if there is one.
    pub fn finish(&self) -> Result<(), RowsProblem> {
        if self.repeated.count > 0 {
            let Counted { count, first } = self.repeated;
            return Err(RowsProblem::Repeated { count, first });
        }
        if self.unexpected.count > 0 {
            let Counted { count, first } = self.unexpected;
            return Err(RowsProblem::Unexpected { count, first });
        }
        let (Seen::Places(places), Expected::Pushed(pushed), true) = (&self.seen, self.expected, self.complete) else {
            return Ok(());
        };
        let mut missing = Counted::default();
        for (chunk, seen) in pushed.numbers().zip(places) {
            if !seen && self.is_in_range(chunk) {
                missing.add(chunk);
            }
        }
        let Counted { count, first } = missing;
        if count > 0 { Err(RowsProblem::Missing { count, first }) } else { Ok(()) }
    }

    /// Checks the complete answer like [`Checker::finish`], and names the host in the error.
    ///
    /// # Errors
    /// [`Error::Rows`].
    pub fn checked(&self, host: &str) -> Result<(), Error> {
        self.finish().map_err(|problem| Error::Rows { host: host.to_owned(), problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed() -> Pushed {
        Pushed::new([2, 3, 5, 8].into_iter().map(|chunk| (chunk, None)).collect()).unwrap()
    }

    fn checked(
        expected: Expected<'_>,
        range: Option<(u64, u64)>,
        complete: bool,
        rows: &[u64],
    ) -> Result<(), RowsProblem> {
        let mut checker = Checker::new(expected, range, complete, rows.len() as u64)?;
        let good = rows.iter().filter(|row| checker.see(**row)).count();
        assert_eq!(checker.has_failed(), good < rows.len());
        checker.finish()
    }

    #[test]
    fn only_listed_chunks_are_accepted() {
        let pushed = pushed();
        let check = |rows: &[u64]| checked(Expected::Pushed(&pushed), None, true, rows);
        assert_eq!(check(&[5, 2, 8, 3]), Ok(()));
        assert_eq!(check(&[5, 2]), Err(RowsProblem::Missing { count: 2, first: 3 }));
        assert_eq!(check(&[]), Err(RowsProblem::Missing { count: 4, first: 2 }));
        assert_eq!(check(&[5, 2, 5, 5]), Err(RowsProblem::Repeated { count: 2, first: 5 }));
        assert_eq!(check(&[5, 2, 9, 4]), Err(RowsProblem::Unexpected { count: 2, first: 9 }));
        assert_eq!(check(&[5, 2, 8, 3, 3]), Err(RowsProblem::TooMany { listed: 4, actual: 5 }));
    }

    #[test]
    fn filters_and_ranges_limit_the_expected_chunks() {
        let pushed = pushed();
        let check = |range, complete, rows: &[u64]| checked(Expected::Pushed(&pushed), range, complete, rows);
        assert_eq!(check(None, false, &[3]), Ok(()));
        assert_eq!(check(None, false, &[4]), Err(RowsProblem::Unexpected { count: 1, first: 4 }));
        assert_eq!(check(Some((3, 5)), true, &[3, 5]), Ok(()));
        assert_eq!(check(Some((3, 5)), true, &[3]), Err(RowsProblem::Missing { count: 1, first: 5 }));
        assert_eq!(check(Some((3, 5)), true, &[3, 2]), Err(RowsProblem::Unexpected { count: 1, first: 2 }));
        assert_eq!(check(Some((3, 5)), false, &[3, 5, 2]), Err(RowsProblem::TooMany { listed: 2, actual: 3 }));
    }

    #[test]
    fn without_a_list_duplicates_are_refused() {
        let check = |range, rows: &[u64]| checked(Expected::Anything, range, true, rows);
        assert_eq!(check(None, &[7, 1, 9]), Ok(()));
        assert_eq!(check(None, &[7, 1, 7]), Err(RowsProblem::Repeated { count: 1, first: 7 }));
        assert_eq!(check(Some((1, 7)), &[7, 8]), Err(RowsProblem::Unexpected { count: 1, first: 8 }));
    }
}
