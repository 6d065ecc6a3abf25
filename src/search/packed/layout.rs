//! The headers and records of the files of packed search.

use crate::error::Error;
use crate::paillier::public_key::PublicId;
#[cfg(feature = "owner")]
use crate::rlwe::packed::BlockHeader;
use crate::rlwe::packed::Parameters;
use crate::search::record_file::{Block, Header, Kind, Layout, other_sizes};
use crate::search::schemes::PACKED;

/// Bytes before the words of a block or of an answer: the nonce of the block and zeros, so that words are aligned.
pub(super) const NONCE_BYTES: usize = 64;

/// Bytes that sealing adds: nonce and tag.
const SEAL_BYTES: usize = 28;

/// Bytes of the sealed note of a query for its owner: the numbers that decode its answers, and the vector.
pub(super) fn note_bytes(parameters: &Parameters) -> usize {
    NUMBERS_BYTES + parameters.plain_bytes() + SEAL_BYTES
}

/// Bytes of the numbers that decode the answers of a query.
pub(super) const NUMBERS_BYTES: usize = 24;

/// Bytes of a query in a file: the query, and the note for its owner.
pub(super) fn query_bytes(parameters: &Parameters) -> usize {
    parameters.query_bytes() + note_bytes(parameters)
}

/// Bytes of the part of a response that all blocks share, a multiple of 8: A0 and A1, the query's id, and the note for
/// its owner.
pub(super) fn shared_bytes(parameters: &Parameters) -> usize {
    (parameters.shared_bytes() + ID_BYTES + note_bytes(parameters)).next_multiple_of(8)
}

/// Bytes of a query id.
pub(super) const ID_BYTES: usize = 16;

/// Bytes of a sealed row, a multiple of 8.
pub(super) fn row_bytes(parameters: &Parameters) -> usize {
    (parameters.plain_bytes() + SEAL_BYTES).next_multiple_of(8)
}

/// Returns the layout of the records of a kind of file.
pub(super) fn layout(kind: Kind, parameters: &Parameters) -> Result<Layout, Error> {
    let vectors = parameters.vectors_per_block();
    match kind {
        Kind::Index => Layout::new(NONCE_BYTES + parameters.block_bytes(), vectors),
        Kind::Query => Layout::new(query_bytes(parameters).next_multiple_of(64), 1),
        Kind::Response => Layout::new(NONCE_BYTES + parameters.answer_bytes(), vectors),
    }
}

/// Returns the header of a new file, with `groups` groups of `vectors` vectors.
pub(super) fn header(
    kind: Kind,
    key: PublicId,
    parameters: &Parameters,
    groups: usize,
    vectors: u64,
) -> Result<Header, Error> {
    Ok(Header {
        kind,
        key,
        scheme: Some(PACKED),
        parameters: parameters.numbers(),
        layout: layout(kind, parameters)?,
        groups,
        vectors,
        next_number: 0,
        shard: None,
        query: None,
    })
}

/// Accepts a header of packed search whose layout follows from its parameters.
///
/// # Errors
/// [`Error::Format`], naming the scheme or the sizes.
pub(super) fn check(header: &Header) -> Result<(), Error> {
    if header.scheme != Some(PACKED) {
        let kind = header.kind.name();
        return Err(Error::format(format!("{kind} of another scheme, expected packed search")));
    }
    let wrong = |what: &dyn std::fmt::Display| {
        Error::format(format!(
            "the header has sizes that packed search does not have: {what}. The file is damaged or forged: restore it \
             from a copy"
        ))
    };
    let parameters = parameters(header).map_err(|error| wrong(&error))?;
    if header.layout != layout(header.kind, &parameters)? {
        return Err(wrong(&format!("records of {} bytes", header.layout.record_bytes())));
    }
    Ok(())
}

/// Returns the parameters in a header.
///
/// # Errors
/// [`Error::Parameter`].
pub(super) fn parameters(header: &Header) -> Result<Parameters, Error> {
    Parameters::from_numbers(header.parameters)
}

/// Checks that a header belongs to a key.
///
/// # Errors
/// [`Error::WrongKey`] if it names another key; [`Error::Format`] if it names this key with other parameters.
pub(super) fn check_key(header: &Header, key: PublicId, parameters: &Parameters) -> Result<(), Error> {
    if header.key != key {
        let (expected, actual) = (key.to_string(), header.key.to_string());
        return Err(Error::WrongKey { what: header.kind.name(), expected, actual });
    }
    if header.parameters == parameters.numbers() { Ok(()) } else { Err(other_sizes()) }
}

/// A record of an index or of a response: a block or an answer of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    /// The nonce of the block.
    pub(super) nonce: &'a [u8; 32],
    /// The number of its vectors.
    #[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
    pub(super) rows: usize,
    pub(super) words: &'a [u32],
}

impl<'a> Record<'a> {
    /// Reads a record with `rows` vectors. Returns `None` if its padding is not zero.
    fn read(limbs: &'a [u64], rows: usize) -> Option<Self> {
        let (head, words) = limbs.split_at_checked(NONCE_BYTES / 8)?;
        let (nonce, padding) = bytemuck::cast_slice::<u64, u8>(head).split_first_chunk()?;
        padding.iter().all(|byte| *byte == 0).then_some(Self { nonce, rows, words: bytemuck::cast_slice(words) })
    }

    /// Reads the records of a block. Returns `None` if the padding of one is not zero.
    pub(super) fn all(block: &Block<'a>, parameters: &Parameters) -> Option<Vec<Self>> {
        let per_record = parameters.vectors_per_block();
        let records = block.records.iter().enumerate();
        records.map(|(i, record)| Self::read(record, per_record.min(block.vectors() - i * per_record))).collect()
    }

    /// Returns the header of its block.
    #[cfg(feature = "owner")]
    pub(super) fn header(&self, parameters: &Parameters) -> BlockHeader {
        BlockHeader::new(parameters, self.rows, *self.nonce)
    }

    /// Appends the bytes of a record.
    pub(super) fn write(nonce: &[u8; 32], words: &[u32], into: &mut Vec<u8>) {
        let start = into.len();
        into.extend_from_slice(nonce);
        into.resize(start + NONCE_BYTES, 0);
        into.extend_from_slice(bytemuck::cast_slice(words));
    }
}
