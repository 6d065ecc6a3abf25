//! The client's own list of the chunks that it stored, with its ids for them.

mod file;
mod line;

pub use file::{PushedFile, PushedWriter};

use hushvec::{Id, IdRef};

/// The chunks that this client stored in one knowledge base under one context.
///
/// The server is not trusted to report which chunks exist and what their ids are. This is the client's own record,
/// which [`PushedFile`] keeps on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Sorted by the server's ids, without duplicates.
    chunks: Vec<(u64, Option<Id>)>,
}

impl Pushed {
    /// Creates a list of chunks: the server's ids, each with the client's own id if it has one.
    ///
    /// # Errors
    /// The duplicate id, if there is one.
    pub fn new(mut chunks: Vec<(u64, Option<Id>)>) -> Result<Self, u64> {
        chunks.sort_unstable_by_key(|(chunk, _)| *chunk);
        let repeated = chunks.windows(2).find_map(|pair| match pair {
            [(a, _), (b, _)] if a == b => Some(*a),
            _ => None,
        });
        repeated.map_or(Ok(Self { chunks }), Err)
    }

    /// Returns the number of chunks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Returns whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns whether a chunk is listed.
    #[must_use]
    pub fn contains(&self, chunk: u64) -> bool {
        self.place(chunk).is_some()
    }

    /// Returns the client's own id of a chunk.
    #[must_use]
    pub fn id(&self, chunk: u64) -> Option<IdRef<'_>> {
        let (_, id) = self.chunks.get(self.place(chunk)?)?;
        id.as_ref().map(Id::as_ref)
    }

    /// Iterates over all chunks: the server's ids in ascending order, with the client's own ids.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Option<IdRef<'_>>)> + '_ {
        self.chunks.iter().map(|(chunk, id)| (*chunk, id.as_ref().map(Id::as_ref)))
    }

    /// Iterates over the server's ids of all chunks, in ascending order.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.chunks.iter().map(|(chunk, _)| *chunk)
    }

    /// Returns the position of a chunk in the list.
    pub(crate) fn place(&self, chunk: u64) -> Option<usize> {
        self.chunks.binary_search_by_key(&chunk, |(chunk, _)| *chunk).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_found_by_the_servers_ids() {
        let pushed = Pushed::new(vec![(9, Some(Id::Text("nine".to_owned()))), (2, Some(Id::Number(7))), (4, None)]);
        let pushed = pushed.unwrap();
        assert_eq!(pushed.numbers().collect::<Vec<_>>(), [2, 4, 9]);
        assert_eq!((pushed.id(9), pushed.id(2)), (Some(IdRef::Text("nine")), Some(IdRef::Number(7))));
        assert!(pushed.contains(4) && pushed.id(4).is_none() && !pushed.contains(7));
        assert_eq!(Pushed::new(vec![(9, None), (2, None), (9, None)]), Err(9));
    }
}
