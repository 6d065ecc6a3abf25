//! Contexts and ciphertexts of XTrace's SDK, recorded in tests/data/xtrace: ids, wire encodings, products and distances
//! come out exactly, and whatever is changed in a context is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use hushvec::{
    Ciphertext, ContentProblem, ContextInfo, Device, Error, Evaluator, ExecutionContext, Format, HomomorphicClient,
    PassphraseKeyProvider, Plaintext, Tables,
};
use num_bigint::BigUint;
use serde_json::Value;
use std::path::PathBuf;

const NAMES: [&str; 4] = ["paillier_64_512_salt", "paillier_512_1024", "lookup_64_512", "lookup_512_1024"];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/xtrace").join(name)
}

fn context_text(name: &str) -> String {
    std::fs::read_to_string(path(&format!("{name}.context.json"))).unwrap()
}

fn vectors(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(&format!("{name}.vectors.json"))).unwrap()).unwrap()
}

fn provider() -> PassphraseKeyProvider {
    PassphraseKeyProvider::new("test").unwrap()
}

fn load_text(text: &str) -> Result<ExecutionContext, Error> {
    ExecutionContext::loader().allow_weak(true).from_serialized(text, &provider())
}

fn load(name: &str) -> ExecutionContext {
    load_text(&context_text(name)).unwrap()
}

fn str_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn number(text: &str) -> BigUint {
    BigUint::parse_bytes(text.as_bytes(), 10).unwrap()
}

#[test]
fn recorded_answers_come_out() {
    for name in NAMES {
        let (ctx, recorded) = (load(name), vectors(name));
        let key = ctx.public_key();
        assert_eq!(ctx.format(), Format::XTrace);
        assert_eq!(ctx.id().unwrap(), str_of(&recorded, "context_id"), "{name}");
        let plain = ctx.to_dict_plain().unwrap();
        assert_eq!(str_of(&plain, "sk"), str_of(&recorded, "sk_plaintext"));
        let stored: Value = serde_json::from_str(&context_text(name)).unwrap();
        for field in ["pk", "type", "config"] {
            assert_eq!(plain[field], stored[field], "{name}: {field}");
        }
        assert_eq!(key.n().bits(), recorded["n_bits"].as_u64().unwrap());

        let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
        let recorded_vectors = recorded["vectors"].as_array().unwrap();
        for vector in recorded_vectors {
            let (dec, wire) =
                (vector["ciphertext_dec"][0].as_str().unwrap(), vector["wire_b64_le"][0].as_str().unwrap());
            let c = Ciphertext::from_biguint(key, &number(dec)).unwrap();
            assert_eq!(Ciphertext::from_wire(key, wire).unwrap(), c);
            assert_eq!(c.to_wire(key).unwrap(), wire);
            let hex = vector["plaintext_hex"][0].as_str().unwrap().trim_start_matches("0x");
            let expected = BigUint::parse_bytes(hex.as_bytes(), 16).unwrap();
            assert_eq!(ctx.decrypt(&c).unwrap().to_biguint(), expected);
            // Our own encryption of the same bits has the same plaintext.
            let bits: Vec<u8> = str_of(vector, "bits").bytes().map(|b| b - b'0').collect();
            let own = ctx.encrypt_vec_one(&bits).unwrap();
            assert_eq!(ctx.decrypt(&own).unwrap().to_biguint(), expected);
        }
        let of = |name: &str| {
            let vector = recorded_vectors.iter().find(|v| v["name"] == name).unwrap();
            Ciphertext::from_biguint(key, &number(vector["ciphertext_dec"][0].as_str().unwrap())).unwrap()
        };
        for pair in recorded["pairs"].as_array().unwrap() {
            let sum = evaluator.add(&of(str_of(pair, "x")), &of(str_of(pair, "y"))).unwrap();
            assert_eq!(sum.to_biguint(key).unwrap(), number(pair["product_dec"][0].as_str().unwrap()));
            let le: String = sum.to_le_bytes(key).unwrap().iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(le, pair["product_le_hex"][0].as_str().unwrap());
            let distance = pair["distance"].as_u64().unwrap();
            assert_eq!(u64::from(ctx.decode_hamming_client_one(&sum).unwrap()), distance);
        }
        let payload = &recorded["aes_payload"];
        let content = ctx.decrypt_content(str_of(payload, "blob_b64")).unwrap();
        assert_eq!(*content, str_of(payload, "plaintext").as_bytes());
        assert_eq!(*ctx.decrypt_content(&ctx.encrypt_content(b"more").unwrap()).unwrap(), b"more");
    }
}

#[test]
fn contexts_are_written_as_they_were_read() {
    for name in NAMES {
        let (ctx, stored) = (load(name), context_text(name));
        let written = ctx.serialize_exec_context().unwrap();
        let (a, b): (Value, Value) = (serde_json::from_str(&written).unwrap(), serde_json::from_str(&stored).unwrap());
        for field in ["pk", "type", "config", "key_provider", "wrapped_key"] {
            assert_eq!(a[field], b[field], "{name}: {field}");
        }
        // The sealed part differs by its nonce only: everything around it is the same to the byte.
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

/// g·g_n^k has all properties of a generator, so that only ids tell an altered file from the true one. The same goes for the
/// embedding length.
#[test]
fn what_only_the_id_shows_is_refused_if_the_id_was_expected() {
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
        // Nothing but the id tells.
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

/// The value with its last digit changed.
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
            // Bare integers are longer than serde_json's numbers, so the text is changed, not the value.
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

/// A key pair's public part beside another key pair's secret part.
#[test]
fn swapped_keys_are_refused() {
    let (own, other) = (context_text("paillier_512_1024"), context_text("lookup_512_1024"));
    let (mut own, other): (Value, Value) = (serde_json::from_str(&own).unwrap(), serde_json::from_str(&other).unwrap());
    own["pk"] = other["pk"].clone();
    own["type"] = other["type"].clone();
    own["config"] = other["config"].clone();
    assert!(matches!(load_text(&own.to_string()), Err(Error::Context { .. })));
}

#[test]
fn tables_are_the_sdks_and_injected_ones_are_checked() {
    for name in NAMES {
        let (ctx, recorded) = (load(name), vectors(name));
        let tables = ctx.dump_tables().unwrap();
        if !name.starts_with("lookup") {
            assert_eq!((&tables, tables.to_json().unwrap().as_str()), (&Tables::default(), "{}"));
            continue;
        }
        assert_eq!(tables.g_table.len() as u64, recorded["tables_shape"]["g_table_rows"].as_u64().unwrap());
        for (row, field) in [(0, "g_table_row0_first4"), (1, "g_table_row1_first4")] {
            let first: Vec<String> = tables.g_table[row][..4].iter().map(ToString::to_string).collect();
            let expected: Vec<&str> = recorded[field].as_array().unwrap().iter().map(|x| x.as_str().unwrap()).collect();
            assert_eq!(first, expected);
        }
        ctx.load_tables(&tables).unwrap();
        let json = tables.to_json().unwrap();
        assert_eq!(Tables::from_json(&json).unwrap(), tables);
        if name == "lookup_64_512" {
            let stored = context_text(name);
            let with = |json: &str| format!("{}, \"tables\": {json}}}", &stored[..stored.len() - 1]);
            load_text(&with(&json)).unwrap();
            assert!(matches!(load_text(&with("{\"g_table\": {}, \"noise_table\": []}")), Err(Error::Context { .. })));
            assert!(matches!(load_text(&with("[1]")), Err(Error::Context { .. })));
        }
        let refused = |change: &dyn Fn(&mut Tables)| {
            let mut changed = tables.clone();
            change(&mut changed);
            assert!(matches!(ctx.load_tables(&changed), Err(Error::Context { field: "tables", .. })));
        };
        refused(&|t| t.g_table[3][7] += 1u32);
        refused(&|t| t.g_table[0][0] = 2u32.into());
        refused(&|t| drop(t.g_table.pop()));
        refused(&|t| drop(t.g_table[5].pop()));
        refused(&|t| t.noise_table.fill(1u32.into()));
        refused(&|t| t.noise_table[9] = 1u32.into());
        refused(&|t| t.noise_table[9] = t.noise_table[8].clone());
        refused(&|t| t.noise_table[9] = t.g_table[0][1].clone());
        refused(&|t| t.noise_table[200] += 1u32);
        refused(&|t| t.noise_table[200] = 0u32.into());
        refused(&|t| drop(t.noise_table.pop()));
    }
}

#[test]
fn integers_work_under_imported_keys() {
    for name in NAMES {
        let ctx = load(name);
        let (a, b) = (Plaintext::from(40u64), Plaintext::from(2u64));
        let sum = ctx.add(&ctx.encrypt(&a).unwrap(), &ctx.encrypt(&b).unwrap()).unwrap();
        let sum = ctx.mul_plain(&ctx.add_plain(&sum, &b).unwrap(), &b).unwrap();
        assert_eq!(u64::try_from(&ctx.decrypt(&sum).unwrap()).unwrap(), 88);
    }
}

fn is_secret_key<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Content { problem: ContentProblem::SecretKey }))
}

/// A server sends the sealed secret key in place of a document's content.
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

/// An attacker has the owner seal a document that is the secret key of a context of the attacker's, and puts the result into
/// that context: it would open with the owner's passphrase.
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
        // The values in an array are no key to the SDK, so they may be content, and must be no key here.
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
