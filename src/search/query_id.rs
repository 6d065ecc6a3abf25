//! The random number that ties a response to its query.

use crate::arith::random::{OsRandom, RandomSource};
use crate::error::Error;
use std::fmt;

/// A random number of a query, which a response repeats. It is public.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct QueryId([u8; 16]);

impl QueryId {
    /// A new one.
    pub(super) fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        OsRandom.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The one in a file; none if it is zero.
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueryId({self})")
    }
}
