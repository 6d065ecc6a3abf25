//! Weak, changed and mixed contexts are refused.

use crate::recorded::{NAMES, context_text, load, load_text, number, provider, str_of};
use hushvec::{ContextInfo, Error, ExecutionContext, PassphraseKeyProvider};
use serde_json::Value;

#[test]
fn weak_keys_load_only_on_request() {
    for name in NAMES {
        let refused = ExecutionContext::from_serialized(&context_text(name), &provider(), None);
        match (name, refused) {
            ("paillier_512_1024", Ok(_)) => {}
            (_, Err(Error::WeakKey { weakness })) => {
                assert!(weakness.contains("alpha_len is 50") || weakness.contains("n has 1024 bits"), "{weakness}");
            }
            (_, other) => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn wrong_passphrases_and_changed_secrets_are_one_error() {
    let text = context_text("paillier_64_512_salt");
    let wrong = PassphraseKeyProvider::new("Test").unwrap();
    let wrong = ExecutionContext::loader().allow_weak(true).from_serialized(&text, &wrong).unwrap_err();
    let mut changed: Value = serde_json::from_str(&text).unwrap();
    let sk = changed["sk"].as_str().unwrap().replacen(['A', 'b'], "c", 1);
    changed["sk"] = sk.into();
    let changed = load_text(&changed.to_string()).unwrap_err();
    assert!(matches!((&wrong, &changed), (Error::Unseal, Error::Unseal)));
    assert_eq!(wrong.to_string(), changed.to_string());
}

/// Some changes are only visible in the id: g·g_n^k has all properties of a generator, and the embedding length is not
/// determined by the keys. They are refused if the id was expected.
#[test]
fn changes_that_only_the_id_shows_are_refused() {
    let text = context_text("lookup_64_512");
    let stored: Value = serde_json::from_str(&text).unwrap();
    let true_one = load("lookup_64_512");
    let ids = [true_one.id().unwrap(), true_one.public_id().to_string()];
    let loader = || ExecutionContext::loader().allow_weak(true);
    for id in &ids {
        assert_eq!(loader().expect_id(id).from_serialized(&text, &provider()).unwrap(), true_one);
    }

    let pk = str_of(&stored, "pk");
    let digits = |field: &str| {
        let start = pk.find(&format!("\"{field}\": ")).unwrap() + field.len() + 4;
        &pk[start..start + pk[start..].find([',', '}']).unwrap()]
    };
    let [g, g_n, square] = ["g", "g_n", "n_squared"].map(|field| number(digits(field)));
    let other_g = &g * g_n.modpow(&123_456_789u32.into(), &square) % &square;
    // g_n is g^n, so it changes with g.
    let other_g_n = other_g.modpow(&number(digits("n")), &square);
    let mut other_generator = stored.clone();
    let other_pk = pk.replacen(digits("g"), &other_g.to_string(), 1);
    other_generator["pk"] = other_pk.replacen(digits("g_n"), &other_g_n.to_string(), 1).into();
    let mut shorter = stored.clone();
    shorter["config"] = str_of(&stored, "config").replace("\"embed_len\": 64", "\"embed_len\": 63").into();
    for changed in [other_generator, shorter] {
        let changed = changed.to_string();
        // Only the id differs.
        let accepted = load_text(&changed).unwrap();
        assert_ne!(accepted.public_id(), true_one.public_id());
        for id in &ids {
            match loader().expect_id(id).from_serialized(&changed, &provider()) {
                Err(Error::WrongContext { expected, actual }) => {
                    assert_eq!((&expected, actual), (id, accepted.id().unwrap()));
                }
                other => panic!("{other:?}"),
            }
        }
        let info = ContextInfo::from_serialized(&changed).unwrap();
        assert!(matches!(info.check_id(&ids[1]), Err(Error::WrongContext { .. })));
        assert!(matches!(info.public.check_id(&ids[1]), Err(Error::WrongContext { .. })));
    }
    assert!(ContextInfo::from_serialized(&text).unwrap().check_id(&ids[1]).is_ok());
    let plain = true_one.to_dict_plain().unwrap();
    let restore = |id: &str| loader().expect_id(id).from_dict_plain(&plain, std::sync::Arc::new(provider()));
    assert!(restore(&ids[1]).is_ok() && matches!(restore("another"), Err(Error::WrongContext { .. })));
}

/// Changes the last digit of a value.
fn nudge(text: &str) -> String {
    let last = text.rfind(|c: char| c.is_ascii_digit()).unwrap();
    let digit = if &text[last..=last] == "1" { "3" } else { "1" };
    format!("{}{digit}{}", &text[..last], &text[last + 1..])
}

#[test]
fn every_changed_field_is_refused() {
    for name in NAMES {
        let stored: Value = serde_json::from_str(&context_text(name)).unwrap();
        let lookup = name.starts_with("lookup");
        let mut cases: Vec<(String, Value)> = Vec::new();
        let mut inner = |outer: &str, field: &str, change: &dyn Fn(&str) -> String| {
            // Changes the text, because the integers are too long for serde_json's numbers.
            let text = stored[outer].as_str().unwrap();
            let start = text.find(&format!("\"{field}\": ")).unwrap() + field.len() + 4;
            let end = start + text[start..].find([',', '}']).unwrap();
            let mut changed = stored.clone();
            changed[outer] = format!("{}{}{}", &text[..start], change(&text[start..end]), &text[end..]).into();
            cases.push((format!("{outer}.{field}"), changed));
        };
        for field in if lookup { vec!["g", "n", "n_squared", "g_n"] } else { vec!["g", "n", "n_squared"] } {
            inner("pk", field, &nudge);
            inner("pk", field, &|_| if lookup { "1".to_owned() } else { "\"1\"".to_owned() });
            inner("pk", field, &|_| if lookup { "\"7\"".to_owned() } else { "7".to_owned() });
            inner("pk", field, &|_| if lookup { "-7".to_owned() } else { "\"-7\"".to_owned() });
        }
        for field in if lookup {
            vec!["message_chunks", "alpha_len", "embed_len", "key_len"]
        } else {
            vec!["embed_len", "key_len"]
        } {
            for absurd in ["0", "-1", "1000000", "2000000000000", "1.5", "\"64\"", "null"] {
                inner("config", field, &|_| absurd.to_owned());
            }
        }
        if lookup {
            inner("config", "message_chunks", &nudge);
            inner("config", "alpha_len", &|_| "48".to_owned());
            inner("config", "alpha_len", &|_| "512".to_owned());
        }
        inner("config", "key_len", &|old| if old == "512" { "1024".to_owned() } else { "512".to_owned() });
        for (field, value) in [
            ("type", "PaillierSubgroupClient"),
            ("type", if lookup { "PaillierClient" } else { "PaillierLookupClient" }),
            ("type", ""),
            ("key_provider", "aws_kms"),
            ("wrapped_key", "AAAA"),
            ("wrapped_key", "*"),
            ("sk", ""),
            ("sk", "AAAA"),
            ("pk", "{}"),
            ("config", "[]"),
        ] {
            let mut changed = stored.clone();
            changed[field] = value.into();
            cases.push((field.to_owned(), changed));
        }
        let mut extra = stored.clone();
        extra["more"] = 1.into();
        cases.push(("an unknown field".to_owned(), extra));
        for field in ["sk", "pk", "type", "config", "key_provider", "wrapped_key"] {
            let mut missing = stored.clone();
            missing.as_object_mut().unwrap().remove(field);
            cases.push((format!("no {field}"), missing));
        }
        for (what, changed) in cases {
            match load_text(&changed.to_string()) {
                Err(Error::Context { .. } | Error::Unseal | Error::Parameter { .. }) => {}
                other => panic!("{name}: {what}: {other:?}"),
            }
        }
    }
}

/// The public part of one key pair with the secret part of another.
#[test]
fn swapped_keys_are_refused() {
    let (own, other) = (context_text("paillier_512_1024"), context_text("lookup_512_1024"));
    let (mut own, other): (Value, Value) = (serde_json::from_str(&own).unwrap(), serde_json::from_str(&other).unwrap());
    own["pk"] = other["pk"].clone();
    own["type"] = other["type"].clone();
    own["config"] = other["config"].clone();
    assert!(matches!(load_text(&own.to_string()), Err(Error::Context { .. })));
}
