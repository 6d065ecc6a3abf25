//! Measures whether the time of kernels depends on their secrets: dudect's test (Reparaz, Balasch and Verbauwhede,
//! "Dude, is my code constant time?", DATE 2017, section 2), for each instruction set.
//!
//!     cargo bench --bench leakage -- [SECONDS PER ROW] [PART OF A NAME]
//!
//! Each call uses either a fixed secret or a random one, chosen at random: with alternating calls one of them would
//! always come first. Welch's t measures how certain it is that their mean times differ. dudect considers a
//! dependence likely if |t| > 4.5. With a dependence, |t| grows with the number of measurements; with noise it does
//! not. A measurement cannot prove that there is no dependence. Nor does it prove that there is a branch: a CPU may
//! take different times, or change its clock, for zeros (rows that end in 0) with the same instructions.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may panic")]

#[path = "../tests/common/crt.rs"]
mod crt;
#[path = "common/interleaved.rs"]
mod interleaved;
#[path = "../tests/common/numbers.rs"]
mod numbers;
#[path = "../tests/common/reference.rs"]
mod reference;

use hushvec::OpenDevice;
use hushvec::hazmat::{self, Exponent, FixedBase, Modulus, Rows};
use numbers::SplitMix;
use reference::{limbs, pair_row};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bits of the primes. The smallest size: short calls show differences best.
const BITS: usize = 512;
/// Limbs of a prime.
const WIDTH: usize = BITS / 64;
/// Rows per call: enough for all lanes of every instruction set.
const BATCH: usize = 8;
/// |t| above which dudect considers a dependence likely.
const LIKELY: f64 = 4.5;
/// The fractions of the measurements, fastest first, for which t is computed: interruptions only make calls slower.
const SHARES: [f64; 5] = [1.0, 0.99, 0.95, 0.75, 0.5];

/// Makes a secret input: the fixed one if the flag is set, or a random one.
type Prepare<'a> = Box<dyn Fn(&mut SplitMix, bool) -> Vec<u64> + 'a>;

/// Computes with a secret input.
type Call<'a> = Box<dyn FnMut(&[u64]) + 'a>;

struct Row<'a> {
    name: String,
    prepare: Prepare<'a>,
    call: Call<'a>,
}

fn row<'a>(
    name: String,
    prepare: impl Fn(&mut SplitMix, bool) -> Vec<u64> + 'a,
    call: impl FnMut(&[u64]) + 'a,
) -> Row<'a> {
    Row { name, prepare: Box::new(prepare), call: Box::new(call) }
}

/// Makes zeros, which differ most from random numbers, or random limbs.
fn zeros_or_random(width: usize) -> impl Fn(&mut SplitMix, bool) -> Vec<u64> {
    same_or_random(vec![0; width])
}

/// Makes fixed limbs or random limbs. Both are made in the same way, so that only their values differ.
fn same_or_random(same: Vec<u64>) -> impl Fn(&mut SplitMix, bool) -> Vec<u64> {
    move |random, fixed| {
        let mask = black_box(if fixed { 0 } else { u64::MAX });
        same.iter().map(|same| same & !mask | random.next() & mask).collect()
    }
}

/// Makes fixed limbs, which were drawn at random once, or new random limbs.
fn number_or_random(width: usize) -> impl Fn(&mut SplitMix, bool) -> Vec<u64> {
    let mut random = SplitMix(9);
    same_or_random((0..width).map(|_| random.next()).collect())
}

/// Makes a batch of the first row of a pool, or of random rows of it.
fn first_or_random(pool: &[Vec<u64>]) -> impl Fn(&mut SplitMix, bool) -> Vec<u64> {
    move |random, fixed| {
        let mut pick = || usize::try_from(random.next() % pool.len() as u64).unwrap() * usize::from(!fixed);
        (0..BATCH).flat_map(|_| pool[pick()].iter().copied()).collect()
    }
}

/// The secrets that all instruction sets compute with.
struct Secrets {
    key: crt::Decoding,
    modulus: Arc<Modulus>,
    /// Residues modulo the square of a prime.
    residues: Vec<Vec<u64>>,
    /// Ciphertexts of Hamming distances.
    ciphertexts: Vec<Vec<u64>>,
}

impl Secrets {
    fn new() -> Self {
        const POOL: usize = 64;
        // Every seventh ciphertext does not contain a distance: leave them out.
        let key = crt::Decoding::new(POOL);
        let ciphertexts =
            key.rows().iter().enumerate().filter(|(i, _)| i % 7 != 3).map(|(_, row)| row.to_vec()).collect();
        let modulus = Arc::clone(&key.crt.p().modulus);
        let p = reference::biguint(modulus.limbs());
        let residues = SplitMix(7).residues(&p, POOL).iter().skip(1).map(|x| pair_row(x, &p, WIDTH)).collect();
        Self { key, modulus, residues, ciphertexts }
    }
}

fn kernels<'a>(device: &'a OpenDevice, secrets: &'a Secrets) -> Vec<Row<'a>> {
    let Secrets { key, modulus, residues, ciphertexts } = secrets;
    let name = |what: &str| format!("{what}, {}", device.cpu_isa());
    let bases: Vec<u64> = residues[..BATCH].concat();
    let mut out = vec![0; BATCH * 4 * WIDTH];
    let base = FixedBase::new(Arc::clone(modulus), &residues[BATCH], BITS);
    let (mut powers, mut fixed_powers, mut more_powers) = (out.clone(), out.clone(), out.clone());
    let (mut plaintexts, mut distances) = (out.clone(), vec![0; BATCH]);
    let exponent = Exponent::new(&limbs(&SplitMix(8).number(BITS), WIDTH), BITS);
    let noise: Vec<u64> = residues[BATCH..2 * BATCH].concat();
    vec![
        row(name("pair_pow, exponents"), number_or_random(WIDTH), {
            let (bases, mut powers) = (bases.clone(), powers.clone());
            move |secret| {
                let exponent = Exponent::new(secret, BITS);
                hazmat::pair_pow(device, modulus, Rows::new(&bases, 2 * WIDTH), &exponent, &mut powers);
            }
        }),
        row(name("pair_pow, exponent 0"), zeros_or_random(WIDTH), move |secret| {
            let exponent = Exponent::new(secret, BITS);
            hazmat::pair_pow(device, modulus, Rows::new(&bases, 2 * WIDTH), &exponent, &mut powers);
        }),
        row(name("pair_pow, bases"), first_or_random(residues), move |secret| {
            hazmat::pair_pow(device, modulus, Rows::new(secret, 2 * WIDTH), &exponent, &mut more_powers);
        }),
        row(name("pair_fixed_base_pow, exponents 0"), zeros_or_random(BATCH * WIDTH), move |secret| {
            hazmat::pair_fixed_base_pow(device, &base, BITS, Rows::new(secret, WIDTH), &mut fixed_powers);
        }),
        row(name("crt_encrypt, plaintexts"), number_or_random(BATCH * 2 * WIDTH), {
            let (noise, mut out) = (noise.clone(), out.clone());
            move |secret| {
                let noise = Rows::new(&noise, 2 * WIDTH);
                hazmat::crt_encrypt(device, &key.crt, [noise, noise], Rows::new(secret, 2 * WIDTH), &mut out);
            }
        }),
        row(name("crt_encrypt, plaintexts 0"), zeros_or_random(BATCH * 2 * WIDTH), move |secret| {
            let noise = Rows::new(&noise, 2 * WIDTH);
            hazmat::crt_encrypt(device, &key.crt, [noise, noise], Rows::new(secret, 2 * WIDTH), &mut out);
        }),
        row(name("crt_decrypt, ciphertexts"), first_or_random(ciphertexts), move |secret| {
            hazmat::crt_decrypt(device, &key.crt, Rows::new(secret, 4 * WIDTH), &mut plaintexts);
        }),
        row(name("hamming_decode, ciphertexts"), first_or_random(ciphertexts), move |secret| {
            hazmat::hamming_decode(device, &key.crt, key.dimensions, Rows::new(secret, 4 * WIDTH), &mut distances);
            black_box(&distances);
        }),
    ]
}

/// A positive control: a comparison that stops at the first difference. If the test does not detect this, its results
/// are meaningless.
fn control<'a>() -> Row<'a> {
    let mine = vec![0u64; 1 << 10];
    row("control: a comparison that stops early".to_owned(), zeros_or_random(mine.len()), move |secret| {
        black_box(secret.iter().zip(black_box(&mine)).position(|(a, b)| a != b));
    })
}

/// Measures calls with fixed and with random secrets. Returns their times in nanoseconds.
fn measure(row: &mut Row<'_>, time: Duration, least: usize) -> [Vec<f64>; 2] {
    const WARM_UP: usize = 10;
    let mut random = SplitMix(1);
    let mut times = [Vec::new(), Vec::new()];
    let start = Instant::now();
    // The input is written in the same way for both, because the call starts by reading it from the cache.
    let mut input = Vec::new();
    let mut count = 0;
    while start.elapsed() < time || count < least {
        let fixed = random.next().is_multiple_of(2);
        input.clear();
        input.extend_from_slice(&black_box((row.prepare)(&mut random, fixed)));
        let (seconds, ()) = interleaved::seconds(|| (row.call)(black_box(&input)));
        if count >= WARM_UP {
            times[usize::from(!fixed)].push(seconds * 1e9);
        }
        count += 1;
    }
    times
}

#[expect(clippy::cast_precision_loss, reason = "there are less than 2^52 measurements")]
fn mean_and_variance(times: &[f64]) -> (f64, f64) {
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    let squares: f64 = times.iter().map(|time| (time - mean) * (time - mean)).sum();
    (mean, squares / (times.len() as f64 - 1.0))
}

/// Welch's t: (x̄ − ȳ)/√(s²_x/n_x + s²_y/n_y).
#[expect(clippy::cast_precision_loss, reason = "there are less than 2^52 measurements")]
fn welch(x: &[f64], y: &[f64]) -> f64 {
    let ((mean_x, variance_x), (mean_y, variance_y)) = (mean_and_variance(x), mean_and_variance(y));
    (mean_x - mean_y) / (variance_x / x.len() as f64 + variance_y / y.len() as f64).sqrt()
}

/// Returns the largest t over all [`SHARES`] of the fastest measurements.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
fn largest_t([fixed, random]: &[Vec<f64>; 2]) -> f64 {
    let mut all = [fixed.as_slice(), random].concat();
    all.sort_by(f64::total_cmp);
    let of_share = |share: f64| {
        let limit = all[((all.len() - 1) as f64 * share) as usize];
        let fast = |times: &[f64]| times.iter().copied().filter(|time| *time <= limit).collect::<Vec<f64>>();
        welch(&fast(fixed), &fast(random))
    };
    SHARES.into_iter().map(of_share).filter(|t| t.is_finite()).max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let test = interleaved::is_test();
    let own = || arguments.iter().filter(|argument| !argument.starts_with('-'));
    let seconds = own().find_map(|argument| argument.parse().ok()).unwrap_or(3.0);
    let filter = own().find(|argument| argument.parse::<f64>().is_err());
    let (time, least) = if test { (Duration::ZERO, 50) } else { (Duration::from_secs_f64(seconds), 1000) };

    let devices = OpenDevice::at_every_isa(NonZeroUsize::new(1)).unwrap();
    let secrets = Secrets::new();
    let mut rows = vec![control()];
    rows.extend(devices.iter().flat_map(|device| kernels(device, &secrets)));
    rows.retain(|row| filter.is_none_or(|filter| row.name.contains(filter.as_str())));
    println!("{:46} {:>9} {:>12} {:>12} {:>9}", "", "calls", "fixed, µs", "random, µs", "t");
    for row in &mut rows {
        let times = measure(row, time, least);
        let [fixed, random] = times.each_ref().map(|times| interleaved::median(times.clone()) / 1e3);
        let t = largest_t(&times);
        let verdict = if test {
            "not measured"
        } else if t.abs() > LIKELY {
            "depends on the secret"
        } else {
            ""
        };
        let calls = times[0].len() + times[1].len();
        println!("{:46} {calls:>9} {fixed:>12.3} {random:>12.3} {t:>9.2}  {verdict}", row.name);
    }
}
