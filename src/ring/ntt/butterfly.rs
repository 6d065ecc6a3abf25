//! The butterflies of a transform.

use crate::device::words::Words;
use crate::ring::modulus::Broadcast;

/// Divides a block into quarters and returns four vectors at a time, one of each quarter.
#[inline(always)]
pub(super) fn quarters<W: Words>(block: &mut [W::Array]) -> impl Iterator<Item = [&mut W::Array; 4]> {
    let (low, high) = block.split_at_mut(block.len() / 2);
    let ((a, b), (c, d)) = (low.split_at_mut(low.len() / 2), high.split_at_mut(high.len() / 2));
    a.iter_mut().zip(b).zip(c.iter_mut().zip(d)).map(|((a, b), (c, d))| [a, b, c, d])
}

/// (x + w·y, x − w·y) for x, y < 4q, with results below 4q (Harvey's algorithm 4).
#[inline(always)]
pub(super) fn butterfly<W: Words>(m: &Broadcast<W>, [x, y]: [W; 2], factor: [W; 2]) -> [W; 2] {
    let x = m.reduce_double(x);
    let product = m.mul_lazy(y, factor);
    [x.add(product), x.add(m.double.sub(product))]
}

/// (x + y, (x − y)·w) for x, y < 2q, with results below 2q (Harvey's algorithm 3).
#[inline(always)]
pub(super) fn inverse_butterfly<W: Words>(m: &Broadcast<W>, [x, y]: [W; 2], factor: [W; 2]) -> [W; 2] {
    [m.reduce_double(x.add(y)), m.mul_lazy(x.add(m.double.sub(y)), factor)]
}

/// ((x + y)·v, (x − y)·w) for x, y < 2q, canonical.
#[inline(always)]
pub(super) fn last_butterfly<W: Words>(m: &Broadcast<W>, [x, y]: [W; 2], [v, w]: [[W; 2]; 2]) -> [W; 2] {
    [m.mul_constant(x.add(y), v), m.mul_constant(x.add(m.double.sub(y)), w)]
}
