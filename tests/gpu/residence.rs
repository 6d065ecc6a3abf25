//! Indexes in GPU memory.

use crate::numbers::SplitMix;
use crate::{devices, keys};
use hushvec::{BitMatrix, Device, Evaluator, HomomorphicClient, Index, IndexWriter, Progress, Query, Scheme};

#[test]
fn an_index_stays_on_the_device_over_many_queries() {
    let ctx = keys::context(Scheme::PaillierSubgroup);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut random = SplitMix(13);
    let vectors = |count: usize, random: &mut SplitMix| {
        BitMatrix::from_rows(keys::DIMENSIONS, (0..count).map(|_| random.bits(keys::DIMENSIONS))).unwrap()
    };
    let mut writer = IndexWriter::create(&path("index.hvx"), ctx.public_key().clone()).unwrap();
    for count in [70, 1, 33] {
        writer.append(&ctx.encrypt_vec_batch(&vectors(count, &mut random)).unwrap(), None).unwrap();
    }
    writer.sync().unwrap();
    drop(writer);
    let cpu = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    assert_eq!(cpu.reside(Index::open(&path("index.hvx")).unwrap()).unwrap().blocks_on_gpu(), 0);
    let Ok(gpu) = Evaluator::open(&ctx.public_context(), Device::Gpu) else {
        assert!(!devices::is_gpu_required());
        return devices::say("SKIPPED on a GPU: no GPU found");
    };
    let resident = gpu.reside(Index::open(&path("index.hvx")).unwrap()).unwrap();
    assert_eq!((resident.blocks_on_gpu(), resident.index().blocks()), (3, 3));
    for round in 0..3 {
        let query = Query::new(ctx.encrypt_vec_batch(&vectors(round + 1, &mut random)).unwrap()).unwrap();
        gpu.aggregate_resident(&query, &resident, &path("resident.hvr"), &Progress::new()).unwrap();
        cpu.aggregate(&query, resident.index(), &path("plain.hvr"), &Progress::new()).unwrap();
        let read = |name: &str| std::fs::read(path(name)).unwrap();
        assert!(read("resident.hvr") == read("plain.hvr"), "round {round}");
    }
    assert_eq!(gpu.device_report().batches_on_cpu, 0);
}
