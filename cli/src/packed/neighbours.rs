//! Printing the neighbours that packed search finds.

use crate::failure::Failure;
use crate::output;
use hushvec::packed::Parameters;
use hushvec::{DeviceReport, Id, PackedNeighbour};
use serde::Serialize;
use tracing::info;

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
    output::require_gpu(device)?;
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
