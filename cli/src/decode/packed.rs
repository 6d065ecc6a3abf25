//! `hushvec decode` with a context of packed search.

use super::{Args, warn_unchecked};
use crate::failure::Failure;
use crate::packed::neighbours::print;
use crate::progress::Bar;
use hushvec::{PackedContextFile, PackedQuery, PackedResponse};

pub fn run(args: &Args, file: &PackedContextFile) -> Result<(), Failure> {
    let response = PackedResponse::open(&args.response)?;
    let context = args.owner.open_packed(file)?;
    match &args.query {
        Some(path) => response.check_query(&PackedQuery::load(path)?)?,
        None => warn_unchecked(&args.response),
    }
    let bar = Bar::new("decoding", (response.len() + response.tail()) * response.queries() as u64);
    let answers = response.nearest(&context, args.nearest.k, bar.progress())?;
    drop(bar);
    print(&answers, context.parameters(), &context.open_device().report(), args.json)
}
