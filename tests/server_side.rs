//! The parts of the library that servers use: aggregation of one block for several queries, and stored contexts whose
//! secrets a server cannot open.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/devices.rs"]
mod devices;
#[path = "common/keys.rs"]
mod keys;
#[path = "common/numbers.rs"]
mod numbers;

use hushvec::{
    BitMatrix, Ciphertext, Ciphertexts, Device, Error, Evaluator, ExecutionContext, Format, HomomorphicClient, Index,
    IndexWriter, OpenDevice, PartialResponse, PassphraseKeyProvider, PublicContext, Query, ResidentIndex, Scheme,
};
use keys::{DIMENSIONS, context, contexts};
use numbers::SplitMix;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

fn vectors(seed: u64, count: usize) -> BitMatrix {
    let mut random = SplitMix(seed);
    BitMatrix::from_rows(DIMENSIONS, (0..count).map(|_| random.bits(DIMENSIONS))).unwrap()
}

/// Writes an index in blocks of these sizes.
fn write_index(ctx: &ExecutionContext, path: &Path, plain: &BitMatrix, blocks: &[usize]) -> Index {
    let mut writer = IndexWriter::create(path, Arc::clone(ctx.public_key())).unwrap();
    let mut row = 0;
    for block in blocks {
        writer.append(&ctx.encrypt_vec_batch(&plain.slice(row..row + block)).unwrap(), None).unwrap();
        row += block;
    }
    drop(writer);
    Index::open(path).unwrap()
}

/// Decodes the distances in a response.
fn decode(ctx: &ExecutionContext, response: &PartialResponse) -> Vec<u32> {
    let bytes: Vec<u8> = response.integers().flatten().copied().collect();
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    ctx.decode_hamming_client_batch(&evaluator.import(&bytes).unwrap()).unwrap()
}

#[test]
fn blocks_are_aggregated_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    for ctx in contexts() {
        let (plain, queries) = (vectors(1, 60), vectors(2, 3));
        let path = folder.path().join(format!("{}.hvx", ctx.scheme()));
        let index = write_index(ctx, &path, &plain, &[1, 17, 42]);
        let rows: Vec<_> = index.block_rows().collect();
        assert_eq!(rows, [0..1, 1..18, 18..60]);
        let query = Query::new(ctx.encrypt_vec_batch(&queries).unwrap()).unwrap();
        for device in [Device::Cpu, Device::Auto, Device::Gpu] {
            let device = match OpenDevice::open(device, None) {
                Ok(device) => device,
                Err(error) if devices::is_gpu_required() => panic!("{error}"),
                Err(error) => {
                    devices::say(&format!("SKIPPED on a GPU: {error}"));
                    continue;
                }
            };
            let evaluator = Evaluator::on(&ctx.public_context(), &device);
            for resident in [false, true] {
                let index = Index::open(&path).unwrap();
                let index = if resident { evaluator.reside(index).unwrap() } else { ResidentIndex::from(index) };
                // The buffers are reused for each block, whatever its size.
                let mut responses = vec![PartialResponse::default(); 3];
                for (block, rows) in rows.iter().enumerate() {
                    let some: Vec<u32> =
                        (0..u32::try_from(rows.end - rows.start).unwrap()).filter(|row| row % 3 != 1).collect();
                    for wanted in [None, Some(some.as_slice()), Some(&[])] {
                        evaluator.aggregate_block(&query, &index, block, wanted, &mut responses).unwrap();
                        for (number, response) in responses.iter().enumerate() {
                            let all = usize::try_from(rows.start).unwrap()..usize::try_from(rows.end).unwrap();
                            let expected: Vec<u32> = all
                                .enumerate()
                                .filter(|(row, _)| {
                                    wanted.is_none_or(|wanted| wanted.iter().any(|w| *w as usize == *row))
                                })
                                .map(|(_, row)| plain.hamming(row, &queries, number).unwrap())
                                .collect();
                            assert_eq!(response.is_empty(), expected.is_empty());
                            assert_eq!(decode(ctx, response), expected, "{} {block} {wanted:?}", ctx.scheme());
                        }
                    }
                }
            }
        }
    }
}

/// The integers are those of the ciphertexts that `hamming_batch` returns.
#[test]
fn integers_are_those_of_the_ciphertexts() {
    let folder = tempfile::tempdir().unwrap();
    let ctx = context(Scheme::PaillierSubgroup);
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    let index = write_index(ctx, &folder.path().join("index"), &vectors(3, 40), &[40]);
    let query = ctx.encrypt_vec_batch(&vectors(4, 1)).unwrap().get(0).unwrap();
    let stored: Vec<Ciphertext> = (0..40).map(|row| index.get(ctx.public_key(), row).unwrap().unwrap().1).collect();
    let stored = Ciphertexts::from_ciphertexts(ctx.public_key(), &stored).unwrap();
    let expected = evaluator.integers(&evaluator.hamming_batch(&query, &stored).unwrap()).unwrap();
    let queries = Query::new(Ciphertexts::from_ciphertexts(ctx.public_key(), [&query]).unwrap()).unwrap();
    let mut responses = [PartialResponse::default()];
    evaluator.aggregate_block(&queries, &index.into(), 0, None, &mut responses).unwrap();
    assert_eq!(responses[0].integers().flatten().copied().collect::<Vec<u8>>(), expected);
}

#[test]
fn wrong_blocks_rows_and_keys_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, other) = (context(Scheme::PaillierSubgroup), context(Scheme::Paillier));
    let index = ResidentIndex::from(write_index(ctx, &folder.path().join("index"), &vectors(5, 4), &[4]));
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    let query = |ctx: &ExecutionContext| Query::new(ctx.encrypt_vec_batch(&vectors(6, 1)).unwrap()).unwrap();
    let mut one = [PartialResponse::default()];
    let mut ask = |query: &Query, block, rows| evaluator.aggregate_block(query, &index, block, rows, &mut one);
    let named = |result: Result<(), Error>, part: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    named(ask(&query(ctx), 1, None), "block 1");
    named(ask(&query(ctx), 0, Some(&[0, 4])), "no row 4");
    assert!(matches!(ask(&query(other), 0, None), Err(Error::WrongKey { .. })));
    let none = evaluator.aggregate_block(&query(ctx), &index, 0, None, &mut []);
    assert!(matches!(none, Err(Error::Length { expected: 1, actual: 0, .. })));
    let theirs = Evaluator::open(&other.public_context(), Device::Cpu).unwrap();
    assert!(theirs.aggregate_block(&query(other), &index, 0, None, &mut one).is_err());
}

#[test]
fn stored_contexts_show_their_public_part() {
    for ctx in contexts() {
        let public = PublicContext::of_stored(&ctx.to_dict_enc().unwrap(), false).unwrap();
        assert_eq!((public.public_id(), public.parameters()), (ctx.public_context().public_id(), ctx.parameters()));
        if ctx.scheme() == Scheme::PaillierSubgroup {
            continue;
        }
        let provider = Arc::new(PassphraseKeyProvider::xtrace("pass", None).unwrap());
        let plain = ctx.to_dict_plain().unwrap();
        let xtrace = ExecutionContext::loader().from_dict_plain(&plain, provider.clone()).unwrap();
        let sealed = xtrace.export(Format::XTrace, provider).unwrap().to_dict_enc().unwrap();
        assert_eq!(PublicContext::of_stored(&sealed, false).unwrap().public_id(), public.public_id());
        for (field, value) in [("pk", json!("{}")), ("type", json!("GoldwasserMicaliClient")), ("config", json!(7))] {
            let mut changed = sealed.clone();
            changed[field] = value;
            assert!(matches!(PublicContext::of_stored(&changed, false), Err(Error::Context { .. })), "{field}");
        }
    }
    for nonsense in [json!(null), json!([]), json!({}), json!({ "format": "hushvec-context" })] {
        assert!(matches!(PublicContext::of_stored(&nonsense, false), Err(Error::Context { .. })), "{nonsense}");
    }
    for (field, value) in [("format", json!("hushvec-index")), ("version", json!(2))] {
        let mut changed = context(Scheme::Paillier).to_dict_enc().unwrap();
        changed[field] = value;
        assert!(matches!(PublicContext::of_stored(&changed, false), Err(Error::Context { field: "format", .. })));
    }
    let mut changed = context(Scheme::Paillier).to_dict_enc().unwrap();
    changed["public_id"] = json!("0".repeat(64));
    assert!(matches!(PublicContext::of_stored(&changed, false), Err(Error::Context { field: "public_id", .. })));
}
