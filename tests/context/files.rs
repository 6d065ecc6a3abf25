//! Context files are checked, private and never overwritten by other keys.

use crate::keys::{DIMENSIONS, contexts};
use hushvec::{Error, ExecutionContext, Format, Occupant, PassphraseKeyProvider, PublicContext};
use std::sync::Arc;

#[test]
fn public_contexts_are_checked() {
    for ctx in contexts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("public.json");
        ctx.public_context().save(&path).unwrap();
        assert_eq!(PublicContext::load(&path, false).unwrap().public_id(), ctx.public_id());
        let text = std::fs::read_to_string(&path).unwrap();
        for (from, to) in [
            ("\"n\": \"", "\"n\": \"1"),
            ("96", "97"),
            ("1024", "1536"),
            (ctx.scheme().name(), "other"),
            ("\"version\": 1", "\"version\": 2"),
            ("\"public_id\": \"", "\"public_id\": \"0"),
            ("hushvec-public-context", "hushvec-context"),
        ] {
            assert!(text.contains(from), "{from}");
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let error = PublicContext::load(&path, true).unwrap_err();
            assert!(error.to_string().contains("public.json"), "{error}");
        }
        for length in [0, 1, 100, text.len() - 3] {
            assert!(PublicContext::from_json(&text[..length], true).is_err());
        }
    }
}

#[cfg(unix)]
#[test]
fn files_with_secrets_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    for (i, ctx) in contexts().enumerate() {
        let path = folder.path().join(i.to_string());
        std::fs::write(&path, "something readable").unwrap();
        ctx.save_to_disk(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

/// A context file is only overwritten by the same keys.
#[test]
fn keys_are_not_replaced_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("context");
    let builder = || ExecutionContext::builder().embedding_length(DIMENSIONS).passphrase("test");
    let made = builder().path(&path).build().unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = |result: Result<(), Error>, expected: Occupant| match result {
        Err(Error::Occupied { path: named, occupant }) => assert_eq!((named, occupant), (path.clone(), expected)),
        other => panic!("{other:?}"),
    };
    // Refused before keys are generated: this key_len would be refused too.
    refused(builder().key_len(1000).path(&path).build().map(drop), Occupant::Context);
    refused(contexts().next().unwrap().save_to_disk(&path), Occupant::SecretKey);
    refused(made.public_context().save(&path), Occupant::SecretKey);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // The same keys under another passphrase may replace the file, and any keys may replace an empty file.
    let provider = Arc::new(PassphraseKeyProvider::new("another").unwrap());
    made.export(Format::Native, provider).unwrap().save_to_disk(&path).unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), before);
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    builder().path(&empty).build().unwrap();
    ExecutionContext::load_from_disk(&empty, &PassphraseKeyProvider::new("test").unwrap()).unwrap();
}
