//! The first bytes of a file: what it is, whose, and how large its records are.

use super::bytes::Bytes;
use crate::error::Error;
use crate::paillier::parameters::Parameters;
use crate::paillier::public_key::{PublicId, PublicKey};
use crate::search::shard::Shard;

pub(in crate::search) const HEADER_BYTES: usize = 128;
const MAGIC: &[u8; 8] = b"hushvec\0";
const VERSION: u32 = 1;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::search) enum Kind {
    Index = 1,
    Query = 2,
    Response = 3,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
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
}

impl Header {
    pub(in crate::search) fn new(kind: Kind, key: &PublicKey, groups: usize, rows: u64) -> Self {
        let parameters = key.parameters();
        let (key_len, embedding_length) = (parameters.key_len(), parameters.embedding_length());
        Self { kind, key: key.id(), key_len, embedding_length, groups, rows, next_number: 0, shard: None }
    }

    /// Bytes of a ciphertext.
    pub(in crate::search) fn record_bytes(&self) -> usize {
        self.key_len / 2
    }

    pub(in crate::search) fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Bytes::<HEADER_BYTES>::default();
        bytes.put(0, MAGIC);
        bytes.put_u32(8, VERSION as usize);
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
        bytes.seal()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bytes = Bytes::<HEADER_BYTES>::read(bytes).filter(|bytes| &bytes.array::<8>(0) == MAGIC);
        let bytes = bytes.ok_or_else(|| Error::format("not a hushvec file"))?;
        if bytes.u32(8) != VERSION {
            return Err(Error::format(format!("version {} of the format; this build reads {VERSION}", bytes.u32(8))));
        }
        if !bytes.is_sealed() {
            return Err(Error::format("the header is damaged (its checksum does not fit)"));
        }
        let kind = Kind::from_number(bytes.u32(12)).ok_or_else(|| Error::format("a kind of file not known here"))?;
        let shard = match (bytes.u32(80), bytes.u32(84)) {
            (0, 0) => None,
            (number, of) => Some(Shard::new(number, of)?),
        };
        let header = Self {
            kind,
            key: PublicId(bytes.array(16)),
            key_len: bytes.u32(48) as usize,
            embedding_length: bytes.u32(52) as usize,
            groups: bytes.u32(60) as usize,
            rows: bytes.u64(64),
            next_number: bytes.u64(72),
            shard,
        };
        let sizes_fit = Parameters::KEY_LENGTHS.contains(&header.key_len)
            && (1..header.key_len).contains(&header.embedding_length)
            && bytes.u32(56) as usize == header.record_bytes();
        if sizes_fit { Ok(header) } else { Err(Error::format("the header has sizes that no key has")) }
    }

    /// # Errors
    /// [`Error::WrongKey`] if the file is not of this key.
    pub(in crate::search) fn check_key(&self, key: &PublicKey) -> Result<(), Error> {
        key.check_id(self.kind.name(), self.key)
    }
}
