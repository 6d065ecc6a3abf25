//! `hushvec bench`: measures encryption, aggregation and decoding on this machine, and checks every result.

mod packed;
mod plot;
mod scale;

use crate::failure::Failure;
use crate::output;
use crate::output_file::OutputFile;
use crate::suggested;
use crate::target;
use hushvec::{
    AdapterInfo, BitMatrix, Ciphertexts, CpuInfo, Device, Devices, Error, Evaluator, ExecutionContext, GpuTimes,
    HomomorphicClient, Parameters, PassphraseKeyProvider, Plaintext, Scheme,
};
use serde::Serialize;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};
use tracing::info;

/// The number of distinct ciphertexts that batches are made of.
const POOL: usize = 1024;

/// The maximum size of the ciphertexts in a batch, in bytes.
const MOST_BYTES: usize = 512 << 20;

/// Options of `hushvec bench`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Devices to measure, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "cpu", value_parser = suggested::devices(), hide_possible_values = true)]
    device: Vec<Device>,
    /// Number of threads, at most 4 per core or 64, whichever is more [default: one per core]
    #[arg(long, value_parser = crate::args::threads)]
    threads: Option<NonZeroUsize>,
    /// Schemes to measure, separated by commas; also packed, which runs on the CPU only, with a multiple of 4096
    /// vectors per call
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "paillier,paillier_subgroup,paillier_lookup",
        value_parser = benched(),
        hide_possible_values = true
    )]
    scheme: Vec<Benched>,
    /// Length of each prime in bits: 1024, 1536, 2048, 3072 or 4096; packed has none
    #[arg(long, default_value_t = Parameters::DEFAULT_KEY_LEN, value_name = "BITS")]
    key_len: usize,
    /// Number of dimensions of a vector; must be smaller than --key-len
    #[arg(long, default_value_t = 512, value_name = "N")]
    embedding_length: usize,
    /// Vectors per call; several values separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1024", value_name = "N")]
    batch: Vec<NonZeroUsize>,
    /// Seconds to spend on each measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Draw a chart of throughput against batch size to this SVG file
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Replace the chart if it exists
    #[arg(long, requires = "plot")]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A scheme to measure.
#[derive(Debug, Clone, Copy)]
pub enum Benched {
    Paillier(Scheme),
    Packed,
}

impl FromStr for Benched {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        if name == packed::NAME {
            return Ok(Self::Packed);
        }
        let schemes = "paillier, paillier_lookup, paillier_subgroup and packed";
        let unknown = |_| Error::Format { reason: format!("unknown scheme {name:?}; the schemes are {schemes}") };
        Scheme::from_str(name).map(Self::Paillier).map_err(unknown)
    }
}

/// Returns the parser of schemes to measure.
fn benched() -> suggested::Suggested<Benched> {
    suggested::Suggested::new(&["paillier_subgroup", "paillier", "paillier_lookup", packed::NAME], FromStr::from_str)
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    results: Vec<Point>,
}

#[derive(Serialize)]
pub struct Machine {
    pub cpu: CpuInfo,
    pub gpus: Vec<AdapterInfo>,
    os: &'static str,
    arch: &'static str,
    version: &'static str,
}

/// The measurement of one operation on one device with one batch size.
#[derive(Serialize)]
pub struct Point {
    pub operation: &'static str,
    pub scheme: &'static str,
    pub device: String,
    threads: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_len: Option<usize>,
    pub embedding_length: usize,
    pub batch: usize,
    pub per_second: f64,
    checked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Share>,
}

/// How a GPU spent the time, as shares of the total.
#[derive(Serialize, Clone, Copy)]
pub struct Share {
    /// Running kernels, by the device's clock, if it has one.
    pub kernels: Option<f64>,
    /// From the dispatch of a batch to its results in host memory, kernels included.
    pub away: f64,
    /// Checking results on the CPU, mostly while the GPU computes.
    pub checking: f64,
    /// Waiting for checks while the GPU is idle.
    pub waiting: f64,
    /// Batches that the GPU could not finish and the CPU did.
    pub batches_on_cpu: u64,
}

/// The inputs of the measurements of one scheme, device and batch size.
struct Bench<'a> {
    args: &'a Args,
    batch: usize,
    context: ExecutionContext,
    evaluator: Evaluator,
    plain: BitMatrix,
    stored: Ciphertexts,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    if !args.seconds.is_finite() || !(0.001..=600.0).contains(&args.seconds) {
        return Err(Failure::Usage("--seconds must be from 0.001 to 600".to_owned()));
    }
    if let Some(path) = &args.plot {
        target::check_chart(path, args.force)?;
    }
    check_batches(args)?;
    let devices = Devices::detect(args.threads)?;
    for device in &args.device {
        Devices::check(device)?;
    }
    let (os, arch, version) = (std::env::consts::OS, std::env::consts::ARCH, env!("CARGO_PKG_VERSION"));
    let machine = Machine { cpu: devices.cpu, gpus: devices.gpus, os, arch, version };
    if !args.json {
        print_header(args, &machine)?;
    }
    let mut results = Vec::new();
    for scheme in &args.scheme {
        let scheme = match scheme {
            Benched::Paillier(scheme) => scheme,
            Benched::Packed => {
                for batch in &args.batch {
                    let points = packed::measure(args, batch.get())?;
                    if !args.json {
                        points.iter().try_for_each(|point| output::print(&line(point)))?;
                    }
                    results.extend(points);
                }
                continue;
            }
        };
        let keys = Keys::new(args, *scheme)?;
        for batch in &args.batch {
            for device in &args.device {
                let bench = keys.bench(args, device, batch.get())?;
                for measure in [Bench::encrypt, Bench::aggregate, Bench::decode] {
                    let point = measure(&bench)?;
                    if !args.json {
                        output::print(&line(&point))?;
                    }
                    results.push(point);
                }
            }
        }
    }
    if let Some(path) = &args.plot {
        let chart = plot::draw(&machine, &results)?;
        let (output, mut file) = OutputFile::create(path)?;
        file.write_all(chart.as_bytes()).and_then(|()| file.flush()).map_err(Failure::io("write", path))?;
        output.finish()?;
        info!("wrote {}", target::name(path));
    }
    if args.json { output::print_json(&Report { machine, results }) } else { Ok(()) }
}

/// Limits the batch size, since a batch is in memory several times.
fn check_batches(args: &Args) -> Result<(), Failure> {
    let parameters = Parameters::new(Scheme::Paillier, args.embedding_length, args.key_len, None)?;
    let most = MOST_BYTES / parameters.ciphertext_bytes();
    match args.batch.iter().find(|batch| batch.get() > most) {
        None => Ok(()),
        Some(batch) => {
            let limit = format!("the maximum is {most} ciphertexts of this key_len (512 MiB)");
            Err(Error::Parameter { name: "batch", actual: batch.get(), limit }.into())
        }
    }
}

fn print_header(args: &Args, machine: &Machine) -> Result<(), Failure> {
    let cpu = &machine.cpu;
    let mut text = format!("{}, {} threads, {} kernels\n", cpu.model, cpu.threads, cpu.isa);
    for gpu in &machine.gpus {
        text += &format!("{}, {}, {}, {} kernels\n", gpu.name, gpu.kind, gpu.driver, gpu.kernels);
    }
    text += &format!("key_len {}, {} dimensions; every result is checked\n\n", args.key_len, args.embedding_length);
    text += &format!(
        "{:17} {:9} {:>8} {:>12} {:>10} {:>8} {:>7}  {}\n",
        "scheme", "operation", "batch", "per second", "each", "kernels", "checks", "device"
    );
    output::print(&text)
}

/// Formats a measurement. Kernels and checks are shares of the time; the CPU has neither.
fn line(point: &Point) -> String {
    let percent = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.0} %", 100.0 * share));
    format!(
        "{:17} {:9} {:>8} {:>12.0} {:>7.1} µs {:>8} {:>7}  {}\n",
        point.scheme,
        point.operation,
        point.batch,
        point.per_second,
        1e6 / point.per_second,
        percent(point.gpu.and_then(|share| share.kernels)),
        percent(point.gpu.map(|share| share.checking)),
        point.device
    )
}

/// One key for all devices and batch sizes, so that results are comparable.
struct Keys {
    stored: String,
    provider: PassphraseKeyProvider,
}

impl Keys {
    fn new(args: &Args, scheme: Scheme) -> Result<Self, Failure> {
        let provider = || PassphraseKeyProvider::new("bench");
        let context = ExecutionContext::builder()
            .scheme(scheme)
            .embedding_length(args.embedding_length)
            .key_len(args.key_len)
            .threads(args.threads)
            .device(Device::Cpu)
            .create(provider()?)?;
        Ok(Self { stored: context.serialize_exec_context()?, provider: provider()? })
    }

    fn bench<'a>(&self, args: &'a Args, device: &Device, batch: usize) -> Result<Bench<'a>, Failure> {
        let loader = ExecutionContext::loader().device(device.clone()).threads(args.threads);
        Bench::new(args, loader.from_serialized(&self.stored, &self.provider)?, device, batch)
    }
}

impl<'a> Bench<'a> {
    fn new(args: &'a Args, context: ExecutionContext, device: &Device, batch: usize) -> Result<Self, Failure> {
        let evaluator = Evaluator::with_threads(&context.public_context(), device.clone(), args.threads)?;
        let mut random = Scramble(1);
        let pool = (0..POOL).map(|_| random.bits(args.embedding_length));
        let pool = BitMatrix::from_rows(args.embedding_length, pool)?;
        let encrypted = context.encrypt_vec_batch(&pool)?;
        // Fill the batch by repeating the pool.
        let mut plain = BitMatrix::new(args.embedding_length);
        let mut stored = Vec::with_capacity(batch);
        for i in 0..batch {
            plain.push_bits(&pool.row(i % POOL).unwrap_or_default())?;
            stored.extend(encrypted.get(i % POOL));
        }
        let stored = Ciphertexts::from_ciphertexts(context.public_key(), &stored)?;
        Ok(Self { args, batch, context, evaluator, plain, stored })
    }

    fn point(&self, operation: &'static str, (per_second, gpu): (f64, Option<Share>)) -> Point {
        Point {
            operation,
            gpu,
            scheme: self.context.scheme().name(),
            device: self.context.device_report().used,
            threads: threads(self.args),
            key_len: Some(self.args.key_len),
            embedding_length: self.args.embedding_length,
            batch: self.batch,
            per_second,
            checked: true,
        }
    }

    /// Calls `work` until the time is up, and checks each result outside the measured time. The first call warms up.
    fn measure<T>(
        &self,
        mut work: impl FnMut() -> Result<T, Error>,
        mut check: impl FnMut(T) -> Result<(), Failure>,
    ) -> Result<(f64, Option<Share>), Failure> {
        check(work()?)?;
        let (mut spent, mut calls) = (Duration::ZERO, 0u32);
        let mut gpu = Usage::default();
        while spent.as_secs_f64() < self.args.seconds {
            let (before, started) = (self.gpu_times(), Instant::now());
            let result = work()?;
            spent += started.elapsed();
            gpu.add(&before, &self.gpu_times());
            calls += 1;
            check(result)?;
        }
        let reports = [self.context.device_report(), self.evaluator.device_report()];
        reports.iter().try_for_each(output::require_gpu)?;
        let left = reports.map(|report| report.batches_on_cpu);
        #[expect(clippy::cast_precision_loss, reason = "batches are far smaller")]
        let vectors = f64::from(calls) * self.batch as f64;
        Ok((vectors / spent.as_secs_f64(), gpu.share(spent, left.iter().sum())))
    }

    /// Returns the times of the owner's and the evaluator's GPU. Only one of them works at a time.
    fn gpu_times(&self) -> Vec<GpuTimes> {
        [self.context.gpu_times(), self.evaluator.gpu_times()].into_iter().flatten().collect()
    }

    /// Measures encryption by the owner. The sum of every batch must decrypt to the sum of its plaintexts.
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

    /// Measures aggregation. All batches must be equal, and the first must decrypt to the plaintext distances.
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

    /// Measures decoding. Every distance must equal the plaintext distance.
    fn decode(&self) -> Result<Point, Failure> {
        let (query, distances) = self.query()?;
        let response = self.evaluator.hamming_batch(&query, &self.stored)?;
        let per_second = self.measure(
            || self.context.decode_hamming_client_batch(&response),
            |decoded| require(decoded == distances, "decode"),
        )?;
        Ok(self.point("decode", per_second))
    }

    /// Returns an encrypted query and its plaintext distances.
    fn query(&self) -> Result<(hushvec::Ciphertext, Vec<u32>), Failure> {
        let bits = Scramble(2).bits(self.args.embedding_length);
        let query = BitMatrix::from_rows(self.args.embedding_length, [&bits])?;
        let distances = (0..self.plain.len()).filter_map(|row| self.plain.hamming(row, &query, 0)).collect();
        Ok((self.context.encrypt_vec_one(&bits)?, distances))
    }
}

fn threads(args: &Args) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    args.threads.map_or_else(cores, NonZeroUsize::get)
}

fn require(correct: bool, operation: &str) -> Result<(), Failure> {
    if correct { Ok(()) } else { Err(Failure::Other(format!("{operation} gave a wrong result; please report this"))) }
}

/// The accumulated times of the GPUs.
#[derive(Default)]
struct Usage {
    kernels: Option<Duration>,
    away: Duration,
    checking: Duration,
    waiting: Duration,
    used: bool,
}

impl Usage {
    fn add(&mut self, before: &[GpuTimes], after: &[GpuTimes]) {
        for (before, after) in before.iter().zip(after) {
            if after.away == before.away {
                continue;
            }
            self.used = true;
            self.away += after.away.saturating_sub(before.away);
            self.checking += after.checking.saturating_sub(before.checking);
            self.waiting += after.waiting.saturating_sub(before.waiting);
            if let (Some(before), Some(after)) = (before.kernels, after.kernels) {
                *self.kernels.get_or_insert_default() += after.saturating_sub(before);
            }
        }
    }

    fn share(&self, spent: Duration, batches_on_cpu: u64) -> Option<Share> {
        let of = |time: Duration| time.as_secs_f64() / spent.as_secs_f64().max(1e-9);
        (self.used || batches_on_cpu > 0).then(|| Share {
            kernels: self.kernels.map(of),
            away: of(self.away),
            checking: of(self.checking),
            waiting: of(self.waiting),
            batches_on_cpu,
        })
    }
}

/// A generator of pseudorandom bits that are the same in every run.
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
