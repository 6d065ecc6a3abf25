//! What was found, with names and content, for people or as JSON.

use super::Args;
use crate::failure::Failure;
use crate::output;
use crate::remote::Remote;
use hushvec::{DeviceReport, ExecutionContext, Id, IdRef, Neighbour};
use hushvec_client::{Chunk, Pushed};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};

/// The answers to queries.
pub struct Found(Vec<Vec<FoundChunk>>);

#[derive(Serialize)]
struct FoundChunk {
    /// The owner's, where it is known.
    id: Option<Id>,
    /// The server's number.
    chunk: u64,
    distance: u32,
    #[serde(flatten)]
    fetched: Option<Fetched>,
}

/// What only the server has.
#[derive(Serialize)]
struct Fetched {
    name: Option<String>,
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

/// Says what is known of the nearest chunks of each query, and fetches the rest if that is asked for.
pub fn fetch(
    args: &Args,
    remote: &Remote,
    context: &ExecutionContext,
    pushed: Option<&Pushed>,
    nearest: Vec<Vec<Neighbour>>,
) -> Result<Found, Failure> {
    let chunks = fetch_chunks(args, remote, &nearest)?;
    let found = nearest.into_iter().map(|neighbours| {
        let found = neighbours.iter().map(|neighbour| {
            let chunk = neighbour.id.as_ref().number().unwrap_or_default();
            let id = pushed.and_then(|pushed| pushed.id(chunk)).map(IdRef::to_owned);
            let fetched = chunks.as_ref().map(|chunks| {
                let gone = || Failure::Other(format!("chunk {chunk} was found, and is not there to be fetched"));
                Fetched::new(chunks.get(&chunk).ok_or_else(gone)?, id.as_ref(), args.content, context)
            });
            Ok(FoundChunk { id, chunk, distance: neighbour.distance, fetched: fetched.transpose()? })
        });
        found.collect::<Result<_, Failure>>()
    });
    found.collect::<Result<_, _>>().map(Found)
}

/// The chunks that were found, by their numbers; `None` if nothing is to be fetched.
fn fetch_chunks(
    args: &Args,
    remote: &Remote,
    nearest: &[Vec<Neighbour>],
) -> Result<Option<HashMap<u64, Chunk>>, Failure> {
    let projection = match (args.names, args.content) {
        (false, false) => return Ok(None),
        (true, false) => &["chunk_id", "name", "meta_data"][..],
        (_, true) => &["chunk_id", "name", "meta_data", "chunk_content"],
    };
    let ids: BTreeSet<u64> = nearest.iter().flatten().filter_map(|neighbour| neighbour.id.as_ref().number()).collect();
    let ids: Vec<u64> = ids.into_iter().collect();
    let chunks = remote.wait(remote.store().chunks(&args.kb, &ids, projection))?;
    Ok(Some(chunks.into_iter().filter_map(|chunk| Some((chunk.chunk_id?, chunk))).collect()))
}

impl Fetched {
    fn new(chunk: &Chunk, id: Option<&Id>, with_content: bool, context: &ExecutionContext) -> Result<Self, Failure> {
        let content = with_content.then(|| open(chunk, id, context)).transpose()?;
        Ok(Self { name: chunk.name.clone(), meta_data: chunk.meta_data.clone(), content })
    }
}

/// The content of a chunk, which must have been sealed for its id, or, if that is not known, for its name. What was stored
/// without any is empty.
fn open(chunk: &Chunk, id: Option<&Id>, context: &ExecutionContext) -> Result<String, Failure> {
    let sealed = chunk.chunk_content.as_deref().unwrap_or_default();
    if sealed.is_empty() {
        return Ok(String::new());
    }
    let number = chunk.chunk_id.unwrap_or_default();
    let unreadable = |why: String| Failure::Other(format!("the content of chunk {number} cannot be opened: {why}"));
    let content = match id.map(ToString::to_string).or_else(|| chunk.name.clone()) {
        Some(name) => context.decrypt_content_for(&name, sealed),
        None => context.decrypt_content(sealed),
    };
    let content = content.map_err(|error| unreadable(error.to_string()))?;
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
            text += &format!("{:>6}  {:>12}  {:>8}  id\n", "rank", "chunk", "distance");
            for (rank, chunk) in (1..).zip(chunks) {
                let fetched = chunk.fetched.as_ref();
                let name = || fetched.and_then(|fetched| fetched.name.clone());
                let id = printable(&chunk.id.as_ref().map(Id::to_string).or_else(name).unwrap_or_default());
                text += &format!("{rank:>6}  {:>12}  {:>8}  {id}\n", chunk.chunk, chunk.distance);
                let content = fetched.and_then(|fetched| fetched.content.as_deref());
                if let Some(content) = content.filter(|content| !content.is_empty()) {
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
