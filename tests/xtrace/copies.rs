//! Contexts that are loaded and written again, in either format.

use crate::recorded::{NAMES, context_text, load, load_text, provider};
use hushvec::{ExecutionContext, Format, PassphraseKeyProvider};
use serde_json::Value;

#[test]
fn contexts_are_written_as_they_were_read() {
    for name in NAMES {
        let (ctx, stored) = (load(name), context_text(name));
        let written = ctx.serialize_exec_context().unwrap();
        let (a, b): (Value, Value) = (serde_json::from_str(&written).unwrap(), serde_json::from_str(&stored).unwrap());
        for field in ["pk", "type", "config", "key_provider", "wrapped_key"] {
            assert_eq!(a[field], b[field], "{name}: {field}");
        }
        // The sealed part has a new nonce; everything around it is byte-identical.
        let sealed = |text: &str, value: &Value| text.replacen(value["sk"].as_str().unwrap(), "", 1);
        assert_eq!(sealed(&written, &a), sealed(&stored, &b), "{name}");
        let again = load_text(&written).unwrap();
        assert_eq!(again, ctx);
        assert_eq!(again.id().unwrap(), ctx.id().unwrap());
        let dict = ctx.to_dict_enc().unwrap();
        let again = ExecutionContext::loader().allow_weak(true).from_dict(dict, &provider()).unwrap();
        assert_eq!(again.id().unwrap(), ctx.id().unwrap());
    }
}

#[test]
fn a_native_copy_is_the_same_context() {
    for name in NAMES {
        let ctx = load(name);
        let (id, public_id) = (ctx.id().unwrap(), ctx.public_id());
        let native = ctx.export(Format::Native, std::sync::Arc::new(provider())).unwrap();
        assert_eq!(native.public_id(), public_id);
        assert_eq!(native.id().unwrap(), public_id.to_string(), "a native id does not cover the secret key");
        let text = native.serialize_exec_context().unwrap();
        let again = load_text(&text).unwrap();
        assert_eq!((again.format(), again.public_id()), (Format::Native, public_id));
        let salt = std::sync::Arc::new(PassphraseKeyProvider::xtrace("test", None).unwrap());
        assert_eq!(again.export(Format::XTrace, salt).unwrap().id().unwrap(), id);
    }
}
