//! Full disks.

use super::{listing, setup};

/// A full disk loses no files. A limit on the file size stands in for a small disk.
#[test]
fn a_full_disk_costs_nothing() {
    use std::process::{Command, Stdio};
    let workspace = setup();
    let before = listing(&workspace);
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let hushvec = assert_cmd::cargo::cargo_bin!("hushvec");
    let stderr = |command: &mut Command| {
        let output = command
            .current_dir(workspace.path("."))
            .env("HUSHVEC_PASSPHRASE", crate::workspace::PASSPHRASE)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    for arguments in [
        &["query", "ctx.json", "index.hvx", "query.npy"][..],
        &["index", "export", "public.json", "index.hvx", "-o", "-"],
        &["context", "show", "ctx.json", "--json"],
        &["decode", "ctx.json", "response.hvr"],
    ] {
        let error = stderr(Command::new(hushvec).args(arguments).stdout(full()));
        assert!(error.contains("cannot write to standard output: No space left on device"), "{arguments:?}: {error}");
    }
    for arguments in [
        "encrypt ctx.json vectors.npy -o new.hvx",
        "encrypt ctx.json vectors.npy -o index.hvx --append",
        "index export public.json index.hvx -o new.npy",
        "aggregate public.json index.hvx query.hvq -o new.hvr",
    ] {
        // Ignore the signal of the limit, which would kill the process. The limit is 8 blocks of 512 or 1,024 bytes.
        let script = format!("trap '' XFSZ; ulimit -f 8; exec '{}' {arguments}", hushvec.display());
        let error = stderr(Command::new("sh").args(["-c", &script]));
        let file = arguments.rsplit(' ').find(|word| word.contains('.')).unwrap();
        assert!(error.contains(&format!("cannot write {file}: File too large")), "{arguments}: {error}");
        if arguments.contains("--append") {
            assert!(error.contains("nothing was added to index.hvx, which still has 40 vectors"), "{error}");
        }
        workspace.ok(&["index", "verify", "public.json", "index.hvx"]);
    }
    // The index may end in an unfinished block, which the next append removes.
    let but_the_index =
        |files: Vec<(String, Vec<u8>)>| files.into_iter().filter(|(name, _)| name != "index.hvx").collect::<Vec<_>>();
    assert_eq!(but_the_index(listing(&workspace)), but_the_index(before), "something was lost or left behind");
    assert_eq!(workspace.json(&["index", "info", "index.hvx", "--json"])["vectors"], 40);
}
