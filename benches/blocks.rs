//! The overhead of a server's search over the kernel: aggregating a query with the blocks of a mapped index, as
//! integers, compared with `hamming_aggregate` on the same rows in memory. Run with `cargo bench --bench blocks`;
//! `cargo test` only checks the answers.

#![expect(clippy::unwrap_used, reason = "a benchmark")]

#[path = "common/interleaved.rs"]
mod interleaved;

use hushvec::hazmat::{self, Modulus, Rows};
use hushvec::{
    BitMatrix, Ciphertexts, Device, Evaluator, ExecutionContext, HomomorphicClient, Index, IndexWriter, OpenDevice,
    PartialResponse, PassphraseKeyProvider, Query, ResidentIndex, Scheme,
};
use interleaved::Row;
use std::num::NonZeroUsize;

const DIMENSIONS: usize = 512;
/// Rows per block.
const BLOCK: usize = 4096;

fn main() {
    let (blocks, rounds) = if interleaved::is_test() { (2, 1) } else { (32, 9) };
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
    hazmat::pairs_from_integers(&OpenDevice::open(Device::Cpu, None).unwrap(), &modulus, &mut limbs);
    let width = limbs.len() / BLOCK;
    let stored: Vec<u64> = limbs.repeat(blocks);
    let query_row = &limbs[7 * width..8 * width];
    let query = Query::new(Ciphertexts::from_ciphertexts(key, [&encrypted.get(7).unwrap()]).unwrap()).unwrap();
    println!("| threads | kernel | in blocks, as integers | ratio |");
    println!("|---|---|---|---|");
    let cores = std::thread::available_parallelism().unwrap();
    for threads in [NonZeroUsize::MIN, cores] {
        let open = || OpenDevice::open(Device::Cpu, Some(threads)).unwrap();
        let (device, evaluator) = (open(), Evaluator::on(&context.public_context(), &open()));
        let index = ResidentIndex::from(Index::open(&path).unwrap());
        let (mut out, mut responses) = (vec![0; BLOCK * width], [PartialResponse::default()]);
        let kernel = || {
            for block in stored.chunks(BLOCK * width) {
                let (query, block) = (Rows::new(query_row, width), Rows::new(block, width));
                hazmat::hamming_aggregate(&device, &modulus, query, block, &mut out);
            }
        };
        let in_blocks = || {
            for block in 0..blocks {
                evaluator.aggregate_block(&query, &index, block, None, &mut responses).unwrap();
            }
        };
        let (group, count) = (format!("a search, {threads} threads"), blocks * BLOCK);
        let rows = vec![Row::new(&group, "kernel", count, kernel), Row::new(&group, "in blocks", count, in_blocks)];
        let measured = interleaved::run(rows, rounds);
        hazmat::integers_from_pairs(&device, &modulus, &mut out);
        let integers: Vec<u8> = responses[0].integers().flatten().copied().collect();
        assert!(integers == bytemuck::cast_slice::<u64, u8>(&out), "the results differ");
        let [kernel, in_blocks] = measured.as_slice() else { unreachable!("two rows") };
        let [kernel_us, blocks_us] = [kernel, in_blocks].map(|measured| measured.seconds() * 1e6);
        println!("| {threads} | {kernel_us:.3} µs | {blocks_us:.3} µs | {:.3} |", kernel.ratio(in_blocks));
    }
}
