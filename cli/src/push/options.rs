//! The options of `hushvec push`.

use crate::args::Owner;
use crate::failure::Failure;
use crate::pushed_list::PushedList;
use crate::remote::{Admin, Remote, Server};
use hushvec::Precision;
use hushvec_client::{KnowledgeBase, OnConflict, PushedFile};
use std::path::PathBuf;
use tracing::info;

/// Options of `hushvec push`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The ids of the vectors become the names of chunks, by which --on-conflict goes; the server numbers chunks itself. The owner's
context is stored with its secret key sealed, as it is in its file, unless the server has it. Names and meta_data are readable to
the server; content, embeddings and vectors are not.

If a push fails, the same command again goes on; --on-conflict skip passes over what is stored. If nothing was stored, a
knowledge base and a context that it made are deleted again.

Which chunks were stored, and under which ids, is listed beside the context (--list). `search` looks ids up there, without asking
the server, and refuses answers with other chunks. If other clients store or delete chunks, bring the list up to date with
--relist; it believes what the server says.

Example:
  export HUSHVEC_API_KEY=...
  hushvec push ctx.json index.hvx --server https://search.example.org --create-kb notes --chunks notes.jsonl
  hushvec search ctx.json query.npy --server https://search.example.org --kb notes")]
pub struct Args {
    /// The owner's context; or a public context, if the server has the owner's
    pub(super) context: PathBuf,
    /// The index
    pub(super) index: PathBuf,
    /// The knowledge base to store in, by its id or its name
    #[arg(long, value_name = "KB", required_unless_present = "create_kb")]
    pub(super) kb: Option<String>,
    /// Make a knowledge base of that name and store in it. Takes the admin key
    #[arg(long, value_name = "NAME", conflicts_with = "kb")]
    pub(super) create_kb: Option<String>,
    /// The id of the context on the server [default: that of the owner's context]
    #[arg(long, value_name = "ID")]
    pub(super) context_id: Option<String>,
    /// Content and metadata, as JSON lines {"id": 7, "content": "...", "meta_data": {"tag1": "..."}} for each id of the
    /// index. Content is sealed with the owner's context
    #[arg(long, value_name = "FILE")]
    pub(super) chunks: Option<PathBuf>,
    /// Seal an embedding for each vector, from this file of floating-point vectors or int8, by which `search --oversample` ranks.
    /// Rows belong to vectors by their ids; without an id column by their numbers
    #[arg(long, value_name = "FILE")]
    pub(super) rerank_with: Option<PathBuf>,
    /// How those embeddings are kept: int8 takes a byte a dimension, float16 two
    #[arg(long, value_name = "TYPE", default_value = "int8", value_parser = precision(), requires = "rerank_with")]
    pub(super) rerank_as: Precision,
    /// The vectors were encrypted with --project. Embeddings are sealed as they are in the file, of any dimension
    #[arg(long, requires = "rerank_with")]
    pub(super) project: bool,
    /// What to do with ids that are stored already: replace them, skip them, or stop before anything is stored
    #[arg(long, value_enum, default_value = "replace")]
    pub(super) on_conflict: Conflict,
    /// Store nothing; list the chunks that the server has in the knowledge base, in place of what is listed of it
    #[arg(long, conflicts_with_all = ["create_kb", "chunks", "rerank_with"])]
    pub(super) relist: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) list: PushedList,
    #[command(flatten)]
    pub(super) server: Server,
    #[command(flatten)]
    pub(super) admin: Admin,
    #[command(flatten)]
    pub(super) owner: Owner,
}

/// What becomes of ids that are stored already.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
pub(super) enum Conflict {
    /// Take their place; content and metadata stay where no others are given, embeddings do not
    Replace,
    /// Leave them as they are
    Skip,
    /// Fail before anything is stored
    Error,
}

impl From<Conflict> for OnConflict {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::Replace => Self::Replace,
            Conflict::Skip => Self::Skip,
            Conflict::Error => Self::Error,
        }
    }
}

fn precision() -> impl clap::builder::TypedValueParser<Value = Precision> {
    use clap::builder::TypedValueParser;
    clap::builder::PossibleValuesParser::new(Precision::ALL.map(Precision::name))
        .try_map(|text| text.parse::<Precision>())
}

impl Args {
    pub(super) fn remote(&self) -> Result<Remote, Failure> {
        match self.create_kb {
            Some(_) => self.server.open_as_admin(&self.admin),
            None => self.server.open(),
        }
    }

    /// Makes the knowledge base, if that is asked for.
    pub(super) fn create(&self, remote: &Remote, list: &PushedFile) -> Result<Option<KnowledgeBase>, Failure> {
        let Some(name) = &self.create_kb else { return Ok(None) };
        let made = remote.create_knowledge_base(name, "")?;
        if list.knows(&made.id)? {
            let (host, list) = (remote.store().host(), list.path().display());
            return Err(Failure::Other(format!(
                "{host}: the new knowledge base has the id {:?} of another one that {list} lists",
                made.id
            )));
        }
        info!(kb = made.id, "made the knowledge base {} ({name})", made.id);
        Ok(Some(made))
    }
}
