//! Recall of inner products on real embeddings, compared with cosines of the floats.
//!
//! HUSHVEC_LONG_TESTS=1 takes all queries and all lengths.

use super::{device, key};
use crate::rlwe::packed::expand::ExpandedQuery;
use crate::rlwe::packed::{Block, BlockHeader, Parameters, Vectors};

const DIMENSIONS: usize = 512;

fn embeddings(name: &str) -> Vec<f32> {
    let path = format!("{}/tests/data/manpages/{name}.f16", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).unwrap();
    let (halves, _) = bytes.as_chunks::<2>();
    halves.iter().map(|bytes| half::f16::from_le_bytes(*bytes).to_f32()).collect()
}

/// Ranks of the right documents: one more than the number of documents with a higher score.
struct Ranks(Vec<usize>);

impl Ranks {
    fn push(&mut self, scores: &[f64], right: usize) {
        self.0.push(1 + scores.iter().filter(|score| **score > scores[right]).count());
    }

    /// The part of queries whose right document is among the first `k`.
    fn recall(&self, k: usize) -> f64 {
        self.0.iter().filter(|rank| **rank <= k).count() as f64 / self.0.len() as f64
    }
}

#[test]
fn recall_is_that_of_floats() {
    let long = std::env::var_os("HUSHVEC_LONG_TESTS").is_some_and(|value| value == "1");
    let (step, lengths) = if long { (1, &[64, 128, 620][..]) } else { (24, &[64][..]) };
    let device = device();
    let (documents, queries) = (embeddings("docs"), embeddings("queries"));
    let rows: Vec<usize> = (0..documents.len() / DIMENSIONS).step_by(step).collect();
    let mut exact = Ranks(Vec::new());
    for row in &rows {
        let query = &queries[row * DIMENSIONS..][..DIMENSIONS];
        let product = |document: &[f32]| document.iter().zip(query).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
        exact.push(&documents.chunks(DIMENSIONS).map(product).collect::<Vec<f64>>(), *row);
    }
    for length in lengths {
        let key = key(Parameters::inner_product(DIMENSIONS, *length).unwrap());
        let blocks = key.encrypt(&device, &Vectors::Reals(&documents)).unwrap();
        let headers: Vec<&BlockHeader> = blocks.iter().map(Block::header).collect();
        let evaluation_key = key.evaluation_key(&device).unwrap();
        let mut ranks = Ranks(Vec::new());
        for rows in rows.chunks(8) {
            let encrypt = |row: &usize| key.encrypt_query(&device, &Vectors::Reals(&queries), *row).unwrap();
            let (sent, secrets): (Vec<_>, Vec<_>) = rows.iter().map(encrypt).unzip();
            let expanded: Vec<ExpandedQuery> =
                sent.iter().map(|query| evaluation_key.expand(&device, query).unwrap()).collect();
            let all: Vec<&ExpandedQuery> = expanded.iter().collect();
            let responses = ExpandedQuery::scan_all(&all, &device, &blocks).unwrap();
            for ((row, secret), response) in rows.iter().zip(&secrets).zip(&responses) {
                let scores = key.decode(&device, secret, &headers, response).unwrap();
                ranks.push(&scores.iter().map(|score| f64::from(*score)).collect::<Vec<f64>>(), *row);
            }
        }
        let [first, ten] = [1, 10].map(|k| [ranks.recall(k), exact.recall(k)]);
        println!(
            "length {length}, {} queries: recall@1 {:.3} (floats {:.3}), recall@10 {:.3} (floats {:.3})",
            rows.len(),
            first[0],
            first[1],
            ten[0],
            ten[1]
        );
        // One query in a hundred, or four of the few.
        let most = if long { 0.01 } else { 4.0 / rows.len() as f64 + 1e-9 };
        assert!((first[0] - first[1]).abs() <= most && (ten[0] - ten[1]).abs() <= most, "{first:?} {ten:?}");
    }
}
