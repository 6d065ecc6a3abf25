//! Measurements of packed search, which has operations of its own and runs on the CPU only.

use super::{Args, Point, Scramble, require, threads};
use crate::failure::Failure;
use hushvec::packed::{Block, BlockHeader, EvaluationKey, ExpandedQuery, Parameters, Query, QuerySecret, Response};
use hushvec::packed::{SecretKey, Vectors};
use hushvec::{BitMatrix, Device, Error, OpenDevice};
use std::time::{Duration, Instant};

/// The name of the scheme.
pub const NAME: &str = "packed";

/// Everything that the operations need, and the right distances.
struct Bench<'a> {
    args: &'a Args,
    device: OpenDevice,
    key: SecretKey,
    evaluation_key: EvaluationKey,
    plain: BitMatrix,
    blocks: Vec<Block>,
    query: Query,
    secret: QuerySecret,
    expanded: ExpandedQuery,
    response: Response,
    distances: Vec<i32>,
}

/// Measures all operations with a batch of at least `batch` vectors: blocks are always full.
pub fn measure(args: &Args, batch: usize) -> Result<Vec<Point>, Failure> {
    let bench = Bench::new(args, batch)?;
    let (vectors, blocks) = (bench.plain.len(), bench.blocks.len());
    let measurements = [
        // Encryption draws random numbers, so its result is checked by decoding.
        bench.time(
            "encrypt",
            vectors,
            || bench.key.encrypt(&bench.device, &Vectors::Bits(&bench.plain)),
            |encrypted| bench.decodes(&encrypted, &bench.expanded.scan(&bench.device, &encrypted)?),
        )?,
        bench.time(
            "expand",
            1,
            || bench.evaluation_key.expand(&bench.device, &bench.query),
            |expanded| bench.decodes(&bench.blocks, &expanded.scan(&bench.device, &bench.blocks)?),
        )?,
        bench.time(
            "scan",
            vectors,
            || bench.expanded.scan(&bench.device, &bench.blocks),
            |response| Ok(response.blocks() == blocks && response.to_bytes() == bench.response.to_bytes()),
        )?,
        bench.time(
            "decode",
            vectors,
            || bench.decode(&bench.blocks, &bench.response),
            |distances| Ok(distances == bench.distances),
        )?,
    ];
    Ok(measurements.into())
}

impl<'a> Bench<'a> {
    fn new(args: &'a Args, batch: usize) -> Result<Self, Failure> {
        let device = OpenDevice::open(Device::Cpu, args.threads)?;
        let parameters = Parameters::hamming(args.embedding_length)?;
        let rows = batch.next_multiple_of(parameters.vectors_per_block());
        let mut random = Scramble(1);
        let plain = BitMatrix::from_rows(args.embedding_length, (0..rows).map(|_| random.bits(args.embedding_length)))?;
        let distances = (0..rows).filter_map(|row| plain.hamming(row, &plain, 0)).map(u32::cast_signed).collect();

        let key = SecretKey::generate(parameters)?;
        let evaluation_key = key.evaluation_key(&device)?;
        let blocks = key.encrypt(&device, &Vectors::Bits(&plain))?;
        let (query, secret) = key.encrypt_query(&device, &Vectors::Bits(&plain), 0)?;
        let expanded = evaluation_key.expand(&device, &query)?;
        let response = expanded.scan(&device, &blocks)?;
        Ok(Self { args, device, key, evaluation_key, plain, blocks, query, secret, expanded, response, distances })
    }

    fn decode(&self, blocks: &[Block], response: &Response) -> Result<Vec<i32>, Error> {
        let headers: Vec<&BlockHeader> = blocks.iter().map(Block::header).collect();
        self.key.decode(&self.device, &self.secret, &headers, response)
    }

    /// Returns whether a response decodes to the right distances.
    fn decodes(&self, blocks: &[Block], response: &Response) -> Result<bool, Error> {
        Ok(self.decode(blocks, response)? == self.distances)
    }

    /// Calls `work` until the time is up, and checks each result outside the measured time. The first call warms up.
    fn time<T>(
        &self,
        operation: &'static str,
        operations: usize,
        work: impl Fn() -> Result<T, Error>,
        check: impl Fn(T) -> Result<bool, Error>,
    ) -> Result<Point, Failure> {
        require(check(work()?)?, operation)?;
        let (mut spent, mut calls) = (Duration::ZERO, 0u32);
        while spent.as_secs_f64() < self.args.seconds {
            let started = Instant::now();
            let result = work()?;
            spent += started.elapsed();
            calls += 1;
            require(check(result)?, operation)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "batches are far smaller")]
        let done = f64::from(calls) * operations as f64;
        Ok(Point {
            operation,
            scheme: NAME,
            device: self.device.report().used,
            threads: threads(self.args),
            key_len: None,
            embedding_length: self.args.embedding_length,
            batch: self.plain.len(),
            per_second: done / spent.as_secs_f64(),
            checked: true,
            gpu: None,
        })
    }
}
