//! Packed search on real vectors: 10,000 embeddings, ranked by cosine. Owner and evaluator exchange bytes only.
//!
//! `cargo run --release --example packed`

use hushvec::packed::{Block, BlockHeader, EvaluationKey, Parameters, Query, Response, SecretKey, Vectors};
use hushvec::{Device, Error, OpenDevice};

const DIMENSIONS: usize = 384;
const VECTORS: usize = 10_000;
/// Vectors are scaled to this length and rounded: about four bits per component.
const LENGTH: u32 = 64;

/// Sample embeddings: waves, of which neighbours are similar.
fn embeddings() -> Vec<f32> {
    let component = |i: usize| {
        let (vector, dimension) = ((i / DIMENSIONS) as f32, (i % DIMENSIONS) as f32);
        (vector * 0.01 + dimension * 0.7).sin() + (vector * 0.003 * dimension).cos()
    };
    (0..VECTORS * DIMENSIONS).map(component).collect()
}

fn cosine(x: &[f32], y: &[f32]) -> f32 {
    let product = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
    product(x, y) / (product(x, x) * product(y, y)).sqrt()
}

fn main() -> Result<(), Error> {
    let device = OpenDevice::open(Device::Cpu, None)?;
    let parameters = Parameters::inner_product(DIMENSIONS, LENGTH)?;

    // The owner: a key, encrypted vectors and an encrypted query. Keep the seed of the key to decode answers later.
    let key = SecretKey::generate(parameters.clone())?;
    let embeddings = embeddings();
    let vectors = Vectors::Reals(&embeddings);
    let blocks: Vec<Vec<u8>> = key.encrypt(&device, &vectors)?.iter().map(Block::to_bytes).collect();
    let evaluation_key = key.evaluation_key(&device)?.to_bytes().to_vec();
    let (query, secret) = key.encrypt_query(&device, &vectors, 1234)?;
    let query = query.to_bytes();
    println!("index: {} bytes per vector", blocks.iter().map(Vec::len).sum::<usize>() / VECTORS);
    println!("evaluation key: {} bytes, query: {} bytes", evaluation_key.len(), query.len());

    // The evaluator: has no secret. It expands the query once, and scans all blocks with it.
    let response = {
        let evaluation_key = EvaluationKey::from_bytes(&parameters, evaluation_key)?;
        let read = |bytes: &Vec<u8>| Block::from_bytes(&parameters, bytes);
        let blocks = blocks.iter().map(read).collect::<Result<Vec<Block>, Error>>()?;
        let expanded = evaluation_key.expand(&device, &Query::from_bytes(&parameters, &query)?)?;
        expanded.scan(&device, &blocks)?.to_bytes()
    };
    println!("response: {} bytes", response.len());

    // The owner decodes a score for each vector. It needs the headers of the blocks only.
    let read = |bytes: &Vec<u8>| BlockHeader::from_bytes(&parameters, &bytes[..BlockHeader::BYTES]);
    let headers = blocks.iter().map(read).collect::<Result<Vec<BlockHeader>, Error>>()?;
    let response = Response::from_bytes(&parameters, headers.len(), &response)?;
    let scores = key.decode(&device, &secret, &headers.iter().collect::<Vec<_>>(), &response)?;

    let mut ranking: Vec<usize> = (0..VECTORS).collect();
    ranking.sort_by_key(|vector| std::cmp::Reverse(scores[*vector]));
    let vector = |i: usize| &embeddings[i * DIMENSIONS..(i + 1) * DIMENSIONS];
    println!("vector  cosine  exact");
    for i in &ranking[..5] {
        let approximate = scores[*i] as f32 / (LENGTH * LENGTH) as f32;
        println!("{i:6}  {approximate:.3}   {:.3}", cosine(vector(*i), vector(1234)));
    }
    assert!(ranking[..5].contains(&1234));
    Ok(())
}
