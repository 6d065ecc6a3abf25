//! Mistakes with servers, knowledge bases and API keys.

use super::{listing, setup};
use crate::process::Server;
use crate::workspace::{PASSPHRASE, Workspace};
use predicates::str::contains;

/// A mistake: the API key, the arguments, the exit code, and fragments of the error.
type Mistake<'a> = (Key, &'a [&'a str], i32, &'a [&'a str]);

#[derive(Clone, Copy, Debug)]
enum Key {
    None,
    Wrong,
    /// May read the knowledge base `notes`.
    Reader,
    /// May do nothing.
    Nothing,
    Admin,
}

#[test]
fn every_mistake_with_a_server_is_explained() {
    let workspace = setup();
    let server = Server::start(&workspace.path("data"), &[]);
    let admin = |arguments: &[&str]| {
        let mut command = workspace.command(arguments);
        command.args(["--server", &server.url]).env("HUSHVEC_API_KEY", &server.key).assert().success()
    };
    admin(&["push", "ctx.json", "index.hvx", "--create-kb", "notes"]);
    admin(&["kb", "create", "others"]);
    let keys = [&["key", "create", "reader", "--grant", "notes:read"][..], &["key", "create", "nothing"]];
    let [reader, nothing] = keys.map(|arguments| {
        let key = admin(arguments).get_output().stdout.clone();
        String::from_utf8(key).unwrap().trim().to_owned()
    });
    let state = || {
        let commands =
            [&["kb", "list", "--json"][..], &["key", "list", "--json"], &["key", "show", "reader", "--json"]];
        commands.map(|arguments| admin(arguments).get_output().stdout.clone())
    };
    let here = || {
        listing(&workspace)
            .into_iter()
            .filter(|(name, _)| name != "data" && name != "ctx.json.pushed")
            .collect::<Vec<_>>()
    };
    let before = (here(), state());
    for (key, arguments, code, what) in MISTAKES {
        let text = match key {
            Key::None => "",
            Key::Wrong => "hvk_wrong",
            Key::Reader => &reader,
            Key::Nothing => &nothing,
            Key::Admin => &server.key,
        };
        let mut command = workspace.command(arguments);
        if !arguments.contains(&"--server") {
            command.args(["--server", &server.url]);
        }
        let output = command.env("HUSHVEC_API_KEY", text).env_remove("HUSHVEC_ADMIN_KEY").output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(*code), "{key:?} {arguments:?}: {stderr}");
        // The error names the server that refused.
        let refuses = ["401", "403"].iter().any(|status| stderr.contains(&format!(": {status} ")));
        assert!(!refuses || stderr.contains(&format!("{}: 40", server.address())), "{key:?} {arguments:?}: {stderr}");
        for text in *what {
            assert!(stderr.contains(text), "{key:?} {arguments:?}: {text:?} is not in\n{stderr}");
        }
        for secret in [&server.key, &reader, &nothing, "hvk_wrong", PASSPHRASE] {
            assert!(!stderr.contains(secret), "{key:?} {arguments:?} shows a secret: {stderr}");
        }
        assert!(!stderr.contains("panicked") && output.stdout.is_empty(), "{key:?} {arguments:?}: {stderr}");
    }
    assert!((here(), state()) == before, "something was lost or left behind");
    // The list of pushed chunks still matches the knowledge base.
    admin(&["search", "ctx.json", "query.npy", "--kb", "notes"]);
}

const NO_KEY: &str = "the server needs an API key: set HUSHVEC_API_KEY or give --api-key-file";
const NO_ADMIN_KEY: &str = "this command needs the admin key: set HUSHVEC_ADMIN_KEY or give --admin-key-file";
const UNKNOWN_KEY: &[&str] = &["401", "unknown or revoked", "HUSHVEC_ADMIN_KEY or --admin-key-file"];
const UNKNOWN_API_KEY: &[&str] = &[": 401 Unauthorized: the key", "HUSHVEC_API_KEY"];
const NOT_ADMIN: &[&str] =
    &["403", "the admin key; an API key was given", "set HUSHVEC_ADMIN_KEY or give --admin-key-file"];
const NO_SUCH_BASE: &[&str] = &["there is no knowledge base \"nots\"", "notes"];

const MISTAKES: &[Mistake<'_>] = &[
    // No key, and a wrong key.
    (Key::None, &["kb", "list"], 2, &[NO_KEY]),
    (Key::None, &["kb", "show", "notes"], 2, &[NO_KEY]),
    (Key::None, &["kb", "create", "x"], 2, &[NO_ADMIN_KEY]),
    (Key::None, &["kb", "delete", "notes", "--yes"], 2, &[NO_ADMIN_KEY]),
    (Key::None, &["key", "list"], 2, &[NO_ADMIN_KEY]),
    (Key::None, &["key", "create", "x", "-o", "x.key"], 2, &[NO_ADMIN_KEY]),
    (Key::None, &["search", "ctx.json", "query.npy", "--kb", "notes"], 2, &[NO_KEY]),
    (Key::None, &["push", "ctx.json", "index.hvx", "--kb", "notes"], 2, &[NO_KEY]),
    (Key::Wrong, &["kb", "list"], 1, UNKNOWN_KEY),
    (Key::Wrong, &["kb", "delete", "notes", "--yes"], 1, UNKNOWN_KEY),
    (Key::Wrong, &["key", "list"], 1, UNKNOWN_KEY),
    (Key::Wrong, &["key", "create", "x", "-o", "x.key"], 1, UNKNOWN_KEY),
    (Key::Wrong, &["push", "ctx.json", "index.hvx", "--create-kb", "x"], 1, UNKNOWN_KEY),
    (Key::Wrong, &["push", "ctx.json", "index.hvx", "--kb", "notes"], 1, UNKNOWN_API_KEY),
    (Key::Wrong, &["search", "ctx.json", "query.npy", "--kb", "notes"], 1, UNKNOWN_API_KEY),
    (Key::Wrong, &["push", "ctx.json", "index.hvx", "--kb", "notes", "--api-key-file", "empty"], 2, &[NO_KEY]),
    (Key::Admin, &["kb", "list", "--api-key-file", "no.key"], 1, &["cannot open no.key"]),
    (Key::Admin, &["kb", "list", "--api-key-file", "folder"], 1, &["cannot read folder: Is a directory"]),
    (Key::Admin, &["key", "list", "--admin-key-file", "no.key"], 1, &["cannot open no.key"]),
    // A key without the permission.
    (Key::Reader, &["kb", "create", "x"], 1, NOT_ADMIN),
    (Key::Reader, &["kb", "delete", "notes", "--yes"], 1, NOT_ADMIN),
    (Key::Reader, &["key", "list"], 1, NOT_ADMIN),
    (Key::Reader, &["key", "revoke", "reader"], 1, NOT_ADMIN),
    (Key::Reader, &["key", "grant", "reader", "notes", "delete"], 1, NOT_ADMIN),
    (Key::Reader, &["push", "ctx.json", "index.hvx", "--create-kb", "x"], 1, NOT_ADMIN),
    (Key::Reader, &["push", "ctx.json", "index.hvx", "--kb", "notes"], 1, &["403", "request needs write", "key grant"]),
    (Key::Reader, &["kb", "show", "others"], 1, &["no knowledge base \"others\"; this key has access to notes"]),
    (Key::Nothing, &["kb", "show", "notes"], 1, &["no knowledge base \"notes\"; this key has access to none"]),
    (Key::Nothing, &["search", "ctx.json", "query.npy", "--kb", "notes"], 1, &["this key has access to none"]),
    (Key::Admin, &["kb", "list", "--org", "other"], 1, &["403", "not belong to the organisation \"other\"", "--org"]),
    (Key::Admin, &["key", "list", "--org", "other"], 1, &["403", "not belong to the organisation \"other\"", "--org"]),
    (Key::Admin, &["push", "ctx.json", "index.hvx", "--kb", "notes", "--org", "other"], 1, &["403", "--org"]),
    (Key::Admin, &["search", "ctx.json", "query.npy", "--kb", "notes", "--org", "other"], 1, &["403", "--org"]),
    // Names that do not exist, or exist already.
    (Key::Admin, &["kb", "show", "nots"], 1, NO_SUCH_BASE),
    (Key::Admin, &["kb", "delete", "nots", "--yes"], 1, NO_SUCH_BASE),
    (Key::Admin, &["kb", "create", "notes"], 2, &["the knowledge base notes already exists", "--kb"]),
    (Key::Admin, &["kb", "create", ""], 1, &["name must not be empty"]),
    (
        Key::Admin,
        &["kb", "delete", "notes"],
        2,
        &["would permanently delete the knowledge base notes", "40 vectors; give --yes to delete"],
    ),
    (Key::Admin, &["search", "ctx.json", "query.npy", "--kb", "nots"], 1, NO_SUCH_BASE),
    (Key::Admin, &["push", "ctx.json", "index.hvx", "--kb", "nots"], 1, NO_SUCH_BASE),
    (
        Key::Admin,
        &["push", "ctx.json", "index.hvx", "--create-kb", "notes"],
        2,
        &["the knowledge base notes already exists"],
    ),
    (Key::Admin, &["key", "show", "rader"], 1, &["no API key with the hash or the name \"rader\""]),
    (Key::Admin, &["key", "revoke", "rader"], 1, &["no API key with the hash or the name \"rader\""]),
    (Key::Admin, &["key", "grant", "rader", "notes", "read"], 1, &["no API key with the hash or the name \"rader\""]),
    (Key::Admin, &["key", "grant", "reader", "nots", "read"], 1, NO_SUCH_BASE),
    (Key::Admin, &["key", "withdraw", "reader", "nots"], 1, NO_SUCH_BASE),
    (Key::Admin, &["key", "create", "x", "--grant", "nots:read"], 1, NO_SUCH_BASE),
    // Permissions and files.
    (Key::Admin, &["key", "grant", "reader", "notes", "own"], 2, &["'own'", "read, write, delete"]),
    (Key::Admin, &["key", "create", "x", "--grant", "notes"], 2, &["'notes'", "such as notes:read"]),
    (Key::Admin, &["key", "create", "x", "--grant", "notes:own"], 2, &["'notes:own'"]),
    (Key::Admin, &["key", "create", "x", "-o", "ctx.json"], 2, &["ctx.json exists; give another name"]),
    (Key::Admin, &["key", "create", "x", "-o", "no/x.key"], 2, &["no/x.key: there is no folder no"]),
    (Key::Admin, &["kb", "list", "--ca-file", "vectors.npy"], 2, &["vectors.npy: ", "CA file cannot be used"]),
    (Key::Admin, &["kb", "list", "--ca-file", "no.pem"], 1, &["cannot open no.pem"]),
    (
        Key::Admin,
        &["push", "ctx.json", "index.hvx", "--kb", "notes", "--chunks", "vectors.npy"],
        1,
        &["vectors.npy: line 1"],
    ),
    (
        Key::Admin,
        &["push", "ctx.json", "index.hvx", "--kb", "notes", "--rerank-with", "narrow.npy"],
        1,
        &["narrow.npy: has 63"],
    ),
    (Key::Admin, &["push", "other.json", "index.hvx", "--kb", "notes"], 1, &["index.hvx", "belongs to the key"]),
    (Key::Admin, &["search", "other.json", "query.npy", "--kb", "notes"], 1, &["has no vectors of the context"]),
    (
        Key::Admin,
        &["search", "ctx.json", "query.npy", "--kb", "notes", "--oversample", "2"],
        1,
        &["has no embedding to rank by; push it with one (--rerank-with, or rerank="],
    ),
    // Addresses.
    (Key::Admin, &["kb", "list", "--server", "127.0.0.1:80"], 2, &["give a URL like https://search.example.org"]),
    (Key::Admin, &["kb", "list", "--server", "ftp://127.0.0.1"], 2, &["it must begin with https:// or http://"]),
    (Key::Admin, &["key", "list", "--server", "localhost"], 2, &["the server's address cannot be used"]),
    (Key::Admin, &["key", "list", "--server", "http://127.0.0.1:1"], 1, &["127.0.0.1:1: cannot connect"]),
    (
        Key::Admin,
        &["push", "ctx.json", "index.hvx", "--kb", "notes", "--server", "http://127.0.0.1:1"],
        1,
        &["127.0.0.1:1: cannot connect: "],
    ),
];

/// http instead of https and vice versa, no server, and a port that is in use.
#[test]
fn wrong_addresses_are_reported() {
    use std::io::{Read, Write};
    let workspace = setup();
    // Returns the port of a server that gives the same answer to every request.
    let serve = |answer: &'static [u8]| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let _ = connection.read(&mut [0; 4096]);
                let _ = connection.write_all(answer);
            }
        });
        port
    };
    let plain = serve(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let encrypted = serve(&[0x15, 3, 3, 0, 2, 2, 70]);
    let search = |address: &str, what: &str| {
        workspace
            .command(&["search", "ctx.json", "query.npy", "--kb", "notes", "--unlisted", "--server", address])
            .env("HUSHVEC_API_KEY", "hvk_none")
            .assert()
            .code(1)
            .stderr(contains(what));
    };
    search(&format!("https://127.0.0.1:{plain}"), "try an address with http://");
    search(&format!("http://127.0.0.1:{encrypted}"), "try an address with https://");
    search("http://127.0.0.1:1", "cannot connect");
    for arguments in [&["kb", "list"][..], &["key", "list"]] {
        let ask = |address: &str, what: &str| {
            let mut command = workspace.command(arguments);
            let output = command.args(["--server", address]).env("HUSHVEC_API_KEY", "hvk_none").assert().code(1);
            // A retry would not help.
            let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
            assert!(stderr.contains(what) && !stderr.contains("retrying"), "{arguments:?}: {stderr}");
        };
        ask(&format!("https://127.0.0.1:{plain}"), "try an address with http://");
        ask(&format!("http://127.0.0.1:{encrypted}"), "try an address with https://");
    }
    let listen = format!("127.0.0.1:{plain}");
    workspace
        .command(&["serve", "--data", "data", "--listen", &listen])
        .assert()
        .code(1)
        .stderr(contains(format!("cannot listen on {listen}")));
}

/// Mistakes of the operator of a server.
#[test]
fn servers_that_cannot_start_say_why() {
    let workspace = Workspace::new();
    std::fs::write(workspace.path("file"), "").unwrap();
    let running = Server::start(&workspace.path("data"), &[]);
    let taken = running.url.trim_start_matches("http://");
    for (arguments, code, what) in [
        (
            &["--data", "data", "--listen", "127.0.0.1:0"][..],
            1,
            "data is in use by another server; stop it, or give another",
        ),
        (&["--data", "other", "--listen", taken], 1, "give another address or port with --listen"),
        (&["--data", "file", "--listen", "127.0.0.1:0"], 1, "file is a file; --data takes a folder"),
        (&["--data", "other", "--listen", "8080"], 2, "not an IP address with a port, such as 127.0.0.1:8080"),
        (&["--listen", "127.0.0.1:0"], 2, "--data <DIR>"),
    ] {
        let mut command = workspace.command(&["serve"]);
        command.args(arguments).assert().code(code).stderr(contains(what));
    }
}
