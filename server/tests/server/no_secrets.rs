//! The server uses the library without the feature `owner`, so it has no code that handles secret keys.

use std::process::Command;

/// Returns the crates that are built into the server, one per line, with their features.
fn built_in() -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--package", "hushvec-server", "--edges", "normal,build"])
        .args(["--prefix", "none", "--no-dedupe", "--format", "{p}|{f}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8(tree.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_library_is_built_without_owner() {
    let lines = built_in();
    let library: Vec<&String> = lines.iter().filter(|line| line.starts_with("hushvec v")).collect();
    assert!(!library.is_empty(), "{lines:?}");
    for line in library {
        let (_, features) = line.split_once('|').unwrap();
        assert!(!features.split(',').any(|feature| feature == "owner" || feature == "default"), "{line}");
    }
}

/// Crates that only the feature `owner` needs are not built in.
#[test]
fn crates_for_secrets_are_not_built_in() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).unwrap();
    let owner = manifest.lines().find_map(|line| line.strip_prefix("owner = [")).unwrap();
    let crates: Vec<&str> = owner.split('"').filter_map(|part| part.strip_prefix("dep:")).collect();
    assert!(crates.contains(&"aes-gcm") && crates.contains(&"argon2"), "{crates:?}");
    let lines = built_in();
    for name in crates.into_iter().filter(|name| *name != "rand_core") {
        assert!(!lines.iter().any(|line| line.starts_with(&format!("{name} v"))), "{name} is built into the server");
    }
}
