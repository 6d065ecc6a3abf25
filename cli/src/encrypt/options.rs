//! The options of `hushvec encrypt`.

use crate::args::Owner;
use crate::failure::Failure;
use crate::ids::IdFile;
use crate::input::{Format, IdSource};
use hushvec::Shard;
use std::ops::Range;
use std::path::PathBuf;

const FORMATS: &str = "\
Formats, recognised by their first bytes, or by name (.csv, .tsv, .fbin, .i8bin, .u8bin):
  .npy                     (N, D) or (D,): 0/1 as booleans or integers; floats or int8, 1 where > 0; --packed bytes
  Parquet, Arrow, Feather  --column NAME: lists of such numbers, or binary of D/8 packed bytes
  .fbin .i8bin .u8bin      N, D, then N x D floats or int8 (1 where > 0), or bytes: 0/1 or --packed
  JSON lines               {\"id\": 7, \"vector\": [0.1, -0.2, ...]} or {\"id\": \"a\", \"bits\": \"0110...\"}
  .csv .tsv                one number per field (1 where > 0), with an optional column `id`
For packed search with the metric inner_product, floats and int8 are used as they are, and bits are refused.
Files compressed with gzip or Zstandard are decompressed.";

/// Options of `hushvec encrypt`.
#[derive(clap::Args, Debug)]
#[command(after_help = FORMATS)]
pub struct Args {
    /// Owner's context; for Paillier, a public context works too, but is slower
    pub(crate) context: PathBuf,
    /// Files of vectors, quoted patterns such as 'part-*.parquet', or - for standard input
    #[arg(required = true)]
    pub(crate) vectors: Vec<PathBuf>,
    /// Index file to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Continue an unfinished index, if the output exists. Finished rows are not encrypted again
    #[arg(long, conflicts_with = "append")]
    pub(crate) resume: bool,
    /// Add the vectors to an existing index
    #[arg(long)]
    pub(crate) append: bool,
    /// Encrypt only part I of N equal parts, counted from 0. The output appears when it is complete. Join the parts
    /// with `hushvec index merge`
    #[arg(long, value_name = "I/N", conflicts_with = "append")]
    pub(crate) shard: Option<Shard>,
    /// Measure for a few seconds, and estimate the time, the size of the index and the cost of a query. Writes nothing
    /// and needs no passphrase
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) ids: IdFile,
    /// Column or field that holds the ids, integers or strings [default: `id`, if there is one]
    #[arg(long, value_name = "NAME", conflicts_with = "ids")]
    pub(crate) id_column: Option<String>,
    /// Use row numbers as ids, even if the input has ids
    #[arg(long, conflicts_with_all = ["ids", "id_column"])]
    pub(crate) row_numbers: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) owner: Owner,
}

impl Args {
    pub(crate) fn id_source(&self) -> IdSource {
        match &self.id_column {
            _ if self.row_numbers || self.ids.ids.is_some() => IdSource::RowNumbers,
            Some(column) => IdSource::Column(column.clone()),
            None => IdSource::IfAny,
        }
    }

    /// Returns the rows to encrypt, out of `of`. The range has no end if `of` is unknown.
    pub(crate) fn rows(&self, of: Option<u64>) -> Result<Range<u64>, Failure> {
        match (self.shard, of) {
            (Some(shard), Some(rows)) => Ok(shard.rows(rows)),
            (Some(_), None) => Err(Failure::Usage(
                "--shard needs uncompressed input files, whose vectors can be counted before they are read".to_owned(),
            )),
            (None, rows) => Ok(0..rows.unwrap_or(u64::MAX)),
        }
    }
}
