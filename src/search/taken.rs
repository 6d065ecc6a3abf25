//! The set of taken ids, to detect duplicates.

use crate::error::Error;
use crate::id::IdRef;
use crate::search::ids::Ids;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// A set of ids.
///
/// Consecutive numbers take almost no memory, other numbers 9 to 18 bytes each, and texts 17 to 34 bytes each. For a
/// text it stores a 128-bit hash under random keys. The probability that any two of 10^7 different texts collide is
/// 2^−82.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Disjoint runs: from the first number to the number after the last.
    runs: BTreeMap<u64, u64>,
    /// Numbers of these runs that were removed.
    freed: HashSet<u64>,
    numbers: HashSet<u64>,
    texts: HashSet<u128>,
    keys: [RandomState; 2],
}

impl Taken {
    /// Adds the ids of a block of a file.
    ///
    /// # Errors
    /// [`Error::Format`], naming the first duplicate.
    pub(super) fn insert_block(&mut self, ids: &Ids) -> Result<(), Error> {
        self.insert_all(ids).map_err(|row| {
            let id = ids.get(row).map_or_else(String::new, |id| format!("{id:?}"));
            Error::format(format!(
                "damaged: two vectors have the id {id}; restore the file from a copy or create it again"
            ))
        })
    }

    /// Adds all ids. If one is already there, adds none and returns its position as the error.
    pub(super) fn insert_all(&mut self, ids: &Ids) -> Result<(), usize> {
        if let Some(first) = ids.run() {
            let end = first + ids.len() as u64;
            if !self.touches(first, end) {
                self.insert_run(first, end);
                return Ok(());
            }
        }
        for (row, id) in ids.iter().enumerate() {
            if !self.insert(id) {
                ids.iter().take(row).for_each(|id| self.remove(id));
                return Err(row);
            }
        }
        Ok(())
    }

    /// Removes an id.
    pub(super) fn remove(&mut self, id: IdRef<'_>) {
        match id {
            IdRef::Text(text) => drop(self.texts.remove(&self.fingerprint(text))),
            IdRef::Number(number) => {
                if !self.numbers.remove(&number) && self.in_run(number) {
                    self.freed.insert(number);
                }
            }
        }
    }

    fn insert(&mut self, id: IdRef<'_>) -> bool {
        match id {
            IdRef::Text(text) => self.texts.insert(self.fingerprint(text)),
            IdRef::Number(number) if self.in_run(number) => self.freed.remove(&number),
            IdRef::Number(number) => self.numbers.insert(number),
        }
    }

    fn insert_run(&mut self, first: u64, end: u64) {
        // Joins adjacent runs.
        let before = self.runs.range(..first).next_back().filter(|(_, end)| **end == first).map(|(start, _)| *start);
        self.runs.insert(before.unwrap_or(first), end);
    }

    fn in_run(&self, number: u64) -> bool {
        self.runs.range(..=number).next_back().is_some_and(|(_, end)| number < *end)
    }

    /// Returns whether any number of `first..end` is in the set, or was in one of its runs.
    fn touches(&self, first: u64, end: u64) -> bool {
        let in_runs = self.runs.range(..end).next_back().is_some_and(|(_, end)| first < *end);
        in_runs || (!self.numbers.is_empty() && (first..end).any(|number| self.numbers.contains(&number)))
    }

    fn fingerprint(&self, text: &str) -> u128 {
        let [a, b] = &self.keys;
        u128::from(a.hash_one(text)) << 64 | u128::from(b.hash_one(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Inserting and removing runs, single numbers and texts gives the same results as a `BTreeSet`.
        #[test]
        fn agrees_with_a_set(steps in prop::collection::vec((0u64..40, 0u64..6, 0u8..4), 0..60)) {
            let (mut taken, mut set) = (Taken::default(), BTreeSet::new());
            for (first, count, what) in steps {
                let ids = match what {
                    0 => Ids::from(first..first + count),
                    1 => Ids::from((0..count).map(|i| first + 3 * i).collect::<Vec<_>>()),
                    _ => Ids::parse(crate::id::IdKind::Strings, (0..count).map(|i| (first + i).to_string())).unwrap(),
                };
                if what == 3 || (what < 2 && first % 5 == 0) {
                    for id in ids.iter() {
                        taken.remove(id);
                        set.remove(&id.to_owned());
                    }
                    continue;
                }
                let clash = ids.iter().position(|id| set.contains(&id.to_owned()));
                prop_assert_eq!(taken.insert_all(&ids).err(), clash);
                if clash.is_none() {
                    set.extend(ids.iter().map(IdRef::to_owned));
                }
            }
        }

        #[test]
        fn duplicates_within_one_call_are_found(mut numbers in prop::collection::vec(0u64..1000, 2..20), at in 0usize..20) {
            numbers.sort_unstable();
            numbers.dedup();
            let again = numbers[at % numbers.len()];
            numbers.push(again);
            let mut taken = Taken::default();
            prop_assert_eq!(taken.insert_all(&Ids::from(numbers.clone())), Err(numbers.len() - 1));
            numbers.pop();
            prop_assert_eq!(taken.insert_all(&Ids::from(numbers)), Ok(()));
        }
    }
}
