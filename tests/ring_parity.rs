//! Compares the kernels on polynomials on every device with an oracle: results must be byte-identical.

#![cfg(all(feature = "gpu", feature = "owner"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/devices.rs"]
mod devices;
#[path = "common/numbers.rs"]
mod numbers;

use hushvec::hazmat::{self, Ntt, ntt_primes};
use numbers::SplitMix;

const DEGREES: [usize; 3] = [2048, 4096, 8192];

fn power(base: u64, exponent: u64, q: u64) -> u64 {
    (0..64).rev().fold(1, |power, bit| {
        let square = power * power % q;
        if exponent >> bit & 1 == 1 { square * base % q } else { square }
    })
}

/// Σ x_k·root^(jk) for all j, for a root of the order of the length.
fn evaluate(x: &[u64], root: u64, q: u64) -> Vec<u64> {
    if let [x] = x {
        return vec![*x % q];
    }
    let halves = [0, 1].map(|half| {
        let x: Vec<u64> = x.iter().skip(half).step_by(2).copied().collect();
        evaluate(&x, root * root % q, q)
    });
    let twisted = |j: usize| halves[1][j % (x.len() / 2)] * power(root, j as u64, q);
    (0..x.len()).map(|j| (halves[0][j % (x.len() / 2)] + twisted(j)) % q).collect()
}

/// The values of a polynomial at the odd powers of the first root of order 2N among 2^e, 3^e, …, in bit-reversed order.
fn values(x: &[u32], q: u64) -> Vec<u32> {
    let degree = x.len() as u64;
    let roots = (2..).map(|base| power(base, (q - 1) / (2 * degree), q));
    let root = { roots }.find(|root| power(*root, degree, q) == q - 1).unwrap();
    let twisted: Vec<u64> = (0..).zip(x).map(|(k, x)| u64::from(*x) % q * power(root, k, q) % q).collect();
    let natural = evaluate(&twisted, root * root % q, q);
    let reversed = |i: usize| i.reverse_bits() >> (usize::BITS - x.len().ilog2());
    (0..x.len()).map(|i| u32::try_from(natural[reversed(i)]).unwrap()).collect()
}

/// A prime of each size, and their rings.
fn rings(degree: usize) -> (Vec<u64>, Vec<Ntt>) {
    let primes: Vec<u64> = [30, 29, 20].into_iter().flat_map(|bits| ntt_primes(bits, degree, 1)).collect();
    let rings = primes.iter().map(|q| Ntt::for_prime(u32::try_from(*q).unwrap(), degree)).collect();
    (primes, rings)
}

/// Polynomials with hostile coefficients: zeros, ones, the greatest ones, all equal, a single one; and random ones.
/// Coefficients are below `laziness`·q.
fn hostile(random: &mut SplitMix, q: u64, degree: usize, laziness: u64, number: usize) -> Vec<u32> {
    let most = laziness * q - 1;
    let coefficient = |i: usize| match number {
        0 => most,
        1 => 0,
        2 => 1,
        3 => q - 1,
        4 => most * (i as u64 % 2),
        5 => u64::from(i + 1 == degree),
        6 => q * (laziness - 1),
        7 => i as u64,
        _ => random.next() % (laziness * q),
    };
    (0..degree).map(coefficient).map(|x| u32::try_from(x).unwrap()).collect()
}

#[test]
fn ntt_forward_and_ntt_inverse() {
    let mut random = SplitMix(31);
    for degree in DEGREES {
        let (primes, rings) = rings(degree);
        let batch = 65;
        let of_row = |row: usize| primes[row % primes.len()];
        let mut polynomials = Vec::new();
        for row in 0..batch {
            polynomials.extend(hostile(&mut random, of_row(row), degree, 4, row / primes.len()));
        }
        let expected: Vec<u32> =
            polynomials.chunks(degree).enumerate().flat_map(|(row, x)| values(x, of_row(row))).collect();
        let reduced: Vec<u32> = (polynomials.chunks(degree).enumerate())
            .flat_map(|(row, x)| x.iter().map(move |x| (row, x)))
            .map(|(row, x)| u32::try_from(u64::from(*x) % of_row(row)).unwrap())
            .collect();
        // The same values, up to 2q − 1.
        let lazy: Vec<u32> = (expected.iter().enumerate())
            .map(|(i, x)| x + u32::try_from(of_row(i / degree)).unwrap() * u32::from(i % 3 == 0))
            .collect();
        for (name, device) in devices::devices(0) {
            for count in [0, 1, 2, 7, 65] {
                let words = count * degree;
                let mut out = vec![7; words];
                hazmat::ntt_forward(device, &rings, &polynomials[..words], &mut out);
                assert!(out == expected[..words], "ntt_forward/{name}/{degree}/{count}");
                hazmat::ntt_inverse(device, &rings, &expected[..words], &mut out);
                assert!(out == reduced[..words], "ntt_inverse/{name}/{degree}/{count}");
                out.fill(7);
                hazmat::ntt_inverse(device, &rings, &lazy[..words], &mut out);
                assert!(out == reduced[..words], "ntt_inverse of lazy values/{name}/{degree}/{count}");
            }
        }
    }
    devices::assert_nothing_fell_back();
}
