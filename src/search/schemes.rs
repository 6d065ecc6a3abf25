//! The schemes of record files: the header fields of each, and the check of headers.

use super::record_file::{Header, Kind, Layout, other_sizes};
use crate::error::Error;
use crate::paillier::parameters::{Parameters, Scheme};
use crate::paillier::public_key::PublicKey;
use crate::paillier::scheme_code;

/// The number of packed search in binary files.
pub(super) const PACKED: u32 = 4;

/// Returns the header of a new file of this key, with `groups` groups of `vectors` vectors.
pub(super) fn header(kind: Kind, key: &PublicKey, groups: usize, vectors: u64) -> Result<Header, Error> {
    let parameters = key.parameters();
    Ok(Header {
        kind,
        key: key.id(),
        scheme: Some(scheme_code::of(parameters.scheme())),
        parameters: sizes(parameters),
        layout: paillier_layout(parameters.key_len())?,
        groups,
        vectors,
        next_number: 0,
        shard: None,
        query: None,
    })
}

/// Accepts a header whose scheme is known, whose sizes a key of that scheme can have, and whose layout follows from
/// them.
///
/// # Errors
/// [`Error::Format`], naming the scheme or the sizes.
pub(super) fn check(header: &Header) -> Result<(), Error> {
    if header.scheme == Some(PACKED) {
        let kind = header.kind.name();
        return Err(Error::format(format!("{kind} of packed search, expected one of Paillier")));
    }
    let scheme = header.scheme.map(scheme_code::scheme).transpose()?;
    let name = scheme.map_or("paillier", Scheme::name);
    let wrong = |what: String| {
        Err(Error::format(format!(
            "the header has sizes that no key of the scheme {name} has: {what}. The file is damaged or forged: \
             restore it from a copy"
        )))
    };
    let (key_len, dimensions, [.., third]) = (key_len(header), dimensions(header), header.parameters);
    if !Parameters::KEY_LENGTHS.contains(&key_len) {
        return wrong(format!("key_len {key_len}; expected one of {:?}", Parameters::KEY_LENGTHS));
    }
    if !(1..key_len).contains(&dimensions) {
        return wrong(format!("embedding_length {dimensions}; expected 1 to {} for key_len {key_len}", key_len - 1));
    }
    if third != 0 {
        return wrong(format!("third parameter {third}; expected 0"));
    }
    let (found, expected) = (header.layout, paillier_layout(key_len)?);
    if found != expected {
        let shown =
            |layout: Layout| format!("{} bytes and {} vectors in a record", layout.record_bytes(), layout.vectors());
        return wrong(format!("{}; expected {}", shown(found), shown(expected)));
    }
    Ok(())
}

/// Checks that a header belongs to a key.
///
/// # Errors
/// [`Error::WrongKey`] if it names another key; [`Error::Format`] if it names this key with another scheme or size.
pub(super) fn check_key(header: &Header, key: &PublicKey) -> Result<(), Error> {
    key.check_id(header.kind.name(), header.key)?;
    let parameters = key.parameters();
    let scheme = scheme_code::of(parameters.scheme());
    if header.scheme.is_none_or(|found| found == scheme) && header.parameters == sizes(parameters) {
        return Ok(());
    }
    Err(other_sizes())
}

/// Returns the length of each prime, in bits.
pub(super) fn key_len(header: &Header) -> usize {
    let [key_len, ..] = header.parameters;
    key_len as usize
}

/// Returns the dimensions of a vector.
pub(super) fn dimensions(header: &Header) -> usize {
    let [_, dimensions, _] = header.parameters;
    dimensions as usize
}

/// Returns the parameters of a Paillier key for a header. Both are far below 2^32.
fn sizes(parameters: &Parameters) -> [u32; 3] {
    let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    [number(parameters.key_len()), number(parameters.embedding_length()), 0]
}

/// Returns the layout of Paillier records: one ciphertext of one vector each.
fn paillier_layout(key_len: usize) -> Result<Layout, Error> {
    Layout::new(key_len / 2, 1)
}
