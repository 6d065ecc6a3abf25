//! `hushvec index delete`.

use crate::failure::Failure;
use crate::ids;
use crate::index_file::IndexFile;
use crate::output;
use hushvec::{IdKind, Ids, IndexWriter, PackedIndex, Recovery};
use serde::Serialize;
use std::path::PathBuf;
use tracing::info;

/// Options of `hushvec index delete`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Index file
    index: PathBuf,
    /// Ids of the vectors to delete
    #[arg(required_unless_present = "ids")]
    id: Vec<String>,
    /// Delete the ids in this file: .npy, or text with one id per line
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    ids: Option<PathBuf>,
    /// Ignore ids that no vector has. Without this flag, they are an error, and nothing is deleted
    #[arg(long)]
    ignore_missing: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    deleted: u64,
    left: u64,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    // The index decides whether ids are integers or strings: "7" may be either.
    let index = IndexFile::open(&args.index)?;
    let kind = index.id_kind()?.unwrap_or(IdKind::Integers);
    let ids = match &args.ids {
        Some(path) => ids::read(path, Some(kind))?,
        None => Ids::parse(kind, &args.id).map_err(|error| error.in_file(&args.index))?,
    };
    let (deleted, left) = match index {
        IndexFile::Paillier(_) => delete(args, &ids)?,
        IndexFile::Packed(_) => {
            let done = PackedIndex::delete(&args.index, &ids, args.ignore_missing)?;
            warn_if_recovered(args, done.recovery);
            (done.deleted, done.left)
        }
    };
    if args.json {
        return output::print_json(&Report { deleted, left });
    }
    info!("deleted {}; {} has {left}", output::count(deleted, "vector"), args.index.display());
    Ok(())
}

/// Deletes vectors from an index of Paillier. Returns how many, and how many are left.
fn delete(args: &Args, ids: &Ids) -> Result<(u64, u64), Failure> {
    let (mut writer, recovery) = IndexWriter::open(&args.index)?;
    warn_if_recovered(args, recovery);
    let deleted = if args.ignore_missing { writer.delete_if_there(ids) } else { writer.delete(ids) }?;
    writer.sync()?;
    Ok((deleted, writer.len()))
}

fn warn_if_recovered(args: &Args, recovery: Option<Recovery>) {
    if let Some(recovery) = recovery {
        output::warn_recovery(&args.index, recovery);
    }
}
