//! `hushvec search`.

mod found;

use crate::args::{Neighbours, Owner};
use crate::failure::Failure;
use crate::input::{Format, IdSource, Input};
use crate::output;
use crate::progress::Bar;
use crate::remote::{Remote, Server};
use hushvec::{Ciphertext, ExecutionContext, HomomorphicClient, Neighbour, Progress, TopK};
use hushvec_client::Search;
use serde_json::Value;
use std::path::PathBuf;
use std::slice;

/// Distances that are decrypted at once. The server waits meanwhile.
const BLOCK: usize = 2048;

/// Options of `hushvec search`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The owner's context
    context: PathBuf,
    /// One query or several, in any format that `hushvec encrypt` reads; - reads standard input
    query: PathBuf,
    /// The knowledge base to search, by its id
    #[arg(long, value_name = "ID")]
    kb: String,
    /// The id of the context on the server [default: that of the owner's context]
    #[arg(long, value_name = "ID")]
    context_id: Option<String>,
    #[command(flatten)]
    nearest: Neighbours,
    /// Only chunks whose metadata is so, such as '{"tag1": "notes", "facets": {"$any": ["a", "b"]}}'
    #[arg(long, value_name = "JSON", value_parser = filter)]
    filter: Option<Value>,
    /// Only chunks with these numbers, the first and the last
    #[arg(long, value_name = "A-B", value_parser = range)]
    range: Option<(u64, u64)>,
    /// Fetch the content of what is found, and open it
    #[arg(long)]
    content: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    owner: Owner,
}

fn filter(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("a filter is a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let numbers = text.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match numbers {
        Some((first, last)) if first <= last => Ok((first, last)),
        _ => Err("give two numbers, the lower first, such as 100-199".to_owned()),
    }
}

pub fn run(args: &Args) -> Result<(), Failure> {
    // What is wrong here or there is said before a passphrase is asked for.
    let info = args.owner.check(&args.context)?;
    let dimensions = info.parameters.embedding_length();
    let queries =
        Input::open(slice::from_ref(&args.query), dimensions, &args.format, IdSource::RowNumbers)?.read_all()?;
    let remote = args.server.open()?;
    let stored = remote.wait(remote.store().contexts_of(&args.kb))?;
    if let Some(id) = args.context_id.as_ref().or(info.id.as_ref()) {
        check_stored(id, &stored, args, &remote)?;
    }
    let context = args.owner.load(&args.context)?;
    let id = args.context_id.clone().map_or_else(|| context.id(), Ok)?;
    check_stored(&id, &stored, args, &remote)?;

    let bar = Bar::new("searching", None);
    let queries = context.encrypt_vec_batch(&queries)?;
    let nearest = queries.iter().map(|query| nearest(args, &remote, &context, &id, &query, bar.progress()));
    let nearest = nearest.collect::<Result<Vec<_>, _>>()?;
    drop(bar);
    let found = found::fetch(args, &remote, &context, nearest)?;
    let device = context.device_report();
    output::require_gpu(&device)?;
    found.print(&device, args.json)
}

/// Without this check, a knowledge base of another context looks like an empty one.
fn check_stored(id: &str, stored: &[String], args: &Args, remote: &Remote) -> Result<(), Failure> {
    if stored.iter().any(|stored| stored == id) {
        return Ok(());
    }
    let (host, kb) = (remote.store().host(), &args.kb);
    let others = if stored.is_empty() { "none at all".to_owned() } else { format!("those of {}", stored.join(", ")) };
    Err(Failure::Other(format!("{host}: the knowledge base {kb} has no vectors of the context {id}, but {others}")))
}

/// The nearest chunks to a query, by their numbers.
fn nearest(
    args: &Args,
    remote: &Remote,
    context: &ExecutionContext,
    context_id: &str,
    query: &Ciphertext,
    progress: &Progress,
) -> Result<Vec<Neighbour>, Failure> {
    let search = Search {
        knowledge_base: &args.kb,
        context_id,
        query,
        key: context.public_key(),
        filter: args.filter.as_ref(),
        range: args.range,
    };
    let mut answer = remote.wait(remote.store().search(&search))?;
    let mut nearest = TopK::new(args.nearest.k);
    while let Some(block) = remote.wait(answer.next_block(BLOCK))? {
        progress.check()?;
        let distances = context.decode_hamming_client_batch(&context.import(&block.integers)?)?;
        for (chunk, distance) in block.chunk_ids.iter().zip(distances) {
            nearest.push(*chunk, distance);
        }
        progress.add(block.chunk_ids.len() as u64);
    }
    Ok(nearest.into_sorted())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_filters() {
        assert_eq!(range("3-12"), Ok((3, 12)));
        for wrong in ["", "3", "3-", "12-3", "-3-4", "a-b"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
        assert!(filter(r#"{"tag1": "a"}"#).is_ok());
        assert!(filter("[]").is_err() && filter("{").is_err());
    }
}
