//! File headers: the kind of the file, its key and scheme, and the size of its records.

use super::bytes::Bytes;
use super::layout::{Layout, MOST_VECTORS};
use crate::destination::{MAGIC, open_regular};
use crate::error::Error;
use crate::paillier::public_key::PublicId;
use crate::query_id::QueryId;
use crate::search::shard::Shard;
use std::io::Read;
use std::path::Path;

pub(in crate::search) const HEADER_BYTES: usize = 128;
/// The version written. Version 1 has neither scheme nor query id, and one vector per record.
const VERSION: u32 = 2;
/// The offsets of the scheme's parameters.
const PARAMETERS: [usize; 3] = [48, 52, 112];
/// The reserved bytes before the checksum, which are zero.
const UNUSED: std::ops::Range<usize> = 116..124;
/// The bytes that version 1 does not use.
const SINCE_VERSION_2: std::ops::Range<usize> = 88..116;

/// Returns the code of the scheme in a file's header. `None` if it has no valid header of this version.
///
/// # Errors
/// [`Error::Io`].
pub(in crate::search) fn read_scheme(path: &Path) -> Result<Option<u32>, Error> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    let file = open_regular(path)?;
    file.take(HEADER_BYTES as u64).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    let header = Bytes::<HEADER_BYTES>::read(&bytes).filter(|bytes| &bytes.array::<8>(0) == MAGIC && bytes.is_sealed());
    Ok(header.filter(|header| header.u32(8) == VERSION).map(|header| header.u32(88)))
}

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::search) enum Kind {
    Index = 1,
    Query = 2,
    Response = 3,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Index, Self::Query, Self::Response];

    pub(in crate::search) fn name(self) -> &'static str {
        match self {
            Self::Index => "an index",
            Self::Query => "an encrypted query",
            Self::Response => "a response",
        }
    }

    fn from_number(number: u32) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number).ok_or_else(|| {
            let known: Vec<String> = Self::ALL.map(|kind| format!("{} ({})", kind as u32, kind.name())).into();
            Error::format(format!(
                "a hushvec file of kind {number}, expected one of {}. Read encrypted numbers (4) with \
                 `load_numbers`, and other kinds with a newer hushvec",
                known.join(", ")
            ))
        })
    }
}

/// Checks that a header has a scheme that the caller can read, with parameters and a layout that match.
pub(in crate::search) type Check = fn(&Header) -> Result<(), Error>;

/// The first 128 bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::search) struct Header {
    pub(in crate::search) kind: Kind,
    pub(in crate::search) key: PublicId,
    /// The code of the scheme; `None` in version 1 of the format.
    pub(in crate::search) scheme: Option<u32>,
    /// The sizes of the scheme.
    pub(in crate::search) parameters: [u32; 3],
    pub(in crate::search) layout: Layout,
    /// The number of queries that a response answers; 1 in other files.
    pub(in crate::search) groups: usize,
    /// The number of vectors of each group in a query or response; 0 in an index, which grows.
    pub(in crate::search) vectors: u64,
    /// A number above all ids of vectors that compaction removed from an index, so that their ids are not used again.
    pub(in crate::search) next_number: u64,
    /// The shard that an index holds.
    pub(in crate::search) shard: Option<Shard>,
    /// The id of a query, or of the query that a response answers.
    pub(in crate::search) query: Option<QueryId>,
}

impl Header {
    pub(in crate::search) fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Bytes::<HEADER_BYTES>::default();
        bytes.put(0, MAGIC);
        bytes.put_u32(8, if self.scheme.is_some() { VERSION as usize } else { 1 });
        bytes.put_u32(12, self.kind as usize);
        bytes.put(16, &self.key.0);
        for (at, parameter) in PARAMETERS.into_iter().zip(self.parameters) {
            bytes.put_u32(at, parameter as usize);
        }
        bytes.put_u32(56, self.layout.record_bytes());
        bytes.put_u32(60, self.groups);
        bytes.put_u64(64, self.vectors);
        bytes.put_u64(72, self.next_number);
        if let Some(shard) = self.shard {
            bytes.put_u32(80, shard.number() as usize);
            bytes.put_u32(84, shard.of() as usize);
        }
        if let Some(scheme) = self.scheme {
            bytes.put_u32(88, scheme as usize);
            bytes.put_u32(92, self.layout.vectors());
        }
        if let Some(query) = self.query {
            bytes.put(96, query.as_bytes());
        }
        bytes.seal()
    }

    /// Reads a header that `check` accepts.
    pub(super) fn from_bytes(bytes: &[u8], check: Check) -> Result<Self, Error> {
        let bytes = Bytes::<HEADER_BYTES>::read(bytes).filter(|bytes| &bytes.array::<8>(0) == MAGIC);
        let bytes = bytes.ok_or_else(|| Error::format("not a hushvec file"))?;
        let version = bytes.u32(8);
        if !(1..=VERSION).contains(&version) {
            return Err(Error::format(format!(
                "version {version} of the format; this build reads versions 1 to {VERSION}. Use a newer hushvec"
            )));
        }
        if !bytes.is_sealed() {
            let message = "the header is damaged (its checksum does not match); restore the file from a copy";
            return Err(Error::format(message));
        }
        let kind = Kind::from_number(bytes.u32(12))?;
        let unused = if version == 1 { SINCE_VERSION_2.start..UNUSED.end } else { UNUSED };
        if !bytes.are_zero(unused) {
            return Err(Error::format(format!(
                "the header uses bytes that version {version} of the format reserves; a newer hushvec may have \
                 written the file, or it is forged"
            )));
        }
        let shard = match (bytes.u32(80), bytes.u32(84)) {
            (0, 0) => None,
            (number, of) => Some(Shard::new(number, of)?),
        };
        let (scheme, vectors, query) = match version {
            1 => (None, 1, None),
            _ => (Some(bytes.u32(88)), bytes.u32(92) as usize, QueryId::from_bytes(bytes.array(96))),
        };
        let header = Self {
            kind,
            key: PublicId(bytes.array(16)),
            scheme,
            parameters: PARAMETERS.map(|at| bytes.u32(at)),
            layout: Layout::new(bytes.u32(56) as usize, vectors)?,
            groups: bytes.u32(60) as usize,
            vectors: bytes.u64(64),
            next_number: bytes.u64(72),
            shard,
            query,
        };
        check(&header)?;
        header.check_counts()?;
        Ok(header)
    }

    /// Checks the counts and the query id against the kind of the file.
    ///
    /// # Errors
    /// [`Error::Format`] if a count exceeds its limit, or the kind of file does not have such a field.
    fn check_counts(&self) -> Result<(), Error> {
        let (groups, vectors) = (self.groups, self.vectors);
        let wrong = |what: &str| {
            Err(Error::format(format!("the header has {what}. The file is damaged or forged: restore it from a copy")))
        };
        match self.kind {
            Kind::Response if groups == 0 || groups > MOST_VECTORS => {
                wrong(&format!("{groups} queries; a response has from 1 to {MOST_VECTORS}"))
            }
            Kind::Query if vectors == 0 || vectors > MOST_VECTORS as u64 => {
                wrong(&format!("{vectors} vectors; a query has from 1 to {MOST_VECTORS}"))
            }
            Kind::Index | Kind::Query if groups != 1 => wrong(&format!("{groups} groups; only a response has several")),
            Kind::Index if vectors != 0 => {
                wrong(&format!("{vectors} vectors; the header of an index has 0, because an index grows"))
            }
            Kind::Query if self.scheme.is_some() && self.query.is_none() => {
                wrong("no query id; a query of version 2 has one")
            }
            Kind::Index if self.query.is_some() => wrong("a query id; an index has none"),
            Kind::Query | Kind::Response if self.next_number != 0 || self.shard.is_some() => {
                wrong("fields that only an index has")
            }
            _ => Ok(()),
        }
    }

    /// Returns the number of vectors of a query or response in all groups; `None` if it overflows.
    pub(super) fn all_vectors(&self) -> Option<u64> {
        self.vectors.checked_mul(self.groups as u64)
    }

    /// Checks the kind of the file.
    ///
    /// # Errors
    /// [`Error::Format`] if the file is of another kind.
    pub(super) fn check_kind(&self, kind: Kind) -> Result<(), Error> {
        if self.kind == kind {
            return Ok(());
        }
        Err(Error::format(format!("{}, expected {}", self.kind.name(), kind.name())))
    }

    /// Checks that another header of the same key has the same scheme and sizes.
    ///
    /// # Errors
    /// [`Error::Format`] if it does not.
    pub(in crate::search) fn check_same_key(&self, other: &Self) -> Result<(), Error> {
        let differ = |(a, b)| a != b;
        let schemes = self.scheme.zip(other.scheme).is_some_and(differ);
        if schemes || (self.parameters, self.layout) != (other.parameters, other.layout) {
            return Err(other_sizes());
        }
        Ok(())
    }
}

/// Returns the error for a header whose scheme or sizes differ from those of the key that it names.
pub(in crate::search) fn other_sizes() -> Error {
    Error::format(
        "the header names this key, but has another scheme or other sizes than the key. The file is forged, or its \
         header was changed: restore it from a copy",
    )
}
