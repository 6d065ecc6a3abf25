//! User mistakes: each error says what is wrong, where, and what to do, and no file is lost.

#[cfg(target_os = "linux")]
mod disks;
#[cfg(unix)]
mod permissions;
#[cfg(all(feature = "client", feature = "server"))]
mod servers;

use crate::workspace::{Workspace, vectors};
use predicates::str::contains;

/// A workspace with one file of each kind, and some invalid files.
fn setup() -> Workspace {
    let workspace = Workspace::with_context("paillier_subgroup");
    workspace.floats("query.npy", &vectors(1));
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    workspace.ok(&["encrypt-query", "ctx.json", "query.npy", "-o", "query.hvq"]);
    workspace.ok(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    workspace.ok(&["context", "new", "-o", "other.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"]);
    workspace.ok(&["context", "public", "other.json", "-o", "other-public.json"]);
    workspace.ok(&["encrypt-query", "other.json", "query.npy", "-o", "other.hvq"]);
    workspace.floats("narrow.npy", &[vec![0.5; 63]]);
    workspace.floats("nan.npy", &[vec![f32::NAN; 64]]);
    std::fs::create_dir(workspace.path("folder")).unwrap();
    std::fs::write(workspace.path("empty"), "").unwrap();
    std::fs::write(workspace.path("notes.txt"), "buy milk\n").unwrap();
    std::fs::write(workspace.path("some.json"), "{\"a\": 1}\n").unwrap();
    std::fs::write(workspace.path("bytes"), [0xff; 300]).unwrap();
    // Damage the first block: damage in the last one would count as an unfinished append.
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "damaged.hvx"]);
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "damaged.hvx", "--append"]);
    let mut damaged = std::fs::read(workspace.path("damaged.hvx")).unwrap();
    std::fs::write(workspace.path("cut.hvr"), &std::fs::read(workspace.path("response.hvr")).unwrap()[..500]).unwrap();
    damaged[1000] ^= 1;
    std::fs::write(workspace.path("damaged.hvx"), damaged).unwrap();
    workspace
}

#[test]
fn every_mistake_is_explained() {
    let workspace = setup();
    let before = listing(&workspace);
    let table: &[(&[&str], i32, &[&str])] = &[
        // Missing files.
        (&["context", "show", "no.json"], 1, &["cannot open no.json", "No such file"]),
        (&["encrypt", "ctx.json", "no.npy", "-o", "x.hvx"], 1, &["cannot open no.npy"]),
        (&["encrypt", "no.json", "vectors.npy", "-o", "x.hvx"], 1, &["cannot open no.json"]),
        (&["index", "info", "no.hvx"], 1, &["cannot open no.hvx"]),
        (&["decode", "ctx.json", "no.hvr"], 1, &["cannot open no.hvr"]),
        (&["query", "ctx.json", "index.hvx", "no.npy"], 1, &["cannot open no.npy"]),
        (&["encrypt", "ctx.json", "no-*.npy", "-o", "x.hvx"], 1, &["no file matches no-*.npy"]),
        // Folders.
        (&["context", "show", "folder"], 1, &["folder: is a folder"]),
        (&["index", "info", "folder"], 1, &["folder: is a folder"]),
        (&["decode", "ctx.json", "folder"], 1, &["folder: is a folder"]),
        (&["aggregate", "public.json", "index.hvx", "folder", "-o", "x"], 1, &["folder: is a folder"]),
        (&["encrypt", "ctx.json", "folder", "-o", "x.hvx"], 1, &["folder is a folder; give the files in it"]),
        (
            &["encrypt-query", "ctx.json", "query.npy", "-o", "folder"],
            2,
            &["folder", "is a folder; give the name of a file in it"],
        ),
        // Empty files.
        (&["context", "show", "empty"], 1, &["empty: is empty"]),
        (&["encrypt", "ctx.json", "empty", "-o", "x.hvx"], 1, &["empty: is empty"]),
        (&["index", "info", "empty"], 1, &["empty: not a hushvec file"]),
        (&["decode", "ctx.json", "empty"], 1, &["empty: not a hushvec file"]),
        // Unrelated files.
        (&["context", "show", "some.json"], 1, &["some.json: not a hushvec context"]),
        (&["context", "show", "bytes"], 1, &["bytes: not a hushvec context"]),
        (&["context", "show", "notes.txt"], 1, &["notes.txt: not a hushvec context"]),
        (&["index", "info", "notes.txt"], 1, &["notes.txt: not a hushvec file"]),
        (
            &["encrypt", "ctx.json", "notes.txt", "-o", "x.hvx"],
            1,
            &["notes.txt: its first bytes are not those of .npy"],
        ),
        (
            &["index", "import", "public.json", "notes.txt", "-o", "x.hvx"],
            1,
            &["notes.txt: neither a readable .npy file nor Parquet"],
        ),
        // Swapped arguments, and files of the wrong kind.
        (&["encrypt", "vectors.npy", "ctx.json", "-o", "x.hvx"], 1, &["vectors.npy: not a hushvec context"]),
        (&["encrypt", "index.hvx", "vectors.npy", "-o", "x.hvx"], 1, &["index.hvx: not a hushvec context"]),
        (&["decode", "ctx.json", "index.hvx"], 1, &["index.hvx: an index, expected a response"]),
        (&["decode", "ctx.json", "query.hvq"], 1, &["query.hvq: an encrypted query, expected a response"]),
        (
            &["aggregate", "public.json", "query.hvq", "index.hvx", "-o", "x"],
            1,
            &["index.hvx: an index, expected an encrypted query"],
        ),
        (
            &["aggregate", "public.json", "response.hvr", "query.hvq", "-o", "x"],
            1,
            &["response.hvr: a response, expected an index"],
        ),
        (&["query", "ctx.json", "query.npy", "index.hvx"], 1, &["hushvec file"]),
        (
            &["query", "public.json", "index.hvx", "query.npy"],
            2,
            &["public.json is a public context; this command needs the owner's"],
        ),
        (&["decode", "public.json", "response.hvr"], 2, &["public.json is a public context"]),
        (
            &["aggregate", "ctx.json", "index.hvx", "query.hvq", "-o", "x"],
            2,
            &["ctx.json is an owner's context", "hushvec context public ctx.json"],
        ),
        (&["context", "public", "public.json", "-o", "x"], 0, &[]),
        // The wrong key.
        (&["query", "other.json", "index.hvx", "query.npy"], 1, &["index.hvx", "belongs to the key", "hint"]),
        (&["decode", "other.json", "response.hvr"], 1, &["response.hvr", "belongs to the key"]),
        (&["aggregate", "public.json", "index.hvx", "other.hvq", "-o", "y"], 1, &["other.hvq", "belongs to the key"]),
        (
            &["aggregate", "other-public.json", "index.hvx", "other.hvq", "-o", "y"],
            1,
            &["index.hvx", "belongs to the key"],
        ),
        (
            &["encrypt", "other.json", "vectors.npy", "-o", "index.hvx", "--append"],
            1,
            &["index.hvx", "belongs to the key"],
        ),
        (&["decode", "ctx.json", "response.hvr", "--query", "other.hvq"], 1, &["other.hvq", "belongs to the key"]),
        // Vectors that do not fit the context.
        (
            &["encrypt", "ctx.json", "narrow.npy", "-o", "y.hvx"],
            1,
            &["narrow.npy: has 63 dimensions per vector, the context needs 64"],
        ),
        (&["encrypt", "ctx.json", "nan.npy", "-o", "y.hvx"], 1, &["nan.npy: row 0, column 0 is not a number (NaN)"]),
        (
            &["encrypt", "ctx.json", "vectors.npy", "-o", "y.hvx", "--packed"],
            1,
            &["vectors.npy: holds '<f4', expected uint8 or int8"],
        ),
        (
            &["encrypt", "ctx.json", "vectors.npy", "-o", "y.hvx", "--column", "v"],
            1,
            &["is an array without columns, so there is no column \"v\""],
        ),
        (&["encrypt", "ctx.json", "vectors.npy", "-o", "y.hvx", "--ids", "empty"], 2, &["0 ids"]),
        // Damaged files.
        (&["decode", "ctx.json", "cut.hvr"], 1, &["cut.hvr"]),
        (&["query", "ctx.json", "damaged.hvx", "query.npy"], 1, &["damaged.hvx", "damaged"]),
        (&["index", "verify", "public.json", "damaged.hvx"], 1, &["damaged.hvx"]),
        // Invalid numbers and names.
        (&["query", "ctx.json", "index.hvx", "query.npy", "-k", "9999999999"], 2, &["9999999999", "1000000"]),
        (&["query", "ctx.json", "index.hvx", "query.npy", "-k", "-1"], 2, &["-1"]),
        (&["query", "ctx.json", "index.hvx", "query.npy", "-k", "ten"], 2, &["ten"]),
        (
            &["context", "new", "-o", "y.json", "--embedding-length", "1536"],
            2,
            &["below key_len = 1024", "1536 dimensions need at least key_len = 2048"],
        ),
        (&["context", "new", "-o", "y.json", "--embedding-length", "5000"], 2, &["the largest key_len, 4096"]),
        (&["context", "new", "-o", "y.json", "--embedding-length", "0"], 2, &["at least 1"]),
        (
            &["context", "new", "-o", "y.json", "--scheme", "rsa"],
            2,
            &["unknown scheme \"rsa\"; the schemes are paillier,"],
        ),
        (&["encrypt", "ctx.json", "vectors.npy", "-o", "y.hvx", "--threads", "1000000"], 2, &["threads", "at most"]),
        (&["encrypt", "ctx.json", "vectors.npy", "-o", "y.hvx", "--shard", "3/2"], 2, &["3/2"]),
        (&["index", "delete", "index.hvx", "77777"], 1, &["no vector has the id 77777"]),
        (&["encrypt", "ctx.json", "vectors.npy", "-o", "y.hvx", "--device", "gpu:none such"], 1, &["gpu:none such"]),
        // Conflicting or missing options.
        (&["encrypt", "ctx.json", "vectors.npy"], 2, &["--output"]),
        (&["encrypt", "ctx.json", "vectors.npy", "-o", "y.hvx", "--resume", "--append"], 2, &["--append"]),
        (&["aggregate", "public.json", "index.hvx", "-o", "y"], 2, &["<QUERY>"]),
        (&["querry", "ctx.json"], 2, &["unrecognized subcommand", "query"]),
        (&["index", "merge", "index.hvx", "index.hvx", "-o", "y.hvx"], 1, &["index.hvx"]),
        (&["rekey", "ctx.json", "ctx.json", "index.hvx", "-o", "y.hvx"], 2, &["nothing to move"]),
    ];
    for (arguments, code, what) in table {
        let assert = workspace.command(arguments).assert().code(*code);
        let output = assert.get_output();
        let stderr = String::from_utf8_lossy(&output.stderr);
        for text in *what {
            assert!(stderr.contains(text), "{arguments:?}: {text:?} is not in\n{stderr}");
        }
        assert!(
            !stderr.contains("panicked") && !stderr.contains(crate::workspace::PASSPHRASE),
            "{arguments:?}: {stderr}"
        );
        // No long hexadecimal numbers in messages.
        assert!(!stderr.split(|c: char| !c.is_ascii_hexdigit()).any(|word| word.len() > 40) || *code == 0, "{stderr}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
    std::fs::remove_file(workspace.path("x")).unwrap();
    assert_eq!(listing(&workspace), before, "something was lost or left behind");
}

#[test]
fn a_wrong_passphrase_is_reported() {
    let workspace = setup();
    for arguments in [
        &["query", "ctx.json", "index.hvx", "query.npy"][..],
        &["decode", "ctx.json", "response.hvr"],
        &["context", "show", "ctx.json", "--verify"],
    ] {
        workspace
            .command(arguments)
            .env("HUSHVEC_PASSPHRASE", "wrong")
            .assert()
            .code(1)
            .stderr(contains("ctx.json: wrong passphrase or key, or the data was changed"));
        workspace
            .command(arguments)
            .env_remove("HUSHVEC_PASSPHRASE")
            .write_stdin("")
            .assert()
            .code(2)
            .stderr(contains("a passphrase is needed: set HUSHVEC_PASSPHRASE"));
    }
}

/// Returns the names and contents of all files in the folder.
fn listing(workspace: &Workspace) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(workspace.path("."))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap_or_default())
        })
        .collect();
    files.sort();
    files
}
