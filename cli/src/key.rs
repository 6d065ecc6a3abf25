//! `hushvec key`.

use crate::failure::Failure;
use crate::output;
use crate::remote::{Admin, Remote, Server};
use crate::target;
use hushvec_client::{KeyRecord, Permission};
use serde::Serialize;
use std::path::PathBuf;
use tracing::info;

/// The commands for API keys. All need the admin key.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Create an API key and print it. The key is shown only once.
    #[command(after_help = "\
Example:
  hushvec key create reader --grant notes:read --server https://search.example.org > reader.key")]
    Create(Create),
    /// List the names, hashes and states of all API keys. The keys themselves are not shown.
    List(List),
    /// Show an API key and its permissions. The key itself is not shown.
    Show(Show),
    /// Revoke an API key permanently.
    Revoke(Named),
    /// Set the permission of an API key for a knowledge base: read, write or delete.
    Grant(Grant),
    /// Remove the permission of an API key for a knowledge base.
    Withdraw(Withdraw),
}

/// Options of `hushvec key create`.
#[derive(clap::Args, Debug)]
pub struct Create {
    /// Name of the API key
    name: String,
    /// Description of the API key
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Grant a permission for a knowledge base, given by its id or name: KB:read, KB:write or KB:delete. Can be
    /// repeated
    #[arg(long, value_name = "KB:PERMISSION", value_parser = grant)]
    grant: Vec<(String, Permission)>,
    /// Write the key to a new file that only you can read, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    admin: Admin,
}

/// Options of `hushvec key list`.
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

/// Options of `hushvec key show`.
#[derive(clap::Args, Debug)]
pub struct Show {
    /// API key, by its hash or name
    key: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    admin: Admin,
}

/// Options of `hushvec key revoke`.
#[derive(clap::Args, Debug)]
pub struct Named {
    /// API key, by its hash or name
    key: String,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    admin: Admin,
}

/// Options of `hushvec key grant`.
#[derive(clap::Args, Debug)]
pub struct Grant {
    /// API key, by its hash or name
    key: String,
    /// Knowledge base, by its id or name
    kb: String,
    /// read, write or delete; write includes read, and delete includes both
    #[arg(value_parser = permission())]
    permission: Permission,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    admin: Admin,
}

/// Options of `hushvec key withdraw`.
#[derive(clap::Args, Debug)]
pub struct Withdraw {
    /// API key, by its hash or name
    key: String,
    /// Knowledge base, by its id or name
    kb: String,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    admin: Admin,
}

/// An API key and its permissions, as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    key: &'a KeyRecord,
    permissions: Vec<ShownPermission<'a>>,
}

#[derive(Serialize)]
struct ShownPermission<'a> {
    kb_id: &'a str,
    permission: Permission,
}

fn permission() -> impl clap::builder::TypedValueParser<Value = Permission> {
    use clap::builder::TypedValueParser;
    clap::builder::PossibleValuesParser::new(Permission::ALL.map(Permission::name))
        .try_map(|text| text.parse::<Permission>())
}

fn grant(text: &str) -> Result<(String, Permission), String> {
    let (base, permission) =
        text.rsplit_once(':').ok_or("give a knowledge base and a permission, such as notes:read")?;
    Ok((base.to_owned(), permission.parse()?))
}

pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(args),
        Command::List(args) => list(args),
        Command::Show(args) => show(args),
        Command::Revoke(args) => revoke(args),
        Command::Grant(args) => {
            let remote = args.server.open_as_admin(&args.admin)?;
            let (key, base) = find(&remote, &args.key, &args.kb)?;
            remote.wait(remote.store().grant(&key.hash, &base, args.permission))?;
            info!("granted {} on the knowledge base {base} to the API key {}", args.permission, name(&key));
            Ok(())
        }
        Command::Withdraw(args) => {
            let remote = args.server.open_as_admin(&args.admin)?;
            let (key, base) = find(&remote, &args.key, &args.kb)?;
            remote.wait(remote.store().withdraw(&key.hash, &base))?;
            info!("removed the permission for the knowledge base {base} from the API key {}", name(&key));
            Ok(())
        }
    }
}

fn find(remote: &Remote, key: &str, kb: &str) -> Result<(KeyRecord, String), Failure> {
    let key = remote.wait(remote.store().find_key(key))?;
    Ok((key, remote.wait(remote.store().find_knowledge_base(kb))?.id))
}

fn name(key: &KeyRecord) -> String {
    output::printable(&format!("{} ({})", key.name, key.hash))
}

fn create(args: &Create) -> Result<(), Failure> {
    if let Some(path) = &args.output {
        target::check_new(path, "")?;
    }
    let remote = args.server.open_as_admin(&args.admin)?;
    // Find the knowledge bases before the key is created, so that a wrong name leaves no key behind.
    let bases = args
        .grant
        .iter()
        .map(|(base, permission)| Ok((remote.wait(remote.store().find_knowledge_base(base))?.id, *permission)));
    let bases = bases.collect::<Result<Vec<_>, Failure>>()?;
    let file = args.output.as_deref().map(target::PrivateFile::create).transpose()?;
    let (record, key) = remote.wait(remote.store().create_key(&args.name, &args.description))?;
    for (base, permission) in bases {
        if let Err(failure) = remote.wait(remote.store().grant(&record.hash, &base, permission)) {
            // The key was not shown yet, so nobody can use it.
            remote.wait(remote.store().revoke_key(&record.hash))?;
            return Err(failure);
        }
    }
    let text = zeroize::Zeroizing::new(format!("{}\n", &*key));
    match file {
        Some(file) => file.finish(text.as_bytes())?,
        None => output::print(&text)?,
    }
    info!("created the API key {}", name(&record));
    Ok(())
}

fn list(args: &List) -> Result<(), Failure> {
    let remote = args.server.open_as_admin(&args.admin)?;
    let keys = remote.wait(remote.store().keys())?;
    if args.json {
        return output::print_json(&keys);
    }
    let head = ["hash", "prefix", "name", "status", "created", "description"].map(str::to_owned);
    let rows = keys.iter().map(|key| {
        let (created, description) = (key.created_at.as_deref(), key.description.as_deref());
        [
            &key.hash,
            &key.first_characters,
            &key.name,
            &key.status,
            created.unwrap_or_default(),
            description.unwrap_or_default(),
        ]
        .map(output::printable)
    });
    output::print(&output::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()))
}

fn show(args: &Show) -> Result<(), Failure> {
    let remote = args.server.open_as_admin(&args.admin)?;
    let key = remote.wait(remote.store().find_key(&args.key))?;
    let permissions = remote.wait(remote.store().permissions(&key.hash))?;
    if args.json {
        let permissions =
            permissions.iter().map(|(kb_id, permission)| ShownPermission { kb_id, permission: *permission });
        return output::print_json(&Shown { key: &key, permissions: permissions.collect() });
    }
    let permissions: Vec<String> =
        permissions.iter().map(|(base, permission)| format!("{base}:{permission}")).collect();
    let fields = [
        ("hash", output::printable(&key.hash)),
        ("name", output::printable(&key.name)),
        ("description", output::printable(key.description.as_deref().unwrap_or_default())),
        ("status", output::printable(&key.status)),
        ("created", output::printable(key.created_at.as_deref().unwrap_or_default())),
        ("permissions", output::printable(&permissions.join(" "))),
    ];
    output::print(&output::fields(&fields))
}

fn revoke(args: &Named) -> Result<(), Failure> {
    let remote = args.server.open_as_admin(&args.admin)?;
    let key = remote.wait(remote.store().find_key(&args.key))?;
    remote.wait(remote.store().revoke_key(&key.hash))?;
    info!("revoked the API key {}", name(&key));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants() {
        assert_eq!(grant("notes:read"), Ok(("notes".to_owned(), Permission::Read)));
        assert_eq!(grant("a:b:delete"), Ok(("a:b".to_owned(), Permission::Delete)));
        for wrong in ["notes", "notes:", "notes:own"] {
            assert!(grant(wrong).is_err(), "{wrong}");
        }
    }
}
