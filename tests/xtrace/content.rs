//! Secret keys and document content, which share an encryption key in this format, cannot be confused.

use crate::recorded::{NAMES, context_text, load, provider, str_of};
use hushvec::{ContentProblem, Error, ExecutionContext};
use serde_json::Value;

fn is_secret_key<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Content { problem: ContentProblem::SecretKey }))
}

/// A server cannot pass off the sealed secret key as a document's content.
#[test]
fn a_sealed_secret_key_is_not_opened_as_content() {
    for name in NAMES {
        let ctx = load(name);
        let stored: Value = serde_json::from_str(&context_text(name)).unwrap();
        for sealed in [str_of(&stored, "sk"), str_of(&ctx.to_dict_enc().unwrap(), "sk")] {
            for result in [ctx.decrypt_content(sealed), ctx.decrypt_content_for("a chunk", sealed)] {
                let error = result.unwrap_err();
                let plain = ctx.to_dict_plain().unwrap();
                let secret = str_of(&plain, "sk").split(|c: char| !c.is_ascii_digit()).filter(|part| part.len() > 20);
                assert!(
                    secret.clone().count() >= 2 && secret.clone().all(|number| !error.to_string().contains(number))
                );
                assert!(is_secret_key::<()>(&Err(error)), "{name}");
            }
        }
    }
}

/// An attacker makes the owner seal a document that is the secret key of an attacker's context. Put into that
/// context, the result would open with the owner's passphrase.
#[test]
fn a_document_does_not_become_a_secret_key() {
    for (own, others) in [(NAMES[0], NAMES[1]), (NAMES[1], NAMES[0]), (NAMES[1], NAMES[2])] {
        let (owner, attacker) = (load(own), load(others));
        let plain = attacker.to_dict_plain().unwrap();
        let key = str_of(&plain, "sk");
        for document in [key.to_owned(), format!("\u{feff}\n{key} "), key.replacen('{', "{\"title\": \"a\", ", 1)] {
            assert!(is_secret_key(&owner.encrypt_content(document.as_bytes())), "{document}");
            assert!(is_secret_key(&owner.encrypt_content_for("a chunk", document.as_bytes())), "{document}");
        }
        // The SDK does not accept the values in an array as a key, so they are valid content and must not load as a
        // key here.
        let values: Vec<&str> =
            key.trim_matches(['{', '}']).split(", ").filter_map(|field| field.split(": ").nth(1)).collect();
        let document = format!("[{}]", values.join(", "));
        assert!(values.len() >= 2);
        let sealed = owner.encrypt_content(document.as_bytes()).unwrap();
        assert_eq!(*owner.decrypt_content(&sealed).unwrap(), document.as_bytes());
        let mut forged: Value = owner.to_dict_enc().unwrap();
        for field in ["pk", "type", "config"] {
            forged[field] = plain[field].clone();
        }
        forged["sk"] = sealed.into();
        let loaded = ExecutionContext::loader().allow_weak(true).from_dict(forged, &provider());
        assert!(matches!(loaded, Err(Error::Context { field: "sk", .. })), "{loaded:?}");
    }
}
