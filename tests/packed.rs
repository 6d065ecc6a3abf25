//! Packed search through the public interface: scores against plaintext, and what is refused.
//!
//! HUSHVEC_LONG_TESTS=1 compares a hundred million distances with each instruction set, and takes all numbers of
//! dimensions.

#![cfg(feature = "owner")]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "common/numbers.rs"]
mod numbers;

use hushvec::packed::{Block, BlockHeader, EvaluationKey, ExpandedQuery, Parameters, Query, QuerySecret, Response};
use hushvec::packed::{Metric, SecretKey, Vectors};
use hushvec::{BitMatrix, Device, Error, ErrorKind, OpenDevice};
use numbers::SplitMix;
#[cfg(feature = "gpu")]
use std::io::Write;
use std::num::NonZeroUsize;

fn device() -> OpenDevice {
    OpenDevice::open(Device::Cpu, NonZeroUsize::new(2)).unwrap()
}

fn is_long() -> bool {
    std::env::var_os("HUSHVEC_LONG_TESTS").is_some_and(|value| value == "1")
}

/// Vectors that are all zeros, all ones, or aligned to the query in groups of up to four dimensions, and random ones.
fn bits(dimensions: usize, rows: usize) -> BitMatrix {
    let mut random = SplitMix(dimensions as u64);
    let query = random.bits(dimensions);
    let next_is_zero = |i: usize| u8::from(query.get(i + 1) == Some(&0));
    let row = |row: usize| match row {
        0 => query.clone(),
        1 => vec![0; dimensions],
        2 => vec![1; dimensions],
        3 => query.iter().map(|bit| 1 - bit).collect(),
        // The vectors whose lower digits are the greatest and the least.
        4..12 => (0..dimensions).map(|i| next_is_zero(i + row / 2 % 4) ^ u8::from(row.is_multiple_of(2))).collect(),
        _ => random.bits(dimensions),
    };
    BitMatrix::from_rows(dimensions, (0..rows).map(row)).unwrap()
}

/// Everything of a search for one vector.
struct Search {
    key: SecretKey,
    evaluation_key: EvaluationKey,
    blocks: Vec<Block>,
    query: Query,
    secret: QuerySecret,
}

impl Search {
    fn new(device: &OpenDevice, parameters: Parameters, vectors: &Vectors<'_>, row: usize) -> Self {
        let key = SecretKey::generate(parameters).unwrap();
        let (query, secret) = key.encrypt_query(device, vectors, row).unwrap();
        Self {
            evaluation_key: key.evaluation_key(device).unwrap(),
            blocks: key.encrypt(device, vectors).unwrap(),
            query,
            secret,
            key,
        }
    }

    fn respond(&self, device: &OpenDevice) -> Response {
        self.evaluation_key.expand(device, &self.query).unwrap().scan(device, &self.blocks).unwrap()
    }

    fn headers(&self) -> Vec<&BlockHeader> {
        self.blocks.iter().map(Block::header).collect()
    }

    fn decode(&self, device: &OpenDevice, response: &Response) -> Result<Vec<i32>, Error> {
        self.key.decode(device, &self.secret, &self.headers(), response)
    }
}

/// Counts distances that are wrong.
fn wrong_distances(device: &OpenDevice, dimensions: usize, rows: usize) -> usize {
    let vectors = bits(dimensions, rows);
    let search = Search::new(device, Parameters::hamming(dimensions).unwrap(), &Vectors::Bits(&vectors), 0);
    let distances = search.decode(device, &search.respond(device)).unwrap();
    assert_eq!(distances.len(), rows);
    let expected = (0..rows).map(|i| vectors.hamming(i, &vectors, 0).unwrap());
    distances.iter().zip(expected).filter(|(distance, expected)| distance.cast_unsigned() != *expected).count()
}

#[test]
fn distances_are_exact() {
    let isas = OpenDevice::at_every_isa(NonZeroUsize::new(2)).unwrap();
    for device in &isas {
        if is_long() {
            let step = if device.cpu_isa() == "portable" { 7 } else { 1 };
            let mut compared = 0;
            for dimensions in (Parameters::DIMENSIONS[0]..=Parameters::DIMENSIONS[1]).step_by(step) {
                assert_eq!(wrong_distances(device, dimensions, 3 * 4096), 0, "{dimensions}, {}", device.cpu_isa());
                compared += 3 * 4096;
            }
            println!("{}: {compared} distances, 0 wrong", device.cpu_isa());
        } else {
            // Full and partial blocks, one to five; polynomials in and out of step with groups; dimensions that do
            // not fill the last coefficient.
            for (dimensions, rows) in
                [(64, 5 * 4096), (65, 1), (383, 4097), (512, 3 * 4096 - 5), (1000, 100), (2048, 40)]
            {
                assert_eq!(wrong_distances(device, dimensions, rows), 0, "{dimensions}, {}", device.cpu_isa());
            }
        }
    }
}

/// 512 dimensions, many queries: 400 of them in long runs, which are a hundred million distances.
#[test]
fn distances_to_many_queries_are_exact() {
    let (blocks, queries) = if is_long() { (61, 400) } else { (2, 8) };
    let vectors = bits(512, blocks * 4096);
    for device in &OpenDevice::at_every_isa(NonZeroUsize::new(2)).unwrap() {
        let search = Search::new(device, Parameters::hamming(512).unwrap(), &Vectors::Bits(&vectors), 0);
        let (mut compared, mut wrong) = (0, 0);
        for row in (0..queries).map(|i| i * 17 % vectors.len()) {
            let (query, secret) = search.key.encrypt_query(device, &Vectors::Bits(&vectors), row).unwrap();
            let response = search.evaluation_key.expand(device, &query).unwrap().scan(device, &search.blocks).unwrap();
            let distances = search.key.decode(device, &secret, &search.headers(), &response).unwrap();
            let expected = (0..vectors.len()).map(|i| vectors.hamming(i, &vectors, row).unwrap());
            wrong += distances.iter().zip(expected).filter(|(found, right)| found.cast_unsigned() != *right).count();
            compared += distances.len();
        }
        println!("{}: {compared} distances, {wrong} wrong", device.cpu_isa());
        assert_eq!(wrong, 0, "{}", device.cpu_isa());
    }
}

#[test]
fn inner_products_are_within_their_error() {
    let device = device();
    for (dimensions, length) in [(64, 64), (384, 64), (512, 64), (512, 128), (512, 620), (2048, 64)] {
        let parameters = Parameters::inner_product(dimensions, length).unwrap();
        assert_eq!(parameters.metric(), Metric::InnerProduct { length });
        let mut random = SplitMix(u64::from(length));
        let mut component = || f32::from((random.next() & 0xffff) as u16) - 32_767.5;
        let mut reals: Vec<f32> = (0..5000 * dimensions).map(|_| component()).collect();
        // The query itself, its opposite, the zero vector, and vectors with one component.
        for i in 0..dimensions {
            reals[dimensions + i] = -reals[i];
            reals[2 * dimensions + i] = 0.0;
            reals[3 * dimensions + i] = f32::from(u8::from(i == 5));
        }
        let search = Search::new(&device, parameters.clone(), &Vectors::Reals(&reals), 0);
        let scores = search.decode(&device, &search.respond(&device)).unwrap();
        let scaled = |row: usize| {
            let vector: Vec<f64> =
                reals[row * dimensions..(row + 1) * dimensions].iter().map(|x| f64::from(*x)).collect();
            let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            vector
                .into_iter()
                .map(move |x| if norm > 0.0 { (x * f64::from(length) / norm).round_ties_even() } else { 0.0 })
        };
        let query: Vec<f64> = scaled(0).collect();
        let errors = scores.iter().enumerate().map(|(row, score)| {
            let expected: f64 = scaled(row).zip(&query).map(|(x, y)| x * y).sum();
            f64::from(*score) - expected
        });
        let errors: Vec<f64> = errors.collect();
        let deviation = (errors.iter().map(|x| x * x).sum::<f64>() / errors.len() as f64).sqrt();
        // Scores are integers, which adds a deviation of 1/√12.
        let stated = (parameters.score_deviation().powi(2) + 1.0 / 12.0).sqrt();
        let most = errors.iter().fold(0f64, |most, x| most.max(x.abs()));
        println!("{dimensions} dimensions, length {length}: error {deviation:.2} (stated {stated:.2}), at most {most}");
        assert!(most <= 9.5 * stated, "{dimensions}, {length}: {most}");
        assert!(deviation <= 1.1 * stated, "{dimensions}, {length}: {deviation} {stated}");
        assert!((f64::from(scores[0]) / f64::from(length * length) - 1.0).abs() < 0.1);
    }
}

#[test]
fn several_queries_in_one_pass_give_the_same_answers() {
    let device = device();
    let vectors = bits(100, 6 * 4096 + 1);
    let search = Search::new(&device, Parameters::hamming(100).unwrap(), &Vectors::Bits(&vectors), 0);
    let queries: Vec<Query> =
        (0..5).map(|row| search.key.encrypt_query(&device, &Vectors::Bits(&vectors), row).unwrap().0).collect();
    let expanded: Vec<ExpandedQuery> =
        queries.iter().map(|query| search.evaluation_key.expand(&device, query).unwrap()).collect();
    let together = ExpandedQuery::scan_all(&expanded.iter().collect::<Vec<_>>(), &device, &search.blocks).unwrap();
    for ((query, expanded), response) in queries.iter().zip(&expanded).zip(&together) {
        assert_eq!(response.query_id(), query.id());
        assert_eq!(response.to_bytes(), expanded.scan(&device, &search.blocks).unwrap().to_bytes());
    }
    assert!(ExpandedQuery::scan_all(&[], &device, &search.blocks).unwrap().is_empty());
    assert_eq!(expanded[0].scan(&device, &[]).unwrap().blocks(), 0);
}

#[test]
fn bytes_are_what_was_written() {
    let device = device();
    let vectors = bits(512, 10);
    let search = Search::new(&device, Parameters::hamming(512).unwrap(), &Vectors::Bits(&vectors), 0);
    let parameters = search.key.parameters();
    let response = search.respond(&device);
    let sizes = [
        search.query.to_bytes().len(),
        search.evaluation_key.to_bytes().len(),
        search.blocks[0].to_bytes().len() - BlockHeader::BYTES,
        response.to_bytes().len(),
    ];
    assert_eq!(sizes, [26_724, 1_204_288, 4096 * 1368, 16 + 32_768 + 4 * 4096]);

    let again = Search {
        key: SecretKey::from_seed(parameters.clone(), (*search.key.seed()).into()).unwrap(),
        evaluation_key: EvaluationKey::from_bytes(parameters, search.evaluation_key.to_bytes().to_vec()).unwrap(),
        blocks: search.blocks.iter().map(|block| Block::from_bytes(parameters, &block.to_bytes()).unwrap()).collect(),
        query: Query::from_bytes(parameters, &search.query.to_bytes()).unwrap(),
        secret: search.secret,
    };
    assert_eq!(again.respond(&device).to_bytes(), response.to_bytes());
    let response = Response::from_bytes(parameters, 1, &response.to_bytes()).unwrap();
    let expected: Vec<i32> = (0..10).map(|i| vectors.hamming(i, &vectors, 0).unwrap().cast_signed()).collect();
    assert_eq!(again.decode(&device, &response).unwrap(), expected);
}

#[test]
fn damaged_bytes_are_refused() {
    let device = device();
    let vectors = bits(64, 10);
    let search = Search::new(&device, Parameters::hamming(64).unwrap(), &Vectors::Bits(&vectors), 0);
    let parameters = search.key.parameters();
    let response = search.respond(&device);
    type Read<'a> = &'a dyn Fn(&[u8]) -> Option<Error>;
    let read: [(&str, Vec<u8>, Read<'_>); 5] = [
        ("a query", search.query.to_bytes(), &|bytes| Query::from_bytes(parameters, bytes).err()),
        ("a block", search.blocks[0].to_bytes(), &|bytes| Block::from_bytes(parameters, bytes).err()),
        ("a response", response.to_bytes(), &|bytes| Response::from_bytes(parameters, 1, bytes).err()),
        ("an evaluation key", search.evaluation_key.to_bytes().to_vec(), &|bytes| {
            EvaluationKey::from_bytes(parameters, bytes.to_vec()).err()
        }),
        ("the header of a block", search.blocks[0].header().to_bytes(), &|bytes| {
            BlockHeader::from_bytes(parameters, bytes).err()
        }),
    ];
    for (name, bytes, read) in &read {
        assert!(read(bytes).is_none());
        for length in [0, 1, 15, 16, bytes.len() / 2, bytes.len() - 1] {
            let error = read(&bytes[..length]).unwrap();
            assert_eq!(error.kind(), ErrorKind::Format);
            assert!(error.to_string().contains(&format!("{name} has {length} bytes, expected")), "{error}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(read(&longer).is_some());
        // All ones are no residue, no number of vectors and so on; a response has no invalid words.
        let ones = vec![0xff; bytes.len()];
        assert_eq!(read(&ones).is_none(), *name == "a response", "{name}");
    }
    let zeros = vec![0; search.query.to_bytes().len()];
    let error = Query::from_bytes(parameters, &zeros).unwrap_err().to_string();
    assert!(error.contains("query id"), "{error}");
    assert!(Response::from_bytes(parameters, usize::MAX, &[]).is_err());
}

#[test]
fn wrong_answers_are_refused() {
    let device = device();
    for metric in [Metric::Hamming, Metric::InnerProduct { length: 64 }] {
        let (bits, reals) = (bits(128, 2 * 4096), vec![1.0; 2 * 4096 * 128]);
        let (parameters, vectors) = match metric {
            Metric::Hamming => (Parameters::hamming(128).unwrap(), Vectors::Bits(&bits)),
            Metric::InnerProduct { length } => {
                (Parameters::inner_product(128, length).unwrap(), Vectors::Reals(&reals))
            }
        };
        let search = Search::new(&device, parameters.clone(), &vectors, 0);
        let response = search.respond(&device);
        search.decode(&device, &response).unwrap();
        let refused = |error: Error, kind: ErrorKind, part: &str| {
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(part), "{error}");
        };

        // The blocks in another order, and one too few.
        let headers = search.headers();
        let swapped = search.key.decode(&device, &search.secret, &[headers[1], headers[0]], &response);
        refused(swapped.unwrap_err(), ErrorKind::Format, "block 0 of the response: not an answer to this query");
        let fewer = search.key.decode(&device, &search.secret, &headers[..1], &response);
        refused(fewer.unwrap_err(), ErrorKind::Format, "has 2 blocks, expected 1");

        // Damage: one block, and the part that all share.
        let bytes = response.to_bytes();
        for (from, block) in [(16 + 32_768 + 4 * 4096, 1), (16, 0)] {
            let mut damaged = bytes.clone();
            damaged[from..].iter_mut().take(4 * 4096).for_each(|byte| *byte ^= 0x55);
            let damaged = Response::from_bytes(&parameters, 2, &damaged).unwrap();
            let part = format!("block {block} of the response");
            refused(search.decode(&device, &damaged).unwrap_err(), ErrorKind::Format, &part);
        }

        // Another query, another key, another evaluation key.
        let (other_query, other_secret) = search.key.encrypt_query(&device, &vectors, 1).unwrap();
        let error = search.key.decode(&device, &other_secret, &headers, &response).unwrap_err();
        refused(error, ErrorKind::Mismatch, &other_query.id().to_string());
        let other = Search::new(&device, parameters.clone(), &vectors, 0);
        let error = other.key.decode(&device, &search.secret, &headers, &response).unwrap_err();
        refused(error, ErrorKind::Format, "block 0 of the response");
        let expanded = other.evaluation_key.expand(&device, &search.query).unwrap();
        let error = search.decode(&device, &expanded.scan(&device, &search.blocks).unwrap()).unwrap_err();
        refused(error, ErrorKind::Format, "block 0 of the response");
        let mixed = [search.blocks[0].clone(), other.blocks[1].clone()];
        let expanded = search.evaluation_key.expand(&device, &search.query).unwrap();
        let error = search.decode(&device, &expanded.scan(&device, &mixed).unwrap()).unwrap_err();
        refused(error, ErrorKind::Format, "block 1 of the response");
    }
}

#[test]
fn unsuitable_inputs_are_refused() {
    let device = device();
    let hamming = SecretKey::generate(Parameters::hamming(64).unwrap()).unwrap();
    let integers = SecretKey::generate(Parameters::inner_product(64, 64).unwrap()).unwrap();
    let (short, right) = (bits(63, 2), bits(64, 2));
    let mut reals = vec![0.5f32; 2 * 64];
    let message = |result: Result<Vec<Block>, Error>| result.unwrap_err().to_string();

    assert!(message(hamming.encrypt(&device, &Vectors::Bits(&short))).contains("63 dimensions, expected 64"));
    assert!(message(hamming.encrypt(&device, &Vectors::Reals(&reals))).contains("for Hamming distances"));
    assert!(message(integers.encrypt(&device, &Vectors::Bits(&right))).contains("for inner products"));
    assert!(message(integers.encrypt(&device, &Vectors::Reals(&reals[..100]))).contains("row 1 has 36 dimensions"));
    reals[64 + 7] = f32::NAN;
    assert!(message(integers.encrypt(&device, &Vectors::Reals(&reals))).contains("row 1, column 7"));
    let error = hamming.encrypt_query(&device, &Vectors::Bits(&right), 2).unwrap_err().to_string();
    assert!(error.contains("row = 2") && error.contains("2 vectors"), "{error}");
    assert!(hamming.encrypt(&device, &Vectors::Bits(&BitMatrix::new(64))).unwrap().is_empty());

    let other = SecretKey::generate(Parameters::hamming(65).unwrap()).unwrap();
    let (query, _) = hamming.encrypt_query(&device, &Vectors::Bits(&right), 0).unwrap();
    let error = other.evaluation_key(&device).unwrap().expand(&device, &query).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Context);
    assert!(error.to_string().contains("dimensions: 65"), "{error}");
}

/// A GPU gives the same responses as the CPU, byte by byte.
#[cfg(feature = "gpu")]
#[test]
fn responses_of_a_gpu_are_those_of_the_cpu() {
    let gpu = match OpenDevice::open(Device::Gpu, None) {
        Ok(gpu) => gpu,
        Err(error) => {
            assert!(std::env::var_os("HUSHVEC_REQUIRE_GPU").is_none_or(|value| value != "1"), "{error}");
            return writeln!(std::io::stderr(), "SKIPPED on a GPU: {error}").unwrap();
        }
    };
    let cpu = device();
    // One block, a full group of blocks, and a full group with one more.
    for (dimensions, rows) in [(64, 9), (512, 4 * 4096), (100, 4 * 4096 + 1)] {
        let vectors = bits(dimensions, rows);
        let search = Search::new(&cpu, Parameters::hamming(dimensions).unwrap(), &Vectors::Bits(&vectors), 3);
        let responses = [&cpu, &gpu].map(|device| search.respond(device));
        assert!(responses[0].to_bytes() == responses[1].to_bytes(), "{dimensions} dimensions, {rows} rows");
        let distances = search.decode(&gpu, &responses[1]).unwrap();
        assert!((0..rows).all(|i| vectors.hamming(i, &vectors, 3) == Some(distances[i].cast_unsigned())));

        let (query, _) = search.key.encrypt_query(&cpu, &Vectors::Bits(&vectors), 5).unwrap();
        let both = [&search.query, &query].map(|query| search.evaluation_key.expand(&cpu, query).unwrap());
        let all = |device| {
            // Queries that one device expands can be scanned by the other.
            let responses = ExpandedQuery::scan_all(&both.each_ref(), device, &search.blocks).unwrap();
            responses.iter().map(Response::to_bytes).collect::<Vec<_>>()
        };
        assert!(all(&cpu) == all(&gpu), "{dimensions} dimensions, {rows} rows");
    }
    assert_eq!(gpu.report().batches_on_cpu, 0);
}
