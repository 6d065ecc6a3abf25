//! Contexts in remote stores.

use crate::keys::{FixedKeyProvider, contexts};
use crate::reopen;
use hushvec::{Error, ExecutionContext, Format, MemoryStore, RemoteStore, Scheme};
use pollster::block_on;
use std::sync::Arc;

#[test]
fn remote_stores_keep_contexts() {
    let store = MemoryStore::new();
    for ctx in contexts() {
        let id = block_on(ctx.save_to_remote(&store)).unwrap();
        assert_eq!(id, ctx.id().unwrap());
        let provider = FixedKeyProvider::default();
        let again = block_on(ExecutionContext::load_from_remote(&store, &id, &provider)).unwrap();
        assert_eq!((&again, again.id().unwrap()), (ctx, id.clone()));
    }
    let missing = block_on(ExecutionContext::load_from_remote(&store, "no such", &FixedKeyProvider::default()));
    assert!(matches!(missing, Err(Error::Remote(_))));
}

#[test]
fn remote_stores_cannot_swap_contexts() {
    let (store, provider) = (MemoryStore::new(), FixedKeyProvider::default());
    let load = |id: &str| block_on(ExecutionContext::load_from_remote(&store, id, &provider));
    let refused = |id: &str| matches!(load(id), Err(Error::Context { field: "context_id", .. }));
    for ctx in contexts() {
        let stored = ctx.to_dict_enc().unwrap();
        let other = "0".repeat(64);
        for asked in ["another name", &other] {
            block_on(store.store_exec_context(stored.clone(), asked)).unwrap();
            assert!(refused(asked), "{}: {asked}", ctx.scheme());
        }
        // A given id is stored in the document, and the context cannot be loaded under another id.
        let text = ctx.serialize_exec_context().unwrap();
        let named = ExecutionContext::from_serialized(&text, &provider, Some("mine")).unwrap();
        assert_eq!(block_on(named.save_to_remote(&store)).unwrap(), "mine");
        assert_eq!(load("mine").unwrap().id().unwrap(), "mine");
        block_on(store.store_exec_context(named.to_dict_enc().unwrap(), &ctx.id().unwrap())).unwrap();
        assert!(refused(&ctx.id().unwrap()));
        // A new id does not bypass the check.
        let loader = ExecutionContext::loader().context_id("another name");
        assert!(block_on(loader.load_from_remote(&store, "another name", &provider)).is_err());

        if ctx.scheme() == Scheme::PaillierSubgroup {
            continue;
        }
        let theirs = reopen(ctx).export(Format::XTrace, Arc::new(FixedKeyProvider::default())).unwrap();
        let hash = theirs.hash().unwrap();
        assert_eq!(block_on(theirs.save_to_remote(&store)).unwrap(), hash);
        assert_eq!(load(&hash).unwrap(), theirs);
        // XTrace's format cannot store another id, so an id that is not a hash cannot be checked.
        for (asked, accepted) in [(other.as_str(), false), ("by hand", true), (&hash[1..], true)] {
            block_on(store.store_exec_context(theirs.to_dict_enc().unwrap(), asked)).unwrap();
            assert_eq!(refused(asked), !accepted, "{asked}");
            if accepted {
                assert_eq!(load(asked).unwrap().id().unwrap(), asked);
            }
        }
    }
}
