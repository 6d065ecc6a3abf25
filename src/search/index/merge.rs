//! Merging several indexes into one.

use super::Index;
use super::packer::Packer;
use crate::destination;
use crate::error::Error;
use crate::id::IdRef;
use crate::progress::Progress;
use crate::search::record_file::Header;
use crate::search::shard::Shard;
use crate::search::taken::Taken;
use std::path::Path;

impl Index {
    /// Writes the vectors of several indexes to a new index, in their order and with their ids. Returns how many
    /// vectors it has.
    ///
    /// The inputs are not changed. Shards can be given in any order: they are merged by number, and none may be
    /// missing. `progress` counts vectors.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::DuplicateId`], or [`Error::Format`] if an index is damaged, a shard is missing,
    /// or integer and string ids are mixed, naming the file; [`Error::Missing`] if no index is given;
    /// [`Error::Occupied`] if the output file exists; [`Error::Io`]; [`Error::Cancelled`]. No file is written on
    /// error.
    pub fn merge(inputs: &[Self], output: &Path, progress: &Progress) -> Result<u64, Error> {
        destination::check_free(output)?;
        let inputs = in_order(inputs.iter().collect())?;
        let first = *inputs.first().ok_or(Error::Missing("no index to merge; give at least one"))?;
        check_alike(&inputs)?;
        let mut next_number = 0;
        for index in &inputs {
            next_number = next_number.max(index.next_number()?.unwrap_or(u64::MAX));
        }
        let mut packer = Packer::create(output, &Header { next_number, shard: None, ..first.file.header().clone() })?;
        let mut taken = Taken::default();
        for (number, index) in inputs.iter().enumerate() {
            for block in index.live_blocks() {
                progress.check()?;
                let block = block?;
                if let Err(row) = taken.insert_all(&block.ids)
                    && let Some(id) = block.ids.get(row)
                {
                    return Err(duplicate(inputs.get(..=number).unwrap_or_default(), id));
                }
                packer.push(&block)?;
                progress.add(block.len() as u64);
            }
        }
        packer.into_file()?.finish_new()?;
        Ok(inputs.iter().map(|index| index.len()).sum())
    }
}

/// Sorts shards by number and checks that none is missing. Leaves other indexes in their order.
pub(in crate::search) fn in_order(mut inputs: Vec<&Index>) -> Result<Vec<&Index>, Error> {
    let shards: Option<Vec<Shard>> = inputs.iter().map(|index| index.shard()).collect();
    let Some(of) = shards.and_then(|shards| shards.first().map(|shard| shard.of())) else { return Ok(inputs) };
    if let Some(other) = inputs.iter().find(|index| index.shard().is_some_and(|shard| shard.of() != of)) {
        let first = inputs.first().map_or(Path::new(""), |index| index.path());
        let other_of = other.shard().map_or(0, Shard::of);
        let reason = format!(
            "it is one of {other_of} shards, but {} is one of {of}; merge shards of the same job only",
            first.display()
        );
        return Err(Error::format(reason).in_file(other.path()));
    }
    inputs.sort_by_key(|index| index.shard());
    let number_of = |index: &&Index| index.shard().map(Shard::number);
    for pair in inputs.windows(2) {
        if let [a, b] = pair
            && number_of(a) == number_of(b)
        {
            let number = number_of(a).unwrap_or_default();
            let reason = format!("it is shard {number}/{of}, and so is {}; give each shard once", a.path().display());
            return Err(Error::format(reason).in_file(b.path()));
        }
    }
    let numbers: Vec<u32> = inputs.iter().filter_map(number_of).collect();
    if let Some(missing) = (0..of).find(|number| numbers.get(*number as usize) != Some(number)) {
        let lacking = of as usize - inputs.len();
        return Err(Error::format(format!("shard {missing}/{of} is missing ({lacking} of {of} are); give all shards")));
    }
    Ok(inputs)
}

/// Checks that all indexes have the same key and the same kind of ids.
pub(in crate::search) fn check_alike(inputs: &[&Index]) -> Result<(), Error> {
    let mut kind = None;
    for index in inputs {
        let (expected, actual) =
            (inputs.first().map_or(index.public_id(), |first| first.public_id()), index.public_id());
        if actual != expected {
            let (expected, actual) = (expected.to_string(), actual.to_string());
            return Err(Error::WrongKey { what: "an index", expected, actual }.in_file(index.path()));
        }
        if let Some(first) = inputs.first() {
            first.file.header().check_same_key(index.file.header()).map_err(|error| error.in_file(index.path()))?;
        }
        match (kind, index.id_kind()?) {
            (Some(kind), Some(other)) if kind != other => {
                let reason = format!("its ids are {other}, but those of the indexes before it are {kind}");
                return Err(Error::format(reason).in_file(index.path()));
            }
            (None, found) => kind = found,
            _ => {}
        }
    }
    Ok(())
}

/// Returns the error for an id of the last index that occurs in it twice or in an earlier index.
pub(in crate::search) fn duplicate(inputs: &[&Index], id: IdRef<'_>) -> Error {
    let mut holders = inputs.iter().filter(|index| {
        let mut found = false;
        let read = index.for_each_id(|other| {
            found |= other == id;
            Ok(())
        });
        read.is_ok() && found
    });
    let (first, last) = (holders.next(), inputs.last());
    let path = |index: Option<&&Index>| index.map_or_else(Default::default, |index| index.path().to_owned());
    Error::DuplicateId { id: id.to_owned(), other: path(first) }.in_file(&path(last))
}
