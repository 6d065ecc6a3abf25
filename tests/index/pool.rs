//! Vectors that the tests share, and checks of indexes of them.

use crate::keys::{DIMENSIONS, context};
use crate::numbers::SplitMix;
use hushvec::{
    BitMatrix, Ciphertexts, Device, Evaluator, ExecutionContext, HomomorphicClient, Id, IdKind, IdRef, Ids, Index,
    IndexWriter, Neighbour, Progress, Query, Response, Scheme,
};
use std::path::Path;
use std::sync::OnceLock;

/// The number of shared vectors, which are encrypted once.
pub const POOL: usize = 40;

pub struct Pool {
    pub ctx: &'static ExecutionContext,
    pub plain: BitMatrix,
    pub encrypted: Ciphertexts,
}

pub fn pool() -> &'static Pool {
    static CELL: OnceLock<Pool> = OnceLock::new();
    CELL.get_or_init(|| {
        let (ctx, mut random) = (context(Scheme::PaillierSubgroup), SplitMix(1));
        let plain = BitMatrix::from_rows(DIMENSIONS, (0..POOL).map(|_| random.bits(DIMENSIONS))).unwrap();
        let encrypted = ctx.encrypt_vec_batch(&plain).unwrap();
        Pool { ctx, plain, encrypted }
    })
}

/// Returns a range of vectors of the pool.
pub fn some(range: std::ops::Range<usize>) -> Ciphertexts {
    let parts: Vec<_> = range.map(|i| pool().encrypted.get(i).unwrap()).collect();
    Ciphertexts::from_ciphertexts(pool().ctx.public_key(), &parts).unwrap()
}

pub fn texts(all: &[&str]) -> Ids {
    Ids::parse(IdKind::Strings, all).unwrap()
}

pub fn create(path: &Path) -> IndexWriter {
    IndexWriter::create(path, pool().ctx.public_key()).unwrap()
}

pub fn reopen(path: &Path) -> IndexWriter {
    IndexWriter::append_to(path, pool().ctx.public_key()).unwrap().0
}

/// Checks that an index has these vectors of the pool with these ids, in this order, through every way of reading it.
pub fn assert_holds(path: &Path, want: &[(Id, usize)]) {
    let Pool { ctx, plain, encrypted } = pool();
    let index = Index::open(path).unwrap();
    index.verify().unwrap();
    assert_eq!(index.len(), want.len() as u64);
    for (row, (id, vector)) in (0..).zip(want) {
        assert_eq!(index.get(ctx.public_key(), row).unwrap(), Some((id.clone(), encrypted.get(*vector).unwrap())));
    }
    assert_eq!(index.get(ctx.public_key(), want.len() as u64).unwrap(), None);
    let mut ids = Vec::new();
    index
        .for_each_id(|id| {
            ids.push(id.to_owned());
            Ok(())
        })
        .unwrap();
    assert!(ids.iter().eq(want.iter().map(|(id, _)| id)));

    let queries = plain.slice(0..2);
    let neighbours = |query: usize| {
        let mut all: Vec<Neighbour> = want
            .iter()
            .map(|(id, i)| Neighbour { id: id.clone(), distance: plain.hamming(*i, &queries, query).unwrap() })
            .collect();
        all.sort_unstable();
        all
    };
    let want_nearest = [neighbours(0), neighbours(1)];
    assert_eq!(index.nearest(ctx, &queries, POOL, &Progress::new()).unwrap(), want_nearest);

    let response = path.with_extension("response");
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    let query = Query::new(ctx.encrypt_vec_batch(&queries).unwrap()).unwrap();
    for resident in [false, true] {
        let progress = Progress::new();
        if resident {
            let index = evaluator.reside(Index::open(path).unwrap()).unwrap();
            evaluator.aggregate_resident(&query, &index, &response, &progress).unwrap();
        } else {
            evaluator.aggregate(&query, &index, &response, &progress).unwrap();
        }
        assert_eq!(progress.done(), 2 * want.len() as u64);
        let opened = Response::open(&response).unwrap();
        assert_eq!(opened.len(), want.len() as u64);
        assert_eq!(opened.nearest(ctx, POOL, &Progress::new()).unwrap(), want_nearest);
    }
    let mut exported = Vec::new();
    let keep = |ids: &Ids, bytes: &[u8]| {
        assert_eq!(bytes.len(), 512 * ids.len());
        exported.extend(ids.iter().map(IdRef::to_owned));
        Ok(())
    };
    index.export(ctx.public_key(), &evaluator, keep).unwrap();
    assert!(exported.iter().eq(want.iter().map(|(id, _)| id)));
    for deep in [false, true] {
        evaluator.verify(&index, deep, &Progress::new()).unwrap();
    }
}

pub fn numbered(pairs: impl IntoIterator<Item = (u64, usize)>) -> Vec<(Id, usize)> {
    pairs.into_iter().map(|(id, vector)| (Id::from(id), vector)).collect()
}
