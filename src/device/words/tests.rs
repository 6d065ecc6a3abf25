use super::Words;
use crate::device::isa::Isa;
use std::array::from_fn;

/// Numbers near the ends of the range, and some between.
const HARD: [u32; 16] = [
    0,
    1,
    u32::MAX,
    1 << 31,
    (1 << 31) - 1,
    u32::MAX - 1,
    (1 << 30) - 1,
    1 << 30,
    3,
    0x9e37_79b9,
    0xffff_0000,
    0x0000_ffff,
    0x1000_0001,
    7,
    0xdead_beef,
    0x5555_5555,
];

#[inline(always)]
fn vector<W: Words>(isa: W::Isa, of: impl Fn(usize) -> u32) -> W {
    let lanes: [u32; 16] = from_fn(of);
    W::load(isa, bytemuck::from_bytes(&bytemuck::bytes_of(&lanes)[..4 * W::LANES]))
}

#[inline(always)]
fn lanes<W: Words>(vector: W) -> Vec<u32> {
    let mut array = bytemuck::Zeroable::zeroed();
    vector.store(&mut array);
    W::Array::as_ref(&array).to_vec()
}

compiled_for_each_isa! {
    fn check<W>(isa;) {
        for (turn, hard) in HARD.into_iter().enumerate() {
            let bits = u32::try_from(2 * turn).unwrap();
            let [x, y] = [0, turn].map(|turn| move |i: usize| HARD[(i + turn) % 16]);
            let (a, b) = (vector::<W>(isa, x), vector::<W>(isa, y));
            let expect = |of: fn(u32, u32) -> u32| (0..W::LANES).map(|i| of(x(i), y(i))).collect::<Vec<_>>();
            assert_eq!(lanes(a.add(b)), expect(u32::wrapping_add));
            assert_eq!(lanes(a.sub(b)), expect(u32::wrapping_sub));
            assert_eq!(lanes(a.and(b)), expect(|x, y| x & y));
            assert_eq!(lanes(a.min(b)), expect(u32::min));
            assert_eq!(lanes(a.mul_low(b)), expect(u32::wrapping_mul));
            assert_eq!(lanes(a.mul_high(b)), expect(|x, y| high(u64::from(x) * u64::from(y))));
            assert_eq!(lanes(a.shr(bits)), (0..W::LANES).map(|i| x(i) >> bits).collect::<Vec<_>>());
            assert_eq!(lanes(a.shl(bits)), (0..W::LANES).map(|i| x(i) << bits).collect::<Vec<_>>());

            let factor = W::splat(isa, hard);
            let sum = W::add_wide(a.mul_wide(b), b.mul_wide(b));
            let sums = |i: usize| (u64::from(x(i)) * u64::from(y(i))).wrapping_add(u64::from(y(i)) * u64::from(y(i)));
            assert_eq!(lanes(W::upper(sum)), (0..W::LANES).map(|i| high(sums(i))).collect::<Vec<_>>());
            let folded = |i: usize| (sums(i) & 0xffff_ffff).wrapping_add((sums(i) >> 32) * u64::from(hard));
            assert_eq!(
                lanes(W::upper(W::fold(sum, factor))),
                (0..W::LANES).map(|i| high(folded(i))).collect::<Vec<_>>()
            );
            let cleared = |i: usize| {
                let multiple = (low(sums(i))).wrapping_mul(hard);
                sums(i).wrapping_add(u64::from(multiple) * u64::from(HARD[9]))
            };
            let modulus = W::splat(isa, HARD[9]);
            assert_eq!(
                lanes(W::upper(W::clear_lower(sum, factor, modulus))),
                (0..W::LANES).map(|i| high(cleared(i))).collect::<Vec<_>>()
            );
        }
        blocks::<W, 1>(isa);
        blocks::<W, 2>(isa);
        blocks::<W, 4>(isa);
        blocks::<W, 8>(isa);
    }
}

/// Checks that lanes of the two halves of a split are `BLOCK` apart, and that joining restores the vectors.
#[inline(always)]
fn blocks<W: Words, const BLOCK: usize>(isa: W::Isa) {
    let pair = [0, W::LANES].map(|first| vector::<W>(isa, |i| u32::try_from(first + i).unwrap()));
    let halves = W::split::<BLOCK>(pair);
    let [even, odd] = halves.map(lanes);
    if BLOCK < W::LANES {
        for (even, odd) in even.iter().zip(&odd) {
            assert_eq!(*even as usize + BLOCK, *odd as usize);
            assert_eq!(*even as usize / BLOCK % 2, 0);
        }
    }
    let joined = W::join::<BLOCK>(halves).map(lanes);
    assert_eq!(joined, pair.map(lanes));
}

fn high(x: u64) -> u32 {
    u32::try_from(x >> 32).unwrap()
}

fn low(x: u64) -> u32 {
    u32::try_from(x & 0xffff_ffff).unwrap()
}

#[test]
fn operations_agree_with_the_definition() {
    for isa in Isa::all() {
        check(isa);
    }
}
