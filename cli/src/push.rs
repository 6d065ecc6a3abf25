//! `hushvec push`.

mod chunk_file;
mod context;
mod sender;

use crate::aggregate::warn_if_torn;
use crate::args::{self, Owner};
use crate::context::AnyContext;
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use crate::remote::{Remote, Server};
use chunk_file::ChunkFile;
use context::Registered;
use hushvec::{Error, Evaluator, Index};
use sender::Sender;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tracing::{info, warn};

/// Options of `hushvec push`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The ids of the vectors become the names of chunks; the server numbers chunks itself. The owner's context is stored with its
secret key sealed, as it is in its file, unless the server has it. Names and meta_data are readable to the server, content and
vectors are not. A request whose answer was lost is sent again, so that its chunks may be there twice, under the same names.

Example:
  export HUSHVEC_API_KEY=...
  hushvec push ctx.json index.hvx --server https://search.example.org --create-kb notes --chunks notes.jsonl
  hushvec search ctx.json query.npy --server https://search.example.org --kb ID --content")]
pub struct Args {
    /// The owner's context; or a public context, if the server has the owner's
    context: PathBuf,
    /// The index
    index: PathBuf,
    /// The knowledge base to store in, by its id
    #[arg(long, value_name = "ID", required_unless_present = "create_kb")]
    kb: Option<String>,
    /// Make a knowledge base of that name and store in it. Takes the admin key
    #[arg(long, value_name = "NAME", conflicts_with = "kb")]
    create_kb: Option<String>,
    /// Read the admin key from the first line of this file instead of `HUSHVEC_ADMIN_KEY` [default: the API key]
    #[arg(long, value_name = "FILE", requires = "create_kb")]
    admin_key_file: Option<PathBuf>,
    /// The id of the context on the server [default: that of the owner's context]
    #[arg(long, value_name = "ID")]
    context_id: Option<String>,
    /// Content and metadata, as JSON lines {"id": 7, "content": "...", "meta_data": {"tag1": "..."}} for each id of the
    /// index. Content is sealed with the owner's context
    #[arg(long, value_name = "FILE")]
    chunks: Option<PathBuf>,
    /// Pass over this many vectors, which a push that was stopped has stored
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    owner: Owner,
}

#[derive(Serialize)]
struct Report {
    kb_id: String,
    context_id: String,
    stored: u64,
    skipped: u64,
    total: u64,
    seconds: f64,
}

impl Args {
    fn remote(&self) -> Result<Remote, Failure> {
        match self.create_kb {
            Some(_) => self.server.open_as_admin(self.admin_key_file.as_deref()),
            None => self.server.open(),
        }
    }

    /// The knowledge base, made if that is asked for.
    fn knowledge_base(&self, remote: &Remote) -> Result<String, Failure> {
        match (&self.create_kb, &self.kb) {
            (Some(name), _) => {
                let made = remote.wait(remote.store().create_knowledge_base(name, ""))?;
                info!(kb = made.id, "made the knowledge base {} ({name})", made.id);
                Ok(made.id)
            }
            (None, kb) => Ok(kb.clone().unwrap_or_default()),
        }
    }
}

pub fn run(args: &Args) -> Result<(), Failure> {
    // What is wrong here or there is said before a passphrase is asked for, and before anything is stored.
    let index = Index::open(&args.index)?;
    warn_if_torn(&index);
    let context = AnyContext::read(&args.context)?;
    check(args, &context, &index)?;
    let mut chunks = args.chunks.as_deref().map(|path| ChunkFile::open(path, &index)).transpose()?;
    let remote = args.remote()?;
    if let Some(kb) = &args.kb {
        remote.wait(remote.store().contexts_of(kb))?;
    }
    let Registered { id, owner } = context::register(args, &context, &remote)?;
    let public = context.public();
    let compute = &args.owner.compute;
    let evaluator = Evaluator::with_threads(public, compute.device_or_auto(), compute.threads)?;
    let kb = args.knowledge_base(&remote)?;

    let started = Instant::now();
    let total = index.len();
    let bar = Bar::new("storing", total - args.skip);
    let mut sender = Sender::new(&remote, &kb, &id, bar.progress());
    let result = send(args.skip, &index, &evaluator, &mut sender, |name| match (&mut chunks, &owner) {
        (Some(chunks), Some(owner)) => chunks.get(name)?.seal(owner),
        _ => Ok(sender::Content::default()),
    });
    let stored = sender.stored();
    drop(bar);
    if let Err(failure) = result {
        let (done, all) = (args.skip + stored, output::count(total, "vector"));
        if done > 0 {
            warn!(done, total, "{done} of {all} are stored; go on with --kb {kb} --skip {done}");
        }
        return Err(failure);
    }
    let seconds = started.elapsed().as_secs_f64();
    if args.json {
        let report = Report { kb_id: kb, context_id: id, stored, skipped: args.skip, total, seconds };
        return output::print_json(&report);
    }
    info!(
        stored,
        total,
        seconds,
        "stored {} in {seconds:.2} s in {kb} at {}, under the context {id}",
        output::count(stored, "vector"),
        remote.store().host()
    );
    Ok(())
}

fn check(args: &Args, context: &AnyContext, index: &Index) -> Result<(), Failure> {
    let path = args.context.display();
    match context {
        // Opening it may not be needed, so that its id has to be told without.
        AnyContext::Owner(info) => {
            args.owner.check(&args.context)?;
            args.owner.expected.check_unopened(info, &args.context)?;
        }
        AnyContext::Public(_) if args.chunks.is_some() => {
            return Err(Failure::Usage(format!(
                "{path} is a public context; content is sealed with the owner's (--chunks)"
            )));
        }
        AnyContext::Public(_) if args.context_id.is_none() => {
            return Err(Failure::Usage(format!(
                "{path} is a public context; name the owner's, which must be on the server already, with --context-id"
            )));
        }
        AnyContext::Public(_) => drop(args::load_public(&args.context, &args.owner.weak, &args.owner.expected)?),
    }
    args::warn_if_weak(context.public().parameters());
    if index.public_id() != context.public().public_id() {
        let (expected, actual) = (context.public().public_id().to_string(), index.public_id().to_string());
        return Err(Error::WrongKey { what: "an index", expected, actual }.in_file(&args.index).into());
    }
    check_skip(args.skip, index.len(), &args.index)
}

fn check_skip(skip: u64, vectors: u64, index: &Path) -> Result<(), Failure> {
    if skip <= vectors {
        return Ok(());
    }
    Err(Failure::Usage(format!("--skip {skip}: {} has {}", index.display(), output::count(vectors, "vector"))))
}

/// Sends what is behind the first `skip` vectors, with the content that `content` has for an id.
fn send(
    skip: u64,
    index: &Index,
    evaluator: &Evaluator,
    sender: &mut Sender<'_>,
    mut content: impl FnMut(hushvec::IdRef<'_>) -> Result<sender::Content, Failure>,
) -> Result<(), Failure> {
    let (mut row, mut failure) = (0, None);
    let size = evaluator.public_context().parameters().ciphertext_bytes();
    let exported = index.export(evaluator.public_key(), evaluator, |ids, integers| {
        for (id, integer) in ids.iter().zip(integers.chunks_exact(size)) {
            row += 1;
            if row <= skip {
                continue;
            }
            content(id).and_then(|content| sender.add(id, integer, content)).map_err(|error| {
                failure = Some(error);
                Error::Cancelled
            })?;
        }
        Ok(())
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    exported?;
    sender.flush()
}
