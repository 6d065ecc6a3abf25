//! Secret keys in plain text, and outputs that must not contain them.

use crate::keys::{DIMENSIONS, FixedKeyProvider, contexts};
use hushvec::{BitMatrix, ExecutionContext, HomomorphicClient};
use serde_json::Value;
use std::sync::Arc;

#[test]
fn plain_keys_load_under_another_provider() {
    for ctx in contexts() {
        let plain = ctx.to_dict_plain().unwrap();
        let load =
            |value: &Value| ExecutionContext::loader().from_dict_plain(value, Arc::new(FixedKeyProvider::default()));
        let again = load(&plain).unwrap();
        assert_eq!(again, *ctx);
        assert_eq!(again.to_dict_plain().unwrap(), plain);
        let vectors = BitMatrix::from_rows(DIMENSIONS, [[1; DIMENSIONS]]).unwrap();
        let encrypted = ctx.encrypt_vec_batch(&vectors).unwrap();
        assert_eq!(again.decrypt_vec_batch(&encrypted).unwrap().hamming(0, &vectors, 0), Some(0));
        for field in ["sk", "pk", "config", "type"] {
            let text = plain[field].as_str().unwrap();
            for (at, digit) in text.char_indices().filter(|(_, c)| c.is_ascii_digit()).step_by(97) {
                let mut changed = text.to_owned();
                changed.replace_range(at..=at, if digit == '3' { "4" } else { "3" });
                let mut value = plain.clone();
                value[field] = changed.into();
                // Only the number of dimensions is not determined by the keys: changing it gives another context.
                let another = load(&value).map_or(true, |other| field == "config" && other != *ctx);
                assert!(another, "{}: {field}, character {at}", ctx.scheme());
            }
            let mut value = plain.clone();
            value[field] = Value::Null;
            assert!(load(&value).unwrap_err().to_string().contains("is missing or not a string"));
            value[field] = "{}".into();
            assert!(load(&value).is_err());
        }
    }
}

#[test]
fn nothing_secret_is_shown() {
    for ctx in contexts() {
        let plain = ctx.to_dict_plain().unwrap();
        let secret: Vec<String> = plain["sk"]
            .as_str()
            .unwrap()
            .split(|c: char| !c.is_ascii_digit())
            .filter(|digits| digits.len() > 20)
            .map(str::to_owned)
            .collect();
        assert!(secret.len() >= 2);
        let shown = format!("{ctx:?} {:#?} {}", ctx.client(), ctx.serialize_exec_context().unwrap());
        let public = ctx.public_context().to_json().unwrap();
        for number in secret {
            assert!(!shown.contains(&number) && !public.contains(&number));
        }
    }
}
