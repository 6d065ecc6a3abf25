//! Rekeying of indexes: from a weak context of XTrace's SDK, interrupted and resumed, and refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/keys.rs"]
mod keys;
#[path = "common/numbers.rs"]
mod numbers;

use hushvec::{
    BitMatrix, Ciphertext, Ciphertexts, DecodeProblem, Device, Error, Evaluator, ExecutionContext, HomomorphicClient,
    Ids, Index, IndexWriter, PassphraseKeyProvider, Progress, Query, Rekeyed, Response, Scheme,
};
use keys::{DIMENSIONS, FixedKeyProvider, context};
use numbers::SplitMix;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn root(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The vectors of the demo: packed bits after the header of a .npy file.
fn pages(name: &str) -> BitMatrix {
    let bytes = std::fs::read(root("cli/data").join(name)).unwrap();
    let mut pages = BitMatrix::new(512);
    for row in bytes[bytes.len() - 919 * 64..].chunks(64) {
        pages.push_packed(row).unwrap();
    }
    pages
}

fn write_index(ctx: &ExecutionContext, path: &Path, pieces: &[(&Ciphertexts, Option<&[u64]>)]) -> Index {
    let mut writer = IndexWriter::create(path, Arc::clone(ctx.public_key())).unwrap();
    for (vectors, ids) in pieces {
        writer.append(vectors, ids.map(|ids| Ids::from(ids.to_vec())).as_ref()).unwrap();
    }
    drop(writer);
    Index::open(path).unwrap()
}

/// Computes the distance of each query to each vector through all three roles, as sorted (query, id, distance).
fn distances(ctx: &ExecutionContext, index: &Index, queries: &BitMatrix, folder: &Path) -> Vec<(usize, u64, u32)> {
    let (query, response) = (folder.join("query"), folder.join("response"));
    Query::new(ctx.encrypt_vec_batch(queries).unwrap()).unwrap().save(&query, ctx.public_key()).unwrap();
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    let progress = Progress::new();
    evaluator.aggregate(&evaluator.load_query(&query).unwrap(), index, &response, &progress).unwrap();
    let mut all = Vec::new();
    let response = Response::open(&response).unwrap();
    response
        .for_each_distance(ctx, &progress, |query, id, distance| {
            all.push((query, id.number().unwrap(), distance));
        })
        .unwrap();
    all.sort_unstable();
    all
}

/// Vectors that the SDK encrypted, recorded in tests/data/xtrace.
fn sdk_vectors(ctx: &ExecutionContext) -> (Ciphertexts, BitMatrix) {
    let text = std::fs::read_to_string(root("tests/data/xtrace/lookup_512_1024.vectors.json")).unwrap();
    let recorded: serde_json::Value = serde_json::from_str(&text).unwrap();
    let recorded = recorded["vectors"].as_array().unwrap();
    let wire = recorded.iter().map(|vector| vector["wire_b64_le"][0].as_str().unwrap());
    let vectors: Vec<Ciphertext> = wire.map(|wire| Ciphertext::from_wire(ctx.public_key(), wire).unwrap()).collect();
    let bits = recorded.iter().map(|vector| vector["bits"].as_str().unwrap().bytes().map(|b| b - b'0').collect());
    let bits = BitMatrix::from_rows(512, bits.collect::<Vec<Vec<u8>>>()).unwrap();
    (Ciphertexts::from_ciphertexts(ctx.public_key(), &vectors).unwrap(), bits)
}

/// Rekeys the 919 pages and the SDK's own vectors from an SDK context with alpha_len 50 to a key that is not weak.
#[test]
fn rekeying_a_weak_sdk_index_keeps_all_distances() {
    let folder = tempfile::tempdir().unwrap();
    let old = ExecutionContext::loader().allow_weak(true);
    let provider = PassphraseKeyProvider::new("test").unwrap();
    let old = old.load_from_disk(&root("tests/data/xtrace/lookup_512_1024.context.json"), &provider).unwrap();
    assert_eq!((old.scheme(), old.parameters().alpha_len()), (Scheme::PaillierLookup, Some(50)));
    let new = ExecutionContext::builder().scheme(Scheme::PaillierSubgroup).embedding_length(512);
    let new = new.create(FixedKeyProvider::default()).unwrap();

    let (documents, queries) =
        (pages("manpages_512_docs_bits.npy"), pages("manpages_512_queries_bits.npy").slice(0..9));
    let (sdk, sdk_bits) = sdk_vectors(&old);
    let ids: Vec<u64> = (0..sdk.len() as u64).map(|i| 1 << 40 | i).collect();
    let encrypted = old.encrypt_vec_batch(&documents).unwrap();
    let index = write_index(&old, &folder.path().join("old"), &[(&encrypted, None), (&sdk, Some(&ids))]);
    drop(index);
    // Deleted vectors are not moved.
    let (mut writer, _) = IndexWriter::open(&folder.path().join("old")).unwrap();
    writer.delete(&Ids::from(vec![7, ids[0]])).unwrap();
    drop(writer);
    let index = Index::open(&folder.path().join("old")).unwrap();
    let before = distances(&old, &index, &queries, folder.path());

    let to = folder.path().join("new");
    let progress = Progress::new();
    let moved = 919 + sdk.len() as u64 - 2;
    let rekeyed = index.rekey(&old, &new, &to, false, &progress).unwrap();
    assert_eq!(rekeyed, Rekeyed { moved, skipped: 0, recovery: None });
    assert_eq!(progress.done(), moved);
    let index = Index::open(&to).unwrap();
    assert_eq!((index.public_id(), index.len()), (new.public_id(), moved));
    assert_eq!(distances(&new, &index, &queries, folder.path()), before);

    // The distances are those of the plaintext vectors.
    let plain = |query: usize, id: u64| match ids.iter().position(|own| *own == id) {
        Some(row) => sdk_bits.hamming(row, &queries, query).unwrap(),
        None => documents.hamming(usize::try_from(id).unwrap(), &queries, query).unwrap(),
    };
    assert_eq!(before.len(), 9 * (919 + ids.len() - 2));
    assert!(before.iter().all(|(query, id, distance)| plain(*query, *id) == *distance));
}

fn vectors(seed: u64, count: usize) -> BitMatrix {
    let mut random = SplitMix(seed);
    BitMatrix::from_rows(DIMENSIONS, (0..count).map(|_| random.bits(DIMENSIONS))).unwrap()
}

#[test]
fn encrypted_vectors_are_decrypted() {
    for ctx in keys::contexts() {
        let plain = vectors(5, 70);
        let read = ctx.decrypt_vec_batch(&ctx.encrypt_vec_batch(&plain).unwrap()).unwrap();
        let rows = |matrix: &BitMatrix| (0..matrix.len()).map(|row| matrix.row(row)).collect::<Vec<_>>();
        assert_eq!(rows(&read), rows(&plain));
        assert!(
            ctx.decrypt_vec_batch(&Ciphertexts::from_ciphertexts(ctx.public_key(), []).unwrap()).unwrap().is_empty()
        );
        // A sum of two vectors is not a vector, and neither is a plaintext with bits above the dimensions.
        let one = ctx.encrypt_vec_one(&[1; DIMENSIONS]).unwrap();
        let above = num_bigint::BigUint::from(1u32) << (2 * DIMENSIONS);
        let above = ctx.encrypt(&(&above).into()).unwrap();
        for (bad, expected) in
            [(ctx.add(&one, &one).unwrap(), DecodeProblem::NotBinary), (above, DecodeProblem::UpperBits)]
        {
            let batch = Ciphertexts::from_ciphertexts(ctx.public_key(), [&one, &one, &bad, &one]).unwrap();
            match ctx.decrypt_vec_batch(&batch) {
                Err(Error::Decode { record: 2, problem }) => assert_eq!(problem, expected),
                other => panic!("{other:?}"),
            }
        }
    }
    let (one, other) = (context(Scheme::Paillier), context(Scheme::PaillierSubgroup));
    let foreign = other.decrypt_vec_batch(&one.encrypt_vec_batch(&vectors(1, 1)).unwrap());
    assert!(matches!(foreign, Err(Error::WrongKey { .. })));
}

#[test]
fn interrupted_rekeying_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (context(Scheme::PaillierSubgroup), context(Scheme::PaillierLookup));
    let (count, piece) = (5000, 3000);
    let plain = vectors(7, count);
    let ids: Vec<u64> = (0..piece as u64).rev().map(|i| 10 * i).collect();
    let (first, rest) = (plain.slice(0..piece), plain.slice(piece..count));
    let (first, rest) = (old.encrypt_vec_batch(&first).unwrap(), old.encrypt_vec_batch(&rest).unwrap());
    let rest_ids: Vec<u64> = (0..(count - piece) as u64).map(|i| 1_000_003 * (i + 1)).collect();
    let index = write_index(old, &folder.path().join("old"), &[(&first, Some(&ids)), (&rest, Some(&rest_ids))]);
    let queries = vectors(8, 2);
    let before = distances(old, &index, &queries, folder.path());

    // Cancelled before the first block, then truncated in the middle of a block, as by a crash.
    let to = folder.path().join("new");
    let cancelled = Progress::new();
    cancelled.cancel();
    assert!(matches!(index.rekey(old, new, &to, false, &cancelled), Err(Error::Cancelled)));
    assert_eq!(Index::open(&to).unwrap().len(), 0);
    let progress = Progress::new();
    assert_eq!(index.rekey(old, new, &to, true, &progress).unwrap().moved, count as u64);
    let whole = std::fs::read(&to).unwrap();
    std::fs::write(&to, &whole[..whole.len() - 1000]).unwrap();
    let kept = Index::open(&to).unwrap().len();
    assert!(kept > 0 && kept < count as u64, "{kept}");
    let rekeyed = index.rekey(old, new, &to, true, &progress).unwrap();
    assert_eq!((rekeyed.skipped, rekeyed.moved), (kept, count as u64 - kept));
    assert_eq!(rekeyed.recovery.unwrap().kept, kept);
    assert_eq!(distances(new, &Index::open(&to).unwrap(), &queries, folder.path()), before);
    // Another run has nothing left to do.
    let rekeyed = index.rekey(old, new, &to, true, &progress).unwrap();
    assert_eq!(rekeyed, Rekeyed { moved: 0, skipped: count as u64, recovery: None });
}

#[test]
fn impossible_rekeying_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (old, new) = (context(Scheme::PaillierSubgroup), context(Scheme::PaillierLookup));
    let plain = vectors(9, 3);
    let encrypted = old.encrypt_vec_batch(&plain).unwrap();
    let index = write_index(old, &path("old"), &[(&encrypted, None)]);
    let rekey = |index: &Index, to: &str, resume| index.rekey(old, new, &path(to), resume, &Progress::new());

    assert!(matches!(index.rekey(new, old, &path("x"), false, &Progress::new()), Err(Error::InFile { .. })));
    assert!(matches!(index.rekey(old, old, &path("x"), false, &Progress::new()), Err(Error::Unsupported { .. })));
    let short = ExecutionContext::builder().scheme(Scheme::PaillierSubgroup).embedding_length(DIMENSIONS - 1);
    let short = short.create(FixedKeyProvider::default()).unwrap();
    let refused = index.rekey(old, &short, &path("x"), false, &Progress::new()).unwrap_err();
    assert!(refused.to_string().contains("the old context has 96 dimensions, the new one 95"), "{refused}");
    assert!(!path("x").exists());

    rekey(&index, "new", false).unwrap();
    assert!(matches!(rekey(&index, "new", false), Err(Error::Occupied { .. })), "an existing file is not overwritten");
    // Another index of the same key, with other ids or other vectors.
    let ids = write_index(old, &path("ids"), &[(&encrypted, Some(&[0, 1, 5]))]);
    let refused = rekey(&ids, "new", true).unwrap_err().to_string();
    assert!(refused.contains("new: vector 2 has another id than in ") && refused.contains("/ids"), "{refused}");
    let other = write_index(old, &path("other"), &[(&old.encrypt_vec_batch(&vectors(10, 4)).unwrap(), None)]);
    let refused = rekey(&other, "new", true).unwrap_err().to_string();
    assert!(refused.contains("new: vector 2 has another content than in "), "{refused}");
    let fewer = write_index(old, &path("fewer"), &[(&old.encrypt_vec_batch(&plain.slice(0..2)).unwrap(), None)]);
    assert!(rekey(&fewer, "new", true).unwrap_err().to_string().contains("vector 2 has another id"));

    // A ciphertext that does not hold a vector: vectors in earlier blocks are kept.
    let sum = old.add(&encrypted.get(0).unwrap(), &encrypted.get(0).unwrap()).unwrap();
    let sum = Ciphertexts::from_ciphertexts(old.public_key(), [&encrypted.get(1).unwrap(), &sum]).unwrap();
    let bad = write_index(old, &path("bad"), &[(&encrypted, None), (&sum, None)]);
    match rekey(&bad, "part", false) {
        Err(Error::InFile { path: named, source }) => {
            assert_eq!(named, path("bad"));
            assert!(matches!(*source, Error::Decode { record: 4, problem: DecodeProblem::NotBinary }), "{source}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(Index::open(&path("part")).unwrap().len(), 3);
}
