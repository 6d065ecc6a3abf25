//! Lesson 2: files. The index grows on disk, query and response are exchanged as files, and memory use stays constant.
//!
//! `cargo run --release --example collection_on_disk`

use hushvec::{
    BitMatrix, Device, Error, Evaluator, ExecutionContext, HomomorphicClient, Ids, Index, IndexWriter,
    PassphraseKeyProvider, Progress, Query, Response, Scheme,
};
use std::path::Path;

/// Sample vectors: consecutive vectors differ in a few of their 64 dimensions.
fn vectors(numbers: std::ops::Range<u64>) -> Result<BitMatrix, Error> {
    let bits = |number: u64| (0..64).map(|i| u8::from(((number * number) >> (i % 16)) & 1 == 1)).collect::<Vec<u8>>();
    BitMatrix::from_rows(64, numbers.map(bits))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let passphrase = "correct horse battery staple";

    // The owner's machine: a context, and an index written in two steps, the second with given ids.
    let ctx = ExecutionContext::builder()
        .scheme(Scheme::PaillierSubgroup)
        .embedding_length(64)
        .path(path("ctx.json"))
        .create(PassphraseKeyProvider::new(passphrase)?)?;
    let mut writer = IndexWriter::create(&path("index.hvx"), ctx.public_key().clone())?;
    writer.append(&ctx.encrypt_vec_batch(&vectors(0..100)?)?, None)?;
    writer.sync()?;
    drop(writer);
    let (mut writer, recovery) = IndexWriter::append_to(&path("index.hvx"), ctx.public_key().clone())?;
    assert!(recovery.is_none(), "no append was interrupted");
    let ids = Ids::from(1000..1020);
    writer.append(&ctx.encrypt_vec_batch(&vectors(100..120)?)?, Some(&ids))?;
    writer.sync()?;
    Query::new(ctx.encrypt_vec_batch(&vectors(110..112)?)?)?.save(&path("query.hvq"), ctx.public_key())?;

    // The evaluator's machine, which has the public context, the index and the query.
    let public = ctx.public_context();
    evaluate(&public, &path("index.hvx"), &path("query.hvq"), &path("response.hvr"))?;

    // The owner again, perhaps days later: the passphrase opens the context, which decodes the response.
    let ctx = ExecutionContext::load_from_disk(&path("ctx.json"), &PassphraseKeyProvider::new(passphrase)?)?;
    let response = Response::open(&path("response.hvr"))?;
    response.check_query(&ctx.load_query(&path("query.hvq"))?)?;
    for (number, neighbours) in response.nearest(&ctx, 3, &Progress::new())?.iter().enumerate() {
        println!("query {number}: {neighbours:?}");
        assert!(neighbours[0].id == 1010 + number as u64 && neighbours[0].distance == 0);
    }
    Ok(())
}

fn evaluate(public: &hushvec::PublicContext, index: &Path, query: &Path, response: &Path) -> Result<(), Error> {
    let evaluator = Evaluator::open(public, Device::Auto)?;
    let query = evaluator.load_query(query)?;
    evaluator.aggregate(&query, &Index::open(index)?, response, &Progress::new())
}
