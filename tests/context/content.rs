//! Content and embeddings of chunks.

use crate::keys::{DIMENSIONS, contexts};
use crate::reopen;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hushvec::{ContentProblem, Embedding, Error, ExecutionContext, Format, PassphraseKeyProvider, Precision, Scheme};
use std::sync::Arc;

#[test]
fn embeddings_are_sealed_for_one_chunk() {
    for ctx in contexts() {
        let embedding = Embedding::new(&[0.25, -1.0, 0.5], Precision::Int8).unwrap();
        for precision in Precision::ALL {
            let embedding = Embedding::new(&[0.25, -1.0, 0.5], precision).unwrap();
            let sealed = ctx.seal_embedding("a", &embedding).unwrap();
            assert_eq!(reopen(ctx).open_embedding("a", &sealed).unwrap(), embedding, "{}", ctx.scheme());
        }
        let sealed = ctx.seal_embedding("a", &embedding).unwrap();
        let mut changed = STANDARD.decode(&sealed).unwrap();
        *changed.last_mut().unwrap() ^= 1;
        assert!(ctx.open_embedding("a", &STANDARD.encode(changed)).is_err());
        assert!(ctx.open_embedding("a", "no base64!").is_err());
        // Content does not open as an embedding, nor the reverse, and an embedding does not open for another chunk.
        let content = ctx.encrypt_content_for("a", b"\x01abc").unwrap();
        assert!(ctx.open_embedding("a", &content).is_err());
        assert!(ctx.open_embedding("b", &sealed).is_err());
        assert!(ctx.decrypt_content_for("a", &sealed).is_err());
    }
}

#[test]
fn content_has_a_separate_key() {
    for ctx in contexts() {
        let sealed = ctx.encrypt_content("héllo".as_bytes()).unwrap();
        assert_eq!(*ctx.decrypt_content(&sealed).unwrap(), "héllo".as_bytes());
        assert_ne!(ctx.encrypt_content("héllo".as_bytes()).unwrap(), sealed);
        let document = ctx.to_dict_enc().unwrap();
        assert!(ctx.decrypt_content(document["sealed"].as_str().unwrap()).is_err(), "the secret key has another key");
        assert!(matches!(ctx.decrypt_content("not base64!"), Err(Error::Unseal)));
        assert!(matches!(ctx.decrypt_content(""), Err(Error::Unseal)));
    }
}

#[test]
fn content_is_bound_to_its_chunk() {
    let refused = |result, expected: ContentProblem| match result {
        Err(Error::Content { problem }) => assert_eq!(problem, expected),
        other => panic!("{other:?}"),
    };
    for ctx in contexts() {
        let sealed = ctx.encrypt_content_for("seven", b"document").unwrap();
        assert_eq!(*ctx.decrypt_content_for("seven", &sealed).unwrap(), b"document");
        assert_eq!(*reopen(ctx).decrypt_content_for("seven", &sealed).unwrap(), b"document");
        for name in ["eight", "", "seven\0", "Seven"] {
            refused(ctx.decrypt_content_for(name, &sealed), ContentProblem::NotOfChunk);
        }
        refused(ctx.decrypt_content(&sealed), ContentProblem::NeedsName);
        let mut blob = STANDARD.decode(&sealed).unwrap();
        // Without the version byte it does not open as content of the old form.
        assert!(ctx.decrypt_content(&STANDARD.encode(&blob[1..])).is_err());
        assert!(ctx.decrypt_content_for("seven", &STANDARD.encode(&blob[1..])).is_err());
        for version in [0, 1, 3] {
            blob[0] = version;
            assert!(ctx.decrypt_content_for("seven", &STANDARD.encode(&blob)).is_err());
            assert!(matches!(ctx.decrypt_content(&STANDARD.encode(&blob)), Err(Error::Unseal)));
        }
        // Old content opens whatever its first byte is: some of these start like content of a chunk.
        for _ in 0..2000 {
            let old = ctx.encrypt_content(b"old").unwrap();
            assert_eq!(*ctx.decrypt_content_for("seven", &old).unwrap(), b"old");
            assert_eq!(*ctx.decrypt_content(&old).unwrap(), b"old");
        }
        assert!(matches!(ctx.decrypt_content_for("seven", ""), Err(Error::Unseal)));
    }
}

#[test]
fn content_outlives_a_change_of_the_passphrase() {
    let builder = ExecutionContext::builder().scheme(Scheme::PaillierSubgroup).embedding_length(DIMENSIONS);
    let ctx = builder.context_id("by hand").create(PassphraseKeyProvider::new("the first").unwrap()).unwrap();
    let content = ctx.encrypt_content(b"document").unwrap();
    let public_id = ctx.public_id();
    let changed = ctx.export(Format::Native, Arc::new(PassphraseKeyProvider::new("the second").unwrap())).unwrap();
    let text = changed.serialize_exec_context().unwrap();
    let load = |passphrase: &str| {
        ExecutionContext::from_serialized(&text, &PassphraseKeyProvider::new(passphrase).unwrap(), None)
    };
    assert!(matches!(load("the first"), Err(Error::Unseal)));
    let again = load("the second").unwrap();
    assert_eq!((again.id().unwrap(), again.public_id()), ("by hand".to_owned(), public_id));
    assert_eq!(*again.decrypt_content(&content).unwrap(), b"document");
}

/// A context without a content key derives it and stores it when it is written. See tests/data/native/README.md for
/// how the data was computed.
#[test]
fn a_missing_content_key_is_derived_and_then_stored() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/native/without_content_key.json"));
    let provider = PassphraseKeyProvider::new("test").unwrap();
    let ctx = ExecutionContext::from_serialized(&text.unwrap(), &provider, None).unwrap();
    let content = "77lIK1nyW7183jBAtieC9Y+1wjv0xqHtXxj1lS556n0XiYUT";
    assert_eq!(*ctx.decrypt_content(content).unwrap(), "päyload".as_bytes());
    let provider = PassphraseKeyProvider::new("another").unwrap();
    let changed = ctx.export(Format::Native, Arc::new(provider)).unwrap().serialize_exec_context().unwrap();
    let provider = PassphraseKeyProvider::new("another").unwrap();
    let again = ExecutionContext::from_serialized(&changed, &provider, None).unwrap();
    assert_eq!(*again.decrypt_content(content).unwrap(), "päyload".as_bytes());
}
