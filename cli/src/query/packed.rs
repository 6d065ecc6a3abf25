//! `hushvec query` with a context of packed search.

use super::Args;
use crate::aggregate::warn_if_packed_torn;
use crate::failure::Failure;
use crate::input::IdSource;
use crate::packed::neighbours::print;
use crate::packed::vectors::{self, Owned};
use crate::progress::Bar;
use hushvec::{PackedContextFile, PackedIndex};
use std::slice;

pub fn run(args: &Args, file: &PackedContextFile) -> Result<(), Failure> {
    let index = PackedIndex::open(&args.index)?;
    warn_if_packed_torn(&index);
    args.owner.check_packed(file)?;
    let parameters = file.parameters();
    let mut input = vectors::open(slice::from_ref(&args.query), parameters, &args.format, IdSource::RowNumbers)?;
    let queries = Owned::new(input.read_rest()?);
    let context = args.owner.open_packed(file)?;
    let bar = Bar::new("searching", index.len() * queries.rows() as u64);
    let answers = index.nearest(&context, &queries.vectors(parameters), args.nearest.k, bar.progress())?;
    drop(bar);
    print(&answers, parameters, &context.open_device().report(), args.json)
}
