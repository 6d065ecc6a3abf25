//! `hushvec kb`.

use crate::failure::Failure;
use crate::output;
use crate::remote::{Admin, Server};
use hushvec_client::KnowledgeBase;
use serde::Serialize;

/// The commands for knowledge bases.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// List knowledge bases: all with the admin key, otherwise those for which the API key has a permission.
    List(List),
    /// Show a knowledge base and the contexts of its vectors.
    Show(Show),
    /// Create a knowledge base and print its id. Needs the admin key.
    Create(Create),
    /// Delete a knowledge base and everything in it, permanently. Needs the admin key.
    Delete(Delete),
}

/// Options of `hushvec kb list`.
#[derive(clap::Args, Debug)]
pub struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    admin: Admin,
}

/// Options of `hushvec kb show`.
#[derive(clap::Args, Debug)]
pub struct Show {
    /// Knowledge base, by its id or name
    kb: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    admin: Admin,
}

/// Options of `hushvec kb create`.
#[derive(clap::Args, Debug)]
pub struct Create {
    /// Name of the knowledge base
    name: String,
    /// Description of the knowledge base
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    admin: Admin,
}

/// Options of `hushvec kb delete`.
#[derive(clap::Args, Debug)]
pub struct Delete {
    /// Knowledge base, by its id or name
    kb: String,
    /// Confirm the deletion. Without this flag, nothing is deleted, and the command fails with what it would delete
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    admin: Admin,
}

/// A knowledge base and the contexts of its vectors, as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    base: &'a KnowledgeBase,
    context_ids: &'a [String],
}

pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list(args),
        Command::Show(args) => show(args),
        Command::Create(args) => create(args),
        Command::Delete(args) => delete(args),
    }
}

fn list(args: &List) -> Result<(), Failure> {
    let remote = args.server.open_to_read(&args.admin)?;
    let bases = remote.wait(remote.store().knowledge_bases())?;
    if args.json {
        return output::print_json(&bases);
    }
    let head = ["id", "name", "vectors", "updated", "description"].map(str::to_owned);
    let rows = bases.iter().map(|base| {
        let vectors = base.number_of_vectors.map(|count| count.to_string()).unwrap_or_default();
        let (updated, description) = (base.updated_at.as_deref(), base.description.as_deref());
        [&base.id, &base.name, &vectors, updated.unwrap_or_default(), description.unwrap_or_default()]
            .map(output::printable)
    });
    output::print(&output::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()))
}

fn show(args: &Show) -> Result<(), Failure> {
    let remote = args.server.open_to_read(&args.admin)?;
    let base = remote.wait(remote.store().find_knowledge_base(&args.kb))?;
    let contexts = remote.wait(remote.store().contexts_of(&base.id))?;
    if args.json {
        return output::print_json(&Shown { base: &base, context_ids: &contexts });
    }
    let text = |text: Option<&String>| output::printable(text.map(String::as_str).unwrap_or_default());
    let fields = [
        ("id", output::printable(&base.id)),
        ("name", output::printable(&base.name)),
        ("description", text(base.description.as_ref())),
        ("vectors", base.number_of_vectors.map(|count| count.to_string()).unwrap_or_default()),
        ("created", text(base.created_at.as_ref())),
        ("updated", text(base.updated_at.as_ref())),
        ("contexts", output::printable(&contexts.join(" "))),
    ];
    output::print(&output::fields(&fields))
}

fn create(args: &Create) -> Result<(), Failure> {
    let remote = args.server.open_as_admin(&args.admin)?;
    let base = remote.create_knowledge_base(&args.name, &args.description)?;
    if args.json {
        return output::print_json(&base);
    }
    output::print(&format!("{}\n", output::printable(&base.id)))
}

fn delete(args: &Delete) -> Result<(), Failure> {
    let remote = args.server.open_as_admin(&args.admin)?;
    let base = remote.wait(remote.store().find_knowledge_base(&args.kb))?;
    let vectors =
        base.number_of_vectors.map_or_else(|| "its contents".to_owned(), |count| output::count(count, "vector"));
    let (id, name) = (output::printable(&base.id), output::printable(&base.name));
    if !args.yes {
        return Err(Failure::Usage(format!(
            "this would permanently delete the knowledge base {name} ({id}) and {vectors}; give --yes to delete"
        )));
    }
    remote.wait(remote.store().delete_knowledge_base(&base.id))?;
    tracing::info!("deleted the knowledge base {name} ({id}) and {vectors}");
    Ok(())
}
