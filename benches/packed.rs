//! Packed search: every operation with each instruction set on one thread, and with the fastest on all cores.
//! Interleaved runs; reports medians, and ratios to the portable code.
//!
//!     cargo bench --bench packed [-- [--json=FILE] [PART OF A NAME]]
//!
//! Times are per vector, and per query for `expand`. All distances are checked before the measurement.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a benchmark may panic")]

#[path = "common/interleaved.rs"]
mod interleaved;
#[path = "../tests/common/numbers.rs"]
mod numbers;

use hushvec::packed::{Block, BlockHeader, EvaluationKey, ExpandedQuery, Parameters, Query, SecretKey, Vectors};
use hushvec::{BitMatrix, Device, OpenDevice};
use interleaved::Row;
use numbers::SplitMix;
use serde_json::json;
use std::hint::black_box;
use std::num::NonZeroUsize;

const DIMENSIONS: usize = 512;
const ROUNDS: usize = 9;
/// Queries that are scanned in one pass.
const QUERIES: usize = 8;

/// Everything that the operations need.
struct Setting {
    key: SecretKey,
    evaluation_key: EvaluationKey,
    vectors: BitMatrix,
    blocks: Vec<Block>,
    queries: Vec<(Query, hushvec::packed::QuerySecret)>,
}

impl Setting {
    fn new(device: &OpenDevice, blocks: usize) -> Self {
        let key = SecretKey::generate(Parameters::hamming(DIMENSIONS).unwrap()).unwrap();
        let mut random = SplitMix(1);
        let rows = blocks * key.parameters().vectors_per_block();
        let vectors = BitMatrix::from_rows(DIMENSIONS, (0..rows).map(|_| random.bits(DIMENSIONS))).unwrap();
        let queries = (0..QUERIES).map(|i| key.encrypt_query(device, &Vectors::Bits(&vectors), i).unwrap());
        Self {
            evaluation_key: key.evaluation_key(device).unwrap(),
            blocks: key.encrypt(device, &Vectors::Bits(&vectors)).unwrap(),
            queries: queries.collect(),
            vectors,
            key,
        }
    }

    fn headers(&self) -> Vec<&BlockHeader> {
        self.blocks.iter().map(Block::header).collect()
    }

    /// Checks the distances of a query.
    fn check(&self, device: &OpenDevice) {
        let (query, secret) = &self.queries[0];
        let response = self.evaluation_key.expand(device, query).unwrap().scan(device, &self.blocks).unwrap();
        let distances = self.key.decode(device, secret, &self.headers(), &response).unwrap();
        let wrong = (distances.iter().enumerate())
            .filter(|(i, distance)| self.vectors.hamming(*i, &self.vectors, 0) != Some(distance.cast_unsigned()));
        assert_eq!(wrong.count(), 0);
    }

    fn rows<'a>(&'a self, device: &'a OpenDevice, isa: &'a str) -> Vec<Row<'a>> {
        let expand = |(query, _): &(Query, _)| self.evaluation_key.expand(device, query).unwrap();
        let expanded: Vec<ExpandedQuery> = self.queries.iter().map(expand).collect();
        let response = expanded[0].scan(device, &self.blocks).unwrap();
        let few = self.vectors.slice(0..2 * self.key.parameters().vectors_per_block());
        let scanned = self.vectors.len();
        vec![
            Row::new("expand", isa, 1, move || {
                black_box(expand(&self.queries[0]));
            }),
            Row::new("encrypt", isa, few.len(), move || {
                black_box(self.key.encrypt(device, &Vectors::Bits(&few)).unwrap());
            }),
            Row::new("decode", isa, scanned, {
                let headers = self.headers();
                move || {
                    black_box(self.key.decode(device, &self.queries[0].1, &headers, &response).unwrap());
                }
            }),
            Row::new("scan, 8 queries at once, per query", isa, QUERIES * scanned, {
                let expanded: Vec<ExpandedQuery> = self.queries.iter().map(expand).collect();
                move || {
                    let all: Vec<&ExpandedQuery> = expanded.iter().collect();
                    black_box(ExpandedQuery::scan_all(&all, device, &self.blocks).unwrap());
                }
            }),
            Row::new("scan", isa, scanned, move || {
                black_box(expanded[0].scan(device, &self.blocks).unwrap());
            }),
        ]
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file = arguments.iter().find_map(|argument| argument.strip_prefix("--json="));
    let part = arguments.iter().find(|argument| !argument.starts_with("--")).map_or("", String::as_str);
    let isas = OpenDevice::at_every_isa(NonZeroUsize::new(1)).unwrap();
    let (blocks, rounds) = if interleaved::is_test() { (2, 1) } else { (64, ROUNDS) };
    let setting = Setting::new(&isas[0], blocks);
    isas.iter().for_each(|device| setting.check(device));
    let all_cores = OpenDevice::open(Device::Cpu, None).unwrap();
    let mut rows: Vec<Row<'_>> = isas.iter().flat_map(|device| setting.rows(device, device.cpu_isa())).collect();
    rows.extend(setting.rows(&all_cores, "all cores"));
    rows.retain(|row| row.group.contains(part));
    rows.sort_by(|a, b| a.group.cmp(&b.group));
    let measured = interleaved::run(rows, rounds);
    interleaved::print(&measured, &["portable"]);
    if let Some(file) = file {
        let document = json!({ "dimensions": DIMENSIONS, "blocks": blocks, "rows": interleaved::to_json(&measured, &["portable"]) });
        std::fs::write(file, serde_json::to_string_pretty(&document).unwrap()).unwrap();
    }
}
