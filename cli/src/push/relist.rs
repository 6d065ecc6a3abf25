//! `hushvec push --relist`: creates the list of pushed chunks from the chunks that the server reports.

use crate::failure::Failure;
use crate::output;
use crate::remote::Remote;
use hushvec::{Id, IdRef, Index};
use hushvec_client::{Pushed, PushedFile};
use serde::Serialize;
use std::collections::HashMap;
use tracing::{info, warn};

#[derive(Serialize)]
struct Report<'a> {
    kb_id: &'a str,
    context_id: &'a str,
    listed: usize,
    added: usize,
    removed: usize,
    without_id: usize,
}

/// Replaces the entries of a knowledge base in the list. Names become ids if the index has them.
pub fn run(
    index: &Index,
    list: &PushedFile,
    remote: &Remote,
    (kb, context_id): (&str, &str),
    json: bool,
) -> Result<(), Failure> {
    let before = list.read(kb, context_id)?.unwrap_or_default();
    let names = remote.wait(remote.store().names(kb, context_id))?;
    let mut ids = HashMap::new();
    index.for_each_id(|id| {
        ids.insert(id.to_string(), id.to_owned());
        Ok(())
    })?;
    let chunks = names.into_iter().map(|(chunk, name)| {
        let known = || before.id(chunk).map(IdRef::to_owned);
        let id = name.as_ref().and_then(|name| ids.get(name).cloned()).or_else(known);
        (chunk, id.or_else(|| name.filter(|name| is_id(name)).map(Id::Text)))
    });
    let repeated = |chunk| Failure::Other(format!("{}: the server lists chunk {chunk} twice", remote.store().host()));
    let now = Pushed::new(chunks.collect()).map_err(repeated)?;
    list.replace(kb, context_id, &now)?;

    let added = now.numbers().filter(|chunk| !before.contains(*chunk)).count();
    let removed = before.numbers().filter(|chunk| !now.contains(*chunk)).count();
    let without_id = now.numbers().filter(|chunk| now.id(*chunk).is_none()).count();
    if json {
        return output::print_json(&Report { kb_id: kb, context_id, listed: now.len(), added, removed, without_id });
    }
    if without_id > 0 {
        warn!(without_id, "{} without an id, stored by other clients", output::count(without_id as u64, "chunk"));
    }
    let listed = output::count(now.len() as u64, "chunk");
    info!(added, removed, "{}: lists {listed} of {kb}: {added} added, {removed} removed", list.path().display());
    Ok(())
}

/// Returns whether a name is a valid id.
fn is_id(name: &str) -> bool {
    (1..=Id::MOST_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}
