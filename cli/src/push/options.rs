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
The ids of the vectors become the names of chunks, which --on-conflict compares. The server assigns chunk numbers \
itself. The owner's context is stored too, unless the server has it; its secret key stays sealed, as in the file. The \
server can read names and meta_data, but not content, embeddings or vectors.

If a push fails, run the same command again; --on-conflict skip skips the chunks already stored. If nothing was \
stored, a knowledge base or context that the push created is deleted.

The stored chunks and their ids are listed in a file next to the context (--list). `search` looks up ids there without \
asking the server, and refuses answers with other chunks. If other clients store or delete chunks, update the list \
with --relist, which trusts the server.

Example:
  export HUSHVEC_API_KEY=...
  hushvec push ctx.json index.hvx --server https://search.example.org --create-kb notes --chunks notes.jsonl
  hushvec search ctx.json query.npy --server https://search.example.org --kb notes")]
pub struct Args {
    /// Owner's context; or a public context, if the server has the owner's context
    pub(super) context: PathBuf,
    /// Index file
    pub(super) index: PathBuf,
    /// Knowledge base to store in, by its id or name
    #[arg(long, value_name = "KB", required_unless_present = "create_kb")]
    pub(super) kb: Option<String>,
    /// Create a knowledge base of this name and store in it. Needs the admin key
    #[arg(long, value_name = "NAME", conflicts_with = "kb")]
    pub(super) create_kb: Option<String>,
    /// Id of the context on the server [default: the id of the owner's context]
    #[arg(long, value_name = "ID")]
    pub(super) context_id: Option<String>,
    /// File of content and metadata, one JSON object {"id": 7, "content": "...", "meta_data": {"tag1": "..."}} per line
    /// and id of the index. Content is sealed with the owner's context
    #[arg(long, value_name = "FILE")]
    pub(super) chunks: Option<PathBuf>,
    /// File of floating-point or int8 vectors: store the sealed embedding of each vector, for `search --oversample`.
    /// Rows are matched to vectors by id, or by row number if there is no id column
    #[arg(long, value_name = "FILE")]
    pub(super) rerank_with: Option<PathBuf>,
    /// Precision of these embeddings: int8 takes 1 byte per dimension, float16 takes 2
    #[arg(long, value_name = "TYPE", default_value = "int8", value_parser = precision(), requires = "rerank_with")]
    pub(super) rerank_as: Precision,
    /// The vectors were encrypted with --project. Embeddings may then have any number of dimensions
    #[arg(long, requires = "rerank_with")]
    pub(super) project: bool,
    /// What to do with ids that are already stored
    #[arg(long, value_enum, default_value = "replace")]
    pub(super) on_conflict: Conflict,
    /// Store nothing; replace the list of pushed chunks of the knowledge base with the chunks that the server has
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

/// What happens to ids that are already stored.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
pub(super) enum Conflict {
    /// Replace them. Content and metadata are kept if no new ones are given; embeddings are not
    Replace,
    /// Skip them
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

    /// Creates the knowledge base of `--create-kb`.
    pub(super) fn create(&self, remote: &Remote, list: &PushedFile) -> Result<Option<KnowledgeBase>, Failure> {
        let Some(name) = &self.create_kb else { return Ok(None) };
        let made = remote.create_knowledge_base(name, "")?;
        if list.knows(&made.id)? {
            let (host, list) = (remote.store().host(), list.path().display());
            return Err(Failure::Other(format!(
                "{host}: the new knowledge base has the id {:?}, which {list} already lists; give another --list",
                made.id
            )));
        }
        info!(kb = made.id, "created the knowledge base {name} ({})", made.id);
        Ok(Some(made))
    }
}
