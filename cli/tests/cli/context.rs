//! `hushvec context …`: create, show, export, compare; passphrases.

use crate::workspace::{PASSPHRASE, Workspace, expected, sdk_file, vectors};
use predicates::str::contains;
use serde_json::Value;

#[test]
fn contexts_are_shown_as_json() {
    let workspace = Workspace::with_context("paillier_lookup");
    let shown = workspace.json(&["context", "show", "ctx.json", "--json"]);
    let id = shown["public_id"].as_str().unwrap().to_owned();
    let want = serde_json::json!({
        "id": id, "public_id": id, "format": "native", "scheme": "paillier_lookup", "embedding_length": 64,
        "key_len": 1024, "alpha_len": 512, "strength_bits": 112, "device": "auto",
    });
    assert_eq!(shown, want);
    assert_eq!(workspace.json(&["context", "show", "ctx.json", "--json", "--verify"])["verified"], true);
    assert_eq!(workspace.json(&["context", "show", "public.json", "--json"])["public_id"], *id);

    workspace.ok(&["context", "export", "ctx.json", "-o", "sdk.json", "--format", "xtrace"]);
    let exported = workspace.json(&["context", "show", "sdk.json", "--json"]);
    assert_eq!(
        (&exported["id"], &exported["format"], &exported["public_id"]),
        (&Value::Null, &"xtrace".into(), &id.into())
    );
    assert_eq!(
        workspace.json(&["context", "show", "sdk.json", "--json", "--verify"])["id"].as_str().unwrap().len(),
        64
    );
    let stored: Value = serde_json::from_str(&std::fs::read_to_string(workspace.path("sdk.json")).unwrap()).unwrap();
    assert_eq!(stored["type"], "PaillierLookupClient");
    // Export back to the native format. Data encrypted before still decrypts.
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    workspace.ok(&["context", "export", "sdk.json", "-o", "back.json", "--format", "native"]);
    workspace.floats("query.npy", &vectors(1));
    let want = expected(&vectors(40), &vectors(1), 3, |i| i);
    for context in ["sdk.json", "back.json"] {
        assert_eq!(workspace.json(&["query", context, "index.hvx", "query.npy", "-k", "3", "--json"]), want);
    }
}

#[test]
fn contexts_are_not_overwritten_by_accident() {
    let workspace = Workspace::with_context("paillier");
    let before = std::fs::read(workspace.path("ctx.json")).unwrap();
    workspace.refused(&["context", "new", "-o", "ctx.json"], 2, "ctx.json is not overwritten: it holds a secret key");
    workspace.refused(
        &["context", "export", "ctx.json", "-o", "public.json", "--format", "native"],
        2,
        "public.json exists",
    );
    workspace.refused(&["context", "new", "-o", "ctx.json", "--force"], 2, "give another name, or move that file away");
    assert_eq!(std::fs::read(workspace.path("ctx.json")).unwrap(), before);
    workspace.refused(
        &["context", "new", "-o", "public.json", "--force"],
        2,
        "public.json is not overwritten: it is a public context",
    );
    std::fs::write(workspace.path("notes.json"), "{}").unwrap();
    workspace.ok(&["context", "new", "-o", "notes.json", "--embedding-length", "64", "--force"]);
}

#[test]
fn wrong_parameters_are_found_before_the_passphrase_prompt() {
    let workspace = Workspace::new();
    for (arguments, code, what) in [
        (&["--key-len", "1000"][..], 2, "key_len = 1000"),
        (&["--embedding-length", "1024"], 2, "embedding_length = 1024"),
        (&["--key-len", "512", "--embedding-length", "64"], 1, "weak key: n has 1024 bits"),
        (&["--scheme", "paillier_subgroup", "--alpha-len", "440"], 1, "weak key: alpha_len is 440"),
        (&["--alpha-len", "512"], 2, "alpha_len = 512"),
        (&["--scheme", "rsa"], 2, "unknown scheme \"rsa\""),
        (&["--scheme", "paillier_subgroup", "--format", "xtrace"], 2, "does not support paillier_subgroup"),
        (&["--device", "gpu:none such"], 1, "device gpu:none such"),
        (&["--device", "tpu"], 2, "tpu"),
        (&["--threads", "0"], 2, "--threads"),
        (&["--threads", "999999"], 2, "at most"),
    ] {
        let arguments = [&["context", "new", "-o", "never.json"], arguments].concat();
        // There is no passphrase, so the error must be found before it is needed.
        let mut command = workspace.command(&arguments);
        command.env_remove("HUSHVEC_PASSPHRASE").write_stdin("").assert().code(code).stderr(contains(what));
    }
    workspace
        .command(&["context", "new", "-o", "never.json"])
        .env_remove("HUSHVEC_PASSPHRASE")
        .write_stdin("")
        .assert()
        .code(2)
        .stderr(contains("HUSHVEC_PASSPHRASE"));
    workspace.command(&["context", "new", "-o", "never.json"]).env("HUSHVEC_PASSPHRASE", "").assert().code(1);
    assert!(!workspace.path("never.json").exists());
}

#[test]
fn passphrases_come_from_files_and_are_checked() {
    let workspace = Workspace::new();
    std::fs::write(workspace.path("pass.txt"), "from a file\nand nothing of this line\n").unwrap();
    workspace.ok(&["context", "new", "-o", "ctx.json", "--embedding-length", "64", "--passphrase-file", "pass.txt"]);
    workspace.ok(&["context", "show", "ctx.json", "--verify", "--passphrase-file", "pass.txt"]);
    workspace
        .command(&["context", "show", "ctx.json", "--verify"])
        .env("HUSHVEC_PASSPHRASE", "from a file")
        .assert()
        .success();
    workspace.refused(
        &["context", "show", "ctx.json", "--verify"],
        1,
        "wrong passphrase or key, or the data was changed",
    );
    // The passphrase is never printed.
    let output = workspace
        .ok(&["context", "show", "ctx.json", "--verify", "--passphrase-file", "pass.txt"])
        .get_output()
        .clone();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!printed.contains("from a file"));
}

#[test]
fn weak_contexts_need_allow_weak() {
    let workspace = Workspace::new();
    std::fs::copy(sdk_file("lookup_64_512.context.json"), workspace.path("old.json")).unwrap();
    workspace.floats("vectors.npy", &vectors(3));
    let encrypt = ["encrypt", "old.json", "vectors.npy", "-o", "index.hvx"];
    let weak = "alpha_len is 50, so anyone with the public key can factor n";
    workspace.ok(&["context", "show", "old.json"]).stderr(contains(weak));
    workspace
        .command(&encrypt)
        .env("HUSHVEC_PASSPHRASE", "test")
        .assert()
        .code(1)
        .stderr(contains(weak))
        .stderr(contains("--allow-weak"));
    let allowed = [&encrypt[..], &["--allow-weak"]].concat();
    workspace.command(&allowed).env("HUSHVEC_PASSPHRASE", "test").assert().success().stderr(contains(weak));
    workspace.refused(&["context", "public", "old.json", "-o", "p.json"], 1, weak);
    workspace.ok(&["context", "public", "old.json", "-o", "p.json", "--allow-weak"]);
}

#[test]
fn a_passphrase_is_changed_and_nothing_else() {
    let workspace = Workspace::with_context("paillier_subgroup");
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    workspace.floats("query.npy", &vectors(1));
    std::fs::copy(sdk_file("lookup_64_512.context.json"), workspace.path("sdk.json")).unwrap();
    std::fs::write(workspace.path("old.txt"), PASSPHRASE).unwrap();
    std::fs::write(workspace.path("test.txt"), "test").unwrap();
    std::fs::write(workspace.path("new.txt"), "a new one").unwrap();
    let before = std::fs::read_to_string(workspace.path("ctx.json")).unwrap();

    // After a wrong, missing or empty passphrase, the file is unchanged.
    let change = ["context", "passphrase", "ctx.json"];
    workspace
        .command(&change)
        .env("HUSHVEC_PASSPHRASE", "wrong")
        .env("HUSHVEC_NEW_PASSPHRASE", "x")
        .assert()
        .code(1)
        .stderr(contains("wrong passphrase"));
    workspace.command(&change).write_stdin("").assert().code(2).stderr(contains("set HUSHVEC_NEW_PASSPHRASE"));
    workspace
        .command(&change)
        .env("HUSHVEC_NEW_PASSPHRASE", "")
        .assert()
        .code(1)
        .stderr(contains("the passphrase is empty"));
    assert_eq!(std::fs::read_to_string(workspace.path("ctx.json")).unwrap(), before);

    workspace.ok(&[&change[..], &["--new-passphrase-file", "new.txt"]].concat()).stderr(contains("old passphrase"));
    workspace.refused(&["context", "show", "ctx.json", "--verify"], 1, "wrong passphrase");
    let shown = workspace.json(&["context", "show", "ctx.json", "--verify", "--json", "--passphrase-file", "new.txt"]);
    let (before, after): (Value, Value) = (
        serde_json::from_str(&before).unwrap(),
        serde_json::from_slice(&std::fs::read(workspace.path("ctx.json")).unwrap()).unwrap(),
    );
    assert_eq!(shown["id"], before["public_id"]);
    for (field, value) in before.as_object().unwrap() {
        let secret = ["wrapped_key", "sealed"].contains(&field.as_str());
        assert_eq!(after[field] != *value, secret, "{field}");
    }
    let query = ["query", "ctx.json", "index.hvx", "query.npy", "-k", "5", "--json", "--passphrase-file", "new.txt"];
    assert_eq!(workspace.json(&query), expected(&vectors(40), &vectors(1), 5, |i| i));

    // The same holds for the SDK's format, after a warning about document content.
    let id = |file: &str| {
        workspace.json(&[
            "context",
            "show",
            "sdk.json",
            "--verify",
            "--json",
            "--allow-weak",
            "--passphrase-file",
            file,
        ])["id"]
            .clone()
    };
    let before = id("test.txt");
    let change = ["context", "passphrase", "sdk.json", "--allow-weak", "--passphrase-file", "test.txt"];
    let change = [&change[..], &["--new-passphrase-file", "new.txt"]].concat();
    workspace.refused(&change, 2, "--lose-content");
    workspace.ok(&[&change[..], &["--lose-content"]].concat());
    assert_eq!(id("new.txt"), before);
    workspace.ok(&["context", "audit", "sdk.json"]).stdout(contains("a salt of 16 bytes"));
}

#[test]
fn contexts_are_compared() {
    let workspace = Workspace::with_context("paillier");
    let compare = |a: &str, b: &str, code: i32, says: &str| {
        let output = workspace
            .command(&["context", "compare", a, b, "--json"])
            .env_remove("HUSHVEC_PASSPHRASE")
            .output()
            .unwrap();
        workspace.command(&["context", "compare", a, b]).assert().code(code).stdout(contains(says));
        assert_eq!(output.status.code(), Some(code));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let differences = |comparison: &Value| {
        let list = comparison["differences"].as_array().unwrap().iter();
        list.map(|difference| difference["what"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    std::fs::copy(workspace.path("ctx.json"), workspace.path("copy.json")).unwrap();
    let same = compare("ctx.json", "copy.json", 0, "nothing else differs");
    assert_eq!((&same["same"], differences(&same).len()), (&true.into(), 0));
    // A public context, another format and another passphrase still have the same key.
    assert_eq!(differences(&compare("ctx.json", "public.json", 0, "the same key")), ["format"]);
    workspace.ok(&["context", "export", "ctx.json", "-o", "sdk.json", "--format", "xtrace"]);
    assert_eq!(
        differences(&compare("ctx.json", "sdk.json", 0, "format: native / xtrace")),
        ["format", "id", "key from", "salt"]
    );
    workspace.command(&["context", "passphrase", "copy.json"]).env("HUSHVEC_NEW_PASSPHRASE", "x").assert().success();
    assert_eq!(differences(&compare("ctx.json", "copy.json", 0, "salt: different")), ["salt"]);
    // Another key; then the same n with another embedding length.
    workspace.ok(&["context", "new", "-o", "other.json", "--embedding-length", "64", "--device", "cpu"]);
    let other = compare("ctx.json", "other.json", 1, "two different keys");
    assert_eq!((&other["same"], &other["same_n"]), (&false.into(), &false.into()));
    assert_eq!(differences(&other), ["id", "device", "salt"]);
    let sdk = std::fs::read_to_string(workspace.path("sdk.json")).unwrap();
    std::fs::write(workspace.path("longer.json"), sdk.replace(r#"\"embed_len\": 64"#, r#"\"embed_len\": 65"#)).unwrap();
    let longer = compare("sdk.json", "longer.json", 1, "the same n, but different contexts");
    assert_eq!(
        (&longer["same"], &longer["same_n"], differences(&longer)),
        (&false.into(), &true.into(), vec!["embedding length".to_owned()])
    );
    // Files that cannot be compared do not count as different.
    workspace.refused(&["context", "compare", "ctx.json", "missing.json"], 2, "cannot open missing.json");
    workspace.refused(&["context", "compare", "vectors.npy", "ctx.json"], 2, "vectors.npy");
}

/// With --expect-id, commands refuse a context with another id.
#[test]
fn an_expected_id_is_compared() {
    let workspace = Workspace::with_context("paillier_lookup");
    workspace.ok(&["context", "export", "ctx.json", "-o", "sdk.json", "--format", "xtrace"]);
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    workspace.floats("query.npy", &vectors(1));
    let verified = |file: &str| workspace.json(&["context", "show", file, "--json", "--verify"]);
    let (native, sdk) = (verified("ctx.json"), verified("sdk.json"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (public_id, sdk_id) = (text(&native["public_id"]), text(&sdk["id"]));
    assert_ne!(public_id, sdk_id);
    let expecting = |arguments: &[&str], id: &str| {
        let arguments = [arguments, &["--expect-id", id]].concat();
        workspace.command(&arguments).assert()
    };

    let wrong = "0".repeat(64);
    for (number, arguments) in [
        &["context", "show", "ctx.json"][..],
        &["context", "show", "ctx.json", "--verify"],
        &["context", "show", "public.json"],
        &["context", "audit", "ctx.json"],
        &["context", "public", "ctx.json", "-o", "OUT"],
        &["context", "public", "ctx.json", "-o", "OUT", "--verify"],
        &["context", "export", "sdk.json", "-o", "OUT", "--format", "native"],
        &["encrypt", "ctx.json", "vectors.npy", "-o", "OUT"],
        &["encrypt", "public.json", "vectors.npy", "-o", "OUT"],
        &["encrypt-query", "ctx.json", "query.npy", "-o", "OUT"],
        &["encrypt-query", "public.json", "query.npy", "-o", "OUT"],
        &["query", "sdk.json", "index.hvx", "query.npy"],
        &["index", "verify", "public.json", "index.hvx"],
        &["index", "export", "ctx.json", "index.hvx", "-o", "OUT"],
    ]
    .iter()
    .enumerate()
    {
        let out = format!("out{number}");
        let arguments: Vec<&str> = arguments.iter().map(|text| if *text == "OUT" { &out } else { *text }).collect();
        expecting(&arguments, &wrong).failure().stderr(contains("error: ")).stderr(contains("00000000"));
        assert!(!workspace.path(&out).exists(), "{arguments:?}");
        expecting(&arguments, &public_id).success();
    }
    // In XTrace's format, computing the id needs the passphrase.
    let query = ["query", "sdk.json", "index.hvx", "query.npy"];
    expecting(&query, &sdk_id).success();
    expecting(&["context", "show", "sdk.json", "--verify"], &sdk_id).success();
    expecting(&["context", "show", "sdk.json"], &sdk_id).code(2).stderr(contains("--verify"));
    expecting(&["context", "show", "ctx.json"], &sdk_id).code(1).stderr(contains(", expected "));
}

/// Numbers that are too large, by a typing error for example, are refused.
#[test]
fn numbers_have_limits() {
    let workspace = Workspace::with_context("paillier");
    for (arguments, what) in [
        (&["devices", "--threads", "999999"][..], "at most"),
        (&["query", "ctx.json", "index", "query", "--threads", "999999"], "at most"),
        (&["bench", "--threads", "999999"], "at most"),
        (&["bench", "--batch", "1024,99999999999"], "batch = 99999999999"),
        (&["bench", "--key-len", "99999999"], "key_len = 99999999"),
        (&["query", "ctx.json", "index", "query", "-k", "99999999999"], "0..=1000000"),
        (&["decode", "ctx.json", "response", "-k", "99999999999"], "0..=1000000"),
    ] {
        workspace.refused(arguments, 2, what);
    }
    workspace
        .command(&["devices"])
        .env("RAYON_NUM_THREADS", "999999")
        .assert()
        .code(2)
        .stderr(contains("RAYON_NUM_THREADS"));
    #[cfg(target_os = "linux")]
    workspace.refused(&["context", "show", "ctx.json", "--verify", "--passphrase-file", "/dev/zero"], 2, "65536 bytes");
    std::fs::write(workspace.path("pass.txt"), format!("{PASSPHRASE}\r\n{}", "x".repeat(100_000))).unwrap();
    workspace.ok(&["context", "show", "ctx.json", "--verify", "--passphrase-file", "pass.txt"]);
}

/// If syncing the folder fails, the new file is in place, and the error must say so.
#[cfg(target_os = "linux")]
#[test]
fn a_passphrase_that_was_changed_is_not_called_a_failed_write() {
    if !std::process::Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success()) {
        return;
    }
    let workspace = Workspace::with_context("paillier");
    std::fs::write(workspace.path("new.txt"), "another one").unwrap();
    let log = workspace.path("strace");
    let mut command = std::process::Command::new("strace");
    // The first fsync is of the file, the second of its folder.
    command.args(["-f", "-qq", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=2", "-o"]).arg(&log);
    command.arg(assert_cmd::cargo::cargo_bin!("hushvec")).args(["context", "passphrase", "ctx.json"]);
    command
        .args(["--new-passphrase-file", "new.txt"])
        .current_dir(workspace.path(""))
        .env("HUSHVEC_PASSPHRASE", PASSPHRASE);
    let output = command.output().unwrap();
    assert!(std::fs::read_to_string(&log).unwrap().contains("(INJECTED)"));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("is in place") && message.contains("opens with the new passphrase"), "{message}");
    workspace.ok(&["context", "show", "ctx.json", "--verify", "--passphrase-file", "new.txt"]);
}
