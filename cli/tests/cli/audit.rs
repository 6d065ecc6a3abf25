//! `hushvec context audit`.

use crate::workspace::{Workspace, sdk_file};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;

/// Runs `context audit --json` without a passphrase.
fn audit(workspace: &Workspace, arguments: &[&str]) -> Value {
    let arguments = [&["context", "audit", "--json"], arguments].concat();
    let output = workspace.command(&arguments).env_remove("HUSHVEC_PASSPHRASE").assert().success().get_output().clone();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn grade<'a>(report: &'a Value, about: &str) -> &'a str {
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["about"] == about);
    finding.unwrap_or_else(|| panic!("nothing about {about}"))["grade"].as_str().unwrap()
}

#[cfg(feature = "audit")]
#[test]
fn prove_breaks_a_context_of_the_sdk() {
    let workspace = Workspace::new();
    std::fs::copy(sdk_file("lookup_512_1024.context.json"), workspace.path("sdk.json")).unwrap();
    let report = audit(&workspace, &["sdk.json", "--prove"]);
    assert_eq!((&report["verdict"], &report["format"]), (&"broken".into(), &"xtrace".into()));
    assert_eq!((&report["alpha_len"], &report["alpha_strength_bits"]), (&50.into(), &12.into()));
    assert_eq!((&report["n_bits"], &report["factoring_strength_bits"]), (&2048.into(), &112.into()));
    assert_eq!(
        (grade(&report, "alpha_len"), grade(&report, "n"), grade(&report, "format")),
        ("broken", "good", "note")
    );
    let proof = &report["proof"];
    assert_eq!((&proof["ran"], &proof["recovered"]), (&true.into(), &true.into()));
    assert!(proof["seconds"].as_f64().unwrap() > 0.);
    // The public part is enough for the attack.
    workspace.ok(&["context", "public", "sdk.json", "-o", "public.json", "--allow-weak"]);
    assert_eq!(audit(&workspace, &["public.json", "--prove"])["proof"]["recovered"], true);
    workspace
        .ok(&["context", "audit", "public.json", "--prove"])
        .stdout(contains("BROKEN: treat everything encrypted with it as public"))
        .stdout(contains("recovered the secret key from the public key in "))
        .stdout(contains("hushvec rekey"));
    workspace
        .ok(&["context", "audit", "sdk.json"])
        .stdout(contains("proof").not())
        .stdout(contains("anyone with this file"));
}

#[test]
fn strong_contexts_are_reported_as_sound() {
    for (scheme, rests_on) in [("paillier", "good"), ("paillier_subgroup", "note"), ("paillier_lookup", "note")] {
        let workspace = Workspace::with_context(scheme);
        let report = audit(&workspace, &["ctx.json"]);
        assert!(matches!(report["verdict"].as_str().unwrap(), "good" | "note"), "{report}");
        assert_eq!(grade(&report, "rests on"), rests_on);
        assert_eq!(
            (grade(&report, "n"), grade(&report, "format"), grade(&report, "passphrase")),
            ("good", "good", "good")
        );
        workspace.ok(&["context", "audit", "ctx.json"]).stdout(contains("sound, with about 112 bits of strength"));
        #[cfg(feature = "audit")]
        workspace.ok(&["context", "audit", "ctx.json", "--prove"]).stdout(contains("there is nothing to run"));
        workspace.ok(&["context", "audit", "public.json"]).stdout(contains("passphrase").not());
    }
}

#[cfg(unix)]
#[test]
fn files_that_others_can_read_are_named() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = Workspace::with_context("paillier");
    for (mode, expected, says) in
        [(0o600, "good", "mode 0600"), (0o644, "weak", "guess passphrases"), (0o660, "weak", "can replace it")]
    {
        std::fs::set_permissions(workspace.path("ctx.json"), std::fs::Permissions::from_mode(mode)).unwrap();
        let report = audit(&workspace, &["ctx.json"]);
        assert_eq!(grade(&report, "file"), expected);
        assert!(report.to_string().contains(says), "{report}");
    }
}

#[test]
fn small_keys_and_invalid_files() {
    let workspace = Workspace::new();
    std::fs::copy(sdk_file("paillier_64_512_salt.context.json"), workspace.path("small.json")).unwrap();
    let report = audit(&workspace, &["small.json"]);
    assert_eq!((&report["verdict"], grade(&report, "n")), (&"weak".into(), "weak"));
    #[cfg(feature = "audit")]
    assert_eq!(
        audit(&workspace, &["small.json", "--prove"])["proof"],
        serde_json::json!({"ran": false, "recovered": false, "text": "the key is weak, but this attack would take too \
            long: it needs an alpha_len of at most 64"})
    );
    std::fs::write(workspace.path("text.json"), "hello").unwrap();
    workspace.refused(&["context", "audit", "text.json"], 1, "text.json: not a hushvec context");
    workspace.refused(&["context", "audit", "missing.json"], 1, "cannot open missing.json");
}
