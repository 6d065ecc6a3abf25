//! Prints search results as a table or as JSON.

use crate::failure::Failure;
use crate::output::{self, printable};
use hushvec::{DeviceReport, Id};
use hushvec_client::Found;
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
struct Report<'a> {
    results: Vec<Answer<'a>>,
    device: &'a DeviceReport,
}

#[derive(Serialize)]
struct Answer<'a> {
    query: usize,
    neighbours: Vec<Neighbour<'a>>,
}

#[derive(Serialize)]
struct Neighbour<'a> {
    /// The owner's id, if known.
    id: Option<&'a Id>,
    /// The server's chunk number.
    chunk: u64,
    distance: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine: Option<f32>,
    #[serde(flatten)]
    fetched: Option<Fetched<'a>>,
}

/// Data fetched from the server.
#[derive(Serialize)]
struct Fetched<'a> {
    name: Option<&'a str>,
    meta_data: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl<'a> From<&'a Found> for Neighbour<'a> {
    fn from(found: &'a Found) -> Self {
        let fetched = found.metadata.as_ref().map(|meta_data| Fetched {
            name: found.name.as_deref(),
            meta_data,
            content: found.content.as_deref(),
        });
        let Found { chunk, distance, cosine, .. } = *found;
        Self { id: found.id.as_ref(), chunk, distance, cosine, fetched }
    }
}

/// Prints the answers to queries.
pub fn print(answers: &[Vec<Found>], device: &DeviceReport, json: bool) -> Result<(), Failure> {
    if json {
        let results = answers
            .iter()
            .enumerate()
            .map(|(query, found)| Answer { query, neighbours: found.iter().map(Neighbour::from).collect() })
            .collect();
        return output::print_json(&Report { results, device });
    }
    let mut text = String::new();
    for (query, found) in answers.iter().enumerate() {
        if answers.len() > 1 {
            text += &format!("query {query}\n");
        }
        let is_ranked = found.iter().any(|found| found.cosine.is_some());
        let cosine = if is_ranked { format!("{:>8}  ", "cosine") } else { String::new() };
        text += &format!("{:>6}  {:>12}  {:>8}  {cosine}id\n", "rank", "chunk", "distance");
        for (rank, found) in (1..).zip(found) {
            let id = found.id.as_ref().map(Id::to_string).or_else(|| found.name.clone());
            let id = printable(&id.unwrap_or_default());
            let cosine = found.cosine.map(|cosine| format!("{cosine:>8.4}  ")).unwrap_or_default();
            text += &format!("{rank:>6}  {:>12}  {:>8}  {cosine}{id}\n", found.chunk, found.distance);
            if let Some(content) = found.content.as_deref().filter(|content| !content.is_empty()) {
                text += &output::paragraph("        ", &printable(content));
            }
        }
    }
    output::print(&text)
}
