//! Numbers as bytes, and checks of bytes from outside.

use crate::error::Error;
use crate::query_id::QueryId;
use crate::ring::modulus::low;
use crate::rlwe::prg::SEED_BYTES;

/// Appends numbers of `bits` bits, the lowest first. The last byte is filled with zeros.
pub(super) fn pack(numbers: impl Iterator<Item = u32>, bits: u32, out: &mut Vec<u8>) {
    let (mut waiting, mut count) = (0u64, 0);
    for x in numbers {
        waiting |= u64::from(x) << count;
        count += bits;
        while count >= 8 {
            out.push((waiting & 0xff) as u8);
            waiting >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        out.push((waiting & 0xff) as u8);
    }
}

/// Reads numbers that [`pack`] wrote.
pub(super) fn unpack(bytes: &[u8], bits: u32) -> impl Iterator<Item = u32> {
    let (mut waiting, mut count) = (0u64, 0);
    let mut bytes = bytes.iter();
    std::iter::from_fn(move || {
        while count < bits {
            waiting |= u64::from(*bytes.next()?) << count;
            count += 8;
        }
        let x = waiting & ((1 << bits) - 1);
        waiting >>= bits;
        count -= bits;
        Some(low(x))
    })
}

/// The length of `count` packed numbers in bytes.
pub(super) fn packed_bytes(count: usize, bits: u32) -> usize {
    (count * bits as usize).div_ceil(8)
}

/// Fails unless the bytes have the expected length.
pub(super) fn check_length(what: &str, bytes: &[u8], expected: usize) -> Result<(), Error> {
    if bytes.len() == expected {
        return Ok(());
    }
    Err(Error::Format { reason: format!("{what} has {} bytes, expected {expected}", bytes.len()) })
}

/// Fails unless all residues are below the prime.
pub(super) fn check_residues(what: &str, residues: &[u32], q: u32) -> Result<(), Error> {
    match residues.iter().position(|x| *x >= q) {
        None => Ok(()),
        Some(i) => {
            let reason = format!("coefficient {i} of {what} is {}; it must be below {q}", residues[i]);
            Err(Error::Format { reason })
        }
    }
}

/// The length of a query id in bytes.
pub(super) const ID_BYTES: usize = 16;

/// Reads the query id at the beginning of the bytes.
pub(super) fn query_id(bytes: &[u8]) -> Result<QueryId, Error> {
    let id = bytes.first_chunk().and_then(|id| QueryId::from_bytes(*id));
    id.ok_or_else(|| Error::Format { reason: "a query id is missing or has only zeros".to_owned() })
}

/// Returns the first 32 bytes.
pub(super) fn array(bytes: &[u8]) -> [u8; SEED_BYTES] {
    let mut array = [0; SEED_BYTES];
    array.iter_mut().zip(bytes).for_each(|(out, x)| *out = *x);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_packed_without_gaps() {
        for bits in [1, 7, 8, 20, 29, 32] {
            let numbers: Vec<u32> = (0..77u32).map(|i| i.wrapping_mul(0x9e37_79b9) >> (32 - bits)).collect();
            let mut bytes = vec![];
            pack(numbers.iter().copied(), bits, &mut bytes);
            assert_eq!(bytes.len(), packed_bytes(77, bits));
            assert_eq!(unpack(&bytes, bits).take(77).collect::<Vec<_>>(), numbers);
        }
    }
}
