//! Compares kernels and whole operations, with each instruction set, with GMP (built for this CPU, and as rug and
//! gmpy2 bundle it), num-bigint and crypto-bigint. Interleaved runs in one process on one thread; reports medians and
//! ratios.
//!
//!     benches/gmp.sh && cargo bench --bench ratios [-- [--json=FILE] [PART OF A NAME]]
//!
//! All answers are checked against num-bigint before the measurement.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a benchmark may panic")]

#[path = "common/gmp.rs"]
mod gmp;
#[path = "common/interleaved.rs"]
mod interleaved;
#[path = "../tests/common/numbers.rs"]
mod numbers;
#[path = "common/peers.rs"]
mod peers;
#[path = "../tests/common/reference.rs"]
mod reference;

use gmp::Gmp;
use hushvec::OpenDevice;
use hushvec::hazmat::{self, Exponent, FixedBase, Modulus, Rows, Weights};
use hushvec::{BitMatrix, Device, Evaluator, ExecutionContext, HomomorphicClient, PassphraseKeyProvider, Scheme};
use interleaved::Row;
use num_bigint::BigUint;
use numbers::SplitMix;
use peers::Peer;
use reference::{limbs, pair_row, pair_value};
use serde_json::json;
use std::cell::RefCell;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// Rounds of the interleaved runs.
const ROUNDS: usize = 15;

/// Numbers per call in batches: enough for all lanes of every instruction set.
const LANES: usize = 8;

/// base^exponent modulo the square of an odd number of `bits` bits: a single power, and a batch.
fn powers<'a>(rows: &mut Vec<Row<'a>>, gmps: &'a [Gmp], isas: &'a [OpenDevice], bits: usize) {
    let mut random = SplitMix(bits as u64);
    let (m, width) = (random.modulus(bits), bits / 64);
    let square = &m * &m;
    let (base, exponent) = (random.number(2 * bits) % &square, random.number(bits));
    let expected = base.modpow(&exponent, &square);
    let group = format!("power, {}-bit modulus, {bits}-bit exponent", 2 * bits);

    let modulus = Arc::new(Modulus::new(&limbs(&m, width)).unwrap());
    let secret = Exponent::new(&limbs(&exponent, width), bits);
    for (device, count) in isas.iter().flat_map(|isa| [(isa, LANES), (isa, 1)]) {
        let pairs = pair_row(&base, &m, width).repeat(count);
        let mut out = vec![0; pairs.len()];
        hazmat::pair_pow(device, &modulus, Rows::new(&pairs, 2 * width), &secret, &mut out);
        out.chunks(2 * width).for_each(|row| assert_eq!(pair_value(row, &m), expected));
        let (modulus, secret) = (Arc::clone(&modulus), secret.clone());
        rows.push(Row::new(&group, &isa_and_count(device, count), count, move || {
            hazmat::pair_pow(device, &modulus, Rows::new(&pairs, 2 * width), &secret, &mut out);
            black_box(&out);
        }));
    }
    rows.extend(peer_rows(&group, peers::powers(gmps, &base, &exponent, &square)));
}

/// Makes a row of each library.
fn peer_rows<'a>(group: &str, peers: Vec<Peer<'a>>) -> impl Iterator<Item = Row<'a>> {
    peers.into_iter().map(move |Peer { name, operations, call }| Row::new(group, name, operations, call))
}

/// Names an instruction set with a batch size.
fn isa_and_count(device: &OpenDevice, count: usize) -> String {
    format!("{} × {count}", device.cpu_isa())
}

/// One query times `count` ciphertexts modulo n², for n of `bits` bits. The other libraries multiply only a sample,
/// because their time per product does not depend on the number.
fn products<'a>(rows: &mut Vec<Row<'a>>, gmps: &'a [Gmp], isas: &'a [OpenDevice], bits: usize, count: usize) {
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
    for device in isas {
        let (pairs, modulus, query_pair) = (Arc::clone(&pairs), Arc::clone(&modulus), query_pair.clone());
        let mut out = vec![0; pairs.len()];
        hazmat::hamming_aggregate(
            device,
            &modulus,
            Rows::new(&query_pair, 2 * width),
            Rows::new(&pairs, 2 * width),
            &mut out,
        );
        for (row, c) in out.chunks(2 * width).zip(&sample) {
            assert_eq!(pair_value(row, &n), c * &query % &square);
        }
        rows.push(Row::new(&group, &isa_and_count(device, count), count, move || {
            let (query, stored) = (Rows::new(&query_pair, 2 * width), Rows::new(&pairs, 2 * width));
            hazmat::hamming_aggregate(device, &modulus, query, stored, &mut out);
            black_box(&out);
        }));
    }
    rows.extend(peer_rows(&group, peers::products(gmps, &query, &sample, &square)));
}

/// Powers of a fixed base modulo the square of an odd number of `bits` bits, with tables. GMP has no tables.
fn fixed_base<'a>(rows: &mut Vec<Row<'a>>, gmps: &'a [Gmp], isas: &'a [OpenDevice], bits: usize, exponent: usize) {
    const COUNT: usize = 128;
    let mut random = SplitMix(bits as u64 + 2);
    let (m, width) = (random.modulus(bits), bits / 64);
    let square = &m * &m;
    let base = random.number(2 * bits) % &square;
    let exponents: Vec<BigUint> = (0..COUNT).map(|_| random.number(exponent)).collect();
    let group = format!("power of a fixed base, {}-bit modulus, {exponent}-bit exponent", 2 * bits);

    let modulus = Arc::new(Modulus::new(&limbs(&m, width)).unwrap());
    let fixed = Arc::new(FixedBase::new(modulus, &pair_row(&base, &m, width), exponent));
    let words = exponent.div_ceil(64);
    let exponent_rows: Vec<u64> = exponents.iter().flat_map(|e| limbs(e, words)).collect();
    for device in isas {
        let (fixed, exponent_rows) = (Arc::clone(&fixed), exponent_rows.clone());
        let mut out = vec![0; COUNT * 2 * width];
        hazmat::pair_fixed_base_pow(device, &fixed, exponent, Rows::new(&exponent_rows, words), &mut out);
        for (row, e) in out.chunks(2 * width).zip(&exponents) {
            assert_eq!(pair_value(row, &m), base.modpow(e, &square));
        }
        rows.push(Row::new(&group, &isa_and_count(device, COUNT), COUNT, move || {
            hazmat::pair_fixed_base_pow(device, &fixed, exponent, Rows::new(&exponent_rows, words), &mut out);
            black_box(&out);
        }));
    }
    rows.extend(peer_rows(&group, peers::gmp_powers(gmps, &base, &exponents[0], &square)));
}

/// A linear model on encrypted numbers, with signed 8-bit weights. Compared with one power per weight, with 7-bit
/// exponents and full lanes, without the products that would join the powers. An operation is a weight.
fn linear_model<'a>(rows: &mut Vec<Row<'a>>, isas: &'a [OpenDevice], bits: usize, inputs: usize, outputs: usize) {
    let mut random = SplitMix(bits as u64 + 3);
    let (n, width) = (random.modulus(bits), bits / 64);
    let square = &n * &n;
    let values = random.units(&n, inputs);
    let integers: Vec<i64> =
        (0..inputs * outputs).map(|_| i64::from(random.next().to_le_bytes()[0].cast_signed())).collect();
    let side = |row: &[i64], sign: i64| {
        let mine = values.iter().zip(row).filter(|(_, weight)| weight.signum() == sign);
        mine.fold(BigUint::from(1u32), |x, (y, w)| x * y.modpow(&w.unsigned_abs().into(), &square) % &square)
    };
    let quotient = |row: &[i64]| side(row, 1) * side(row, -1).modinv(&square).unwrap() % &square;
    let expected: Vec<BigUint> = integers.chunks(inputs).take(10).map(quotient).collect();
    let pairs: Rc<Vec<u64>> = Rc::new(values.iter().flat_map(|x| pair_row(x, &n, width)).collect());
    let modulus = Rc::new(Modulus::new(&limbs(&n, width)).unwrap());
    let weights = Rc::new(Weights::from_integers(inputs, &integers));
    let group = format!("linear model, {}-bit modulus, {inputs} × {outputs} weights of 8 bits", 2 * bits);
    for device in isas {
        let (pairs, modulus, weights) = (Rc::clone(&pairs), Rc::clone(&modulus), Rc::clone(&weights));
        let mut out = vec![0; outputs * 2 * width];
        hazmat::multi_exp_vartime(device, &modulus, Rows::new(&pairs, 2 * width), &weights, &mut out);
        out.chunks(2 * width).zip(&expected).for_each(|(row, x)| assert_eq!(pair_value(row, &n), *x));
        rows.push(Row::new(&group, device.cpu_isa(), inputs * outputs, move || {
            hazmat::multi_exp_vartime(device, &modulus, Rows::new(&pairs, 2 * width), &weights, &mut out);
            black_box(&out);
        }));
    }
    for device in isas {
        let (bases, modulus) = (pairs.repeat(784usize.div_ceil(inputs)), Rc::clone(&modulus));
        let mut out = vec![0; bases.len()];
        let count = bases.len() / (2 * width);
        rows.push(Row::new(&group, &format!("{}, powers", device.cpu_isa()), count, move || {
            hazmat::pair_pow(device, &modulus, Rows::new(&bases, 2 * width), &Exponent::new(&[0x55], 7), &mut out);
            black_box(&out);
        }));
    }
}

/// Whole operations on vectors of 512 dimensions, with key_len 1024. Compared with GMP on the dominant operations:
/// r^n, or c^(p−1) and c^(q−1), one after the other.
fn vectors<'a>(rows: &mut Vec<Row<'a>>, gmps: &'a [Gmp], isas: &'a [OpenDevice], scheme: Scheme) {
    const DIMENSIONS: usize = 512;
    let builder = ExecutionContext::builder().scheme(scheme).embedding_length(DIMENSIONS).device(Device::Cpu);
    let context = builder.create(PassphraseKeyProvider::new("bench").unwrap()).unwrap();
    let public = context.public_context();
    let context = Rc::new(RefCell::new(context));
    let mut random = SplitMix(9);
    let groups = ["encrypt, owner", "encrypt, public key only", "decode, one prime"];
    let [owner, open, decode] = groups.map(|operation| format!("{operation}, `{scheme}`"));
    let mut by_operation = [const { Vec::new() }; 3];
    for (i, device) in isas.iter().enumerate() {
        // Slower ISAs get smaller batches.
        for count in [if i == 0 { 1024 } else { 128 }, 1] {
            let plain = BitMatrix::from_rows(DIMENSIONS, (0..count).map(|_| random.bits(DIMENSIONS))).unwrap();
            let (plain, name) = (Rc::new(plain), isa_and_count(device, count));
            let evaluator = Evaluator::on(&public, device);
            context.borrow_mut().use_device(device.clone());
            let encrypted = context.borrow().encrypt_vec_batch(&plain).unwrap();
            let query = evaluator.encrypt_vec_batch(&plain.slice(0..1)).unwrap().get(0).unwrap();
            let response = evaluator.hamming_batch(&query, &encrypted).unwrap();
            let expected: Vec<u32> = (0..count).map(|i| plain.hamming(i, &plain, 0).unwrap()).collect();
            assert_eq!(context.borrow().decode_hamming_client_batch(&response).unwrap(), expected);
            let [encrypts, opens, decodes] = &mut by_operation;
            let (encrypter, vectors) = (Rc::clone(&context), Rc::clone(&plain));
            encrypts.push(Row::new(&owner, &name, count, move || {
                encrypter.borrow_mut().use_device(device.clone());
                black_box(encrypter.borrow().encrypt_vec_batch(&vectors).unwrap());
            }));
            opens.push(Row::new(&open, &name, count, move || {
                black_box(evaluator.encrypt_vec_batch(&plain).unwrap());
            }));
            let decoder = Rc::clone(&context);
            decodes.push(Row::new(&decode, &name, count, move || {
                decoder.borrow_mut().use_device(device.clone());
                assert_eq!(decoder.borrow().decode_hamming_client_batch(&response).unwrap(), expected);
            }));
        }
    }
    let [encrypts, opens, decodes] = by_operation;
    let mut power = |bits: usize, exponent: usize| {
        peers::gmp_powers(gmps, &random.modulus(bits), &random.modulus(exponent), &random.modulus(bits))
    };
    rows.extend(encrypts);
    rows.extend(peer_rows(&owner, power(4096, 2048)));
    rows.extend(opens);
    rows.extend(peer_rows(&open, power(4096, 2048)));
    rows.extend(decodes);
    let halves = power(2048, 1024).into_iter().zip(power(2048, 1024));
    rows.extend(halves.map(|(mut first, mut second)| {
        Row::new(&decode, first.name, 1, move || {
            (first.call)();
            (second.call)();
        })
    }));
}

/// Describes the CPU and the compiler, for reports.
fn machine() -> serde_json::Value {
    let cpu = hushvec::Devices::detect(NonZeroUsize::new(1)).unwrap().cpu;
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or_else(
        |_| "an unknown rustc".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    json!({ "cpu": cpu.model, "isa": cpu.isa, "rustc": rustc })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json: Option<PathBuf> = arguments.iter().find_map(|argument| argument.strip_prefix("--json=")).map(Into::into);
    let filter = arguments.iter().find(|argument| !argument.starts_with('-')).cloned().unwrap_or_default();
    let gmps = Gmp::load_all();
    let isas = OpenDevice::at_every_isa(NonZeroUsize::new(1)).unwrap();
    let mut rows = Vec::new();
    for bits in [1024, 1536, 2048, 3072, 4096] {
        powers(&mut rows, &gmps, &isas, bits);
    }
    for bits in [2048, 3072, 4096] {
        products(&mut rows, &gmps, &isas, bits, 1024);
    }
    // 64 MiB of inputs and as much of results: more than caches hold.
    products(&mut rows, &gmps, &isas, 2048, 1 << 17);
    fixed_base(&mut rows, &gmps, &isas, 1024, 257);
    fixed_base(&mut rows, &gmps, &isas, 2048, 512);
    for (inputs, outputs) in [(784, 10), (784, 1), (16, 1000)] {
        linear_model(&mut rows, &isas, 2048, inputs, outputs);
    }
    for scheme in [Scheme::Paillier, Scheme::PaillierSubgroup] {
        vectors(&mut rows, &gmps, &isas, scheme);
    }
    rows.retain(|row| row.group.contains(&filter));

    let machine = machine();
    let named = |key: &str| machine[key].as_str().unwrap_or_default().to_owned();
    println!("{}, one thread, fastest ISA {}; {}", named("cpu"), named("isa"), named("rustc"));
    gmps.iter().for_each(|gmp| println!("{}: {}", gmp.name, gmp.description()));
    if !gmps.iter().any(|gmp| gmp.name == "gmp-fat") {
        println!("benches/gmp.sh builds GMP, both for this CPU and as other packages bundle it");
    }
    let measured = interleaved::run(rows, ROUNDS);
    let yardsticks: Vec<&str> = gmps.iter().map(|gmp| gmp.name).collect();
    interleaved::print(&measured, &yardsticks);
    if let Some(path) = json {
        let of_gmp = |gmp: &Gmp| json!({ "name": gmp.name, "description": gmp.description() });
        let gmps: Vec<_> = gmps.iter().map(of_gmp).collect();
        let report = json!({ "machine": machine, "gmps": gmps, "rows": interleaved::to_json(&measured, &yardsticks) });
        std::fs::write(path, format!("{report}\n")).unwrap();
    }
}
