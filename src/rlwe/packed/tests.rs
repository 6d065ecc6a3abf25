#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod decrypt;
mod nonces;
mod recall;

use super::content::Columns;
use super::encrypt::block_secret;
use super::kernels::packed_scan::add_products;
use super::noise::Noise;
use super::parameters::{DEGREE, basis};
use super::*;
use crate::bignum::random::RandomSource;
use crate::bit_matrix::BitMatrix;
use crate::device::isa::Isa;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::ring::pointwise;
use crate::rlwe::prg::Prg;
use std::num::NonZeroUsize;

fn device() -> OpenDevice {
    OpenDevice::open(crate::Device::Cpu, NonZeroUsize::new(2)).unwrap()
}

/// The CPU with each instruction set.
fn devices() -> Vec<OpenDevice> {
    let device = device();
    Isa::all().map(|isa| device.cpu_at(isa)).collect()
}

/// Random binary vectors.
fn bits(dimensions: usize, rows: usize) -> BitMatrix {
    let mut bytes = vec![0; rows * dimensions];
    Prg::new(&[9; 32], dimensions as u64).next(&mut bytes);
    let rows = bytes.chunks(dimensions).map(|row| row.iter().map(|byte| byte & 1).collect::<Vec<u8>>());
    BitMatrix::from_rows(dimensions, rows).unwrap()
}

/// Random real vectors.
fn reals(dimensions: usize, rows: usize) -> Vec<f32> {
    let mut words = vec![0i16; rows * dimensions];
    Prg::new(&[8; 32], dimensions as u64).next(bytemuck::cast_slice_mut(&mut words));
    words.iter().map(|x| f32::from(*x)).collect()
}

/// The same random bytes in every run.
struct Fixed(Prg);

impl RandomSource for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.next(bytes);
        Ok(())
    }
}

fn fixed() -> Fixed {
    Fixed(Prg::new(&[3; 32], 0))
}

fn key(parameters: Parameters) -> SecretKey {
    SecretKey::from_seed(parameters, zeroize::Zeroizing::new([5; 32])).unwrap()
}

fn deviation(values: impl Iterator<Item = f64>) -> f64 {
    let (count, squares) = values.fold((0, 0.0), |(count, squares), x| (count + 1, squares + x * x));
    (squares / f64::from(count)).sqrt()
}

#[test]
fn instruction_sets_give_the_same_bytes() {
    let metrics = [
        (Parameters::hamming(100).unwrap(), Metric::Hamming),
        (Parameters::inner_product(70, 64).unwrap(), Metric::InnerProduct { length: 64 }),
        (Parameters::hamming(2048).unwrap(), Metric::Hamming),
    ];
    for (parameters, metric) in metrics {
        let (vectors, floats) = (bits(parameters.dimensions(), 300), reals(parameters.dimensions(), 300));
        let vectors = if metric == Metric::Hamming { Vectors::Bits(&vectors) } else { Vectors::Reals(&floats) };
        let key = key(parameters);
        let outputs = devices().into_iter().map(|device| {
            let isa = device.cpu().isa();
            let columns = Columns::new(&key, &vectors, 0..300).unwrap();
            let block = key.encrypt_block(isa, &columns, 300, &mut fixed()).unwrap();
            let weights = key.weights(&vectors, 7).unwrap();
            let query = key.encrypt_weights(&device, &weights, &mut fixed()).unwrap();
            let evaluation_key = key.evaluation_key(&device).unwrap();
            let expanded = evaluation_key.expand(&device, &query).unwrap();
            let response = expanded.scan(&device, std::slice::from_ref(&block)).unwrap();
            let common = key.common_mask(isa, &response.shared);
            let secret = key.query_secret(query.id, &weights);
            let decoded = key.decode_block(isa, &secret, block.header(), &common, &response.words).unwrap();
            let texts = (query.to_bytes(), evaluation_key.to_bytes().to_vec(), response.to_bytes());
            (block.words, texts, expanded.words, decoded.scores.to_vec(), decoded.residues.to_vec())
        });
        let outputs: Vec<_> = outputs.collect();
        assert!(outputs.iter().all(|output| *output == outputs[0]), "{:?}", key.parameters());
    }
}

/// Returns the noise of encryption: phase/Q − (Σ X·W mod t)/t for each vector of a block, before rounding.
fn encryption_noise(key: &SecretKey, device: &OpenDevice, vectors: &Vectors<'_>, rows: usize) -> Vec<f64> {
    let (parameters, isa) = (key.parameters(), device.cpu().isa());
    let block = key.encrypt(device, vectors).unwrap().remove(0);
    let weights = key.weights(vectors, 3).unwrap();
    let query = key.encrypt_weights(device, &weights, &mut crate::bignum::random::OsRandom).unwrap();
    let evaluation_key = key.evaluation_key(device).unwrap();
    let expanded = evaluation_key.expand(device, &query).unwrap();

    // phase = d0 + d1·s + Σ a·(c0 + c1·s)·s_block, as values modulo each prime.
    let mut sums = vec![0; 4 * DEGREE];
    add_products(isa, parameters.polynomials(), &[&expanded.words], &[&block.words], &mut sums);
    let secret = block_secret(isa, &key.block_seed(&block.header.nonce), 2).unwrap();
    let limbs: Vec<Vec<u32>> = (0..2)
        .map(|limb| {
            let (ring, m) = (&basis().rings()[limb], basis().rings()[limb].modulus());
            let part = |half: usize| &sums[(2 * half + limb) * DEGREE..][..DEGREE];
            let s = &key.values[limb * DEGREE..][..DEGREE];
            let mut phase = part(0).to_vec();
            pointwise::mul_add_mont(isa, m, &mut phase, part(1), s);
            let mut common = [vec![0; DEGREE], vec![0; DEGREE]];
            for i in 0..parameters.polynomials() {
                let a = &evaluation_key.shared[(limb * parameters.polynomials() + i) * DEGREE..][..DEGREE];
                for (half, common) in common.iter_mut().enumerate() {
                    let tiles = (0..DEGREE / 16).flat_map(|tile| {
                        let first = ((limb * (DEGREE / 16) + tile) * parameters.polynomials() + i) * 32 + half * 16;
                        expanded.words[first..first + 16].to_vec()
                    });
                    pointwise::mul_add_mont(isa, m, common, a, &tiles.collect::<Vec<u32>>());
                }
            }
            let [mut a0, a1] = common;
            pointwise::mul_add_mont(isa, m, &mut a0, &a1, s);
            pointwise::mul_add_mont(isa, m, &mut phase, &a0, &secret[limb * DEGREE..][..DEGREE]);
            ring.inverse(isa, &mut phase);
            phase
        })
        .collect();

    let [q0, q1] = [0, 1].map(|limb| i128::from(basis().rings()[limb].modulus().value()));
    let inverse = i128::from(basis().rings()[1].modulus().inverse(u32::try_from(q0 % q1).unwrap()));
    let (t, q) = (i128::try_from(parameters.plaintext_modulus()).unwrap(), q0 * q1);
    let columns = Columns::new(key, vectors, 0..rows).unwrap();
    let offset = i128::from(parameters.most_length().unwrap_or_default());
    let component = |dimension: usize, row: usize| match &columns {
        Columns::Bits(columns) => i128::from(columns[dimension * 64 + row / 64] >> (row % 64) & 1),
        Columns::Integers(columns) => i128::from(columns[dimension * DEGREE + row]) - offset,
    };
    let powers = parameters.powers();
    (0..rows)
        .map(|row| {
            let [x, y] = [0, 1].map(|limb| i128::from(limbs[limb][row]));
            let phase = x + q0 * ((y - x).rem_euclid(q1) * inverse % q1);
            let mut exact = 0;
            for (i, weights) in weights.chunks(parameters.digits()).enumerate() {
                let power = |u: usize| i128::try_from(powers[u]).unwrap();
                let each = weights.iter().enumerate();
                let w: i128 = each.clone().map(|(u, w)| i128::from(*w) * power(parameters.digits() - 1 - u)).sum();
                let x: i128 = each.map(|(u, _)| component(i * parameters.digits() + u, row) * power(u)).sum();
                exact = (exact + w * x).rem_euclid(t);
            }
            let distance = (phase - exact * q / t).rem_euclid(q);
            let distance = if distance > q / 2 { distance - q } else { distance };
            distance as f64 / q as f64
        })
        .collect()
}

#[test]
fn encryption_noise_is_what_the_formula_says() {
    let device = device();
    for parameters in [
        Parameters::hamming(256).unwrap(),
        Parameters::hamming(512).unwrap(),
        Parameters::hamming(1024).unwrap(),
        Parameters::inner_product(384, 64).unwrap(),
        Parameters::inner_product(512, 128).unwrap(),
    ] {
        let dimensions = parameters.dimensions();
        let (vectors, floats) = (bits(dimensions, DEGREE), reals(dimensions, DEGREE));
        let vectors = match parameters.metric() {
            Metric::Hamming => Vectors::Bits(&vectors),
            Metric::InnerProduct { .. } => Vectors::Reals(&floats),
        };
        // The errors f of a query are the same for all vectors of a block, so several keys and queries are needed.
        let noise = (0..6).flat_map(|_| {
            let key = SecretKey::generate(parameters.clone()).unwrap();
            encryption_noise(&key, &device, &vectors, DEGREE)
        });
        let (measured, formula) = (deviation(noise), parameters.noise().encryption());
        println!("{parameters:?}: 2^{:.2} measured, 2^{:.2} by the formula", measured.log2(), formula.log2());
        assert!((0.95..1.05).contains(&(measured / formula)), "{parameters:?}: {measured} {formula}");
    }
}

/// Returns the distances of phases from the middle of their scores, as fractions of 1, with some vectors.
fn total_noise(key: &SecretKey, device: &OpenDevice, vectors: &Vectors<'_>, row: usize) -> Vec<f64> {
    let isa = device.cpu().isa();
    let blocks = key.encrypt(device, vectors).unwrap();
    let (query, secret) = key.encrypt_query(device, vectors, row).unwrap();
    let response = key.evaluation_key(device).unwrap().expand(device, &query).unwrap().scan(device, &blocks).unwrap();
    let common = key.common_mask(isa, &response.shared);
    let width = response.words.len() / blocks.len();
    let residues = blocks.iter().zip(response.words.chunks(width)).flat_map(|(block, words)| {
        let decoded = key.decode_block(isa, &secret, block.header(), &common, words).unwrap();
        decoded.residues[..block.header.rows()].to_vec()
    });
    residues.map(|x| (f64::from(x) / 2f64.powi(32) - 0.5) / key.parameters().base() as f64).collect()
}

#[test]
fn total_noise_is_what_the_formula_says_with_the_mask() {
    let device = device();
    for dimensions in [64, 512, 768, 2048] {
        let parameters = Parameters::hamming(dimensions).unwrap();
        // The worst vectors for the digits below the score: 1 where the next weight of the coefficient is positive.
        let (mut worst, random) = (BitMatrix::new(dimensions), bits(dimensions, 1));
        let query = random.row(0).unwrap();
        let aligned =
            |i: usize| !(i + 1).is_multiple_of(parameters.digits()) && query.get(i + 1).is_some_and(|bit| *bit == 0);
        worst.push_bits(&query).unwrap();
        for vector in 1..2 * DEGREE {
            // The first dimension is the highest bit of a row, so dimensions are in falling order.
            let one = |i: usize| u8::from(aligned(dimensions - 1 - i) == (vector % 2 == 0));
            worst.push_bits(&(0..dimensions).map(one).collect::<Vec<_>>()).unwrap();
        }
        let noise = Noise { ..*parameters.noise() };
        let formula = (noise.deviation().powi(2) + noise.offset().powi(2) / 3.0).sqrt();
        for (name, vectors) in [("random", &bits(dimensions, 2 * DEGREE)), ("aligned", &worst)] {
            let measured = (0..4).flat_map(|seed| {
                let key = SecretKey::from_seed(parameters.clone(), [seed; 32].into()).unwrap();
                total_noise(&key, &device, &Vectors::Bits(vectors), 0)
            });
            let all: Vec<f64> = measured.collect();
            let measured = deviation(all.iter().copied());
            let most = all.iter().fold(0f64, |most, x| most.max(x.abs()));
            println!(
                "{dimensions} dimensions, {name}: {:.3} of the formula, most {:.2} deviations",
                measured / formula,
                most / formula
            );
            assert!(most <= 0.5 / parameters.base() as f64);
            if name == "random" {
                assert!((0.95..1.05).contains(&(measured / formula)), "{dimensions}: {measured} {formula}");
            }
        }
    }
}

#[test]
fn no_secret_has_two_contents() {
    let (device, key) = (device(), key(Parameters::hamming(64).unwrap()));
    let vectors = bits(64, 10);
    let [a, b] = [0, 1].map(|_| key.encrypt(&device, &Vectors::Bits(&vectors)).unwrap().remove(0));
    assert_ne!(a.header.nonce, b.header.nonce);
    assert_ne!(a.words, b.words);
    // The same random numbers, as in a cloned virtual machine, with the same content and with another.
    let encrypt = |rows: usize| {
        let columns = Columns::new(&key, &Vectors::Bits(&vectors), 0..rows).unwrap();
        let block = key.encrypt_block(Isa::best(), &columns, rows, &mut fixed()).unwrap();
        (block.header.nonce, block.words)
    };
    assert_eq!(encrypt(10), encrypt(10));
    let [(first, a), (second, b)] = [10, 9].map(encrypt);
    assert_ne!(first, second);
    // Half of the residues would be equal if the secrets and errors were.
    assert!(a.iter().zip(&b).filter(|(a, b)| a == b).count() < 10);

    // And queries.
    let query = |row: usize| {
        let weights = key.weights(&Vectors::Bits(&vectors), row).unwrap();
        key.encrypt_weights(&device, &weights, &mut fixed()).unwrap()
    };
    assert_eq!(query(1).to_bytes(), query(1).to_bytes());
    assert_ne!(query(1).seed, query(2).seed);
    assert_ne!(query(1).id, query(2).id);
}

#[test]
fn nothing_secret_is_printed() {
    let (device, key) = (device(), key(Parameters::hamming(64).unwrap()));
    let vectors = bits(64, 1);
    let (query, secret) = key.encrypt_query(&device, &Vectors::Bits(&vectors), 0).unwrap();
    let plain = [PlainVectors::Bits(vectors.clone()), PlainVectors::Integers(vec![17i16; 64].into())];
    for vectors in plain.iter().map(PlainVectors::as_vectors).chain([Vectors::Reals(&[17.0; 64])]) {
        assert_eq!(format!("{vectors:?}"), "Vectors(…)");
    }
    assert_eq!(format!("{plain:?}"), "[PlainVectors(…), PlainVectors(…)]");
    let printed = format!("{key:?} {secret:?} {query:?}");
    assert_eq!(
        printed,
        "SecretKey { parameters: Parameters { metric: Hamming, dimensions: 64, .. }, .. } QuerySecret(…) \
         Query { parameters: Parameters { metric: Hamming, dimensions: 64, .. }, .. }"
    );
}
