//! The first bytes of a file: what it is, whose, and how large its records are.

use super::block::MOST_ROWS;
use super::bytes::Bytes;
use crate::destination::MAGIC;
use crate::error::Error;
use crate::paillier::parameters::{Parameters, Scheme};
use crate::paillier::public_key::{PublicId, PublicKey};
use crate::search::query_id::QueryId;
use crate::search::shard::Shard;

pub(in crate::search) const HEADER_BYTES: usize = 128;
/// The version that is written. Version 1 has neither scheme nor query id.
const VERSION: u32 = 2;
/// Vectors in a record.
const VECTORS: u32 = 1;
/// Zeros, up to the checksum.
const UNUSED: std::ops::Range<usize> = 112..124;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::search) enum Kind {
    Index = 1,
    Query = 2,
    Response = 3,
}

impl Kind {
    pub(in crate::search) fn name(self) -> &'static str {
        match self {
            Self::Index => "an index",
            Self::Query => "an encrypted query",
            Self::Response => "a response",
        }
    }

    fn from_number(number: u32) -> Option<Self> {
        [Self::Index, Self::Query, Self::Response].into_iter().find(|kind| *kind as u32 == number)
    }
}

/// The first 128 bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::search) struct Header {
    pub(in crate::search) kind: Kind,
    pub(in crate::search) key: PublicId,
    pub(in crate::search) key_len: usize,
    pub(in crate::search) embedding_length: usize,
    /// Queries that a response answers; 1 in other files.
    pub(in crate::search) groups: usize,
    /// Records of each group in a finished file; 0 in an index, which grows.
    pub(in crate::search) rows: u64,
    /// Numbers below it may have been ids of vectors that are gone from an index without a trace.
    pub(in crate::search) next_number: u64,
    /// The part of an input that an index is.
    pub(in crate::search) shard: Option<Shard>,
    /// The scheme of the key; unknown in version 1 of the format, and only there.
    pub(in crate::search) scheme: Option<Scheme>,
    /// The id of a query, or of the query that a response answers.
    pub(in crate::search) query: Option<QueryId>,
}

impl Header {
    pub(in crate::search) fn new(kind: Kind, key: &PublicKey, groups: usize, rows: u64) -> Self {
        let parameters = key.parameters();
        let (key_len, embedding_length) = (parameters.key_len(), parameters.embedding_length());
        let (key, scheme) = (key.id(), Some(parameters.scheme()));
        Self { kind, key, key_len, embedding_length, groups, rows, next_number: 0, shard: None, scheme, query: None }
    }

    /// Bytes of a ciphertext.
    pub(in crate::search) fn record_bytes(&self) -> usize {
        self.key_len / 2
    }

    pub(in crate::search) fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Bytes::<HEADER_BYTES>::default();
        bytes.put(0, MAGIC);
        bytes.put_u32(8, if self.scheme.is_some() { VERSION as usize } else { 1 });
        bytes.put_u32(12, self.kind as usize);
        bytes.put(16, &self.key.0);
        bytes.put_u32(48, self.key_len);
        bytes.put_u32(52, self.embedding_length);
        bytes.put_u32(56, self.record_bytes());
        bytes.put_u32(60, self.groups);
        bytes.put_u64(64, self.rows);
        bytes.put_u64(72, self.next_number);
        if let Some(shard) = self.shard {
            bytes.put_u32(80, shard.number() as usize);
            bytes.put_u32(84, shard.of() as usize);
        }
        if let Some(scheme) = self.scheme {
            bytes.put_u32(88, code(scheme) as usize);
            bytes.put_u32(92, VECTORS as usize);
        }
        if let Some(query) = self.query {
            bytes.put(96, query.as_bytes());
        }
        bytes.seal()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bytes = Bytes::<HEADER_BYTES>::read(bytes).filter(|bytes| &bytes.array::<8>(0) == MAGIC);
        let bytes = bytes.ok_or_else(|| Error::format("not a hushvec file"))?;
        let version = bytes.u32(8);
        if !(1..=VERSION).contains(&version) {
            let message = format!("version {version} of the format; this build reads versions 1 to {VERSION}");
            return Err(Error::format(message));
        }
        if !bytes.is_sealed() {
            return Err(Error::format("the header is damaged (its checksum does not fit)"));
        }
        let kind = Kind::from_number(bytes.u32(12)).ok_or_else(|| Error::format("a kind of file not known here"))?;
        let shard = match (bytes.u32(80), bytes.u32(84)) {
            (0, 0) => None,
            (number, of) => Some(Shard::new(number, of)?),
        };
        let (scheme, query) = match version {
            1 if bytes.array::<16>(88) == [0; 16] && bytes.array::<8>(104) == [0; 8] => (None, None),
            1 => return Err(Error::format("the header has bytes that version 1 of the format does not have")),
            _ => (Some(scheme(bytes.u32(88))?), QueryId::from_bytes(bytes.array(96))),
        };
        if scheme.is_some() && bytes.u32(92) != VECTORS {
            let message = format!("{} vectors in a record; this build reads {VECTORS}", bytes.u32(92));
            return Err(Error::format(message));
        }
        if UNUSED.step_by(4).any(|at| bytes.u32(at) != 0) {
            return Err(Error::format(format!(
                "the header has bytes that version {version} of the format does not have"
            )));
        }
        let header = Self {
            kind,
            key: PublicId(bytes.array(16)),
            key_len: bytes.u32(48) as usize,
            embedding_length: bytes.u32(52) as usize,
            groups: bytes.u32(60) as usize,
            rows: bytes.u64(64),
            next_number: bytes.u64(72),
            shard,
            scheme,
            query,
        };
        let sizes_fit = Parameters::KEY_LENGTHS.contains(&header.key_len)
            && (1..header.key_len).contains(&header.embedding_length)
            && bytes.u32(56) as usize == header.record_bytes();
        if !sizes_fit {
            return Err(Error::format("the header has sizes that no key has"));
        }
        header.check_counts()?;
        Ok(header)
    }

    /// # Errors
    /// [`Error::Format`] if there are more queries than a file may have, or counts or a query id that this kind of file does
    /// not have.
    fn check_counts(&self) -> Result<(), Error> {
        let (groups, rows) = (self.groups, self.rows);
        let wrong = |what: &str| Err(Error::format(format!("the header has {what}")));
        match self.kind {
            Kind::Response if groups == 0 || groups > MOST_ROWS => {
                wrong(&format!("{groups} queries; a response has from 1 to {MOST_ROWS}"))
            }
            Kind::Query if rows == 0 || rows > MOST_ROWS as u64 => {
                wrong(&format!("{rows} vectors; a query has from 1 to {MOST_ROWS}"))
            }
            Kind::Index | Kind::Query if groups != 1 => wrong(&format!("{groups} groups; only a response has several")),
            Kind::Index if rows != 0 => {
                wrong(&format!("{rows} vectors; an index grows and does not say how many it has"))
            }
            Kind::Query if self.scheme.is_some() && self.query.is_none() => {
                wrong("no query id; version 2 of a query has one")
            }
            Kind::Index if self.query.is_some() => wrong("a query id; an index answers no query"),
            Kind::Query | Kind::Response if self.next_number != 0 || self.shard.is_some() => {
                wrong("fields that only an index has")
            }
            _ => Ok(()),
        }
    }

    /// Records of a finished file; `None` if that is no number.
    pub(in crate::search) fn records(&self) -> Option<u64> {
        self.rows.checked_mul(self.groups as u64)
    }

    /// # Errors
    /// [`Error::Format`] if the file is of another kind.
    pub(super) fn check_kind(&self, kind: Kind) -> Result<(), Error> {
        if self.kind == kind {
            return Ok(());
        }
        Err(Error::format(format!("{}, expected {}", self.kind.name(), kind.name())))
    }

    /// # Errors
    /// [`Error::WrongKey`] if the file is not of this key; [`Error::Format`] if it says that it is of another scheme or size.
    pub(in crate::search) fn check_key(&self, key: &PublicKey) -> Result<(), Error> {
        key.check_id(self.kind.name(), self.key)?;
        let parameters = key.parameters();
        let (scheme, sizes) = (parameters.scheme(), [parameters.key_len(), parameters.embedding_length()]);
        if self.scheme.is_none_or(|found| found == scheme) && [self.key_len, self.embedding_length] == sizes {
            return Ok(());
        }
        Err(other_sizes())
    }

    /// # Errors
    /// [`Error::Format`] if the other header, which names the same key, has another scheme or size.
    pub(in crate::search) fn check_same_key(&self, other: &Self) -> Result<(), Error> {
        let differ = |(a, b)| a != b;
        let schemes = self.scheme.zip(other.scheme).is_some_and(differ);
        if schemes || (self.key_len, self.embedding_length) != (other.key_len, other.embedding_length) {
            return Err(other_sizes());
        }
        Ok(())
    }
}

fn other_sizes() -> Error {
    Error::format("the header names the key, but has another scheme or other sizes than that key")
}

/// The number of a scheme in a file.
fn code(scheme: Scheme) -> u32 {
    match scheme {
        Scheme::Paillier => 1,
        Scheme::PaillierLookup => 2,
        Scheme::PaillierSubgroup => 3,
    }
}

fn scheme(number: u32) -> Result<Scheme, Error> {
    let scheme = Scheme::ALL.into_iter().find(|scheme| code(*scheme) == number);
    scheme.ok_or_else(|| {
        let known: Vec<String> = Scheme::ALL.into_iter().map(|scheme| format!("{} ({scheme})", code(scheme))).collect();
        Error::format(format!("scheme {number}, which this build does not know; it knows {}", known.join(", ")))
    })
}
