//! `hushvec encrypt-query` and `hushvec query` with a context of packed search.

use super::vectors::{self, Owned};
use crate::failure::Failure;
use crate::input::IdSource;
use crate::output;
use crate::progress::Bar;
use crate::{aggregate, encrypt_query, query};
use hushvec::packed::Parameters;
use hushvec::{DeviceReport, Id, PackedContextFile, PackedIndex, PackedNeighbour};
use serde::Serialize;
use std::slice;
use tracing::info;

/// Runs `hushvec encrypt-query`.
pub fn encrypt(args: &encrypt_query::Args, file: &PackedContextFile) -> Result<(), Failure> {
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
    info!("wrote {} ({})", args.target.name(), encrypt_query::count_queries(query.vectors()));
    Ok(())
}

/// Runs `hushvec query`.
pub fn search(args: &query::Args, file: &PackedContextFile) -> Result<(), Failure> {
    let index = PackedIndex::open(&args.index)?;
    aggregate::warn_if_packed_torn(&index);
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

#[derive(Serialize)]
struct Answers<'a> {
    results: Vec<Answer<'a>>,
    /// The standard deviation of the error of a cosine.
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine_error: Option<f64>,
    device: &'a DeviceReport,
}

#[derive(Serialize)]
struct Answer<'a> {
    query: usize,
    neighbours: Vec<Neighbour<'a>>,
}

/// A distance or a cosine.
#[derive(Serialize)]
struct Neighbour<'a> {
    id: &'a Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine: Option<f64>,
}

impl<'a> Neighbour<'a> {
    fn of(n: &'a PackedNeighbour) -> Self {
        Self { id: &n.id, distance: n.cosine.is_none().then_some(n.score), cosine: n.cosine }
    }
}

/// Prints the answers to queries as a table or as JSON.
pub fn print(
    answers: &[Vec<PackedNeighbour>],
    parameters: &Parameters,
    device: &DeviceReport,
    json: bool,
) -> Result<(), Failure> {
    let score = |n: &PackedNeighbour| n.cosine.map_or_else(|| n.score.to_string(), output::cosine);
    if json {
        let results = answers
            .iter()
            .enumerate()
            .map(|(query, found)| Answer { query, neighbours: found.iter().map(Neighbour::of).collect() });
        let results = results.collect();
        return output::print_json(&Answers { results, cosine_error: parameters.cosine_error(), device });
    }
    let name = if parameters.cosine_error().is_some() { "cosine" } else { "distance" };
    let rows = answers.iter().map(|found| found.iter().map(|n| (n.id.to_string(), score(n))).collect());
    output::print(&output::ranking(&rows.collect::<Vec<Vec<_>>>(), name))?;
    if let Some(error) = parameters.cosine_error() {
        info!("cosines have a standard error of {error:.4}");
    }
    Ok(())
}
