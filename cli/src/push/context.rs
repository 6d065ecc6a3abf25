//! The context that chunks are stored under: on the server, and with its passphrase if that is needed.

use super::options::Args;
use crate::failure::Failure;
use crate::remote::Remote;
use hushvec::{ContextFile, ExecutionContext};
use std::path::Path;
use tracing::info;

/// A context that the server has.
pub struct Registered {
    pub id: String,
    /// Opened, if there is content to seal.
    pub owner: Option<ExecutionContext>,
    /// Whether it was stored there just now.
    pub is_new: bool,
}

/// Stores the owner's context unless the server has it.
pub fn register(args: &Args, context: &ContextFile, remote: &Remote) -> Result<Registered, Failure> {
    let asked = args.context_id.as_deref();
    let Some(info) = context.owner() else {
        let id = asked.unwrap_or_default().to_owned();
        let is_there = remote.wait(remote.store().has_context(&id, context.public()))?;
        return if is_there { Ok(Registered { id, owner: None, is_new: false }) } else { Err(not_there(&id, remote)) };
    };
    if let Some(own) = &info.id {
        check_asked(asked, own, &args.context)?;
    }
    let known = info.id.as_deref().or(asked);
    let is_there = known.map_or(Ok(false), |id| remote.wait(remote.store().has_context(id, context.public())))?;
    // The id of a context in XTrace's format follows from its secret key.
    let needs_key = args.chunks.is_some() || args.rerank_with.is_some() || (info.id.is_none() && !is_there);
    let owner = if needs_key { Some(args.owner.open(context)?) } else { None };
    if let (Some(id), true) = (known, is_there) {
        return Ok(Registered { id: id.to_owned(), owner, is_new: false });
    }
    let own = owner.as_ref().map(ExecutionContext::id).transpose()?;
    let id = own.or_else(|| info.id.clone()).unwrap_or_default();
    check_asked(asked, &id, &args.context)?;
    if known.is_none() && remote.wait(remote.store().has_context(&id, context.public()))? {
        return Ok(Registered { id, owner, is_new: false });
    }
    let document = context.to_dict_enc()?.unwrap_or_default();
    let id = remote.wait(remote.store().store_context(&document, &id))?;
    info!(context = id, "stored the context {id} on {}", remote.store().host());
    Ok(Registered { id, owner, is_new: true })
}

/// Under another id it could not be loaded again, since ids are checked.
fn check_asked(asked: Option<&str>, own: &str, path: &Path) -> Result<(), Failure> {
    match asked {
        Some(asked) if asked != own => {
            let path = path.display();
            Err(Failure::Usage(format!("the context in {path} has the id {own}, not {asked}; leave --context-id out")))
        }
        _ => Ok(()),
    }
}

fn not_there(id: &str, remote: &Remote) -> Failure {
    let host = remote.store().host();
    Failure::Other(format!("{host}: there is no context {id}; push once with the owner's context, which stores it"))
}
