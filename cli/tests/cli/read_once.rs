//! Commands read a context file only once, so it may be a pipe, and cannot change between two reads.

#[cfg(all(feature = "client", feature = "server"))]
use crate::process::Server;
use crate::workspace::{PASSPHRASE, Workspace, vectors};
use std::process::{Child, Command};
use std::time::Duration;

/// A process that writes a file to a named pipe once. A second reader would block forever.
struct Piped(Child);

impl Piped {
    fn new(workspace: &Workspace, file: &str, pipe: &str) -> Self {
        assert!(Command::new("mkfifo").arg(workspace.path(pipe)).status().unwrap().success());
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec cat \"$0\" > \"$1\""]).args([workspace.path(file), workspace.path(pipe)]);
        Self(shell.spawn().unwrap())
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A workspace with `ctx.json`, `public.json`, `xtrace.json` and `copy.json` of one key, `new.json` of another key, and
/// an index, a query, a response and raw ciphertexts of `ctx.json`.
fn setup() -> Workspace {
    let workspace = Workspace::with_context("paillier_lookup");
    workspace.ok(&["context", "new", "-o", "new.json", "--scheme", "paillier_subgroup", "--embedding-length", "64"]);
    workspace.ok(&["context", "export", "ctx.json", "-o", "xtrace.json", "--format", "xtrace"]);
    std::fs::copy(workspace.path("ctx.json"), workspace.path("copy.json")).unwrap();
    workspace.floats("query.npy", &vectors(1));
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "index.hvx"]);
    workspace.ok(&["encrypt-query", "public.json", "query.npy", "-o", "query.hvq"]);
    workspace.ok(&["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "response.hvr"]);
    workspace.ok(&["index", "export", "public.json", "index.hvx", "-o", "raw.npy"]);
    workspace
}

/// Runs a command with each of these files replaced by a pipe.
fn once(workspace: &Workspace, files: &[&str], arguments: &[&str], environment: &[(&str, &str)]) {
    let pipes: Vec<String> = files.iter().map(|file| format!("pipe-{file}")).collect();
    let pipe_of = |word: &str| files.iter().position(|file| *file == word).map(|at| pipes[at].clone());
    let writers: Vec<Piped> = files.iter().zip(&pipes).map(|(file, pipe)| Piped::new(workspace, file, pipe)).collect();
    let piped: Vec<String> = arguments.iter().map(|word| pipe_of(word).unwrap_or_else(|| (*word).to_owned())).collect();
    let mut command = workspace.command(&piped.iter().map(String::as_str).collect::<Vec<_>>());
    let output = command.envs(environment.iter().copied()).timeout(Duration::from_secs(60)).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {}, as if it read a context twice: {stderr}", output.status);
    drop(writers);
    for pipe in pipes {
        std::fs::remove_file(workspace.path(&pipe)).unwrap();
    }
}

#[test]
fn each_command_reads_a_context_once() {
    let workspace = setup();
    let new_passphrase = [("HUSHVEC_NEW_PASSPHRASE", PASSPHRASE)];
    for context in ["ctx.json", "xtrace.json", "public.json"] {
        for arguments in [
            &["context", "show", context][..],
            &["context", "audit", context],
            &["context", "compare", context, "copy.json"],
            &["encrypt", context, "vectors.npy", "-o", "OUT"],
            &["encrypt", context, "vectors.npy", "-o", "OUT", "--dry-run"],
            &["encrypt-query", context, "query.npy", "-o", "OUT"],
            &["index", "verify", context, "index.hvx"],
            &["index", "export", context, "index.hvx", "-o", "OUT"],
            &["index", "import", context, "raw.npy", "-o", "OUT"],
        ] {
            once(&workspace, &[context], arguments, &[]);
            let _ = std::fs::remove_file(workspace.path("OUT"));
        }
    }
    for context in ["ctx.json", "xtrace.json"] {
        for arguments in [
            &["context", "show", context, "--verify"][..],
            &["context", "public", context, "-o", "OUT"],
            &["context", "public", context, "-o", "OUT", "--verify"],
            &["context", "export", context, "-o", "OUT", "--format", "native"],
            &["query", context, "index.hvx", "query.npy"],
            &["decode", context, "response.hvr", "--query", "query.hvq"],
        ] {
            once(&workspace, &[context], arguments, &[]);
            let _ = std::fs::remove_file(workspace.path("OUT"));
        }
        let rekey = ["rekey", context, "new.json", "index.hvx", "-o", "OUT"];
        once(&workspace, &[context, "new.json"], &rekey, &new_passphrase);
        std::fs::remove_file(workspace.path("OUT")).unwrap();
    }
    once(&workspace, &["public.json"], &["aggregate", "public.json", "index.hvx", "query.hvq", "-o", "OUT"], &[]);
}

#[cfg(all(feature = "client", feature = "server"))]
#[test]
fn pushing_and_searching_read_a_context_once() {
    let workspace = setup();
    let server = Server::start(&workspace.path("data"), &[]);
    let key = [("HUSHVEC_API_KEY", server.key.as_str())];
    for (context, kb) in [("ctx.json", "one"), ("xtrace.json", "two")] {
        let remote = ["--server", &server.url, "--list", kb];
        let push = ["push", context, "index.hvx", "--create-kb", kb, "--rerank-with", "vectors.npy"];
        once(&workspace, &[context], &[&push[..], &remote].concat(), &key);
        let search = ["search", context, "query.npy", "--kb", kb];
        once(&workspace, &[context], &[&search[..], &remote].concat(), &key);
    }
}

/// A passphrase file is also read only once.
#[test]
fn exporting_reads_the_passphrase_once() {
    let workspace = setup();
    std::fs::write(workspace.path("pass.txt"), PASSPHRASE).unwrap();
    let export = ["context", "export", "ctx.json", "-o", "OUT", "--format", "xtrace", "--passphrase-file", "pass.txt"];
    once(&workspace, &["ctx.json", "pass.txt"], &export, &[]);
}
