//! `hushvec search`.

mod found;

use crate::args::{Neighbours, Owner};
use crate::failure::Failure;
use crate::input::{Block, Format, IdSource, Input};
use crate::output;
use crate::progress::Bar;
use crate::pushed_list::PushedList;
use crate::remote::{Remote, Server};
use clap::builder::RangedU64ValueParser;
use hushvec::ContextFile;
use hushvec_client::{Fetch, Find, PushedFile, Rerank};
use serde_json::Value;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::slice;
use tracing::warn;

/// Options of `hushvec search`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Ids come from the list of pushed chunks that `push` writes next to the context (--list). An answer of the server is \
refused if it has a chunk that is not on the list, repeats a chunk, or lacks one although there is no filter.

After its answer, the server gets no further request unless you give --names, --content or --oversample. These tell \
the server which chunks are the neighbours or the candidates. A malicious server that forges distances can learn bits \
of stored vectors this way, up to one bit for each chunk fetched.

--oversample needs chunks pushed with --rerank-with, and real vectors as queries. It finds about as many of the true \
neighbours by cosine as an unencrypted search (see docs/server.md for figures).

Examples:
  hushvec search ctx.json query.npy --server https://search.example.org --kb notes -k 10
  hushvec search ctx.json query.npy --server https://search.example.org --kb notes -k 10 --oversample 5 --content")]
pub struct Args {
    /// Owner's context
    context: PathBuf,
    /// File with one or more query vectors, in any format of `hushvec encrypt`; - for standard input
    query: PathBuf,
    /// Knowledge base to search, by its id or name
    #[arg(long, value_name = "KB")]
    kb: String,
    /// Id of the context on the server [default: the id of the owner's context]
    #[arg(long, value_name = "ID")]
    context_id: Option<String>,
    #[command(flatten)]
    nearest: Neighbours,
    /// Search only chunks whose metadata matches, such as '{"tag1": "notes", "facets": {"$any": ["a", "b"]}}'
    #[arg(long, value_name = "JSON", value_parser = filter)]
    filter: Option<Value>,
    /// Search only the chunks with the numbers A to B (inclusive)
    #[arg(long, value_name = "A-B", value_parser = range)]
    range: Option<(u64, u64)>,
    /// Fetch the names and metadata of the neighbours. Tells the server which chunks they are
    #[arg(long)]
    names: bool,
    /// Fetch and decrypt the content of the neighbours, with names and metadata. Tells the server which chunks they are
    #[arg(long)]
    content: bool,
    /// Fetch N times k candidates, and rank them by the cosine of the embeddings pushed with --rerank-with. Tells the
    /// server which chunks are candidates
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000))]
    oversample: Option<usize>,
    /// Accept any chunks in answers, and do not check them against the list of pushed chunks
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
        Ok(_) => Err("a filter must be a JSON object".to_owned()),
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
    // Find errors, here and on the server, before the passphrase is asked for.
    let file = ContextFile::read(&args.context)?;
    let info = args.owner.check(&file)?;
    let dimensions = info.parameters.embedding_length();
    let mut input = Input::open(slice::from_ref(&args.query), dimensions, &args.format, IdSource::RowNumbers)?;
    if args.oversample.is_some() {
        input = input.keeping_reals();
    }
    let Block { vectors: queries, reals, .. } = input.read_rest()?;
    let remote = args.server.open()?;
    let list = args.list.of(&args.context);
    let kb = remote.knowledge_base_id(&args.kb, &list)?;
    let stored = remote.wait(remote.store().contexts_of(&kb))?;
    if let Some(id) = args.context_id.as_ref().or(info.id.as_ref()) {
        check_stored(id, &stored, &kb, &remote)?;
    }
    if !args.unlisted && !list.knows(&kb)? {
        return Err(not_listed(&list, args));
    }
    let context = args.owner.open(&file)?;
    let context_id = args.context_id.clone().map_or_else(|| context.id(), Ok)?;
    check_stored(&context_id, &stored, &kb, &remote)?;
    let pushed = if args.unlisted {
        warn!("--unlisted: answers are not checked for missing chunks or chunks that were never pushed");
        None
    } else {
        Some(list.read(&kb, &context_id)?.ok_or_else(|| not_listed(&list, args))?)
    };

    let rerank = args.oversample.and_then(NonZeroUsize::new).map(|oversample| Rerank { oversample, queries: &reals });
    let find = Find {
        knowledge_base: &kb,
        context_id: &context_id,
        k: args.nearest.k,
        filter: args.filter.as_ref(),
        range: args.range,
        pushed: pushed.as_ref(),
        fetch: args.fetch(),
        rerank,
    };
    let bar = Bar::new("searching", None);
    let answers = remote.wait(remote.store().find(&context, &queries, &find, bar.progress()))?;
    drop(bar);
    let device = context.device_report();
    output::require_gpu(&device)?;
    found::print(&answers, &device, args.json)
}

impl Args {
    fn fetch(&self) -> Fetch {
        match (self.names, self.content) {
            (_, true) => Fetch::Content,
            (true, false) => Fetch::Names,
            (false, false) => Fetch::Nothing,
        }
    }
}

fn not_listed(list: &PushedFile, args: &Args) -> Failure {
    let (list, context, kb) = (list.path().display(), args.context.display(), &args.kb);
    Failure::Other(format!(
        "{list}: no list of the chunks pushed to the knowledge base {kb}; create it from the server with `hushvec push \
         {context} INDEX --kb {kb} --relist`, give another list with --list, or search without one with --unlisted"
    ))
}

/// Checks that a knowledge base has vectors of the context. Otherwise the wrong context would look like an empty
/// knowledge base.
fn check_stored(id: &str, stored: &[String], kb: &str, remote: &Remote) -> Result<(), Failure> {
    if stored.iter().any(|stored| stored == id) {
        return Ok(());
    }
    let host = remote.store().host();
    let others = if stored.is_empty() { "it is empty".to_owned() } else { format!("it has {}", stored.join(", ")) };
    Err(Failure::Other(format!("{host}: the knowledge base {kb} has no vectors of the context {id}; {others}")))
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
