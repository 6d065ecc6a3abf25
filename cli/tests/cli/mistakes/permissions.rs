//! Files and folders without permission to read or write.
//!
//! Root may access everything, so if the tests run as root, the program runs as another user.

use super::setup;
use crate::workspace::{PASSPHRASE, Workspace};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The user id of `nobody` on most systems.
const NOBODY: u32 = 65534;

fn set_mode(workspace: &Workspace, name: &str, mode: u32) {
    std::fs::set_permissions(workspace.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Copies the program to a place where any user may run it.
fn program(workspace: &Workspace) -> PathBuf {
    let copy = workspace.path("hushvec");
    std::fs::copy(assert_cmd::cargo::cargo_bin!("hushvec"), &copy).unwrap();
    set_mode(workspace, "hushvec", 0o755);
    copy
}

#[test]
fn missing_permissions_are_reported() {
    let workspace = setup();
    let is_root = workspace.path(".").metadata().unwrap().uid() == 0;
    let program = program(&workspace);
    for (from, to) in [("ctx.json", "locked.json"), ("vectors.npy", "locked.npy"), ("index.hvx", "locked.hvx")] {
        std::fs::copy(workspace.path(from), workspace.path(to)).unwrap();
        set_mode(&workspace, to, 0);
    }
    std::fs::create_dir(workspace.path("locked")).unwrap();
    set_mode(&workspace, "locked", 0);
    for name in
        ["ctx.json", "public.json", "other.json", "vectors.npy", "query.npy", "query.hvq", "response.hvr", "index.hvx"]
    {
        set_mode(&workspace, name, 0o444);
    }
    set_mode(&workspace, ".", 0o555);
    let run = |arguments: &[&str]| -> Output {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(workspace.path(".")).env("HUSHVEC_PASSPHRASE", PASSPHRASE);
        command
            .env("HUSHVEC_NEW_PASSPHRASE", "another")
            .env("HUSHVEC_API_KEY", "hvk_none")
            .env("HOME", workspace.path("."));
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().unwrap()
    };
    let names = || {
        let mut names: Vec<_> =
            std::fs::read_dir(workspace.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let (before, index) = (names(), std::fs::read(workspace.path("index.hvx")).unwrap());
    let works = run(&["context", "show", "ctx.json"]);
    assert!(works.status.success(), "{works:?}");
    for (arguments, what) in MISTAKES {
        let output = run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains(what) && stderr.contains("Permission denied"), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains(".hushvec-"), "{arguments:?}: {stderr}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
    set_mode(&workspace, ".", 0o755);
    assert_eq!(names(), before, "something was left behind");
    assert_eq!(std::fs::read(workspace.path("index.hvx")).unwrap(), index);
}

const MISTAKES: &[(&[&str], &str)] = &[
    // Files without read permission.
    (&["context", "show", "locked.json"], "cannot open locked.json"),
    (&["encrypt", "locked.json", "vectors.npy", "-o", "x.hvx"], "cannot open locked.json"),
    (&["encrypt", "public.json", "locked.npy", "-o", "x.hvx"], "cannot open locked.npy"),
    (&["encrypt", "public.json", "locked/v.npy", "-o", "x.hvx"], "cannot open locked/v.npy"),
    (&["encrypt", "public.json", "locked/*.npy", "-o", "x.hvx"], "cannot search for locked/*.npy"),
    (&["encrypt", "public.json", "vectors.npy", "--ids", "locked.npy", "-o", "x.hvx"], "cannot open locked.npy"),
    (&["query", "ctx.json", "locked.hvx", "query.npy"], "cannot open locked.hvx"),
    (&["query", "ctx.json", "index.hvx", "locked.npy"], "cannot open locked.npy"),
    (&["query", "ctx.json", "index.hvx", "query.npy", "--passphrase-file", "locked.npy"], "cannot open locked.npy"),
    (&["aggregate", "public.json", "locked.hvx", "query.hvq", "-o", "x"], "cannot open locked.hvx"),
    (&["decode", "locked.json", "response.hvr"], "cannot open locked.json"),
    (&["index", "verify", "public.json", "locked.hvx"], "cannot open locked.hvx"),
    (&["rekey", "ctx.json", "locked.json", "index.hvx", "-o", "x.hvx"], "cannot open locked.json"),
    // Files without write permission.
    (&["encrypt", "public.json", "vectors.npy", "-o", "index.hvx", "--append"], "cannot open index.hvx"),
    (&["index", "delete", "index.hvx", "3"], "cannot open index.hvx"),
    (&["index", "compact", "index.hvx"], "index.hvx"),
    // Folders without write permission.
    (&["context", "new", "-o", "x.json"], "cannot create x.json"),
    (&["context", "public", "ctx.json", "-o", "x.json"], "cannot create x.json"),
    (&["context", "passphrase", "ctx.json"], "ctx.json"),
    (&["encrypt", "public.json", "vectors.npy", "-o", "x.hvx"], "cannot create x.hvx"),
    (&["encrypt", "public.json", "vectors.npy", "-o", "locked/x.hvx"], "cannot create locked/x.hvx"),
    (&["encrypt-query", "public.json", "query.npy", "-o", "x"], "cannot create x"),
    (&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "x"], "cannot create x"),
    (&["index", "merge", "index.hvx", "-o", "x.hvx"], "cannot create x.hvx"),
    (&["index", "export", "public.json", "index.hvx", "-o", "x.npy"], "cannot create x.npy"),
    (&["man", "manuals"], "cannot create manuals"),
];

#[cfg(all(feature = "client", feature = "server"))]
#[test]
fn servers_and_keys_without_permission() {
    let workspace = Workspace::new();
    let is_root = workspace.path(".").metadata().unwrap().uid() == 0;
    let program = program(&workspace);
    std::fs::write(workspace.path("locked.key"), "hvk_secret").unwrap();
    set_mode(&workspace, "locked.key", 0);
    set_mode(&workspace, ".", 0o555);
    for (arguments, what) in [
        (&["serve", "--data", "data", "--listen", "127.0.0.1:0"][..], "cannot create data"),
        (&["kb", "list", "--server", "http://127.0.0.1:1", "--api-key-file", "locked.key"], "cannot open locked.key"),
        (
            &["key", "list", "--server", "http://127.0.0.1:1", "--admin-key-file", "locked.key"],
            "cannot open locked.key",
        ),
    ] {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(workspace.path("."));
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && stderr.contains(what), "{arguments:?}: {stderr}");
        assert!(stderr.contains("Permission denied"), "{stderr}");
    }
    set_mode(&workspace, ".", 0o755);
}
