//! `hushvec bench`: the product's three operations, measured on this machine, every answer checked.

use crate::failure::Failure;
use crate::output;
use hushvec::{
    BitMatrix, Ciphertexts, CpuInfo, Device, Devices, Error, Evaluator, ExecutionContext, HomomorphicClient,
    Parameters, PassphraseKeyProvider, Plaintext, Scheme,
};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// Distinct ciphertexts that inputs are made of.
const POOL: usize = 1024;

/// Options of `hushvec bench`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Devices to measure, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "cpu")]
    device: Vec<Device>,
    /// How many threads to use [default: one a core]
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Schemes to measure, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "paillier,paillier_subgroup,paillier_lookup")]
    scheme: Vec<Scheme>,
    /// Length of each prime in bits
    #[arg(long, default_value_t = Parameters::DEFAULT_KEY_LEN, value_name = "BITS")]
    key_len: usize,
    /// Dimensions of a vector
    #[arg(long, default_value_t = 512, value_name = "N")]
    embedding_length: usize,
    /// Vectors a call
    #[arg(long, default_value_t = NonZeroUsize::MIN.saturating_add(POOL - 1), value_name = "N")]
    batch: NonZeroUsize,
    /// Seconds to spend on each point
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    results: Vec<Point>,
}

#[derive(Serialize)]
struct Machine {
    cpu: CpuInfo,
    os: &'static str,
    arch: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Point {
    operation: &'static str,
    scheme: &'static str,
    device: String,
    threads: usize,
    key_len: usize,
    embedding_length: usize,
    batch: usize,
    per_second: f64,
    checked: bool,
}

/// Everything that the measurements of one scheme share.
struct Bench<'a> {
    args: &'a Args,
    context: ExecutionContext,
    evaluator: Evaluator,
    plain: BitMatrix,
    stored: Ciphertexts,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    if !args.seconds.is_finite() || !(0.001..=600.0).contains(&args.seconds) {
        return Err(Failure::Usage("--seconds must be from 0.001 to 600".to_owned()));
    }
    let devices = Devices::detect(args.threads)?;
    for device in &args.device {
        Devices::check(device)?;
    }
    let cpu = devices.cpu;
    if !args.json {
        let header = format!("{}, {} threads, {} kernels", cpu.model, cpu.threads, cpu.level);
        let sizes =
            format!("key_len {}, {} dimensions, batches of {}", args.key_len, args.embedding_length, args.batch);
        output::print(&format!("{header}\n{sizes}; every answer is checked\n\n"))?;
        output::print(&format!(
            "{:20} {:10} {:>8} {:>14} {:>12}\n",
            "scheme", "operation", "device", "per second", "each"
        ))?;
    }
    let mut results = Vec::new();
    for device in &args.device {
        for scheme in &args.scheme {
            let bench = Bench::new(args, device, *scheme)?;
            for measure in [Bench::encrypt, Bench::aggregate, Bench::decode] {
                let point = measure(&bench)?;
                if !args.json {
                    output::print(&format!(
                        "{:20} {:10} {:>8} {:>14.0} {:>9.1} µs\n",
                        point.scheme,
                        point.operation,
                        point.device,
                        point.per_second,
                        1e6 / point.per_second
                    ))?;
                }
                results.push(point);
            }
        }
    }
    if args.json {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        let machine = Machine { cpu, os, arch, version: env!("CARGO_PKG_VERSION") };
        return output::print_json(&Report { machine, results });
    }
    Ok(())
}

impl<'a> Bench<'a> {
    fn new(args: &'a Args, device: &Device, scheme: Scheme) -> Result<Self, Failure> {
        let context = ExecutionContext::builder()
            .scheme(scheme)
            .embedding_length(args.embedding_length)
            .key_len(args.key_len)
            .device(device.clone())
            .threads(args.threads)
            .create(PassphraseKeyProvider::new("bench")?)?;
        let evaluator = Evaluator::with_threads(&context.public_context(), device.clone(), args.threads)?;
        let mut random = Scramble(1);
        let pool = (0..POOL).map(|_| random.bits(args.embedding_length));
        let pool = BitMatrix::from_rows(args.embedding_length, pool)?;
        let encrypted = context.encrypt_vec_batch(&pool)?;
        // A batch of any size made of the pool.
        let mut plain = BitMatrix::new(args.embedding_length);
        let mut stored = Vec::with_capacity(args.batch.get());
        for i in 0..args.batch.get() {
            plain.push_bits(&pool.row(i % POOL).unwrap_or_default())?;
            stored.extend(encrypted.get(i % POOL));
        }
        let stored = Ciphertexts::from_ciphertexts(context.public_key(), &stored)?;
        Ok(Self { args, context, evaluator, plain, stored })
    }

    fn point(&self, operation: &'static str, per_second: f64) -> Point {
        Point {
            operation,
            scheme: self.context.scheme().name(),
            device: self.context.device_report().used,
            threads: self
                .args
                .threads
                .map_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get), NonZeroUsize::get),
            key_len: self.args.key_len,
            embedding_length: self.args.embedding_length,
            batch: self.args.batch.get(),
            per_second,
            checked: true,
        }
    }

    /// Calls `work` until the time is up, and `check` on each result outside of the time. The first call warms up.
    fn measure<T>(
        &self,
        mut work: impl FnMut() -> Result<T, Error>,
        mut check: impl FnMut(T) -> Result<(), Failure>,
    ) -> Result<f64, Failure> {
        check(work()?)?;
        let (mut spent, mut calls) = (Duration::ZERO, 0u32);
        while spent.as_secs_f64() < self.args.seconds {
            let started = Instant::now();
            let result = work()?;
            spent += started.elapsed();
            calls += 1;
            check(result)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "batches are far smaller")]
        let vectors = f64::from(calls) * self.args.batch.get() as f64;
        Ok(vectors / spent.as_secs_f64())
    }

    /// Encryption by the owner. The sum of every batch must decrypt to the sum of its plaintexts.
    fn encrypt(&self) -> Result<Point, Failure> {
        let zero = self.context.encrypt(&Plaintext::from(0u64))?;
        let sum = |batch: &Ciphertexts| batch.iter().try_fold(zero.clone(), |sum, c| self.evaluator.add(&sum, &c));
        let expected = self.context.decrypt(&sum(&self.stored)?)?;
        let per_second = self.measure(
            || self.context.encrypt_vec_batch(&self.plain),
            |batch| require(self.context.decrypt(&sum(&batch)?)? == expected, "encrypt"),
        )?;
        Ok(self.point("encrypt", per_second))
    }

    /// Aggregation. Every batch must be the same, and the first decrypts to the plaintext's distances.
    fn aggregate(&self) -> Result<Point, Failure> {
        let (query, distances) = self.query()?;
        let expected = self.evaluator.hamming_batch(&query, &self.stored)?;
        require(self.context.decode_hamming_client_batch(&expected)? == distances, "aggregate")?;
        let per_second = self.measure(
            || self.evaluator.hamming_batch(&query, &self.stored),
            |batch| require(batch == expected, "aggregate"),
        )?;
        Ok(self.point("aggregate", per_second))
    }

    /// Decoding. Every distance must be the plaintext's.
    fn decode(&self) -> Result<Point, Failure> {
        let (query, distances) = self.query()?;
        let response = self.evaluator.hamming_batch(&query, &self.stored)?;
        let per_second = self.measure(
            || self.context.decode_hamming_client_batch(&response),
            |decoded| require(decoded == distances, "decode"),
        )?;
        Ok(self.point("decode", per_second))
    }

    /// A query, and its distances in plaintext.
    fn query(&self) -> Result<(hushvec::Ciphertext, Vec<u32>), Failure> {
        let bits = Scramble(2).bits(self.args.embedding_length);
        let query = BitMatrix::from_rows(self.args.embedding_length, [&bits])?;
        let distances = (0..self.plain.len()).filter_map(|row| self.plain.hamming(row, &query, 0)).collect();
        Ok((self.context.encrypt_vec_one(&bits)?, distances))
    }
}

fn require(right: bool, operation: &str) -> Result<(), Failure> {
    if right { Ok(()) } else { Err(Failure::Other(format!("{operation} gave a wrong answer; please report this"))) }
}

/// Bits that look random and are the same in every run.
struct Scramble(u64);

impl Scramble {
    fn bits(&mut self, count: usize) -> Vec<u8> {
        (0..count)
            .map(|_| {
                self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                u8::from(self.0 >> 63 == 1)
            })
            .collect()
    }
}
