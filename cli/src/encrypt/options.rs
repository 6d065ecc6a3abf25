//! The options of `hushvec encrypt`.

use crate::args::Owner;
use crate::failure::Failure;
use crate::ids::IdFile;
use crate::input::{Format, IdSource};
use hushvec::Shard;
use std::ops::Range;
use std::path::PathBuf;

const FORMATS: &str = "\
Formats, told by their first bytes (but for .fbin, .u8bin and .i8bin):
  .npy                     (N, D) or (D,): 0/1 as booleans or integers; floats, 1 where above zero; --packed bytes
  Parquet, Arrow, Feather  --column NAME: lists of such, or binary of D/8 packed bytes
  .fbin .i8bin .u8bin      N, D, then N x D floats, signed integers (1 where above zero), or 0/1 or --packed bytes
  JSON lines               {\"id\": 7, \"vector\": [0.1, -0.2, ...]} or {\"id\": \"a\", \"bits\": \"0110...\"}";

/// Options of `hushvec encrypt`.
#[derive(clap::Args, Debug)]
#[command(after_help = FORMATS)]
pub struct Args {
    /// The owner's context; or a public context, which encrypts too, only slower
    pub(super) context: PathBuf,
    /// Files of vectors, quoted patterns such as 'part-*.parquet', or - for standard input
    #[arg(required = true)]
    pub(super) vectors: Vec<PathBuf>,
    /// The index to write
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Go on with an index that was left unfinished, if there is one: rows that it has are not encrypted again
    #[arg(long, conflicts_with = "append")]
    pub(super) resume: bool,
    /// Add the vectors to an index that exists
    #[arg(long)]
    pub(super) append: bool,
    /// Encrypt part I of N equal parts only, counted from 0. The index appears when it is whole; `hushvec index merge`
    /// joins the parts
    #[arg(long, value_name = "I/N", conflicts_with = "append")]
    pub(super) shard: Option<Shard>,
    /// Tell how many vectors there are, how long it will take, how large the index will be and what a query of it will
    /// cost, from a few seconds of measurement; encrypt nothing, ask for no passphrase
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) ids: IdFile,
    /// The column or field that has the ids, integers or strings [default: `id`, if there is one]
    #[arg(long, value_name = "NAME", conflicts_with = "ids")]
    pub(super) id_column: Option<String>,
    /// Number the rows, whatever ids they have
    #[arg(long, conflicts_with_all = ["ids", "id_column"])]
    pub(super) row_numbers: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) owner: Owner,
}

impl Args {
    pub(super) fn id_source(&self) -> IdSource {
        match &self.id_column {
            _ if self.row_numbers || self.ids.ids.is_some() => IdSource::RowNumbers,
            Some(column) => IdSource::Column(column.clone()),
            None => IdSource::IfAny,
        }
    }

    /// The rows that are asked for, of so many. Without an end if nobody knows how many there are.
    pub(super) fn rows(&self, of: Option<u64>) -> Result<Range<u64>, Failure> {
        match (self.shard, of) {
            (Some(shard), Some(rows)) => Ok(shard.rows(rows)),
            (Some(_), None) => Err(Failure::Usage("--shard is for vectors in files, which can be counted".to_owned())),
            (None, rows) => Ok(0..rows.unwrap_or(u64::MAX)),
        }
    }
}
