//! The context of the pushed chunks: stored on the server, and opened with its passphrase if needed.

use super::options::Args;
use crate::failure::Failure;
use crate::remote::Remote;
use hushvec::{ContextFile, ExecutionContext};
use std::path::Path;
use tracing::info;

/// A context that is stored on the server.
pub struct Registered {
    pub id: String,
    /// The open context, if there is content to seal.
    pub owner: Option<ExecutionContext>,
    /// Whether this push stored it.
    pub is_new: bool,
}

/// Stores the owner's context on the server unless it is there already.
pub fn register(args: &Args, context: &ContextFile, remote: &Remote) -> Result<Registered, Failure> {
    let requested = args.context_id.as_deref();
    let Some(info) = context.owner() else {
        let id = requested.unwrap_or_default().to_owned();
        let is_there = remote.wait(remote.store().has_context(&id, context.public()))?;
        return if is_there { Ok(Registered { id, owner: None, is_new: false }) } else { Err(not_there(&id, remote)) };
    };
    if let Some(own) = &info.id {
        check_requested(requested, own, &args.context)?;
    }
    let known = info.id.as_deref().or(requested);
    let is_there = known.map_or(Ok(false), |id| remote.wait(remote.store().has_context(id, context.public())))?;
    // In XTrace's format, the id is computed from the secret key.
    let needs_key = args.chunks.is_some() || args.rerank_with.is_some() || (info.id.is_none() && !is_there);
    let owner = if needs_key { Some(args.owner.open(context)?) } else { None };
    if let (Some(id), true) = (known, is_there) {
        return Ok(Registered { id: id.to_owned(), owner, is_new: false });
    }
    let own = owner.as_ref().map(ExecutionContext::id).transpose()?;
    let id = own.or_else(|| info.id.clone()).unwrap_or_default();
    check_requested(requested, &id, &args.context)?;
    if known.is_none() && remote.wait(remote.store().has_context(&id, context.public()))? {
        return Ok(Registered { id, owner, is_new: false });
    }
    let document = context.to_dict_enc()?.unwrap_or_default();
    let id = remote.wait(remote.store().store_context(&document, &id))?;
    info!(context = id, "stored the context {id} on {}", remote.store().host());
    Ok(Registered { id, owner, is_new: true })
}

/// Checks that `--context-id` is the id of the context. Stored under another id, the context could not be loaded again.
fn check_requested(requested: Option<&str>, own: &str, path: &Path) -> Result<(), Failure> {
    match requested {
        Some(requested) if requested != own => {
            let path = path.display();
            Err(Failure::Usage(format!("{path}: the id is {own}, not {requested}; leave --context-id out")))
        }
        _ => Ok(()),
    }
}

fn not_there(id: &str, remote: &Remote) -> Failure {
    let host = remote.store().host();
    Failure::Other(format!("{host}: there is no context {id}; push once with the owner's context to store it"))
}
