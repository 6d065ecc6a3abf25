//! What commands write, and what they never write over.

use crate::desk::{Desk, vectors};
use std::path::Path;

/// A command that writes a file, without `-o FILE`; whether it can write into streams; whether it has `--force`; its inputs.
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

/// One of each file.
fn furnished() -> Desk {
    let desk = Desk::furnished("paillier");
    desk.ok(&["context", "new", "-o", "other.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"]);
    desk.floats("query.npy", &vectors(1));
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    desk.ok(&["encrypt-query", "ctx.json", "query.npy", "-o", "query.hvq"]);
    desk.ok(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    desk.ok(&["index", "export", "public.json", "index.hvx", "-o", "raw.npy"]);
    desk
}

fn bytes(desk: &Desk, name: &str) -> Vec<u8> {
    std::fs::read(desk.path(name)).unwrap()
}

/// The arguments of a command that is to write to a path.
fn to<'a>(writer: &Writer, path: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [writer.arguments, &["-o", path], more].concat()
}

#[test]
fn no_command_writes_over_its_inputs_or_over_keys() {
    let desk = furnished();
    std::fs::hard_link(desk.path("ctx.json"), desk.path("link-to-ctx.json")).unwrap();
    for writer in &WRITERS {
        let force: &[&str] = if writer.force { &["--force"] } else { &[] };
        for target in writer.inputs.iter().chain(&["ctx.json", "other.json", "link-to-ctx.json"]) {
            let before = bytes(&desk, target);
            desk.refused(&to(writer, target, force), 2, target);
            assert_eq!(bytes(&desk, target), before, "{:?} over {target}", writer.arguments);
        }
        // A secret key that a damaged file holds is one still.
        let damaged = [&bytes(&desk, "ctx.json")[..], b"x"].concat();
        std::fs::write(desk.path("damaged.json"), &damaged).unwrap();
        desk.command(&to(writer, "damaged.json", force)).assert().code(2);
        assert_eq!(bytes(&desk, "damaged.json"), damaged, "{:?}", writer.arguments);
    }
}

#[test]
fn files_are_replaced_when_that_is_asked_for() {
    let desk = furnished();
    for writer in &WRITERS {
        std::fs::write(desk.path("out"), "notes").unwrap();
        desk.refused(&to(writer, "out", &[]), 2, "exists; give ");
        assert_eq!(bytes(&desk, "out"), b"notes");
        if writer.force {
            desk.ok(&to(writer, "out", &["--force"]));
            assert_ne!(bytes(&desk, "out"), b"notes", "{:?}", writer.arguments);
        }
        std::fs::remove_file(desk.path("out")).unwrap();
        desk.refused(&to(writer, ".", &[]), 2, "is a folder");
        desk.refused(&to(writer, "no/such/folder/out", &[]), 2, "there is no folder no/such/folder");
    }
    // Not by a file of another kind: that is a slip of the hand.
    let before = bytes(&desk, "index.hvx");
    desk.refused(&["encrypt-query", "ctx.json", "query.npy", "-o", "index.hvx", "--force"], 1, "it is an index");
    desk.refused(
        &["index", "export", "public.json", "index.hvx", "-o", "query.hvq", "--force"],
        1,
        "it is an encrypted",
    );
    assert_eq!(bytes(&desk, "index.hvx"), before);
    // Both outputs of a command are looked at.
    let export = ["index", "export", "public.json", "index.hvx", "-o", "new.npy", "--ids"];
    desk.refused(&[&export[..], &["ctx.json", "--force"]].concat(), 2, "holds a secret key");
    desk.refused(&[&export[..], &["new.npy"]].concat(), 2, "both");
    desk.refused(&[&export[..], &["vectors.npy"]].concat(), 2, "exists");
    assert!(!desk.path("new.npy").exists());
    let bench = ["bench", "--batch", "1", "--seconds", "0.001", "--scheme", "paillier", "--plot"];
    desk.refused(&[&bench[..], &["vectors.npy"]].concat(), 2, "vectors.npy exists");
    desk.refused(&[&bench[..], &["ctx.json", "--force"]].concat(), 2, "holds a secret key");
    desk.refused(&[&bench[..], &["-"]].concat(), 2, "standard output");
}

#[cfg(unix)]
#[test]
fn links_pipes_and_devices_are_never_replaced() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let desk = furnished();
    symlink(desk.path("vectors.npy"), desk.path("link")).unwrap();
    symlink(desk.path("nothing"), desk.path("dangling")).unwrap();
    let vectors = bytes(&desk, "vectors.npy");
    assert!(std::process::Command::new("mkfifo").arg(desk.path("pipe")).status().unwrap().success());
    for writer in &WRITERS {
        let force: &[&str] = if writer.force { &["--force"] } else { &[] };
        for link in ["link", "dangling"] {
            desk.refused(&to(writer, link, force), 2, "is a symbolic link");
            assert!(desk.path(link).symlink_metadata().unwrap().is_symlink(), "{:?}", writer.arguments);
        }
        assert_eq!(bytes(&desk, "vectors.npy"), vectors);
        assert!(!desk.path("nothing").exists());
        if writer.streams {
            desk.ok(&to(writer, "/dev/null", &[]));
            let output = desk.ok(&to(writer, "-", &[])).get_output().stdout.clone();
            assert!(output.len() > 100, "{:?}", writer.arguments);
            let reader = std::process::Command::new("cat")
                .arg(desk.path("pipe"))
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            desk.ok(&to(writer, "pipe", &[]));
            let piped = reader.wait_with_output().unwrap().stdout;
            // Encryption differs from run to run.
            assert_eq!(piped.len(), output.len(), "{:?}", writer.arguments);
        } else {
            desk.refused(&to(writer, "/dev/null", force), 2, "is a device, a pipe or a socket");
            desk.refused(&to(writer, "pipe", force), 2, "is a device, a pipe or a socket");
            desk.refused(&to(writer, "-", force), 2, "standard output");
            assert!(!desk.path("-").exists());
        }
        assert!(Path::new("/dev/null").metadata().unwrap().file_type().is_char_device());
        assert!(desk.path("pipe").metadata().unwrap().file_type().is_fifo());
    }
    // A report and an output cannot share standard output.
    desk.refused(
        &["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "-", "--json"],
        2,
        "--json and -o - both write to standard output",
    );
}

/// What changes a file in its place changes the file that a link stands for, and not the link.
#[cfg(unix)]
#[test]
fn a_changed_passphrase_goes_through_a_link() {
    let desk = Desk::furnished("paillier");
    std::os::unix::fs::symlink(desk.path("ctx.json"), desk.path("link.json")).unwrap();
    desk.command(&["context", "passphrase", "link.json"])
        .env("HUSHVEC_NEW_PASSPHRASE", "battery staple")
        .assert()
        .success();
    assert!(desk.path("link.json").symlink_metadata().unwrap().is_symlink());
    desk.command(&["context", "show", "ctx.json", "--verify"])
        .env("HUSHVEC_PASSPHRASE", "battery staple")
        .assert()
        .success();
}
