//! Query ids, which match responses to queries.

use crate::bignum::random::{OsRandom, RandomSource};
use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// A random 128-bit id of a query, which responses repeat. It is public.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct QueryId([u8; 16]);

impl QueryId {
    /// Generates a random id.
    pub(crate) fn random() -> Result<Self, Error> {
        Self::draw(&mut OsRandom)
    }

    /// Draws an id from a source of random bytes.
    pub(crate) fn draw(source: &mut impl RandomSource) -> Result<Self, Error> {
        let mut bytes = [0; 16];
        source.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Returns the id of these bytes, or `None` if all are zero.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// Returns the 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for QueryId {
    type Err = Error;

    /// Parses 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        let number = Some(text).filter(|text| text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let number = number.and_then(|text| u128::from_str_radix(text, 16).ok());
        let id = number.and_then(|number| Self::from_bytes(number.to_be_bytes()));
        id.ok_or_else(|| Error::format("not a query id: give 32 hexadecimal digits that are not all 0"))
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
