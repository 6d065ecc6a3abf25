//! Operations on the residues of polynomials, one after the other. Operands have the same length, a multiple of the
//! widest vector.

use super::modulus::{Broadcast, Modulus, Multiplier};
use crate::device::isa::Isa;
use crate::device::words::{Words, compiled_for_each_isa};

/// Defines functions that change each residue of `out`, given the residues of other polynomials at the same place.
macro_rules! pointwise {
    ($($(#[$doc:meta])* fn $name:ident($m:ident, $out:ident $(, $operand:ident)*; $($constant:ident: $kind:ty),*)
        $body:expr)*) => {compiled_for_each_isa! {$(
        $(#[$doc])*
        pub(crate) fn $name<W>(
            isa; modulus: Modulus, $out: &mut [u32] $(, $operand: &[u32])* $(, $constant: $kind)*
        ) {
            $(debug_assert_eq!($out.len(), $operand.len());)*
            let $m: Broadcast<W> = modulus.broadcast(isa);
            $(let $constant = <$kind as Constant>::broadcast::<W>($constant, isa);)*
            let vectors: &mut [W::Array] = bytemuck::cast_slice_mut($out);
            $(let mut $operand = bytemuck::cast_slice::<u32, W::Array>($operand).iter();)*
            for vector in vectors {
                let $out = W::load(isa, vector);
                $(let Some($operand) = $operand.next() else { return };
                let $operand = W::load(isa, $operand);)*
                let result: W = $body;
                result.store(vector);
            }
        }
    )*}};
}

/// A constant operand.
trait Constant {
    type In<W: Words>;

    fn broadcast<W: Words>(self, isa: W::Isa) -> Self::In<W>;
}

impl Constant for Multiplier {
    type In<W: Words> = [W; 2];

    #[inline(always)]
    fn broadcast<W: Words>(self, isa: W::Isa) -> [W; 2] {
        Multiplier::broadcast(self, isa)
    }
}

impl Constant for u32 {
    type In<W: Words> = W;

    #[inline(always)]
    fn broadcast<W: Words>(self, isa: W::Isa) -> W {
        W::splat(isa, self)
    }
}

pointwise! {
    /// out ← out + x.
    fn add(m, out, x;) m.add(out, x)

    /// out ← out − x.
    #[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
    fn sub(m, out, x;) m.sub(out, x)

    /// out ← x − y, which may be residues of different polynomials than `out`.
    fn difference(m, out, x, y;) { let _ = out; m.sub(x, y) }

    /// out ← out + c.
    fn add_constant(m, out; c: u32) m.add(out, c)

    /// out ← out·c.
    fn mul_constant(m, out; c: Multiplier) m.mul_constant(out, c)

    /// out ← out·x, with x in Montgomery form.
    #[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
    fn mul_mont(m, out, x;) m.mul_mont(out, x)

    /// out ← out + x·y, with one factor in Montgomery form.
    fn mul_add_mont(m, out, x, y;) m.add(out, m.mul_mont(x, y))

    /// out ← x reduced, for any 32-bit x, and at most 2q − 1: for the forward transform.
    fn reduce(m, out, x; one: Multiplier) { let _ = out; m.mul_lazy(x, one) }

    /// out ← (out + offset − x)·inverse for x < 2^30 that need not be reduced: the division of an RNS integer by its
    /// last prime p, with the residue x modulo p, offset = ⌊p/2⌋ mod q and inverse = p^−1.
    fn divide(m, out, x; offset: u32, one: Multiplier, inverse: Multiplier)
        m.mul_constant(out.add(offset).add(m.q.sub(m.mul_constant(x, one))), inverse)
}

/// out ← out·2^32 mod q: to Montgomery form.
pub(crate) fn to_mont(isa: Isa, modulus: Modulus, out: &mut [u32]) {
    mul_constant(isa, modulus, out, modulus.multiplier(modulus.reduce(1 << 32)));
}

/// Returns whether all words, a multiple of the widest vector, are canonical residues.
pub(crate) fn are_reduced(isa: Isa, modulus: Modulus, words: &[u32]) -> bool {
    // As many as the widest vector has.
    let mut lanes = [u32::MAX; 16];
    write_reduced(isa, modulus, words, &mut lanes);
    lanes.iter().all(|lane| lane >> 31 == 1)
}

compiled_for_each_isa! {
    /// Writes a number for each lane, whose highest bit is set if all words of the lane are canonical residues.
    fn write_reduced<W>(isa; modulus: Modulus, words: &[u32], lanes: &mut [u32]) {
        let (q, most) = (W::splat(isa, modulus.value()), W::splat(isa, 1 << 31));
        // x − q is negative for x < q. Limiting x keeps larger numbers from wrapping around to negative ones.
        let mut all = W::splat(isa, u32::MAX);
        for x in bytemuck::cast_slice::<u32, W::Array>(words) {
            all = all.and(W::load(isa, x).min(most).sub(q));
        }
        if let Some(lanes) = bytemuck::cast_slice_mut::<u32, W::Array>(lanes).first_mut() {
            all.store(lanes);
        }
    }

    /// out ← Σ x·y over pairs of polynomials, each with one factor in Montgomery form. At most four pairs.
    pub(crate) fn dot<W>(isa; modulus: Modulus, out: &mut [u32], pairs: &[[&[u32]; 2]]) {
        debug_assert!(pairs.len() <= 4, "sums of four products stay below q·2^32");
        match pairs {
            [a] => dot_with::<W, 1>(isa, modulus, out, [*a]),
            [a, b] => dot_with::<W, 2>(isa, modulus, out, [*a, *b]),
            [a, b, c] => dot_with::<W, 3>(isa, modulus, out, [*a, *b, *c]),
            [a, b, c, d] => dot_with::<W, 4>(isa, modulus, out, [*a, *b, *c, *d]),
            _ => out.fill(0),
        }
    }
}

#[inline(always)]
fn dot_with<W: Words, const PAIRS: usize>(isa: W::Isa, modulus: Modulus, out: &mut [u32], pairs: [[&[u32]; 2]; PAIRS]) {
    let m = modulus.broadcast::<W>(isa);
    let vectors: &mut [W::Array] = bytemuck::cast_slice_mut(out);
    let length = vectors.len();
    let pairs = pairs.map(|pair| pair.map(|x| &bytemuck::cast_slice::<u32, W::Array>(x)[..length]));
    for (i, out) in vectors.iter_mut().enumerate() {
        let [x, y] = pairs[0].map(|x| W::load(isa, &x[i]));
        let mut sum = x.mul_wide(y);
        for pair in &pairs[1..] {
            let [x, y] = [W::load(isa, &pair[0][i]), W::load(isa, &pair[1][i])];
            sum = W::add_wide(sum, x.mul_wide(y));
        }
        m.reduce_mont(sum).store(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::primes::ntt_primes;

    /// Residues that end in hard carries, for every pair of positions.
    fn samples(q: u32) -> [Vec<u32>; 2] {
        let hard = [0, 1, 2, q / 2, q / 2 + 1, q - 2, q - 1, q / 3];
        let pairs: Vec<[u32; 2]> = hard.iter().flat_map(|x| hard.iter().map(move |y| [*x, *y])).collect();
        [0, 1].map(|i| pairs.iter().map(|pair| pair[i]).collect())
    }

    fn map(pairs: &[Vec<u32>; 2], of: impl Fn(u64, u64) -> u64) -> Vec<u32> {
        let [x, y] = pairs;
        x.iter().zip(y).map(|(x, y)| u32::try_from(of(u64::from(*x), u64::from(*y))).unwrap()).collect()
    }

    #[test]
    fn operations_agree_with_the_definition() {
        for q in ntt_primes(30, 4096, 2).into_iter().chain(ntt_primes(20, 4096, 1)).chain([3, 7681]) {
            let m = Modulus::new(u32::try_from(q).unwrap());
            let pairs = samples(m.value());
            let [x, y] = &pairs;
            let montgomery = map(&pairs, |_, y| (y << 32) % q);
            for isa in Isa::all() {
                let run = |operation: &dyn Fn(&mut [u32])| {
                    let mut out = x.clone();
                    operation(&mut out);
                    out
                };
                assert_eq!(run(&|out| add(isa, m, out, y)), map(&pairs, |x, y| (x + y) % q));
                assert_eq!(run(&|out| sub(isa, m, out, y)), map(&pairs, |x, y| (x + q - y) % q));
                assert_eq!(run(&|out| difference(isa, m, out, y, x)), map(&pairs, |x, y| (y + q - x) % q));
                assert_eq!(run(&|out| mul_mont(isa, m, out, &montgomery)), map(&pairs, |x, y| x * y % q));
                assert_eq!(run(&|out| to_mont(isa, m, out)), map(&pairs, |x, _| (x << 32) % q));
                assert_eq!(run(&|out| mul_add_mont(isa, m, out, y, &montgomery)), map(&pairs, |x, y| (x + y * y) % q));
                for c in [0, 1, m.value() - 1, m.value() / 2] {
                    let wide = u64::from(c);
                    assert_eq!(run(&|out| add_constant(isa, m, out, c)), map(&pairs, |x, _| (x + wide) % q));
                    assert_eq!(
                        run(&|out| mul_constant(isa, m, out, m.multiplier(c))),
                        map(&pairs, |x, _| x * wide % q)
                    );
                    let (one, inverse) = (m.multiplier(1), m.multiplier(c));
                    let large: Vec<u32> = y.iter().map(|y| y | 1 << 29).collect();
                    let reduced = run(&|out| reduce(isa, m, out, &large, one));
                    for (reduced, large) in reduced.iter().zip(&large) {
                        assert!(*reduced < 2 * m.value() && (large - reduced) % m.value() == 0);
                    }
                    assert_eq!(
                        run(&|out| divide(isa, m, out, &large, c, one, inverse)),
                        map(&[x.clone(), large.clone()], |x, y| (x + wide + q - y % q) % q * wide % q)
                    );
                }
                assert!(are_reduced(isa, m, x));
                for place in [0, x.len() - 1] {
                    for (word, reduced) in
                        [(m.value() - 1, true), (m.value(), false), (1 << 31, false), (u32::MAX, false)]
                    {
                        let mut words = x.clone();
                        words[place] = word;
                        assert_eq!(are_reduced(isa, m, &words), reduced, "{word}");
                    }
                }
                for count in 1..=4 {
                    let products = vec![[y.as_slice(), montgomery.as_slice()]; count];
                    let expected = map(&pairs, |_, y| count as u64 * y * y % q);
                    assert_eq!(run(&|out| dot(isa, m, out, &products)), expected);
                }
            }
        }
    }
}
