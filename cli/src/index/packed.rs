//! `hushvec index info`, `verify` and `compact` for an index of packed search.

use super::{info, verify};
use crate::aggregate;
use crate::args::Owner;
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use hushvec::packed::Metric;
use hushvec::{
    IdKind, PackedContext, PackedContextFile, PackedEvaluator, PackedIndex, PackedPublicContext, StoredContext,
};
use serde::Serialize;
use std::path::Path;

/// Opens the owner's context of packed search in a file.
pub fn owner(path: &Path, owner: &Owner) -> Result<PackedContext, Failure> {
    match StoredContext::read(path)? {
        StoredContext::Packed(file) => owner.open_packed(&file),
        StoredContext::Paillier(_) => {
            let path = path.display();
            let reason = format!("{path} is a context of Paillier; give the owner's context of packed search");
            Err(Failure::Usage(reason))
        }
    }
}

#[derive(Serialize)]
struct Info {
    vectors: u64,
    deleted: u64,
    tail: u64,
    ids: Option<IdKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    scheme: &'static str,
    metric: &'static str,
    embedding_length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u32>,
    public_id: String,
    bytes: u64,
    torn_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
}

/// Runs `hushvec index info`.
pub fn info(args: &info::Args, index: &PackedIndex) -> Result<(), Failure> {
    if args.verify {
        index.verify()?;
    }
    let parameters = index.parameters();
    let info = Info {
        vectors: index.len(),
        deleted: index.deleted(),
        tail: index.tail()?,
        ids: index.id_kind()?,
        shard: index.shard().map(|shard| shard.to_string()),
        scheme: "packed",
        metric: parameters.metric().name(),
        embedding_length: parameters.dimensions(),
        length: match parameters.metric() {
            Metric::Hamming => None,
            Metric::InnerProduct { length } => Some(length),
        },
        public_id: index.public_id().to_string(),
        bytes: index.bytes(),
        torn_bytes: index.recovery().map_or(0, |recovery| recovery.torn_bytes),
        verified: args.verify.then_some(true),
    };
    if args.json {
        return output::print_json(&info);
    }
    let mut fields = vec![("vectors", info.vectors.to_string())];
    if info.deleted > 0 {
        let how = "`hushvec index compact --context CTX` reclaims their space";
        fields.push(("deleted", format!("{}; {how}", info.deleted)));
    }
    fields.push(("tail", format!("{}, sealed one by one", output::count(info.tail, "vector"))));
    if let Some(kind) = info.ids {
        fields.push(("ids", kind.to_string()));
    }
    if let Some(shard) = info.shard {
        fields.push(("shard", format!("{shard}, for `hushvec index merge`")));
    }
    let metric =
        info.length.map_or_else(|| info.metric.to_owned(), |length| format!("{}, length {length}", info.metric));
    fields.extend([
        ("scheme", info.scheme.to_owned()),
        ("metric", metric),
        ("embedding length", info.embedding_length.to_string()),
        ("public id", info.public_id),
        ("size", output::bytes(info.bytes)),
    ]);
    if info.torn_bytes > 0 {
        fields.push(("unfinished", format!("{} after the last whole block", output::bytes(info.torn_bytes))));
    }
    if args.verify {
        fields.push(("verified", "all checksums match".to_owned()));
    }
    output::print(&output::fields(&fields))
}

/// Runs `hushvec index verify`. Needs a public context, and refuses an owner's.
pub fn verify(args: &verify::Args, file: &PackedContextFile) -> Result<(), Failure> {
    if args.deep {
        return Err(Failure::Usage("--deep is for indexes of Paillier; leave it out".to_owned()));
    }
    let public: &PackedPublicContext = aggregate::packed::public(file, &args.expected)?;
    let evaluator = PackedEvaluator::with_threads(public, args.compute.device_or_auto(), args.compute.threads)?;
    let index = PackedIndex::open(&args.index)?;
    aggregate::warn_if_packed_torn(&index);
    let bar = Bar::new("verifying", index.len());
    evaluator.verify(&index, bar.progress())?;
    drop(bar);
    let torn_bytes = index.recovery().map_or(0, |recovery| recovery.torn_bytes);
    verify::report(args, [index.len(), index.deleted(), torn_bytes], "ids, residues and the sizes of rows")
}
