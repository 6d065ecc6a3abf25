//! `hushvec context audit`.

use crate::desk::{Desk, of_the_sdk};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;

/// No command here may need the passphrase.
fn audit(desk: &Desk, arguments: &[&str]) -> Value {
    let arguments = [&["context", "audit", "--json"], arguments].concat();
    let output = desk.command(&arguments).env_remove("HUSHVEC_PASSPHRASE").assert().success().get_output().clone();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn grade<'a>(report: &'a Value, about: &str) -> &'a str {
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["about"] == about);
    finding.unwrap_or_else(|| panic!("nothing about {about}"))["grade"].as_str().unwrap()
}

#[cfg(feature = "audit")]
#[test]
fn a_context_of_the_sdk_is_broken_in_front_of_its_owner() {
    let desk = Desk::new();
    std::fs::copy(of_the_sdk("lookup_512_1024.context.json"), desk.path("sdk.json")).unwrap();
    let report = audit(&desk, &["sdk.json", "--prove"]);
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
    // The public part is all that it takes.
    desk.ok(&["context", "public", "sdk.json", "-o", "public.json", "--allow-weak"]);
    assert_eq!(audit(&desk, &["public.json", "--prove"])["proof"]["recovered"], true);
    desk.ok(&["context", "audit", "public.json", "--prove"])
        .stdout(contains("BROKEN: treat everything encrypted with it as public"))
        .stdout(contains("recovered the secret key from the public key in "))
        .stdout(contains("hushvec rekey"));
    desk.ok(&["context", "audit", "sdk.json"])
        .stdout(contains("proof").not())
        .stdout(contains("who gets hold of this file"));
}

#[test]
fn sound_contexts_are_said_to_be_sound() {
    for (scheme, rests_on) in [("paillier", "good"), ("paillier_subgroup", "note"), ("paillier_lookup", "note")] {
        let desk = Desk::furnished(scheme);
        let report = audit(&desk, &["ctx.json"]);
        assert!(matches!(report["verdict"].as_str().unwrap(), "good" | "note"), "{report}");
        assert_eq!(grade(&report, "rests on"), rests_on);
        assert_eq!(
            (grade(&report, "n"), grade(&report, "format"), grade(&report, "passphrase")),
            ("good", "good", "good")
        );
        desk.ok(&["context", "audit", "ctx.json"]).stdout(contains("sound, with about 112 bits of strength"));
        #[cfg(feature = "audit")]
        desk.ok(&["context", "audit", "ctx.json", "--prove"]).stdout(contains("there is nothing to run"));
        desk.ok(&["context", "audit", "public.json"]).stdout(contains("passphrase").not());
    }
}

#[cfg(unix)]
#[test]
fn files_that_others_can_read_are_named() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::furnished("paillier");
    for (mode, expected, says) in
        [(0o600, "good", "mode 0600"), (0o644, "weak", "guess passphrases"), (0o660, "weak", "can replace it")]
    {
        std::fs::set_permissions(desk.path("ctx.json"), std::fs::Permissions::from_mode(mode)).unwrap();
        let report = audit(&desk, &["ctx.json"]);
        assert_eq!(grade(&report, "file"), expected);
        assert!(report.to_string().contains(says), "{report}");
    }
}

#[test]
fn small_keys_and_what_is_no_context() {
    let desk = Desk::new();
    std::fs::copy(of_the_sdk("paillier_64_512_salt.context.json"), desk.path("small.json")).unwrap();
    let report = audit(&desk, &["small.json"]);
    assert_eq!((&report["verdict"], grade(&report, "n")), (&"weak".into(), "weak"));
    #[cfg(feature = "audit")]
    assert_eq!(
        audit(&desk, &["small.json", "--prove"])["proof"],
        serde_json::json!({"ran": false, "recovered": false, "text": "the key is weak, but this demonstration takes too \
            long on it: it is for an alpha_len of at most 64"})
    );
    std::fs::write(desk.path("text.json"), "hello").unwrap();
    desk.refused(&["context", "audit", "text.json"], 1, "text.json: is no context");
    desk.refused(&["context", "audit", "missing.json"], 1, "cannot open missing.json");
}
