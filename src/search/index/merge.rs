//! Merging: one index of several.

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
    /// Writes a new index of the vectors of several, which stay as they are, in their order and with their ids; how many
    /// they are. Shards are put in order, whatever order they come in, and all have to be there. `progress` counts
    /// vectors.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::DuplicateId`], [`Error::Format`] if an index is damaged, shards are missing or some
    /// ids are integers and others strings, naming the file; [`Error::Missing`] if there is no index;
    /// [`Error::Occupied`] if there is a file of the new name; [`Error::Io`]; [`Error::Cancelled`]. Then there is no new file.
    pub fn merge(inputs: &[Self], output: &Path, progress: &Progress) -> Result<u64, Error> {
        destination::check_free(output)?;
        let inputs = in_order(inputs)?;
        let first = *inputs.first().ok_or(Error::Missing("no index to merge"))?;
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

/// Shards by number, all of them; other indexes as they come.
fn in_order(inputs: &[Index]) -> Result<Vec<&Index>, Error> {
    let mut inputs: Vec<&Index> = inputs.iter().collect();
    let shards: Option<Vec<Shard>> = inputs.iter().map(|index| index.shard()).collect();
    let Some(of) = shards.and_then(|shards| shards.first().map(|shard| shard.of())) else { return Ok(inputs) };
    if let Some(other) = inputs.iter().find(|index| index.shard().is_some_and(|shard| shard.of() != of)) {
        let first = inputs.first().map_or(Path::new(""), |index| index.path());
        let reason = format!("it is one of another number of shards than {}, which is one of {of}", first.display());
        return Err(Error::format(reason).in_file(other.path()));
    }
    inputs.sort_by_key(|index| index.shard());
    let number_of = |index: &&Index| index.shard().map(Shard::number);
    for pair in inputs.windows(2) {
        if let [a, b] = pair
            && number_of(a) == number_of(b)
        {
            let number = number_of(a).unwrap_or_default();
            let reason = format!("it is shard {number}/{of}, and so is {}", a.path().display());
            return Err(Error::format(reason).in_file(b.path()));
        }
    }
    let numbers: Vec<u32> = inputs.iter().filter_map(number_of).collect();
    if let Some(missing) = (0..of).find(|number| numbers.get(*number as usize) != Some(number)) {
        let lacking = of as usize - inputs.len();
        return Err(Error::format(format!("shard {missing}/{of} is missing ({lacking} of {of} are)")));
    }
    Ok(inputs)
}

/// One key, and one kind of ids.
fn check_alike(inputs: &[&Index]) -> Result<(), Error> {
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
                let reason = format!("its ids are {other}, those of the indexes before it {kind}");
                return Err(Error::format(reason).in_file(index.path()));
            }
            (None, found) => kind = found,
            _ => {}
        }
    }
    Ok(())
}

/// The error about an id of the last index that this one or one before it has as well.
fn duplicate(inputs: &[&Index], id: IdRef<'_>) -> Error {
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
