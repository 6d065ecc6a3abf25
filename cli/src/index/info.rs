//! `hushvec index info`.

use crate::failure::Failure;
use crate::index_file::IndexFile;
use crate::output;
use hushvec::{IdKind, Index};
use serde::Serialize;
use std::path::PathBuf;

/// Options of `hushvec index info`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Index file
    pub index: PathBuf,
    /// Read the whole file and verify every checksum
    #[arg(long)]
    pub verify: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Report {
    vectors: u64,
    deleted: u64,
    ids: Option<IdKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<String>,
    embedding_length: usize,
    key_len: usize,
    public_id: String,
    blocks: usize,
    bytes: u64,
    torn_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    match IndexFile::open(&args.index)? {
        IndexFile::Paillier(index) => show(args, &index),
        IndexFile::Packed(index) => super::packed::info(args, &index),
    }
}

fn show(args: &Args, index: &Index) -> Result<(), Failure> {
    if args.verify {
        index.verify()?;
    }
    let report = Report {
        vectors: index.len(),
        deleted: index.deleted(),
        ids: index.id_kind()?,
        shard: index.shard().map(|shard| shard.to_string()),
        embedding_length: index.embedding_length(),
        key_len: index.key_len(),
        public_id: index.public_id().to_string(),
        blocks: index.blocks(),
        bytes: index.bytes(),
        torn_bytes: index.recovery().map_or(0, |recovery| recovery.torn_bytes),
        verified: args.verify.then_some(true),
    };
    if args.json {
        return output::print_json(&report);
    }
    let mut fields = vec![("vectors", report.vectors.to_string())];
    if report.deleted > 0 {
        fields.push(("deleted", format!("{}; `hushvec index compact` reclaims their space", report.deleted)));
    }
    if let Some(kind) = report.ids {
        fields.push(("ids", kind.to_string()));
    }
    if let Some(shard) = report.shard {
        fields.push(("shard", format!("{shard}, for `hushvec index merge`")));
    }
    fields.extend([
        ("embedding length", report.embedding_length.to_string()),
        ("key length", format!("{} bits per prime, {} bits in n", report.key_len, 2 * report.key_len)),
        ("public id", report.public_id),
        ("size", format!("{} in {}", output::bytes(report.bytes), output::count(report.blocks as u64, "block"))),
    ]);
    if report.torn_bytes > 0 {
        fields.push(("unfinished", format!("{} after the last whole block", output::bytes(report.torn_bytes))));
    }
    if args.verify {
        fields.push(("verified", "all checksums match".to_owned()));
    }
    output::print(&output::fields(&fields))
}
