//! The kernels at each level of instructions, and the product, beside GMP, num-bigint and crypto-bigint: one thread, one
//! process, taking turns; medians and ratios.
//!
//!     benches/gmp.sh && cargo bench --bench ratios
//!
//! Every answer is checked against num-bigint before anything is timed.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on stops")]

#[path = "common/gmp.rs"]
mod gmp;
#[path = "../tests/common/numbers.rs"]
mod numbers;
#[path = "../tests/common/reference.rs"]
mod reference;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use hushvec::hazmat::{Backend, Exponent, FixedBase, Modulus, Rows};
use hushvec::{BitMatrix, Device, Evaluator, ExecutionContext, HomomorphicClient, PassphraseKeyProvider, Scheme};
use num_bigint::BigUint;
use numbers::SplitMix;
use reference::{limbs, pair_row, pair_value};
use std::cell::RefCell;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Turns that everything takes.
const ROUNDS: usize = 15;

/// What is timed: a name, how many operations a call does, and the call.
struct Row<'a> {
    group: String,
    who: String,
    operations: usize,
    call: Box<dyn FnMut() + 'a>,
}

fn row<'a>(group: &str, who: &str, operations: usize, call: impl FnMut() + 'a) -> Row<'a> {
    Row { group: group.to_owned(), who: who.to_owned(), operations, call: Box::new(call) }
}

/// Numbers that a call takes where more than one is worth the while: a lane each at least.
const LANES: usize = 8;

/// base^exponent modulo the square of an odd number of `bits` bits, one and several at a time.
fn powers<'a>(rows: &mut Vec<Row<'a>>, gmp: Option<&'a gmp::Gmp>, levels: &'a [Backend], bits: usize) {
    let mut random = SplitMix(bits as u64);
    let (m, width) = (random.modulus(bits), bits / 64);
    let square = &m * &m;
    let (base, exponent) = (random.number(2 * bits) % &square, random.number(bits));
    let expected = base.modpow(&exponent, &square);
    let group = format!("power, {}-bit modulus, {bits}-bit exponent", 2 * bits);

    let modulus = Arc::new(Modulus::new(&limbs(&m, width)).unwrap());
    let secret = Exponent::new(&limbs(&exponent, width), bits);
    for (backend, count) in levels.iter().flat_map(|level| [(level, LANES), (level, 1)]) {
        let pairs = pair_row(&base, &m, width).repeat(count);
        let mut out = vec![0; pairs.len()];
        backend.pair_pow(&modulus, Rows::new(&pairs, 2 * width), &secret, &mut out);
        out.chunks(2 * width).for_each(|row| assert_eq!(pair_value(row, &m), expected));
        let (modulus, secret) = (Arc::clone(&modulus), secret.clone());
        rows.push(row(&group, &format!("{} × {count}", backend.cpu_level()), count, move || {
            backend.pair_pow(&modulus, Rows::new(&pairs, 2 * width), &secret, &mut out);
            black_box(&out);
        }));
    }
    if let Some(gmp) = gmp {
        let powm = gmp.powm(&limbs(&base, 2 * width), &limbs(&exponent, width), &limbs(&square, 2 * width));
        rows.push(row(&group, "GMP", 1, powm));
    }
    let uint = |x: &BigUint, width: usize| BoxedUint::from_words(limbs(x, width));
    let params = BoxedMontyParams::new_vartime(Odd::new(uint(&square, 2 * width)).unwrap());
    let (form, power) = (BoxedMontyForm::new(uint(&base, 2 * width), &params), uint(&exponent, width));
    assert_eq!(form.pow(&power).retrieve(), uint(&expected, 2 * width));
    rows.push(row(&group, "crypto-bigint", 1, move || drop(black_box(form.pow(&power)))));
    rows.push(row(&group, "num-bigint", 1, move || drop(black_box(base.modpow(&exponent, &square)))));
}

/// One query times `count` ciphertexts modulo n², n of `bits` bits. GMP, whose time does not depend on where they come
/// from, does fewer.
fn products<'a>(rows: &mut Vec<Row<'a>>, gmp: Option<&'a gmp::Gmp>, levels: &'a [Backend], bits: usize, count: usize) {
    const SAMPLE: usize = 1024;
    let mut random = SplitMix(bits as u64 + 1);
    let (n, width) = (random.modulus(bits), bits / 64);
    let square = &n * &n;
    let sample: Vec<BigUint> = (0..SAMPLE).map(|_| random.number(2 * bits) % &square).collect();
    let query = random.number(2 * bits) % &square;
    let group = format!("aggregate, {}-bit modulus, {count} ciphertexts", 2 * bits);

    let modulus = Arc::new(Modulus::new(&limbs(&n, width)).unwrap());
    let pairs: Vec<u64> = sample.iter().flat_map(|c| pair_row(c, &n, width)).collect();
    let pairs = Arc::new(pairs.repeat(count / SAMPLE));
    let query_pair = pair_row(&query, &n, width);
    for backend in levels {
        let (pairs, modulus, query_pair) = (Arc::clone(&pairs), Arc::clone(&modulus), query_pair.clone());
        let mut out = vec![0; pairs.len()];
        backend.hamming_aggregate(&modulus, Rows::new(&query_pair, 2 * width), Rows::new(&pairs, 2 * width), &mut out);
        for (row, c) in out.chunks(2 * width).zip(&sample) {
            assert_eq!(pair_value(row, &n), c * &query % &square);
        }
        rows.push(row(&group, backend.cpu_level(), count, move || {
            let (query, stored) = (Rows::new(&query_pair, 2 * width), Rows::new(&pairs, 2 * width));
            backend.hamming_aggregate(&modulus, query, stored, &mut out);
            black_box(&out);
        }));
    }
    if let Some(gmp) = gmp {
        let bs: Vec<Vec<u64>> = sample.iter().map(|c| limbs(c, 2 * width)).collect();
        let mulmod = gmp.mulmod(&limbs(&query, 2 * width), &bs, &limbs(&square, 2 * width));
        rows.push(row(&group, "GMP", SAMPLE, mulmod));
    }
    rows.push(row(&group, "num-bigint", SAMPLE, move || {
        for c in &sample {
            black_box(c * &query % &square);
        }
    }));
}

/// Powers of one base modulo the square of an odd number of `bits` bits, with tables; beside GMP without them.
fn fixed_base<'a>(
    rows: &mut Vec<Row<'a>>,
    gmp: Option<&'a gmp::Gmp>,
    levels: &'a [Backend],
    bits: usize,
    exponent: usize,
) {
    const COUNT: usize = 128;
    let mut random = SplitMix(bits as u64 + 2);
    let (m, width) = (random.modulus(bits), bits / 64);
    let square = &m * &m;
    let base = random.number(2 * bits) % &square;
    let exponents: Vec<BigUint> = (0..COUNT).map(|_| random.number(exponent)).collect();
    let group = format!("power of a fixed base, {}-bit modulus, {exponent}-bit exponent, {COUNT} at once", 2 * bits);

    let modulus = Arc::new(Modulus::new(&limbs(&m, width)).unwrap());
    let fixed = Arc::new(FixedBase::new(modulus, &pair_row(&base, &m, width), exponent));
    let words = exponent.div_ceil(64);
    let exponent_rows: Vec<u64> = exponents.iter().flat_map(|e| limbs(e, words)).collect();
    for backend in levels {
        let (fixed, exponent_rows) = (Arc::clone(&fixed), exponent_rows.clone());
        let mut out = vec![0; COUNT * 2 * width];
        backend.pair_fixed_base_pow(&fixed, exponent, Rows::new(&exponent_rows, words), &mut out);
        for (row, e) in out.chunks(2 * width).zip(&exponents) {
            assert_eq!(pair_value(row, &m), base.modpow(e, &square));
        }
        rows.push(row(&group, backend.cpu_level(), COUNT, move || {
            backend.pair_fixed_base_pow(&fixed, exponent, Rows::new(&exponent_rows, words), &mut out);
            black_box(&out);
        }));
    }
    if let Some(gmp) = gmp {
        let powm = gmp.powm(&limbs(&base, 2 * width), &limbs(&exponents[0], words), &limbs(&square, 2 * width));
        rows.push(row(&group, "GMP", 1, powm));
    }
}

/// The product: vectors of 512 dimensions, with key_len 1024. Beside GMP's fastest way to what takes the time: r^n, or
/// c^(p−1) and c^(q−1), one after the other.
fn vectors<'a>(rows: &mut Vec<Row<'a>>, gmp: Option<&'a gmp::Gmp>, scheme: Scheme) {
    const DIMENSIONS: usize = 512;
    let builder = ExecutionContext::builder().scheme(scheme).embedding_length(DIMENSIONS).device(Device::Cpu);
    let context = builder.create(PassphraseKeyProvider::new("bench").unwrap()).unwrap();
    let context = Rc::new(RefCell::new(context));
    context.borrow_mut().set_device(Device::Cpu, NonZeroUsize::new(1)).unwrap();
    let evaluator = Evaluator::with_threads(&context.borrow().public_context(), Device::Cpu, NonZeroUsize::new(1));
    let evaluator = Rc::new(evaluator.unwrap());
    let mut random = SplitMix(9);
    for count in [1024, 1] {
        let plain = BitMatrix::from_rows(DIMENSIONS, (0..count).map(|_| random.bits(DIMENSIONS))).unwrap();
        let plain = Rc::new(plain);
        let several = |operation: &str| format!("{operation} `{scheme}`, {count} at once");
        let encrypted = context.borrow().encrypt_vec_batch(&plain).unwrap();
        let query = context.borrow().encrypt_vec_one(&plain.row(0).unwrap()).unwrap();
        let response = evaluator.hamming_batch(&query, &encrypted).unwrap();
        let expected: Vec<u32> = (0..count).map(|i| plain.hamming(i, &plain, 0).unwrap()).collect();
        let (owner, public, decoder) = (Rc::clone(&context), Rc::clone(&evaluator), Rc::clone(&context));
        let (owned, open) = (Rc::clone(&plain), plain);
        let mut powm = |base: usize, exponent: usize| {
            let mut number = |bits: usize| limbs(&random.modulus(bits), bits / 64);
            gmp.map(|gmp| gmp.powm(&number(base), &number(exponent), &number(base)))
        };
        let group = several("encrypt, owner,");
        rows.push(row(&group, "hushvec", count, move || {
            black_box(owner.borrow().encrypt_vec_batch(&owned).unwrap());
        }));
        rows.extend(powm(4096, 2048).map(|powm| row(&group, "GMP", 1, powm)));
        let group = several("encrypt, public key only,");
        rows.push(row(&group, "hushvec", count, move || {
            black_box(public.encrypt_vec_batch(&open).unwrap());
        }));
        rows.extend(powm(4096, 2048).map(|powm| row(&group, "GMP", 1, powm)));
        let group = several("decode, one prime,");
        rows.push(row(&group, "hushvec", count, move || {
            assert_eq!(decoder.borrow().decode_hamming_client_batch(&response).unwrap(), expected);
        }));
        if let (Some(mut first), Some(mut second)) = (powm(2048, 1024), powm(2048, 1024)) {
            rows.push(row(&group, "GMP", 1, move || {
                first();
                second();
            }));
        }
    }
}

fn main() {
    let gmp = gmp::Gmp::load();
    let levels = Backend::at_every_level(NonZeroUsize::new(1)).unwrap();
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let mut rows = Vec::new();
    for bits in [1024, 1536, 2048, 3072, 4096] {
        powers(&mut rows, gmp.as_ref(), &levels, bits);
    }
    for bits in [2048, 3072, 4096] {
        products(&mut rows, gmp.as_ref(), &levels, bits, 1024);
    }
    // 64 MiB, and as many of results: more than caches hold.
    products(&mut rows, gmp.as_ref(), &levels, 2048, 1 << 17);
    fixed_base(&mut rows, gmp.as_ref(), &levels, 1024, 257);
    fixed_base(&mut rows, gmp.as_ref(), &levels, 2048, 512);
    for scheme in [Scheme::Paillier, Scheme::PaillierSubgroup] {
        vectors(&mut rows, gmp.as_ref(), scheme);
    }
    rows.retain(|row| row.group.contains(&filter));

    let cpu = hushvec::Devices::detect(NonZeroUsize::new(1)).unwrap().cpu;
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or_else(
        |_| "an unknown rustc".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    println!("{}, one thread, {} at best; {rustc}", cpu.model, cpu.level);
    match &gmp {
        Some(gmp) => {
            let path = gmp.path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&gmp.path);
            println!("GMP {} from {}", gmp.version(), path.display());
        }
        None => println!("no GMP found: benches/gmp.sh builds one"),
    }
    let mut times = vec![Vec::with_capacity(ROUNDS); rows.len()];
    for _ in 0..ROUNDS {
        for (row, times) in rows.iter_mut().zip(&mut times) {
            let start = Instant::now();
            (row.call)();
            #[expect(clippy::cast_precision_loss, reason = "at most a few thousand operations a call")]
            times.push(start.elapsed().as_secs_f64() / row.operations as f64);
        }
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2]
        })
        .collect();
    let mut last = "";
    for (row, median) in rows.iter().zip(&medians) {
        if row.group != last {
            println!("\n{}", row.group);
            last = &row.group;
        }
        let yardstick = rows.iter().zip(&medians).find(|(other, _)| other.group == row.group && other.who == "GMP");
        let ratio = yardstick.map_or(String::new(), |(_, gmp)| format!("{:>8.2} × GMP", gmp / median));
        println!("  {:16} {:>12.2} µs {:>12.0}/s {ratio}", row.who, median * 1e6, 1.0 / median);
    }
}
