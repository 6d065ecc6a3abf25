//! The command line as its users meet it: the walk through all roles, the JSON, and what is said about bad input.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use predicates::str::contains;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

const DIMENSIONS: usize = 64;
const PASSPHRASE: &str = "correct horse";

/// A folder with a context, its public part, and vectors.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With `ctx.json`, `public.json` and `vectors.npy` of 40 float vectors.
    fn furnished(scheme: &str) -> Self {
        let desk = Self::new();
        desk.ok(&["context", "new", "-o", "ctx.json", "--scheme", scheme, "--embedding-length", "64"]);
        desk.ok(&["context", "public", "ctx.json", "-o", "public.json"]);
        desk.floats("vectors.npy", &vectors(40));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("hushvec"));
        command.current_dir(self.folder.path()).env("HUSHVEC_PASSPHRASE", PASSPHRASE).args(arguments);
        command
    }

    fn ok(&self, arguments: &[&str]) -> Assert {
        self.command(arguments).assert().success()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.ok(arguments).get_output().stdout.clone();
        serde_json::from_slice(&output).unwrap()
    }

    fn refused(&self, arguments: &[&str], code: i32, what: &str) {
        self.command(arguments).assert().code(code).stderr(contains("error: ")).stderr(contains(what));
    }

    fn npy(&self, name: &str, descr: &str, shape: &str, data: &[u8]) {
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        let bytes = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat();
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn floats(&self, name: &str, rows: &[Vec<f32>]) {
        let data: Vec<u8> = rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
        self.npy(name, "<f4", &format!("({}, {})", rows.len(), rows.first().map_or(DIMENSIONS, Vec::len)), &data);
    }
}

fn vectors(count: usize) -> Vec<Vec<f32>> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 63 == 1 { 0.5 } else { -0.5 }
    };
    (0..count).map(|_| (0..DIMENSIONS).map(|_| next()).collect()).collect()
}

fn distance(a: &[f32], b: &[f32]) -> u64 {
    a.iter().zip(b).filter(|(a, b)| (**a > 0.) != (**b > 0.)).count() as u64
}

/// What `decode --json` and `query --json` must print.
fn expected(stored: &[Vec<f32>], queries: &[Vec<f32>], k: usize, id: impl Fn(u64) -> u64) -> Value {
    let results = queries.iter().enumerate().map(|(query, vector)| {
        let mut all: Vec<(u64, u64)> = (0..).zip(stored).map(|(i, other)| (distance(vector, other), id(i))).collect();
        all.sort_unstable();
        let neighbours: Vec<Value> =
            all.iter().take(k).map(|(distance, id)| serde_json::json!({"id": id, "distance": distance})).collect();
        serde_json::json!({"query": query, "neighbours": neighbours})
    });
    let device = serde_json::json!({"asked": "auto", "used": "cpu", "software": false, "batches_on_cpu": 0});
    serde_json::json!({"results": results.collect::<Vec<_>>(), "device": device})
}

#[test]
fn the_walk_through_all_roles() {
    for scheme in ["paillier", "paillier_subgroup", "paillier_lookup"] {
        let desk = Desk::furnished(scheme);
        let stored = vectors(40);
        let queries = [stored[7].clone(), vectors(50)[49].clone()];
        desk.floats("queries.npy", &queries);
        desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]).stderr(contains("encrypted 40 vectors"));
        desk.ok(&["encrypt-query", "ctx.json", "queries.npy", "-o", "query.hvq"]).stderr(contains("2 queries"));
        desk.command(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"])
            .env_remove("HUSHVEC_PASSPHRASE")
            .assert()
            .success();
        let want = expected(&stored, &queries, 5, |i| i);
        assert_eq!(desk.json(&["decode", "ctx.json", "response.hvr", "-k", "5", "--json"]), want, "{scheme}");
        assert_eq!(desk.json(&["query", "ctx.json", "index.hvx", "queries.npy", "-k", "5", "--json"]), want);
        desk.ok(&["decode", "ctx.json", "response.hvr", "-k", "1"])
            .stdout(contains("query 0"))
            .stdout(contains("7         0"));
        // A single query of shape (D,), and an owner without the secret key.
        let one: Vec<u8> = stored[3].iter().flat_map(|x| x.to_le_bytes()).collect();
        desk.npy("one.npy", "<f4", "(64,)", &one);
        desk.ok(&["encrypt", "public.json", "vectors.npy", "-o", "public.hvx"]);
        desk.ok(&["encrypt-query", "public.json", "one.npy", "-o", "one.hvq"]);
        desk.ok(&["aggregate", "public.json", "public.hvx", "one.hvq", "-o", "one.hvr"]);
        let want = expected(&stored, &stored[3..4], 40, |i| i);
        assert_eq!(desk.json(&["decode", "ctx.json", "one.hvr", "-k", "1000", "--json"]), want);
    }
}

#[test]
fn contexts_are_shown_as_json() {
    let desk = Desk::furnished("paillier_lookup");
    let shown = desk.json(&["context", "show", "ctx.json", "--json"]);
    let id = shown["public_id"].as_str().unwrap().to_owned();
    let want = serde_json::json!({
        "id": id, "public_id": id, "format": "native", "scheme": "paillier_lookup", "embedding_length": 64,
        "key_len": 1024, "alpha_len": 512, "strength_bits": 112, "device": "auto",
    });
    assert_eq!(shown, want);
    assert_eq!(desk.json(&["context", "show", "ctx.json", "--json", "--verify"])["verified"], true);
    assert_eq!(desk.json(&["context", "show", "public.json", "--json"])["public_id"], *id);

    desk.ok(&["context", "export", "ctx.json", "-o", "sdk.json", "--format", "xtrace"]);
    let exported = desk.json(&["context", "show", "sdk.json", "--json"]);
    assert_eq!(
        (&exported["id"], &exported["format"], &exported["public_id"]),
        (&Value::Null, &"xtrace".into(), &id.into())
    );
    assert_eq!(desk.json(&["context", "show", "sdk.json", "--json", "--verify"])["id"].as_str().unwrap().len(), 64);
    let stored: Value = serde_json::from_str(&std::fs::read_to_string(desk.path("sdk.json")).unwrap()).unwrap();
    assert_eq!(stored["type"], "PaillierLookupClient");
    // Back again, and what was encrypted before still decrypts.
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    desk.ok(&["context", "export", "sdk.json", "-o", "back.json", "--format", "native"]);
    desk.floats("query.npy", &vectors(1));
    let want = expected(&vectors(40), &vectors(1), 3, |i| i);
    for context in ["sdk.json", "back.json"] {
        assert_eq!(desk.json(&["query", context, "index.hvx", "query.npy", "-k", "3", "--json"]), want);
    }
}

#[test]
fn contexts_are_not_overwritten_by_accident() {
    let desk = Desk::furnished("paillier");
    let before = std::fs::read(desk.path("ctx.json")).unwrap();
    desk.refused(&["context", "new", "-o", "ctx.json"], 2, "ctx.json exists");
    desk.refused(
        &["context", "export", "ctx.json", "-o", "public.json", "--format", "native"],
        2,
        "public.json exists",
    );
    assert_eq!(std::fs::read(desk.path("ctx.json")).unwrap(), before);
    desk.ok(&["context", "new", "-o", "ctx.json", "--embedding-length", "64", "--force"]);
    assert_ne!(std::fs::read(desk.path("ctx.json")).unwrap(), before);
}

/// The whole walk on a GPU, the software one if need be: same neighbours, and the JSON says what was used.
#[test]
fn a_gpu_gives_the_same_answers() {
    let desk = Desk::furnished("paillier_subgroup");
    let devices: Value = desk.json(&["devices", "--json"]);
    let Some(gpu) = devices["gpus"].as_array().unwrap().first() else {
        assert!(std::env::var_os("HUSHVEC_REQUIRE_GPU").is_none_or(|value| value != "1"), "there is no GPU");
        // Not eprintln, which the test harness keeps to itself when a test passes.
        let mut stderr = std::io::stderr();
        return writeln!(stderr, "SKIPPED on a GPU: there is none").unwrap();
    };
    let on_gpu = |arguments: &[&str]| desk.command(arguments).args(["--device", "gpu"]).assert().success();
    on_gpu(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    on_gpu(&["encrypt-query", "ctx.json", "vectors.npy", "-o", "query.hvq"]);
    on_gpu(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    let output = on_gpu(&["decode", "ctx.json", "response.hvr", "-k", "3", "--json"]).get_output().stdout.clone();
    let on_gpu: Value = serde_json::from_slice(&output).unwrap();
    let on_cpu = desk.json(&["decode", "ctx.json", "response.hvr", "-k", "3", "--json", "--device", "cpu"]);
    assert_eq!(on_gpu["results"], on_cpu["results"]);
    for (row, result) in on_gpu["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!((&result["neighbours"][0]["id"], &result["neighbours"][0]["distance"]), (&row.into(), &0.into()));
    }
    assert_eq!(on_gpu["device"]["used"], gpu["name"]);
    assert_eq!(on_gpu["device"]["software"], gpu["software"]);
    assert_eq!((&on_gpu["device"]["asked"], &on_gpu["device"]["batches_on_cpu"]), (&"gpu".into(), &0.into()));
}

#[test]
fn what_cannot_be_made_is_said_at_once() {
    let desk = Desk::new();
    for (arguments, code, what) in [
        (&["--key-len", "1000"][..], 2, "key_len = 1000"),
        (&["--embedding-length", "1024"], 2, "embedding_length = 1024"),
        (&["--key-len", "512", "--embedding-length", "64"], 1, "weak key: n has 1024 bits"),
        (&["--scheme", "paillier_subgroup", "--alpha-len", "440"], 1, "weak key: alpha_len is 440"),
        (&["--alpha-len", "512"], 2, "alpha_len = 512"),
        (&["--scheme", "rsa"], 2, "\"rsa\" is not a scheme"),
        (&["--scheme", "paillier_subgroup", "--format", "xtrace"], 2, "does not know paillier_subgroup"),
        (&["--device", "gpu:none such"], 1, "device gpu:none such"),
        (&["--device", "tpu"], 2, "tpu"),
        (&["--threads", "0"], 2, "--threads"),
    ] {
        let arguments = [&["context", "new", "-o", "never.json"], arguments].concat();
        // No passphrase is at hand: whatever is wrong is found before one is needed.
        let mut command = desk.command(&arguments);
        command.env_remove("HUSHVEC_PASSPHRASE").write_stdin("").assert().code(code).stderr(contains(what));
    }
    desk.command(&["context", "new", "-o", "never.json"])
        .env_remove("HUSHVEC_PASSPHRASE")
        .write_stdin("")
        .assert()
        .code(2)
        .stderr(contains("HUSHVEC_PASSPHRASE"));
    desk.command(&["context", "new", "-o", "never.json"]).env("HUSHVEC_PASSPHRASE", "").assert().code(1);
    assert!(!desk.path("never.json").exists());
}

#[test]
fn passphrases_come_from_files_and_are_checked() {
    let desk = Desk::new();
    std::fs::write(desk.path("pass.txt"), "from a file\nand nothing of this line\n").unwrap();
    desk.ok(&["context", "new", "-o", "ctx.json", "--embedding-length", "64", "--passphrase-file", "pass.txt"]);
    desk.ok(&["context", "show", "ctx.json", "--verify", "--passphrase-file", "pass.txt"]);
    desk.command(&["context", "show", "ctx.json", "--verify"])
        .env("HUSHVEC_PASSPHRASE", "from a file")
        .assert()
        .success();
    desk.refused(&["context", "show", "ctx.json", "--verify"], 1, "wrong passphrase or key, or the data was changed");
    // Never in what is printed.
    let output =
        desk.ok(&["context", "show", "ctx.json", "--verify", "--passphrase-file", "pass.txt"]).get_output().clone();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!printed.contains("from a file"));
}

#[test]
fn bad_vectors_are_named_and_cost_nothing_before_them() {
    let desk = Desk::furnished("paillier_subgroup");
    let mut rows = vectors(5);
    rows[3][9] = f32::NAN;
    desk.floats("nan.npy", &rows);
    let encrypt =
        |file: &str| ["encrypt".to_owned(), "ctx.json".into(), file.into(), "-o".into(), format!("{file}.hvx")];
    let refused = |file: &str, what: &str| {
        let arguments = encrypt(file);
        desk.refused(&arguments.each_ref().map(String::as_str), 1, what);
        desk.path(&arguments[4])
    };
    // Three good rows come before the bad one: they are kept, and the work goes on once it is mended.
    let index = refused("nan.npy", "nan.npy: row 3, column 9 is not a number");
    assert_eq!(desk.json(&["index", "info", "nan.npy.hvx", "--json", "--verify"])["vectors"], 3);
    rows[3][9] = 1.0;
    desk.floats("nan.npy", &rows);
    let resumed = desk.json(&["encrypt", "ctx.json", "nan.npy", "-o", "nan.npy.hvx", "--resume", "--json"]);
    assert_eq!((&resumed["encrypted"], &resumed["skipped"], &resumed["total"]), (&2.into(), &3.into(), &5.into()));
    desk.floats("query.npy", &rows[..1]);
    let answers = desk.json(&["query", "ctx.json", index.to_str().unwrap(), "query.npy", "-k", "9", "--json"]);
    assert_eq!(answers, expected(&rows, &rows[..1], 9, |i| i));

    let mut integers = vec![0i64; 3 * DIMENSIONS];
    integers[2 * DIMENSIONS + 5] = -7;
    let bytes: Vec<u8> = integers.iter().flat_map(|x| x.to_le_bytes()).collect();
    desk.npy("int.npy", "<i8", "(3, 64)", &bytes);
    refused("int.npy", "row 2, column 5 is -7, expected 0 or 1");
    desk.npy("cut.npy", "<i8", "(3, 64)", &bytes[..1000]);
    refused("cut.npy", "ends in row 1, but its header says 3 rows");
    desk.npy("wide.npy", "|u1", "(3, 65)", &[0; 195]);
    let nothing = refused("wide.npy", "has 65 dimensions a vector, the context needs 64");
    assert!(!nothing.exists());
    desk.npy("packed.npy", "|u1", "(3, 8)", &[0x5a; 24]);
    refused("packed.npy", "is it --packed?");
    desk.npy("complex.npy", "<c8", "(3, 64)", &[0; 3 * 64 * 8]);
    refused("complex.npy", "expected booleans, integers or floats");
    desk.npy("cube.npy", "|u1", "(1, 3, 64)", &[0; 192]);
    refused("cube.npy", "has the shape [1, 3, 64]");
    std::fs::write(desk.path("text.npy"), "hello").unwrap();
    refused("text.npy", "not a readable .npy file");
    refused("missing.npy", "cannot open missing.npy");
    desk.ok(&["encrypt", "ctx.json", "packed.npy", "--packed", "-o", "packed.hvx"]);
    let first_bad = {
        let mut bytes = bytes.clone();
        bytes[0] = 9;
        bytes
    };
    desk.npy("first.npy", "<i8", "(3, 64)", &first_bad);
    let nothing = refused("first.npy", "row 0, column 0 is 9");
    assert!(!nothing.exists(), "no index of no vectors");
}

#[test]
fn indexes_grow_resume_and_stay_whole() {
    let desk = Desk::furnished("paillier_subgroup");
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    desk.refused(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"], 2, "index.hvx exists");
    // Cut within the last block, as a crash would: the rest is encrypted again, and no more.
    let whole = std::fs::read(desk.path("index.hvx")).unwrap();
    desk.floats("more.npy", &vectors(60)[40..]);
    desk.ok(&["encrypt", "ctx.json", "more.npy", "-o", "index.hvx", "--append"]);
    let longer = std::fs::read(desk.path("index.hvx")).unwrap();
    std::fs::write(desk.path("index.hvx"), &longer[..whole.len() + 500]).unwrap();
    desk.ok(&["index", "info", "index.hvx"]).stdout(contains("500 bytes after the last whole block"));
    desk.floats("all.npy", &vectors(60));
    let resumed = desk.json(&["encrypt", "ctx.json", "all.npy", "-o", "index.hvx", "--resume", "--json"]);
    assert_eq!((&resumed["encrypted"], &resumed["skipped"], &resumed["total"]), (&20.into(), &40.into(), &60.into()));
    let again = std::fs::read(desk.path("index.hvx")).unwrap();
    assert_eq!((again.len(), &again[..whole.len()]), (longer.len(), &whole[..]), "no row is encrypted twice");
    desk.floats("query.npy", &vectors(45)[44..]);
    let want = expected(&vectors(60), &vectors(45)[44..], 60, |i| i);
    assert_eq!(desk.json(&["query", "ctx.json", "index.hvx", "query.npy", "-k", "60", "--json"]), want);
    // Another file is not taken for the one that was being encrypted.
    desk.floats("short.npy", &vectors(5));
    desk.refused(&["encrypt", "ctx.json", "short.npy", "-o", "index.hvx", "--resume"], 2, "not the index of this file");
    let mut other = vectors(61);
    other[59][0] = -other[59][0];
    desk.floats("other.npy", &other);
    desk.refused(&["encrypt", "ctx.json", "other.npy", "-o", "index.hvx", "--resume"], 2, "row 59 of the input");
}

#[test]
fn ids_and_raw_ciphertexts() {
    let desk = Desk::furnished("paillier");
    let ids: Vec<u64> = (0..40).map(|i| 1_000_000_007 * (i + 1)).collect();
    let bytes: Vec<u8> = ids.iter().flat_map(|x| x.to_le_bytes()).collect();
    desk.npy("ids.npy", "<u8", "(40,)", &bytes);
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx", "--ids", "ids.npy"]);
    desk.ok(&["index", "export", "public.json", "index.hvx", "-o", "raw.npy", "--ids", "ids2.npy"]);
    assert_eq!(std::fs::read(desk.path("ids2.npy")).unwrap().split_off(128), bytes);
    let raw = std::fs::read(desk.path("raw.npy")).unwrap();
    assert_eq!(raw.len(), 128 + 40 * 512);
    assert!(String::from_utf8_lossy(&raw[..128]).contains("'shape': (40, 512"));
    desk.ok(&["index", "import", "public.json", "raw.npy", "-o", "copy.hvx", "--ids", "ids2.npy"]);
    desk.floats("query.npy", &vectors(1));
    let want = expected(&vectors(40), &vectors(1), 7, |i| ids[usize::try_from(i).unwrap()]);
    for index in ["index.hvx", "copy.hvx"] {
        assert_eq!(desk.json(&["query", "ctx.json", index, "query.npy", "-k", "7", "--json"]), want);
    }
    // A ciphertext that cannot be one is named, and no half index is left.
    let mut bad = raw[128..].to_vec();
    bad[33 * 512..34 * 512].fill(0);
    desk.npy("bad.npy", "|u1", "(40, 512)", &bad);
    desk.refused(&["index", "import", "public.json", "bad.npy", "-o", "bad.hvx"], 1, "bad.npy: ciphertext 33: it is 0");
    assert!(!desk.path("bad.hvx").exists());
    desk.npy("narrow.npy", "|u1", "(40, 256)", &bad[..40 * 256]);
    desk.refused(&["index", "import", "public.json", "narrow.npy", "-o", "bad.hvx"], 1, "expected (N, 512)");
    desk.npy("few.npy", "<u8", "(39,)", &bytes[8..]);
    desk.refused(
        &["encrypt", "ctx.json", "vectors.npy", "-o", "x.hvx", "--ids", "few.npy"],
        2,
        "39 ids were given for 40 vectors",
    );
}

#[test]
fn roles_and_keys_are_kept_apart() {
    let desk = Desk::furnished("paillier_subgroup");
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    desk.floats("query.npy", &vectors(1));
    desk.ok(&["encrypt-query", "ctx.json", "query.npy", "-o", "query.hvq"]);
    desk.ok(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    desk.refused(&["aggregate", "ctx.json", "index.hvx", "query.hvq", "-o", "r"], 2, "an owner's context");
    desk.refused(&["decode", "public.json", "response.hvr"], 2, "is a public context");
    desk.refused(&["decode", "ctx.json", "index.hvx"], 1, "an index, expected a response");
    desk.ok(&["context", "new", "-o", "other.json", "--embedding-length", "64"]);
    desk.ok(&["context", "public", "other.json", "-o", "other-public.json"]);
    let belongs = "belongs to the key";
    desk.refused(&["decode", "other.json", "response.hvr"], 1, belongs);
    desk.refused(&["aggregate", "other-public.json", "index.hvx", "query.hvq", "-o", "r"], 1, belongs);
    desk.refused(&["query", "other.json", "index.hvx", "query.npy"], 1, belongs);
    desk.refused(&["encrypt", "other.json", "vectors.npy", "-o", "index.hvx", "--append"], 1, belongs);
    assert!(!desk.path("r").exists());
}

#[test]
fn weak_contexts_need_a_word() {
    let desk = Desk::new();
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/xtrace/lookup_64_512.context.json");
    std::fs::copy(old, desk.path("old.json")).unwrap();
    desk.floats("vectors.npy", &vectors(3));
    let encrypt = ["encrypt", "old.json", "vectors.npy", "-o", "index.hvx"];
    let weak = "alpha_len is 50, so anyone with the public key can factor n";
    desk.ok(&["context", "show", "old.json"]).stderr(contains(weak));
    desk.command(&encrypt)
        .env("HUSHVEC_PASSPHRASE", "test")
        .assert()
        .code(1)
        .stderr(contains(weak))
        .stderr(contains("--allow-weak"));
    let allowed = [&encrypt[..], &["--allow-weak"]].concat();
    desk.command(&allowed).env("HUSHVEC_PASSPHRASE", "test").assert().success().stderr(contains(weak));
    desk.refused(&["context", "public", "old.json", "-o", "p.json"], 1, weak);
    desk.ok(&["context", "public", "old.json", "-o", "p.json", "--allow-weak"]);
}

#[test]
fn demo_devices_and_bench_run() {
    let desk = Desk::new();
    desk.command(&["demo", "--scheme", "paillier_subgroup", "--queries", "2"])
        .env_remove("HUSHVEC_PASSPHRASE")
        .assert()
        .success()
        .stdout(contains("All 1838 distances equal the plaintext's"))
        .stdout(contains(
            "recall@1 0.363, recall@10 0.749, mean reciprocal rank 0.491 (equal to the published figures)",
        ));
    assert_eq!(desk.json(&["devices", "--json"])["auto"], "cpu");
    let report = desk.json(&[
        "bench",
        "--json",
        "--seconds",
        "0.01",
        "--batch",
        "8",
        "--embedding-length",
        "64",
        "--threads",
        "1",
    ]);
    let points = report["results"].as_array().unwrap();
    let operations: Vec<&str> = points.iter().map(|point| point["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["encrypt", "aggregate", "decode"].repeat(3));
    for point in points {
        assert!(point["per_second"].as_f64().unwrap() > 0. && point["checked"] == true);
        assert_eq!((&point["batch"], &point["threads"], &point["key_len"]), (&8.into(), &1.into(), &1024.into()));
    }
    let mut plotted =
        vec!["bench", "--seconds", "0.01", "--batch", "1,20", "--embedding-length", "64", "--plot", "out.svg"];
    plotted.extend(["--scheme", "paillier_subgroup"]);
    desk.ok(&plotted).stdout(contains("paillier_subgroup decode          20"));
    let plot = std::fs::read_to_string(desk.path("out.svg")).unwrap();
    for text in ["<svg", "decode, paillier_subgroup", "vectors a second", " kernels)"] {
        assert!(plot.contains(text), "{text}");
    }
    desk.refused(&["bench", "--device", "cpu,gpu:99"], 1, "device gpu:99");
}

#[test]
fn every_command_explains_itself() {
    let desk = Desk::new();
    desk.ok(&["--help"]).stdout(contains("`hushvec demo`"));
    desk.ok(&["--version"]).stdout(contains(env!("CARGO_PKG_VERSION")));
    for command in
        ["demo", "devices", "context", "encrypt", "encrypt-query", "aggregate", "decode", "query", "index", "bench"]
    {
        desk.ok(&[command, "--help"]).stdout(contains("Usage: hushvec"));
    }
    desk.command(&["frobnicate"]).assert().code(2);
    desk.command(&[]).assert().code(2);
}
