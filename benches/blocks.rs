//! What a server's search takes beyond the kernel: blocks of a mapped index combined with a query, as integers, against
//! `hamming_aggregate` on the same rows in memory. `cargo bench --bench blocks`; with `--test` it only checks its answers.

#![expect(clippy::unwrap_used, reason = "a benchmark")]

use hushvec::hazmat::{self, Modulus, Rows};
use hushvec::{
    BitMatrix, Ciphertexts, Device, Evaluator, ExecutionContext, HomomorphicClient, Index, IndexWriter, OpenDevice,
    PartialResponse, PassphraseKeyProvider, Query, ResidentIndex, Scheme,
};
use std::num::NonZeroUsize;
use std::time::Instant;

const DIMENSIONS: usize = 512;
/// Rows of a block.
const BLOCK: usize = 4096;

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test") || cfg!(debug_assertions);
    let (blocks, turns) = if is_test { (2, 1) } else { (32, 9) };
    let context = ExecutionContext::builder()
        .scheme(Scheme::PaillierSubgroup)
        .embedding_length(DIMENSIONS)
        .create(PassphraseKeyProvider::new("bench").unwrap())
        .unwrap();
    let rows =
        (0..BLOCK).map(|row| (0..DIMENSIONS).map(|bit| u8::from((row * 37 + bit * bit) % 7 < 3)).collect::<Vec<_>>());
    let encrypted = context.encrypt_vec_batch(&BitMatrix::from_rows(DIMENSIONS, rows).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.hvx");
    let mut writer = IndexWriter::create(&path, context.public_context().key()).unwrap();
    (0..blocks).for_each(|_| writer.append(&encrypted, None).unwrap());
    drop(writer);

    let key = context.public_key();
    let bytes = context.integers(&encrypted).unwrap();
    let mut limbs: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes);
    let modulus = Modulus::new(&key.n().to_u64_digits()).unwrap();
    println!("| threads | kernel | in blocks, as integers | ratio |");
    println!("|---|---|---|---|");
    let cores = std::thread::available_parallelism().unwrap();
    for threads in [NonZeroUsize::MIN, cores] {
        let device = OpenDevice::open(Device::Cpu, Some(threads)).unwrap();
        let evaluator = Evaluator::on(&context.public_context(), &device);
        let device = OpenDevice::open(Device::Cpu, Some(threads)).unwrap();
        hazmat::pairs_from_integers(&device, &modulus, &mut limbs);
        let width = limbs.len() / BLOCK;
        let stored: Vec<u64> = limbs.repeat(blocks);
        let query = encrypted.get(7).unwrap();
        let query_row = &limbs[7 * width..8 * width];
        let query = Query::new(Ciphertexts::from_ciphertexts(key, [&query]).unwrap()).unwrap();
        let index = ResidentIndex::from(Index::open(&path).unwrap());
        let (mut out, mut responses) = (vec![0; BLOCK * width], [PartialResponse::default()]);
        let (mut kernel, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..turns {
            let started = Instant::now();
            for block in stored.chunks(BLOCK * width) {
                hazmat::hamming_aggregate(
                    &device,
                    &modulus,
                    Rows::new(query_row, width),
                    Rows::new(block, width),
                    &mut out,
                );
            }
            kernel.push(started.elapsed().as_secs_f64());
            let started = Instant::now();
            for block in 0..blocks {
                evaluator.aggregate_block(&query, &index, block, None, &mut responses).unwrap();
            }
            whole.push(started.elapsed().as_secs_f64());
        }
        hazmat::integers_from_pairs(&device, &modulus, &mut out);
        let integers: Vec<u8> = responses[0].integers().flatten().copied().collect();
        assert!(integers == bytemuck::cast_slice::<u64, u8>(&out), "they differ");
        hazmat::integers_from_pairs(&device, &modulus, &mut limbs);
        let median = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2] / f64::from(u32::try_from(blocks * BLOCK).unwrap()) * 1e6
        };
        let (kernel, whole) = (median(&mut kernel), median(&mut whole));
        println!("| {threads} | {kernel:.3} µs | {whole:.3} µs | {:.3} |", whole / kernel);
    }
}
