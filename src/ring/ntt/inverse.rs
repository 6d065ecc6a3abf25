//! The inverse transform.

use super::butterfly::{inverse_butterfly, last_butterfly, quarters};
use super::{Ntt, last_levels};
use crate::device::words::Words;

impl Ntt {
    /// [`Ntt::inverse`] with vectors.
    #[inline(always)]
    pub(super) fn inverse_with<W: Words>(&self, isa: W::Isa, factors: &[u32], values: &mut [u32]) {
        let m = self.modulus.broadcast::<W>(isa);
        let vectors: &mut [W::Array] = bytemuck::cast_slice_mut(values);
        last_levels::inverse::<W>(isa, &m, vectors, bytemuck::cast_slice(factors));

        let scale = self.scale.map(|scale| scale.broadcast(isa));
        let mut blocks = vectors.len();
        // The last level also divides by N.
        while blocks > 4 {
            blocks /= 4;
            let length = vectors.len() / blocks;
            for (i, block) in vectors.chunks_exact_mut(length).enumerate() {
                let first = [0, 1].map(|half| self.backward[2 * (blocks + i) + half].broadcast(isa));
                let second = self.backward[blocks + i].broadcast(isa);
                for [x0, x1, x2, x3] in quarters::<W>(block) {
                    let [a, b, c, d] = [&x0, &x1, &x2, &x3].map(|x| W::load(isa, x));
                    let ([a, b], [c, d]) =
                        (inverse_butterfly(&m, [a, b], first[0]), inverse_butterfly(&m, [c, d], first[1]));
                    let ([a, c], [b, d]) =
                        (inverse_butterfly(&m, [a, c], second), inverse_butterfly(&m, [b, d], second));
                    a.store(x0);
                    b.store(x1);
                    c.store(x2);
                    d.store(x3);
                }
            }
        }
        if blocks == 4 {
            let first = [2, 3].map(|i| self.backward[i].broadcast(isa));
            for [x0, x1, x2, x3] in quarters::<W>(vectors) {
                let [a, b, c, d] = [&x0, &x1, &x2, &x3].map(|x| W::load(isa, x));
                let ([a, b], [c, d]) =
                    (inverse_butterfly(&m, [a, b], first[0]), inverse_butterfly(&m, [c, d], first[1]));
                let ([a, c], [b, d]) = (last_butterfly(&m, [a, c], scale), last_butterfly(&m, [b, d], scale));
                a.store(x0);
                b.store(x1);
                c.store(x2);
                d.store(x3);
            }
        } else {
            let (x, y) = vectors.split_at_mut(vectors.len() / 2);
            for (x, y) in x.iter_mut().zip(y) {
                let [a, b] = last_butterfly(&m, [W::load(isa, x), W::load(isa, y)], scale);
                a.store(x);
                b.store(y);
            }
        }
    }
}
