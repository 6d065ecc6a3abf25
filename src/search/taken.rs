//! Which ids there are, so that none is there twice.

use crate::error::Error;
use crate::id::IdRef;
use crate::search::ids::Ids;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// Numbers in order take no memory to speak of, other numbers 9 to 18 bytes each, texts 17 to 34: of those it keeps 128
/// bits of a hash under random keys. Among 10^7 texts two different ones are taken for one with a chance of 2^−82.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// First numbers and the numbers after the last of runs that do not overlap.
    runs: BTreeMap<u64, u64>,
    /// Numbers of those runs that are free again.
    freed: HashSet<u64>,
    numbers: HashSet<u64>,
    texts: HashSet<u128>,
    keys: [RandomState; 2],
}

impl Taken {
    /// Takes the ids of a block of a file.
    pub(super) fn insert_block(&mut self, ids: &Ids) -> Result<(), Error> {
        self.insert_all(ids).map_err(|row| {
            let id = ids.get(row).map_or_else(String::new, |id| format!("{id:?}"));
            Error::format(format!("damaged: two vectors have the id {id}"))
        })
    }

    /// Takes all of the ids, or none and tells which one is taken already.
    pub(super) fn insert_all(&mut self, ids: &Ids) -> Result<(), usize> {
        if let Some(first) = ids.run() {
            let behind = first + ids.len() as u64;
            if !self.touches(first, behind) {
                self.insert_run(first, behind);
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

    /// Frees an id.
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

    fn insert_run(&mut self, first: u64, behind: u64) {
        // Runs that follow each other become one.
        let before = self.runs.range(..first).next_back().filter(|(_, end)| **end == first).map(|(start, _)| *start);
        self.runs.insert(before.unwrap_or(first), behind);
    }

    fn in_run(&self, number: u64) -> bool {
        self.runs.range(..=number).next_back().is_some_and(|(_, end)| number < *end)
    }

    /// Whether anything from `first` to before `behind` is or was taken.
    fn touches(&self, first: u64, behind: u64) -> bool {
        let in_runs = self.runs.range(..behind).next_back().is_some_and(|(_, end)| first < *end);
        in_runs || (!self.numbers.is_empty() && (first..behind).any(|number| self.numbers.contains(&number)))
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
        /// Runs, single numbers and texts come and go as in a set.
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
        fn ids_given_twice_at_once_are_noticed(mut numbers in prop::collection::vec(0u64..1000, 2..20), at in 0usize..20) {
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
