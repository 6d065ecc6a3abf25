//! Errors of builds without some features. The other tests need `--features full`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use assert_cmd::Command;
use predicates::str::contains;

fn hushvec() -> Command {
    let mut command = Command::cargo_bin("hushvec").unwrap();
    command.env("HUSHVEC_PASSPHRASE", "correct horse battery staple");
    command
}

#[test]
fn missing_commands_say_how_to_get_them() {
    let commands = [
        ("push", cfg!(feature = "client")),
        ("search", cfg!(feature = "client")),
        ("kb", cfg!(feature = "client")),
        ("key", cfg!(feature = "client")),
        ("serve", cfg!(feature = "server")),
    ];
    for (command, is_there) in commands {
        let asked = hushvec().args([command, "--help"]).assert();
        if is_there {
            asked.success();
        } else {
            asked
                .code(2)
                .stderr(contains(format!("`hushvec {command}` is not in this build")))
                .stderr(contains("--features full"));
        }
    }
    hushvec().arg("pull").assert().code(2).stderr(contains("unrecognized subcommand 'pull'"));
}

#[test]
fn tables_are_recognised_without_their_library() {
    let folder = tempfile::tempdir().unwrap();
    let hushvec = || {
        let mut command = hushvec();
        command.current_dir(&folder);
        command
    };
    let new = ["context", "new", "-o", "c.json", "--embedding-length", "8", "--scheme", "paillier_subgroup"];
    hushvec().args(new).assert().success();
    std::fs::write(folder.path().join("a.parquet"), b"PAR1 and no more").unwrap();
    std::fs::write(folder.path().join("b"), b"ARROW1 and no more").unwrap();
    for name in ["a.parquet", "b"] {
        let asked = hushvec().args(["encrypt", "c.json", name, "-o", "i.hvx"]).assert().code(1).stderr(contains(name));
        if !cfg!(feature = "tables") {
            asked.stderr(contains("Parquet and Arrow are not in this build")).stderr(contains("--features full"));
        }
    }
}

#[test]
fn a_build_without_attacks_audits_and_refuses_to_prove() {
    let sdk = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/xtrace/lookup_64_512.context.json");
    hushvec().args(["context", "audit", sdk]).assert().success().stdout(contains("BROKEN"));
    let asked = hushvec().args(["context", "audit", sdk, "--prove"]).assert();
    if cfg!(feature = "audit") {
        asked.success().stdout(contains("recovered the secret key"));
    } else {
        asked.code(2).stderr(contains("the feature `audit`"));
    }
}
