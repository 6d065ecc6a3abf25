//! `hushvec encrypt --resume` continues killed jobs and jobs on a full disk, and encrypts no row twice.
//!
//! `HUSHVEC_LONG_TESTS=1` kills more often.

use crate::workspace::{Workspace, expected, vectors};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The number of vectors of a job. A block of the scheme `paillier` has 256.
const ROWS: usize = 1500;

fn job(workspace: &Workspace, output: &str, more: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("hushvec"));
    command
        .current_dir(workspace.path(""))
        .args(["encrypt", "public.json", "all.npy", "-o", output, "--resume"])
        .args(more);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

/// Returns the length of the whole blocks of an index, which the next run keeps.
fn whole(workspace: &Workspace, path: &Path) -> usize {
    if !path.exists() {
        return 0;
    }
    let info = workspace.json(&["index", "info", path.to_str().unwrap(), "--json"]);
    usize::try_from(info["bytes"].as_u64().unwrap()).unwrap()
}

fn check(workspace: &Workspace, index: &str) {
    let all = vectors(ROWS);
    workspace.floats("query.npy", &all[7..8]);
    workspace.ok(&["index", "verify", "public.json", index, "--deep"]);
    let found = workspace.json(&["query", "ctx.json", index, "query.npy", "-k", "10000", "--json"]);
    assert_eq!(found, expected(&all, &all[7..8], ROWS, |i| i));
}

#[test]
fn killed_jobs_are_resumed() {
    let kills = if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { 60 } else { 4 };
    let workspace = Workspace::with_context("paillier");
    workspace.floats("all.npy", &vectors(ROWS));
    let mut state = 1u64;
    let mut caught = 0;
    for (output, more) in [("plain.hvx", &[][..]), ("shard.hvx", &["--shard", "0/1"])] {
        let partial = workspace.path(output).with_extension(if more.is_empty() { "hvx" } else { "hvx.partial" });
        let mut kept = Vec::new();
        for _ in 0..kills / 2 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut child = job(&workspace, output, more).spawn().unwrap();
            // Wait until the job has written something, or has ended.
            let (started, before) = (Instant::now(), bytes(&partial).len());
            while child.try_wait().unwrap().is_none()
                && bytes(&partial).len() == before
                && started.elapsed() < Duration::from_secs(60)
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(state >> 44));
            child.kill().unwrap();
            caught += usize::from(child.wait().unwrap().code().is_none());
            if more.is_empty() || partial.exists() {
                assert!(
                    more.is_empty() || !workspace.path(output).exists(),
                    "an unfinished shard has the name of a finished one"
                );
                let now = bytes(&partial);
                assert!(now.starts_with(&kept), "finished blocks have changed");
                kept = now[..whole(&workspace, &partial)].to_vec();
            }
        }
        let last = job(&workspace, output, more).output().unwrap();
        assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
        assert!(bytes(&workspace.path(output)).starts_with(&kept), "rows were encrypted again");
        assert!(!workspace.path("shard.hvx.partial").exists());
        check(&workspace, output);
    }
    assert!(caught > 0, "every job was finished before it could be killed");
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{caught} kills of a job: 0 rows lost, 0 encrypted twice").unwrap();
}

#[test]
fn a_full_disk_loses_no_rows() {
    let workspace = Workspace::with_context("paillier");
    workspace.floats("all.npy", &vectors(ROWS));
    let path = workspace.path("i.hvx");
    let mut kept = Vec::new();
    // Limits in units of 512 bytes: nothing, too little for the first block, and several blocks of 256 vectors.
    for limit in [0, 100, 300, 600, 1200] {
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("trap '' XFSZ; ulimit -f {limit}; exec \"$@\""), "sh"]);
        limited.arg(assert_cmd::cargo::cargo_bin!("hushvec")).current_dir(workspace.path(""));
        limited.args(["encrypt", "public.json", "all.npy", "-o", "i.hvx", "--resume"]);
        let output = limited.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{limit}: {message}");
        assert!(message.contains("File too large"), "{limit}: {message}");
        assert_eq!(path.exists(), limit >= 300, "{limit}: an empty index is removed");
        assert_eq!(message.contains("continue with --resume"), limit >= 300, "{message}");
        let now = bytes(&path);
        assert!(
            now.starts_with(&kept) && whole(&workspace, &path) == now.len(),
            "{limit}: an unfinished block is left"
        );
        kept = now;
    }
    assert!(job(&workspace, "i.hvx", &[]).status().unwrap().success());
    assert!(bytes(&path).starts_with(&kept));
    check(&workspace, "i.hvx");
}
