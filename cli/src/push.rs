//! `hushvec push`.

mod chunk_file;
mod contents;
mod context;
mod embeddings;
mod options;
mod relist;

pub use options::Args;

use crate::aggregate::warn_if_torn;
use crate::args;
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use crate::remote::Remote;
use chunk_file::ChunkFile;
use contents::Contents;
use context::Registered;
use embeddings::Embeddings;
use hushvec::{ContextFile, Error, Evaluator, Index, PublicContext};
use hushvec_client::{KnowledgeBase, Push, PushedFile, Pusher, Pushing};
use options::Conflict;
use serde::Serialize;
use std::collections::HashSet;
use std::time::Instant;
use tracing::{info, warn};

#[derive(Serialize)]
struct Report {
    kb_id: String,
    context_id: String,
    stored: u64,
    replaced: u64,
    skipped: u64,
    total: u64,
    seconds: f64,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    // Find errors, here and on the server, before the passphrase is asked for and before anything is stored.
    let index = Index::open(&args.index)?;
    warn_if_torn(&index);
    let context = ContextFile::read(&args.context)?;
    check(args, &context, &index)?;
    let list = args.list.of(&args.context);
    list.knows(args.kb.as_deref().unwrap_or_default())?;
    let dimensions = context.public().parameters().embedding_length();
    let chunks = args.chunks.as_deref().map(|path| ChunkFile::open(path, &index)).transpose()?;
    let embeddings =
        args.rerank_with.as_deref().map(|path| Embeddings::open(path, dimensions, args.project, &index)).transpose()?;
    let remote = args.remote()?;
    let kb = args.kb.as_deref().map(|kb| remote.knowledge_base_id(kb, &list)).transpose()?;
    if let Some(kb) = &kb {
        remote.wait(remote.store().contexts_of(kb))?;
    }
    let made = args.create(&remote, &list)?;
    let kb = made.as_ref().map(|base| base.id.as_str()).or(kb.as_deref()).unwrap_or_default();
    let mut pushing = Pushing::default();
    let registered = context::register(args, &context, &remote);
    let result = match &registered {
        Ok(registered) if args.relist => relist::run(&index, &list, &remote, (kb, &registered.id), args.json),
        Ok(registered) => {
            let owner = registered.owner.as_ref();
            let mut contents = Contents { chunks, embeddings, precision: args.rerank_as, owner };
            let context = (context.public(), registered.id.as_str());
            store(args, &index, context, &remote, (kb, &list), &mut contents, &mut pushing)
        }
        Err(_) => Ok(()),
    };
    if pushing.done() == 0 && (registered.is_err() || result.is_err()) {
        undo(&remote, made.as_ref(), registered.as_ref().ok());
    }
    registered.and(result)
}

/// Deletes the knowledge base and the context that were created for a push that stored nothing.
fn undo(remote: &Remote, made: Option<&KnowledgeBase>, registered: Option<&Registered>) {
    let base = made.map_or(Ok(()), |base| remote.wait(remote.store().delete_knowledge_base(&base.id)));
    let context = registered.filter(|registered| registered.is_new);
    let context = context.map_or(Ok(()), |context| remote.wait(remote.store().delete_context(&context.id)));
    if let Err(failure) = base.and(context) {
        warn!("cannot delete the knowledge base or context created for this push: {failure}");
    }
}

/// Stores the vectors in a knowledge base, and reports their number.
fn store(
    args: &Args,
    index: &Index,
    (public, id): (&PublicContext, &str),
    remote: &Remote,
    (kb, list): (&str, &PushedFile),
    contents: &mut Contents<'_>,
    pushing: &mut Pushing,
) -> Result<(), Failure> {
    let compute = &args.owner.compute;
    let evaluator = Evaluator::with_threads(public, compute.device_or_auto(), compute.threads)?;
    let started = Instant::now();
    let total = index.len();
    let bar = Bar::new("storing", total);
    let push = Push { knowledge_base: kb, context_id: id, on_conflict: args.on_conflict.into(), list };
    let mut pusher = Pusher::new(remote.store(), push, bar.progress())?;
    if matches!(args.on_conflict, Conflict::Error) {
        let names = names(index)?;
        remote.wait(pusher.check_new(|name| names.contains(name)))?;
    }
    let result = send(index, &evaluator, remote, &mut pusher, contents);
    *pushing = pusher.done();
    drop(bar);
    if pushing.unlisted > 0 {
        warn!(
            pushing.unlisted,
            "the server returned no chunk number for {}; run `push --relist` before `search`, or search with \
             --unlisted",
            output::count(pushing.unlisted, "chunk")
        );
    }
    if let Err(failure) = result {
        let (done, all) = (pushing.done(), output::count(total, "vector"));
        if done > 0 {
            warn!(done, total, "{done} of {all} are stored; continue with --kb {kb} --on-conflict skip");
        }
        return Err(failure);
    }
    let seconds = started.elapsed().as_secs_f64();
    let Pushing { stored, replaced, skipped, .. } = *pushing;
    if args.json {
        let (kb_id, context_id) = (kb.to_owned(), id.to_owned());
        return output::print_json(&Report { kb_id, context_id, stored, replaced, skipped, total, seconds });
    }
    let others = [(replaced, "replaced"), (skipped, "skipped")].into_iter().filter(|(count, _)| *count > 0);
    let others: String = others.map(|(count, what)| format!(", {count} {what}")).collect();
    info!(
        stored,
        replaced,
        skipped,
        total,
        seconds,
        context_id = id,
        "stored {}{others} in {} at {} in {seconds:.2} s",
        output::count(stored, "new vector"),
        output::printable(args.create_kb.as_deref().or(args.kb.as_deref()).unwrap_or(kb)),
        remote.store().host()
    );
    Ok(())
}

/// Returns the names of the ids of an index on the server.
fn names(index: &Index) -> Result<HashSet<String>, Failure> {
    let mut names = HashSet::new();
    index.for_each_id(|id| {
        names.insert(id.to_string());
        Ok(())
    })?;
    Ok(names)
}

fn check(args: &Args, context: &ContextFile, index: &Index) -> Result<(), Failure> {
    let path = args.context.display();
    match context.owner() {
        Some(_) => drop(args.owner.check(context)?),
        None if args.chunks.is_some() || args.rerank_with.is_some() => {
            return Err(Failure::Usage(format!(
                "{path} is a public context; --chunks and --rerank-with need the owner's context, to seal content and \
                 embeddings"
            )));
        }
        None if args.context_id.is_none() => {
            return Err(Failure::Usage(format!(
                "{path} is a public context; give the id of the owner's context on the server with --context-id"
            )));
        }
        None => args.owner.weak.check(context)?,
    }
    // The context may not be opened later, so its id is checked here.
    args.owner.expected.check(context)?;
    args::warn_if_weak(context.public().parameters());
    if index.public_id() != context.public().public_id() {
        let (expected, actual) = (context.public().public_id().to_string(), index.public_id().to_string());
        return Err(Error::WrongKey { what: "an index", expected, actual }.in_file(&args.index).into());
    }
    Ok(())
}

/// Sends all vectors.
fn send(
    index: &Index,
    evaluator: &Evaluator,
    remote: &Remote,
    pusher: &mut Pusher<'_>,
    contents: &mut Contents<'_>,
) -> Result<(), Failure> {
    let (mut is_first, mut failure) = (true, None);
    let size = evaluator.public_context().parameters().ciphertext_bytes();
    let exported = index.export(evaluator.public_key(), evaluator, |ids, integers| {
        let mut send_block = || {
            if std::mem::take(&mut is_first) {
                contents.compare(ids, integers)?;
            }
            for (id, integer) in ids.iter().zip(integers.chunks_exact(size)) {
                if !pusher.pass_over(id) {
                    let content = contents.get(id)?;
                    remote.wait(pusher.add(id, integer, content))?;
                }
            }
            Ok(())
        };
        send_block().map_err(|error| {
            failure = Some(error);
            Error::Cancelled
        })
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    exported?;
    remote.wait(pusher.flush())
}
