//! Output files, and the files that are never overwritten.

use crate::workspace::{Workspace, vectors};
use std::path::Path;

/// A command that writes a file: its arguments without `-o FILE`, whether it can write to streams, whether it has
/// `--force`, and its inputs.
struct Writer {
    arguments: &'static [&'static str],
    streams: bool,
    force: bool,
    inputs: &'static [&'static str],
}

const fn writer(
    arguments: &'static [&'static str],
    streams: bool,
    force: bool,
    inputs: &'static [&'static str],
) -> Writer {
    Writer { arguments, streams, force, inputs }
}

const WRITERS: [Writer; 10] = [
    writer(&["context", "new"], false, true, &[]),
    writer(&["context", "public", "ctx.json"], true, true, &["ctx.json"]),
    writer(&["context", "export", "ctx.json", "--format", "xtrace"], false, true, &["ctx.json"]),
    writer(&["encrypt", "ctx.json", "vectors.npy"], false, false, &["ctx.json", "vectors.npy"]),
    writer(&["encrypt-query", "ctx.json", "query.npy"], true, true, &["ctx.json", "query.npy"]),
    writer(
        &["aggregate", "public.json", "index.hvx", "query.hvq"],
        true,
        true,
        &["public.json", "index.hvx", "query.hvq"],
    ),
    writer(&["index", "export", "public.json", "index.hvx"], true, true, &["public.json", "index.hvx"]),
    writer(&["index", "import", "public.json", "raw.npy"], false, false, &["public.json", "raw.npy"]),
    writer(&["index", "merge", "index.hvx"], false, false, &["index.hvx"]),
    writer(&["rekey", "ctx.json", "other.json", "index.hvx"], false, false, &["ctx.json", "other.json", "index.hvx"]),
];

/// A workspace with one file of each kind.
fn setup() -> Workspace {
    let workspace = Workspace::with_context("paillier");
    workspace.ok(&["context", "new", "-o", "other.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"]);
    workspace.floats("query.npy", &vectors(1));
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    workspace.ok(&["encrypt-query", "ctx.json", "query.npy", "-o", "query.hvq"]);
    workspace.ok(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    workspace.ok(&["index", "export", "public.json", "index.hvx", "-o", "raw.npy"]);
    workspace
}

fn bytes(workspace: &Workspace, name: &str) -> Vec<u8> {
    std::fs::read(workspace.path(name)).unwrap()
}

/// Returns the arguments of a command that writes to `path`.
fn to<'a>(writer: &Writer, path: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [writer.arguments, &["-o", path], more].concat()
}

#[test]
fn no_command_writes_over_its_inputs_or_over_keys() {
    let workspace = setup();
    std::fs::hard_link(workspace.path("ctx.json"), workspace.path("link-to-ctx.json")).unwrap();
    for writer in &WRITERS {
        let force: &[&str] = if writer.force { &["--force"] } else { &[] };
        for target in writer.inputs.iter().chain(&["ctx.json", "other.json", "link-to-ctx.json"]) {
            let before = bytes(&workspace, target);
            workspace.refused(&to(writer, target, force), 2, target);
            assert_eq!(bytes(&workspace, target), before, "{:?} over {target}", writer.arguments);
        }
        // A damaged file may still hold a secret key.
        let damaged = [&bytes(&workspace, "ctx.json")[..], b"x"].concat();
        std::fs::write(workspace.path("damaged.json"), &damaged).unwrap();
        workspace.command(&to(writer, "damaged.json", force)).assert().code(2);
        assert_eq!(bytes(&workspace, "damaged.json"), damaged, "{:?}", writer.arguments);
    }
}

#[test]
fn files_are_replaced_when_that_is_asked_for() {
    let workspace = setup();
    for writer in &WRITERS {
        std::fs::write(workspace.path("out"), "notes").unwrap();
        workspace.refused(&to(writer, "out", &[]), 2, "exists; give ");
        assert_eq!(bytes(&workspace, "out"), b"notes");
        if writer.force {
            workspace.ok(&to(writer, "out", &["--force"]));
            assert_ne!(bytes(&workspace, "out"), b"notes", "{:?}", writer.arguments);
        }
        std::fs::remove_file(workspace.path("out")).unwrap();
        workspace.refused(&to(writer, ".", &[]), 2, "is a folder");
        workspace.refused(&to(writer, "no/such/folder/out", &[]), 2, "there is no folder no/such/folder");
    }
    // A file of another kind is not replaced: that must be a mistake.
    let before = bytes(&workspace, "index.hvx");
    workspace.refused(&["encrypt-query", "ctx.json", "query.npy", "-o", "index.hvx", "--force"], 1, "it is an index");
    workspace.refused(
        &["index", "export", "public.json", "index.hvx", "-o", "query.hvq", "--force"],
        1,
        "it is an encrypted",
    );
    assert_eq!(bytes(&workspace, "index.hvx"), before);
    // Both outputs of a command are checked.
    let export = ["index", "export", "public.json", "index.hvx", "-o", "new.npy", "--ids"];
    workspace.refused(&[&export[..], &["ctx.json", "--force"]].concat(), 2, "holds a secret key");
    workspace.refused(&[&export[..], &["new.npy"]].concat(), 2, "both");
    workspace.refused(&[&export[..], &["vectors.npy"]].concat(), 2, "exists");
    assert!(!workspace.path("new.npy").exists());
    let bench = ["bench", "--batch", "1", "--seconds", "0.001", "--scheme", "paillier", "--plot"];
    workspace.refused(&[&bench[..], &["vectors.npy"]].concat(), 2, "vectors.npy exists");
    workspace.refused(&[&bench[..], &["ctx.json", "--force"]].concat(), 2, "holds a secret key");
    workspace.refused(&[&bench[..], &["-"]].concat(), 2, "standard output");
}

#[cfg(unix)]
#[test]
fn links_pipes_and_devices_are_never_replaced() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let workspace = setup();
    symlink(workspace.path("vectors.npy"), workspace.path("link")).unwrap();
    symlink(workspace.path("nothing"), workspace.path("dangling")).unwrap();
    let vectors = bytes(&workspace, "vectors.npy");
    assert!(std::process::Command::new("mkfifo").arg(workspace.path("pipe")).status().unwrap().success());
    for writer in &WRITERS {
        let force: &[&str] = if writer.force { &["--force"] } else { &[] };
        for link in ["link", "dangling"] {
            workspace.refused(&to(writer, link, force), 2, "is a symbolic link");
            assert!(workspace.path(link).symlink_metadata().unwrap().is_symlink(), "{:?}", writer.arguments);
        }
        assert_eq!(bytes(&workspace, "vectors.npy"), vectors);
        assert!(!workspace.path("nothing").exists());
        if writer.streams {
            workspace.ok(&to(writer, "/dev/null", &[]));
            let output = workspace.ok(&to(writer, "-", &[])).get_output().stdout.clone();
            assert!(output.len() > 100, "{:?}", writer.arguments);
            let reader = std::process::Command::new("cat")
                .arg(workspace.path("pipe"))
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            workspace.ok(&to(writer, "pipe", &[]));
            let piped = reader.wait_with_output().unwrap().stdout;
            // Ciphertexts differ from run to run, so only lengths are compared.
            assert_eq!(piped.len(), output.len(), "{:?}", writer.arguments);
        } else {
            workspace.refused(&to(writer, "/dev/null", force), 2, "is a device, a pipe or a socket");
            workspace.refused(&to(writer, "pipe", force), 2, "is a device, a pipe or a socket");
            workspace.refused(&to(writer, "-", force), 2, "standard output");
            assert!(!workspace.path("-").exists());
        }
        assert!(Path::new("/dev/null").metadata().unwrap().file_type().is_char_device());
        assert!(workspace.path("pipe").metadata().unwrap().file_type().is_fifo());
    }
    // The JSON report and the output cannot share standard output.
    workspace.refused(
        &["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "-", "--json"],
        2,
        "--json and -o - both write to standard output",
    );
}

/// A command that changes a file in place changes the target of a link, not the link.
#[cfg(unix)]
#[test]
fn a_changed_passphrase_goes_through_a_link() {
    let workspace = Workspace::with_context("paillier");
    std::os::unix::fs::symlink(workspace.path("ctx.json"), workspace.path("link.json")).unwrap();
    workspace
        .command(&["context", "passphrase", "link.json"])
        .env("HUSHVEC_NEW_PASSPHRASE", "battery staple")
        .assert()
        .success();
    assert!(workspace.path("link.json").symlink_metadata().unwrap().is_symlink());
    workspace
        .command(&["context", "show", "ctx.json", "--verify"])
        .env("HUSHVEC_PASSPHRASE", "battery staple")
        .assert()
        .success();
}
