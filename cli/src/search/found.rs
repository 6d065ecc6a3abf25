//! What was found, with names and content, for people or as JSON.

use super::Args;
use crate::failure::Failure;
use crate::output;
use crate::remote::Remote;
use hushvec::{DeviceReport, ExecutionContext, Neighbour};
use hushvec_client::Chunk;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};

/// The answers to queries.
pub struct Found(Vec<Vec<FoundChunk>>);

#[derive(Serialize)]
struct FoundChunk {
    id: u64,
    name: Option<String>,
    distance: u32,
    meta_data: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

#[derive(Serialize)]
struct Report<'a> {
    results: Vec<Answer<'a>>,
    device: &'a DeviceReport,
}

#[derive(Serialize)]
struct Answer<'a> {
    query: usize,
    neighbours: &'a [FoundChunk],
}

/// Fetches what there is to say of the nearest chunks of each query.
pub fn fetch(
    args: &Args,
    remote: &Remote,
    context: &ExecutionContext,
    nearest: Vec<Vec<Neighbour>>,
) -> Result<Found, Failure> {
    let ids: BTreeSet<u64> = nearest.iter().flatten().filter_map(|neighbour| neighbour.id.as_ref().number()).collect();
    let ids: Vec<u64> = ids.into_iter().collect();
    let projection = ["chunk_id", "name", "meta_data", "chunk_content"];
    let projection = if args.content { &projection[..] } else { &projection[..3] };
    let chunks = remote.wait(remote.store().chunks(&args.kb, &ids, projection))?;
    let chunks: HashMap<u64, Chunk> = chunks.into_iter().filter_map(|chunk| Some((chunk.chunk_id?, chunk))).collect();
    let found = nearest.into_iter().map(|neighbours| {
        let found = neighbours.iter().map(|neighbour| {
            let id = neighbour.id.as_ref().number().unwrap_or_default();
            let chunk = chunks.get(&id);
            let content = args.content.then(|| open(id, chunk, context)).transpose()?;
            Ok(FoundChunk {
                id,
                name: chunk.and_then(|chunk| chunk.name.clone()),
                distance: neighbour.distance,
                meta_data: chunk.map(|chunk| chunk.meta_data.clone()).unwrap_or_default(),
                content,
            })
        });
        found.collect::<Result<_, Failure>>()
    });
    found.collect::<Result<_, _>>().map(Found)
}

/// The content of a chunk. What was stored without any is empty.
fn open(id: u64, chunk: Option<&Chunk>, context: &ExecutionContext) -> Result<String, Failure> {
    let sealed = chunk.and_then(|chunk| chunk.chunk_content.as_deref()).unwrap_or_default();
    if sealed.is_empty() {
        return Ok(String::new());
    }
    let unreadable = |why: String| Failure::Other(format!("the content of chunk {id} cannot be opened: {why}"));
    let content = context.decrypt_content(sealed).map_err(|error| unreadable(error.to_string()))?;
    std::str::from_utf8(&content).map(str::to_owned).map_err(|_| unreadable("it is no text".to_owned()))
}

impl Found {
    /// Prints them.
    pub fn print(&self, device: &DeviceReport, json: bool) -> Result<(), Failure> {
        let Self(found) = self;
        if json {
            let results = found.iter().enumerate().map(|(query, neighbours)| Answer { query, neighbours }).collect();
            return output::print_json(&Report { results, device });
        }
        let mut text = String::new();
        for (query, chunks) in found.iter().enumerate() {
            if found.len() > 1 {
                text += &format!("query {query}\n");
            }
            text += &format!("{:>6}  {:>12}  {:>8}  name\n", "rank", "chunk", "distance");
            for (rank, chunk) in (1..).zip(chunks) {
                let name = printable(chunk.name.as_deref().unwrap_or_default());
                text += &format!("{rank:>6}  {:>12}  {:>8}  {name}\n", chunk.id, chunk.distance);
                if let Some(content) = chunk.content.as_deref().filter(|content| !content.is_empty()) {
                    text += &output::paragraph("        ", &printable(content));
                }
            }
        }
        output::print(&text)
    }
}

/// A server could send what commands a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
