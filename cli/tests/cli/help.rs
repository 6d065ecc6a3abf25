//! Help, completions, manual pages and messages.

use crate::workspace::Workspace;
use predicates::str::contains;
use serde_json::Value;

#[test]
fn every_command_has_help() {
    let workspace = Workspace::new();
    workspace.ok(&["--help"]).stdout(contains("`hushvec demo`"));
    workspace.ok(&["--version"]).stdout(contains(env!("CARGO_PKG_VERSION")));
    workspace.ok(&["--help"]).stdout(contains("Exit codes: 0 success"));
    for command in [
        "demo",
        "devices",
        "context",
        "encrypt",
        "encrypt-query",
        "aggregate",
        "decode",
        "query",
        "index",
        "rekey",
        "push",
        "search",
        "bench",
        "completions",
        "man",
    ] {
        workspace.ok(&[command, "--help"]).stdout(contains("Usage: hushvec"));
    }
    for command in ["new", "show", "audit", "public", "export", "passphrase", "compare"] {
        workspace.ok(&["context", command, "--help"]).stdout(contains("Usage: hushvec"));
    }
    workspace.command(&["frobnicate"]).assert().code(2);
    workspace.command(&[]).assert().code(2);
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let workspace = Workspace::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = workspace.ok(&["completions", shell]).get_output().stdout.clone();
        let script = String::from_utf8(script).unwrap();
        for word in ["rekey", "audit", "compare", "--allow-weak", "--log-format"] {
            // Options are written without dashes in some shells.
            assert!(script.contains(word.trim_start_matches('-')), "{shell}: {word}");
        }
    }
    workspace.command(&["completions", "cmd"]).assert().code(2);
    workspace.ok(&["man", "man1"]);
    let page = |name: &str| std::fs::read_to_string(workspace.path("man1").join(name)).unwrap();
    assert!(page("hushvec.1").contains("Exit codes"));
    assert!(page("hushvec-context-audit.1").contains("\\-\\-prove"));
    for name in ["hushvec-rekey.1", "hushvec-index-import.1", "hushvec-context-passphrase.1"] {
        assert!(page(name).contains(".TH"), "{name}");
    }
}

#[test]
fn messages_follow_quiet_verbose_and_log_format() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let encrypt = |name: &str, options: &[&str]| {
        let arguments = [&["encrypt", "ctx.json", "vectors.npy", "-o", name, "--device", "cpu"], options].concat();
        String::from_utf8(workspace.ok(&arguments).get_output().stderr.clone()).unwrap()
    };
    let text = encrypt("a.hvx", &[]);
    assert!(text.starts_with("encrypted 40 vectors in ") && text.lines().count() == 1, "{text}");
    assert_eq!(encrypt("b.hvx", &["--quiet"]), "");
    assert!(encrypt("c.hvx", &["-v"]).contains("debug: opened ctx.json"));
    let line: Value = serde_json::from_str(&encrypt("d.hvx", &["--log-format", "json"])).unwrap();
    assert_eq!((&line["level"], &line["encrypted"], &line["total"]), (&"INFO".into(), &40.into(), &40.into()));
    assert!(line["message"].as_str().unwrap().starts_with("encrypted 40 vectors") && line["timestamp"].is_string());
    workspace.command(&["-q", "-v", "devices"]).assert().code(2);

    // --quiet does not silence errors. They have the level ERROR, and may have a hint.
    workspace.ok(&["context", "new", "-o", "other.json", "--embedding-length", "64"]);
    let mut command = workspace.command(&["decode", "other.json", "a.hvx", "--quiet", "--log-format", "json"]);
    let stderr = command.assert().code(1).get_output().stderr.clone();
    let line: Value = serde_json::from_slice(&stderr).unwrap();
    assert_eq!(
        (&line["level"], line["message"].as_str().unwrap()),
        (&"ERROR".into(), "a.hvx: an index, expected a response")
    );
    let mut command = workspace.command(&[
        "encrypt",
        "other.json",
        "vectors.npy",
        "-o",
        "a.hvx",
        "--append",
        "--log-format=json",
        "--device=cpu",
    ]);
    let stderr = command.assert().code(1).get_output().stderr.clone();
    let line: Value = serde_json::from_slice(&stderr).unwrap();
    assert!(line["hint"].as_str().unwrap().contains("hushvec context show"), "{line}");
}

#[test]
fn no_color_disables_colours() {
    let workspace = Workspace::new();
    let help = |no_color: Option<&str>| {
        let mut command = workspace.command(&["--help"]);
        command.env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
    };
    assert!(help(None).contains('\u{1b}'), "colours were forced");
    assert!(!help(Some("1")).contains('\u{1b}'));
}
