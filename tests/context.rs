//! The execution context as its users meet it, for all schemes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "common/keys.rs"]
mod keys;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hushvec::{
    BitMatrix, ContentProblem, ContextInfo, Device, Embedding, Error, Evaluator, ExecutionContext, Format,
    HomomorphicClient, MemoryStore, Occupant, PassphraseKeyProvider, Precision, PublicContext, RemoteStore, Scheme,
};
use keys::{DIMENSIONS, FixedKeyProvider, contexts};
use pollster::block_on;
use serde_json::Value;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

fn rust_hash(context: &ExecutionContext) -> u64 {
    let mut hasher = DefaultHasher::new();
    Hash::hash(context, &mut hasher);
    hasher.finish()
}

fn reopen(context: &ExecutionContext) -> ExecutionContext {
    let text = context.serialize_exec_context().unwrap();
    ExecutionContext::from_serialized(&text, &FixedKeyProvider::default(), None).unwrap()
}

#[test]
fn the_three_roles() {
    for ctx in contexts() {
        let vectors =
            BitMatrix::from_rows(DIMENSIONS, (0..20u8).map(|i| [i & 1, i >> 1 & 1, i >> 2 & 1].repeat(32))).unwrap();
        let index = ctx.encrypt_vec_batch(&vectors).unwrap();
        let query = ctx.encrypt_vec_one(&[1, 0, 1].repeat(32)).unwrap();
        let public = PublicContext::from_json(&ctx.public_context().to_json().unwrap(), false).unwrap();
        let evaluator = Evaluator::open(&public, Device::Auto).unwrap();
        let response = evaluator.hamming_batch(&query, &index).unwrap();
        let distances = ctx.decode_hamming_client_batch(&response).unwrap();
        let expected: Vec<u32> = (0..20u32).map(|i| 32 * ((i & 7) ^ 5).count_ones()).collect();
        assert_eq!(distances, expected, "{}", ctx.scheme());
        assert_eq!(ctx.decode_hamming_client_one(&response.get(7).unwrap()).unwrap(), expected[7]);
        // Whoever has only the public context can encrypt too.
        let own = evaluator.encrypt_vec_batch(&vectors.slice(5..6)).unwrap().get(0).unwrap();
        let response = evaluator.hamming_batch(&own, &index).unwrap();
        assert_eq!(ctx.decode_hamming_client_batch(&response).unwrap(), expected);
    }
}

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
        // Neither content nor an embedding opens as the other, nor an embedding of another chunk.
        let content = ctx.encrypt_content_for("a", b"\x01abc").unwrap();
        assert!(ctx.open_embedding("a", &content).is_err());
        assert!(ctx.open_embedding("b", &sealed).is_err());
        assert!(ctx.decrypt_content_for("a", &sealed).is_err());
    }
}

#[test]
fn what_is_wrong_with_a_vector_is_said() {
    for ctx in contexts() {
        assert!(matches!(ctx.encrypt_vec_one(&[0; 95]), Err(Error::Dimension { row: 0, expected: 96, actual: 95 })));
        assert!(matches!(ctx.encrypt_vec_one(&[2; 96]), Err(Error::NotBinary { row: 0, column: 0, .. })));
        let other = BitMatrix::from_rows(3, [[0, 1, 0]]).unwrap();
        assert!(matches!(ctx.encrypt_vec_batch(&other), Err(Error::Dimension { expected: 96, actual: 3, .. })));
        assert_eq!(ctx.encrypt_vec_batch(&BitMatrix::new(96)).unwrap().len(), 0);
    }
}

#[test]
fn contexts_that_differ_in_device_are_one() {
    for ctx in contexts() {
        let mut other = reopen(ctx);
        other.set_device(Device::Cpu, None).unwrap();
        assert_eq!((other.device(), ctx.device()), (&Device::Cpu, &Device::Auto));
        assert_eq!(&other, ctx);
        assert_eq!(rust_hash(&other), rust_hash(ctx));
        assert_eq!(
            (other.id().unwrap(), other.hash().unwrap(), other.public_id()),
            (ctx.id().unwrap(), ctx.hash().unwrap(), ctx.public_id())
        );
        let c = other.encrypt_vec_one(&[1; DIMENSIONS]).unwrap();
        let sum = ctx.add(&c, &ctx.encrypt_vec_one(&[0; DIMENSIONS]).unwrap()).unwrap();
        assert_eq!(other.decode_hamming_client_one(&sum).unwrap(), 96);
        // The device is stored, and comes back.
        assert_eq!(reopen(&other).device(), &Device::Cpu);
        assert!(matches!(other.set_device(Device::GpuIndex(99), None), Err(Error::Device { .. })));
        assert_eq!(other.device(), &Device::Cpu);
        // A context that keeps its secrets on the processor says so when it comes back, and is the same still.
        assert!(!reopen(&other).secrets_on_cpu());
        let text = other.serialize_exec_context().unwrap();
        let loader = ExecutionContext::loader().secrets_on_cpu(true);
        let careful = loader.from_serialized(&text, &FixedKeyProvider::default()).unwrap();
        assert!(careful.secrets_on_cpu() && reopen(&careful).secrets_on_cpu() && careful == other);
    }
    let mut all: Vec<_> = contexts().collect();
    all.dedup_by(|a, b| a == b);
    assert_eq!(all.len(), 3, "different keys are different contexts");
}

#[test]
fn ids_given_by_hand_are_kept() {
    for ctx in contexts() {
        assert_eq!(ctx.id().unwrap(), ctx.public_id().to_string());
        let text = ctx.serialize_exec_context().unwrap();
        let named = ExecutionContext::from_serialized(&text, &FixedKeyProvider::default(), Some("mine")).unwrap();
        assert_eq!((named.id().unwrap().as_str(), named.hash().unwrap()), ("mine", ctx.hash().unwrap()));
        assert_eq!(&named, ctx);
        assert_eq!(reopen(&named).id().unwrap(), "mine");
        let info = ContextInfo::from_serialized(&named.serialize_exec_context().unwrap()).unwrap();
        assert_eq!((info.id.as_deref(), info.public.public_id()), (Some("mine"), ctx.public_id()));
    }
}

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
        // An id given by hand is in the document, and nothing else stands for it.
        let text = ctx.serialize_exec_context().unwrap();
        let named = ExecutionContext::from_serialized(&text, &provider, Some("mine")).unwrap();
        assert_eq!(block_on(named.save_to_remote(&store)).unwrap(), "mine");
        assert_eq!(load("mine").unwrap().id().unwrap(), "mine");
        block_on(store.store_exec_context(named.to_dict_enc().unwrap(), &ctx.id().unwrap())).unwrap();
        assert!(refused(&ctx.id().unwrap()));
        // Nor does an id of one's own get past the check.
        let loader = ExecutionContext::loader().context_id("another name");
        assert!(block_on(loader.load_from_remote(&store, "another name", &provider)).is_err());

        if ctx.scheme() == Scheme::PaillierSubgroup {
            continue;
        }
        let theirs = reopen(ctx).export(Format::XTrace, Arc::new(FixedKeyProvider::default())).unwrap();
        let hash = theirs.hash().unwrap();
        assert_eq!(block_on(theirs.save_to_remote(&store)).unwrap(), hash);
        assert_eq!(load(&hash).unwrap(), theirs);
        // XTrace's format has no room for another id: whatever is no hash has to be believed.
        for (asked, accepted) in [(other.as_str(), false), ("by hand", true), (&hash[1..], true)] {
            block_on(store.store_exec_context(theirs.to_dict_enc().unwrap(), asked)).unwrap();
            assert_eq!(refused(asked), !accepted, "{asked}");
            if accepted {
                assert_eq!(load(asked).unwrap().id().unwrap(), asked);
            }
        }
    }
}

#[test]
fn providers_passphrases_and_salts() {
    let builder = || ExecutionContext::builder().embedding_length(DIMENSIONS);
    assert!(matches!(builder().build(), Err(Error::Missing(_))));
    assert!(matches!(builder().passphrase("").build(), Err(Error::Missing(_))));
    assert!(matches!(builder().passphrase("x").salt("short").build(), Err(Error::KeyDerivation { .. })));

    // A key provider wins over a passphrase.
    let fixed = Arc::new(FixedKeyProvider::default());
    let ctx = builder().passphrase("ignored").key_provider(fixed).build().unwrap();
    assert_eq!(ctx.to_dict_enc().unwrap()["key_provider"], "fixed");
    reopen(&ctx);

    // With a path the context is saved at once, in either format; the salt is where the format puts it.
    let folder = tempfile::tempdir().unwrap();
    for (format, wrapped) in [
        (Format::Native, "JGFyZ29uMmlkJHY9MTkkbT02NTUzNix0PTMscD00JGJYa2dkbVZ5ZVNCdmQyNGdjMkZzZEE="),
        (Format::XTrace, "bXkgdmVyeSBvd24gc2FsdA=="),
    ] {
        let path = folder.path().join(format.name());
        let ctx =
            builder().format(format).passphrase("open sesame").salt("my very own salt").path(&path).build().unwrap();
        assert_eq!(ctx.to_dict_enc().unwrap()["wrapped_key"], wrapped);
        let provider = PassphraseKeyProvider::new("open sesame").unwrap();
        let again = ExecutionContext::load_from_disk(&path, &provider).unwrap();
        assert_eq!((&again, again.id().unwrap(), again.format()), (&ctx, ctx.id().unwrap(), format));
        let wrong = PassphraseKeyProvider::new("open barley").unwrap();
        match ExecutionContext::load_from_disk(&path, &wrong) {
            Err(error) => {
                assert!(matches!(error.root(), Error::Unseal));
                assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
            }
            Ok(_) => panic!("opened with a wrong passphrase"),
        }
    }
    // Two XTrace contexts without a salt do not share one.
    let salt = |ctx: &ExecutionContext| ctx.to_dict_enc().unwrap()["wrapped_key"].clone();
    let xtrace = || builder().format(Format::XTrace).passphrase("x").build().unwrap();
    assert_ne!(salt(&xtrace()), salt(&xtrace()));
}

#[test]
fn formats_refuse_what_they_cannot_hold() {
    let builder = || ExecutionContext::builder().embedding_length(DIMENSIONS);
    let subgroup = builder().scheme(Scheme::PaillierSubgroup).format(Format::XTrace).passphrase("x").build();
    assert!(matches!(subgroup, Err(Error::Unsupported { .. })));
    let argon2 = builder().format(Format::XTrace).create(PassphraseKeyProvider::new("x").unwrap());
    assert!(matches!(argon2, Err(Error::Unsupported { .. })));
    let scrypt = builder().create(PassphraseKeyProvider::xtrace("x", None).unwrap());
    assert!(matches!(scrypt, Err(Error::Unsupported { .. })));
}

#[test]
fn sizes_out_of_bounds_are_refused_before_any_work() {
    let builder = || ExecutionContext::builder().passphrase("x");
    for (refused, name) in [
        (builder().embedding_length(1024), "embedding_length"),
        (builder().embedding_length(0), "embedding_length"),
        (builder().key_len(1000), "key_len"),
        (builder().alpha_len(512), "alpha_len"),
    ] {
        assert!(matches!(refused.build(), Err(Error::Parameter { name: n, .. }) if n == name));
    }
    assert!(matches!(builder().embedding_length(64).key_len(512).build(), Err(Error::WeakKey { .. })));
    let weak = builder().scheme(Scheme::PaillierSubgroup).alpha_len(447).build();
    assert!(matches!(weak, Err(Error::WeakKey { .. })));
    assert!(matches!(builder().device(Device::GpuIndex(99)).build(), Err(Error::Device { .. })));
}

#[test]
fn content_is_sealed_under_a_key_of_its_own() {
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
        // Without the version, it is no content of the old form, whatever its nonce begins with.
        assert!(ctx.decrypt_content(&STANDARD.encode(&blob[1..])).is_err());
        assert!(ctx.decrypt_content_for("seven", &STANDARD.encode(&blob[1..])).is_err());
        for version in [0, 1, 3] {
            blob[0] = version;
            assert!(ctx.decrypt_content_for("seven", &STANDARD.encode(&blob)).is_err());
            assert!(matches!(ctx.decrypt_content(&STANDARD.encode(&blob)), Err(Error::Unseal)));
        }
        // Old content opens whatever its first byte is: some of these begin like bound content.
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

/// tests/data/native/README.md says what was computed there, and with what.
#[test]
fn a_context_without_a_content_key_derives_it_and_then_keeps_it() {
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

#[test]
fn plain_keys_come_back_under_another_provider() {
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
                // Only the number of dimensions follows from nothing: with another it is another context.
                let another = load(&value).map_or(true, |other| field == "config" && other != *ctx);
                assert!(another, "{}: {field}, character {at}", ctx.scheme());
            }
            let mut value = plain.clone();
            value[field] = Value::Null;
            assert!(load(&value).unwrap_err().to_string().contains("is missing, or is no text"));
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

/// Keys are lost only where somebody removes their file.
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
    // Before any keys are made, which these could not be.
    refused(builder().key_len(1000).path(&path).build().map(drop), Occupant::Context);
    refused(contexts().next().unwrap().save_to_disk(&path), Occupant::SecretKey);
    refused(made.public_context().save(&path), Occupant::SecretKey);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // The same keys under another passphrase are no loss, nor is an empty file.
    let provider = Arc::new(PassphraseKeyProvider::new("another").unwrap());
    made.export(Format::Native, provider).unwrap().save_to_disk(&path).unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), before);
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    builder().path(&empty).build().unwrap();
    ExecutionContext::load_from_disk(&empty, &PassphraseKeyProvider::new("test").unwrap()).unwrap();
}
