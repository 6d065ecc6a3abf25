//! `hushvec encrypt-query` with a context of packed search.

use super::{Args, count_queries};
use crate::failure::Failure;
use crate::input::IdSource;
use crate::output;
use crate::packed::vectors::{self, Owned};
use hushvec::PackedContextFile;
use std::slice;
use tracing::info;

pub fn run(args: &Args, file: &PackedContextFile) -> Result<(), Failure> {
    args.owner.check_packed(file)?;
    let parameters = file.parameters();
    let mut input = vectors::open(slice::from_ref(&args.query), parameters, &args.format, IdSource::RowNumbers)?;
    let queries = Owned::new(input.read_rest()?);
    let context = args.owner.open_packed(file)?;
    let most = context.most_queries();
    if queries.rows() > most {
        return Err(Failure::Usage(format!(
            "{}: has {}; a query file of packed search has at most {most} of {} dimensions. Split the file",
            args.query.display(),
            output::count(queries.rows() as u64, "vector"),
            parameters.dimensions()
        )));
    }
    let query = context.encrypt_queries(&queries.vectors(parameters))?;
    let staged = args.target.stage()?;
    query.save(staged.path())?;
    staged.finish()?;
    info!("wrote {} ({})", args.target.name(), count_queries(query.vectors()));
    Ok(())
}
