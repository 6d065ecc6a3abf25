//! `hushvec search`.

mod found;

use crate::args::{Neighbours, Owner};
use crate::failure::Failure;
use crate::input::{Format, IdSource, Input};
use crate::output;
use crate::progress::Bar;
use crate::pushed_list::PushedList;
use crate::remote::{Remote, Server};
use hushvec::{Ciphertext, ExecutionContext, HomomorphicClient, Neighbour, Progress, TopK};
use hushvec_client::{Expected, PushedFile, Search};
use serde_json::Value;
use std::path::PathBuf;
use std::slice;
use tracing::warn;

/// Distances that are decrypted at once. The server waits meanwhile.
const BLOCK: usize = 2048;

/// Options of `hushvec search`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Ids come from the list that `push` keeps beside the context (--list). Answers are refused that have chunks not listed there, that
repeat one, or that lack one although no filter was given.

Nothing is sent to the server after its answer, unless --names or --content asks for it. Fetching tells the server which chunks
are the neighbours. A malicious server that makes up distances learns bits of stored vectors from that, up to k for each query.

Example:
  hushvec search ctx.json query.npy --server https://search.example.org --kb ID -k 10")]
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
    /// Fetch names and metadata of what is found, which tells the server what that is
    #[arg(long)]
    names: bool,
    /// Fetch and open the content of what is found, with its name and metadata, which tells the server what that is
    #[arg(long)]
    content: bool,
    /// Accept whatever chunks the server has, listed or not, and do not notice missing ones
    #[arg(long, conflicts_with = "list")]
    unlisted: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    list: PushedList,
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
    let list = args.list.of(&args.context);
    if !args.unlisted && !list.knows(&args.kb)? {
        return Err(not_listed(&list, args));
    }
    let context = args.owner.load(&args.context)?;
    let id = args.context_id.clone().map_or_else(|| context.id(), Ok)?;
    check_stored(&id, &stored, args, &remote)?;
    let pushed = if args.unlisted {
        warn!("--unlisted: chunks that are missing, or that were never pushed, are not noticed");
        None
    } else {
        Some(list.read(&args.kb, &id)?.ok_or_else(|| not_listed(&list, args))?)
    };

    let bar = Bar::new("searching", None);
    let queries = context.encrypt_vec_batch(&queries)?;
    let mut searcher = Searcher {
        args,
        remote: &remote,
        context: &context,
        context_id: &id,
        expected: pushed.as_ref().map_or(Expected::Anything, Expected::Pushed),
        progress: bar.progress(),
        failure: None,
    };
    let nearest = queries.iter().map(|query| searcher.nearest(&query)).collect::<Result<Vec<_>, _>>()?;
    if let Some(failure) = searcher.failure {
        return Err(failure);
    }
    drop(bar);
    let found = found::fetch(args, &remote, &context, pushed.as_ref(), nearest)?;
    let device = context.device_report();
    output::require_gpu(&device)?;
    found.print(&device, args.json)
}

fn not_listed(list: &PushedFile, args: &Args) -> Failure {
    let (list, context, kb) = (list.path().display(), args.context.display(), &args.kb);
    Failure::Other(format!(
        "{list}: does not list what was pushed to the knowledge base {kb}; make the list from what the server has with \
         `hushvec push {context} INDEX --kb {kb} --relist`, name another one with --list, or go without with --unlisted"
    ))
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

/// Asks a server, in such a way that what its answers decrypt to changes nothing that it sees.
struct Searcher<'a> {
    args: &'a Args,
    remote: &'a Remote,
    context: &'a ExecutionContext,
    context_id: &'a str,
    expected: Expected<'a>,
    progress: &'a Progress,
    /// What was wrong with an answer first.
    failure: Option<Failure>,
}

impl Searcher<'_> {
    /// The nearest chunks to a query, by their numbers. If they cannot be decoded, the failure is kept for the end: the
    /// server must not see at which query or row that was.
    fn nearest(&mut self, query: &Ciphertext) -> Result<Vec<Neighbour>, Failure> {
        let search = Search {
            knowledge_base: &self.args.kb,
            context_id: self.context_id,
            query,
            key: self.context.public_key(),
            filter: self.args.filter.as_ref(),
            range: self.args.range,
            expected: self.expected,
        };
        let mut answer = self.remote.wait(self.remote.store().search(&search))?;
        let mut nearest = TopK::new(self.args.nearest.k);
        while let Some(block) = self.remote.wait(answer.next_block(BLOCK))? {
            self.progress.check()?;
            let distances = self.context.import(&block.integers);
            match distances.and_then(|distances| self.context.decode_hamming_client_batch(&distances)) {
                Ok(distances) => {
                    for (chunk, distance) in block.chunk_ids.iter().zip(distances) {
                        nearest.push(*chunk, distance);
                    }
                }
                Err(error) => {
                    self.failure.get_or_insert(error.into());
                    self.remote.wait(answer.skip_rest())?;
                    return Ok(Vec::new());
                }
            }
            self.progress.add(block.chunk_ids.len() as u64);
        }
        Ok(nearest.into_sorted())
    }
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
