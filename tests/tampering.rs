//! Native contexts: a change of any bit and any truncation are refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/keys.rs"]
mod keys;

use hushvec::{Error, ExecutionContext, KeyProvider, PassphraseKeyProvider};
use keys::{FixedKeyProvider, contexts};

fn open(bytes: &[u8]) -> Result<ExecutionContext, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("context");
    std::fs::write(&path, bytes).unwrap();
    ExecutionContext::load_from_disk(&path, &FixedKeyProvider::default())
}

/// Changes every bit of one scheme's file, and of the others every bit of every tenth byte, or all with
/// HUSHVEC_LONG_TESTS.
#[test]
fn every_changed_bit_is_refused() {
    let long = std::env::var_os("HUSHVEC_LONG_TESTS").is_some();
    for (i, ctx) in contexts().enumerate() {
        let bytes = ctx.serialize_exec_context().unwrap().into_bytes();
        assert_eq!(open(&bytes).unwrap(), *ctx);
        let step = if i == 0 || long { 1 } else { 10 };
        for position in (0..bytes.len()).step_by(step) {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[position] ^= 1 << bit;
                assert!(open(&changed).is_err(), "{}: bit {bit} of byte {position}", ctx.scheme());
            }
        }
    }
}

#[test]
fn every_cut_and_every_addition_is_refused() {
    for ctx in contexts() {
        let bytes = ctx.serialize_exec_context().unwrap().into_bytes();
        for length in 0..bytes.len() {
            assert!(open(&bytes[..length]).is_err(), "{length} bytes");
        }
        for tail in [" ", "\n", "\0", "{}"] {
            assert!(open(&[&bytes, tail.as_bytes()].concat()).is_err());
        }
    }
}

/// Reformatted JSON with the same meaning is refused too, because the sealed part authenticates the text.
#[test]
fn reformatting_is_refused() {
    for ctx in contexts() {
        let text = ctx.serialize_exec_context().unwrap();
        let compact = serde_json::from_str::<serde_json::Value>(&text).unwrap().to_string();
        for changed in [compact, text.replacen("  \"version\"", "   \"version\"", 1), text.replace('\n', "\r\n")] {
            match open(changed.as_bytes()) {
                Err(error) => assert!(matches!(error.root(), Error::Context { .. }), "{error}"),
                Ok(_) => panic!("opened"),
            }
        }
    }
}

/// Parts of two contexts of the same provider cannot be mixed.
#[test]
fn parts_of_two_contexts_do_not_mix() {
    let texts: Vec<String> = contexts().map(|ctx| ctx.serialize_exec_context().unwrap()).collect();
    let field = |text: &str, name: &str| {
        let start = text.find(&format!("\"{name}\"")).unwrap();
        text[start..start + text[start..].find('\n').unwrap()].to_owned()
    };
    for name in ["sealed", "public_id"] {
        let changed = texts[0].replace(&field(&texts[0], name), &field(&texts[1], name));
        assert_ne!(changed, texts[0]);
        assert!(matches!(open(changed.as_bytes()).unwrap_err().root(), Error::Unseal | Error::Context { .. }));
    }
}

/// With a real passphrase, a change of one bit in any byte that the key derivation reads is refused.
#[test]
fn the_key_derivation_is_authenticated() {
    let ctx = contexts().next().unwrap();
    let text = ctx.serialize_exec_context().unwrap();
    let provider = PassphraseKeyProvider::new("test").unwrap();
    let again = ExecutionContext::from_serialized(&text, &FixedKeyProvider::default(), None).unwrap();
    let native = again.export(hushvec::Format::Native, std::sync::Arc::new(provider)).unwrap();
    let bytes = native.serialize_exec_context().unwrap().into_bytes();
    let credentials = PassphraseKeyProvider::new("test").unwrap();
    let load = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Missing("not text"))?;
        ExecutionContext::from_serialized(text, &credentials as &dyn KeyProvider, None)
    };
    assert!(load(&bytes).is_ok());
    let start = bytes.windows(13).position(|w| w == b"\"wrapped_key\"").unwrap();
    for position in (start + 16..start + 90).step_by(3) {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        assert!(load(&changed).is_err(), "byte {position}");
    }
}
