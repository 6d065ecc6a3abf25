//! Compares the lattice kernels on every device with an oracle: results must be byte-identical.

#![cfg(all(feature = "gpu", feature = "owner"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/devices.rs"]
mod devices;
#[path = "common/numbers.rs"]
mod numbers;

use hushvec::hazmat::{self, Basis, Ntt, SwitchingKey, ntt_primes};
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

/// Coefficients of a polynomial of packed search, and of one of its tiles.
const PACKED_DEGREE: usize = 4096;
const TILE: usize = 16;

/// Words in the layout of packed search: \[limb\]\[tile\]\[polynomial\]\[half\]\[coefficient of the tile\].
fn packed_words(random: &mut SplitMix, primes: &[u64], words: usize, number: usize) -> Vec<u32> {
    let word = |i: usize| {
        let q = primes[2 * i / words];
        let word = match number {
            0 => q - 1,
            1 => 0,
            2 => 1,
            3 => (q - 1) * (i as u64 % 2),
            // The greatest lower and upper halves.
            4 => 0x7fff,
            5 => (q - 1) >> 15 << 15,
            _ => random.next() % q,
        };
        u32::try_from(word).unwrap()
    };
    (0..words).map(word).collect()
}

/// The sums of a query with a block by their definition: \[half\]\[limb\]\[coefficient\].
fn packed_sums(primes: &[u64], polynomials: usize, query: &[u32], block: &[u32]) -> Vec<u32> {
    let mut sums = Vec::new();
    for half in 0..2 {
        for (limb, q) in primes.iter().enumerate() {
            // 2^−32 modulo q.
            let scale = power(2, 32 * (q - 2), *q);
            for coefficient in 0..PACKED_DEGREE {
                let place = (limb * PACKED_DEGREE / TILE + coefficient / TILE) * polynomials;
                let product = |i: usize| {
                    let b = block[(place + i) * TILE + coefficient % TILE];
                    let c = query[((place + i) * 2 + half) * TILE + coefficient % TILE];
                    u64::from(b) * u64::from(c) % q
                };
                let sum = (0..polynomials).map(product).sum::<u64>() % q * scale % q;
                sums.push(u32::try_from(sum).unwrap());
            }
        }
    }
    sums
}

#[test]
fn packed_scan() {
    let mut random = SplitMix(32);
    let primes = ntt_primes(29, PACKED_DEGREE, 2);
    // Numbers of polynomials around those of which the sums are reduced.
    for (polynomials, queries, blocks) in
        [(1, 1, 1), (22, 3, 7), (48, 1, 65), (65, 2, 2), (171, 1, 5), (3, 2, 0), (3, 0, 2), (512, 1, 1)]
    {
        let words = 2 * PACKED_DEGREE * polynomials;
        let queries: Vec<Vec<u32>> =
            (0..queries).map(|i| packed_words(&mut random, &primes, 2 * words, 3 * i)).collect();
        let blocks: Vec<Vec<u32>> = (0..blocks).map(|i| packed_words(&mut random, &primes, words, i)).collect();
        let queries: Vec<&[u32]> = queries.iter().map(Vec::as_slice).collect();
        let blocks: Vec<&[u32]> = blocks.iter().map(Vec::as_slice).collect();
        let sums = |query: &&[u32]| {
            let query = *query;
            let primes = &primes;
            blocks.iter().flat_map(move |block| packed_sums(primes, polynomials, query, block)).collect::<Vec<u32>>()
        };
        let expected: Vec<u32> = queries.iter().flat_map(sums).collect();
        for (name, device) in devices::devices(0) {
            let mut out = vec![7; expected.len()];
            hazmat::packed_scan(device, polynomials, &queries, &blocks, &mut out);
            let what = format!("packed_scan/{name}/{polynomials}/{}×{}", queries.len(), blocks.len());
            assert!(out == expected, "{what}");
        }
    }
    devices::assert_nothing_fell_back();
}

/// The product modulo X^N + 1, by its definition.
fn negacyclic(q: u64, x: &[u32], y: &[u64]) -> Vec<u64> {
    let mut product = vec![0; x.len()];
    for (i, a) in x.iter().enumerate().filter(|(_, a)| **a != 0) {
        let a = u64::from(*a) % q;
        for (j, b) in y.iter().enumerate() {
            let term = a * b % q;
            let place = (i + j) % x.len();
            product[place] = (product[place] + if i + j < x.len() { term } else { q - term }) % q;
        }
    }
    product
}

/// Key switching by its definition: sums of products of digits with the key, divided by the last prime and rounded.
/// `key` has a polynomial for each digit, prime and half.
fn switched(primes: &[u64], degree: usize, key: &[Vec<u64>], x: &[u32]) -> Vec<u32> {
    let (special, others) = primes.split_last().unwrap();
    let mut out = Vec::new();
    for half in 0..2 {
        let sum = |l: usize| {
            let products = x
                .chunks(degree)
                .enumerate()
                .map(|(j, digit)| negacyclic(primes[l], digit, &key[(j * primes.len() + l) * 2 + half]));
            { products }.reduce(|a, b| a.iter().zip(&b).map(|(a, b)| (a + b) % primes[l]).collect()).unwrap()
        };
        let last = sum(others.len());
        for (l, q) in others.iter().enumerate() {
            let inverse = power(special % q, q - 2, *q);
            for (x, r) in sum(l).iter().zip(&last) {
                let rest = (r + special / 2) % special;
                let quotient = (x + special / 2 + q * special - rest) % q * inverse % q;
                out.push(u32::try_from(quotient).unwrap());
            }
        }
    }
    out
}

#[test]
fn key_switch() {
    let mut random = SplitMix(33);
    for (degree, bits, batch) in [(2048, vec![30, 20], 7), (2048, vec![29, 30, 21, 20], 2), (4096, vec![29, 20, 19], 1)]
    {
        let primes: Vec<u64> = bits.iter().flat_map(|bits| ntt_primes(*bits, degree, 1)).collect();
        let digits = primes.len() - 1;
        let mut key = Vec::new();
        let mut words = Vec::new();
        for i in 0..digits * primes.len() * 2 {
            let q = primes[i / 2 % primes.len()];
            let polynomial: Vec<u32> = if i == 0 {
                vec![u32::try_from(q - 1).unwrap(); degree]
            } else {
                hostile(&mut random, q, degree, 1, 9)
            };
            words.extend(values(&polynomial, q).iter().map(|x| u32::try_from((u64::from(*x) << 32) % q).unwrap()));
            key.push(polynomial.into_iter().map(u64::from).collect::<Vec<u64>>());
        }
        let mut polynomials = Vec::new();
        for row in 0..batch {
            for q in &primes[..digits] {
                // The greatest residues, random ones, and a single one.
                polynomials.extend(hostile(&mut random, *q, degree, 1, [0, 9, 5, 1, 2][row % 5]));
            }
        }
        let expected: Vec<u32> =
            polynomials.chunks(digits * degree).flat_map(|x| switched(&primes, degree, &key, x)).collect();
        let narrow: Vec<u32> = primes.iter().map(|q| u32::try_from(*q).unwrap()).collect();
        let (basis, key) = (Basis::for_primes(&narrow, degree), SwitchingKey::from_words(words));
        for (name, device) in devices::devices(0) {
            for count in [0, 1, batch] {
                let (input, output) = (count * digits * degree, 2 * count * digits * degree);
                let mut out = vec![7; output];
                hazmat::key_switch(device, &basis, &key, &polynomials[..input], &mut out);
                assert!(out == expected[..output], "key_switch/{name}/{degree}/{digits} digits/{count}");
            }
        }
    }
    devices::assert_nothing_fell_back();
}
