//! `--ids`: strings and integers, in NumPy and text files.

use crate::workspace::{Workspace, among, nearest};
use predicates::str::contains;

#[test]
fn strings_as_ids() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let name = |row: usize| format!("page \u{e9}{row}");
    let text: String = (0..40).map(|row| name(row) + "\n").collect();
    std::fs::write(workspace.path("ids.txt"), text).unwrap();
    // NumPy stores strings as code points, padded to the same length.
    let wide: Vec<u8> = (0..40)
        .flat_map(|row| {
            let mut points: Vec<u32> = name(row).chars().map(u32::from).collect();
            points.resize(9, 0);
            points.into_iter().flat_map(u32::to_le_bytes)
        })
        .collect();
    workspace.npy("ids.npy", "<U9", "(40,)", &wide);
    for ids in ["ids.txt", "ids.npy"] {
        let index = format!("{ids}.hvx");
        workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", &index, "--ids", ids]);
        let all: Vec<usize> = (0..40).collect();
        assert_eq!(nearest(&workspace, &index), among(&all, |row| name(row).into()));
        for out in ["out.txt", "out.npy"] {
            workspace.ok(&["index", "export", "public.json", &index, "-o", "raw.npy", "--ids", out, "--force"]);
            workspace.ok(&["index", "import", "public.json", "raw.npy", "-o", "copy.hvx", "--ids", out]);
            assert_eq!(nearest(&workspace, "copy.hvx"), among(&all, |row| name(row).into()));
            std::fs::remove_file(workspace.path("copy.hvx")).unwrap();
        }
        workspace.ok(&["query", "ctx.json", &index, "query.npy", "-k", "1"]).stdout(contains("page é0         0"));
        workspace.ok(&["index", "delete", &index, &name(7), &name(8)]);
        let left: Vec<usize> = (0..40).filter(|row| ![7, 8].contains(row)).collect();
        assert_eq!(nearest(&workspace, &index), among(&left, |row| name(row).into()));
        workspace.refused(&["index", "delete", &index, "7"], 1, "no vector has the id \"7\"");
        workspace.refused(&["encrypt", "ctx.json", "vectors.npy", "-o", &index, "--append"], 1, "give ids for these");
        let append = ["encrypt", "ctx.json", "vectors.npy", "-o", &index, "--append", "--ids", ids];
        workspace.refused(&append, 1, "duplicate id \"page é0\" (row 0)");
    }
    // Lines are strings, unless --ids-are or the index says that ids are integers.
    let text: String = (0..40).map(|row| format!("{}\n", 1000 + row)).collect();
    std::fs::write(workspace.path("numbers.txt"), &text).unwrap();
    workspace.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "s.hvx", "--ids", "numbers.txt"]);
    assert_eq!(workspace.json(&["index", "info", "s.hvx", "--json"])["ids"], "strings");
    let integers = ["--ids", "numbers.txt", "--ids-are", "integers"];
    workspace.ok(&[&["encrypt", "ctx.json", "vectors.npy", "-o", "n.hvx"], &integers[..]].concat());
    assert_eq!(nearest(&workspace, "n.hvx"), among(&(0..40).collect::<Vec<_>>(), |row| (1000 + row).into()));
    workspace.refused(&["index", "merge", "s.hvx", "n.hvx", "-o", "m.hvx"], 1, "n.hvx: its ids are integers");
    std::fs::write(workspace.path("few.txt"), "a\nb\n").unwrap();
    let few = ["encrypt", "ctx.json", "vectors.npy", "-o", "x.hvx", "--ids", "few.txt"];
    workspace.refused(&few, 2, "few.txt: has 2 ids for 40 vectors");
    std::fs::write(workspace.path("twice.txt"), text.replace("1007", "1003")).unwrap();
    let twice = ["encrypt", "ctx.json", "vectors.npy", "-o", "x.hvx", "--ids", "twice.txt"];
    workspace.refused(&twice, 1, "duplicate id \"1003\" (row 7)");
    assert!(!workspace.path("x.hvx").exists());
}
