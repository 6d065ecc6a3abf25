//! `--ids`: strings and integers, in NumPy and text files.

use crate::desk::{Desk, among, nearest};
use predicates::str::contains;

#[test]
fn strings_as_ids() {
    let desk = Desk::furnished("paillier_subgroup");
    let name = |row: usize| format!("page \u{e9}{row}");
    let text: String = (0..40).map(|row| name(row) + "\n").collect();
    std::fs::write(desk.path("ids.txt"), text).unwrap();
    // NumPy's own strings are arrays of code points, all of one length.
    let wide: Vec<u8> = (0..40)
        .flat_map(|row| {
            let mut points: Vec<u32> = name(row).chars().map(u32::from).collect();
            points.resize(9, 0);
            points.into_iter().flat_map(u32::to_le_bytes)
        })
        .collect();
    desk.npy("ids.npy", "<U9", "(40,)", &wide);
    for ids in ["ids.txt", "ids.npy"] {
        let index = format!("{ids}.hvx");
        desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", &index, "--ids", ids]);
        let all: Vec<usize> = (0..40).collect();
        assert_eq!(nearest(&desk, &index), among(&all, |row| name(row).into()));
        for out in ["out.txt", "out.npy"] {
            desk.ok(&["index", "export", "public.json", &index, "-o", "raw.npy", "--ids", out, "--force"]);
            desk.ok(&["index", "import", "public.json", "raw.npy", "-o", "copy.hvx", "--ids", out]);
            assert_eq!(nearest(&desk, "copy.hvx"), among(&all, |row| name(row).into()));
            std::fs::remove_file(desk.path("copy.hvx")).unwrap();
        }
        desk.ok(&["query", "ctx.json", &index, "query.npy", "-k", "1"]).stdout(contains("page é0         0"));
        desk.ok(&["index", "delete", &index, &name(7), &name(8)]);
        let left: Vec<usize> = (0..40).filter(|row| ![7, 8].contains(row)).collect();
        assert_eq!(nearest(&desk, &index), among(&left, |row| name(row).into()));
        desk.refused(&["index", "delete", &index, "7"], 1, "no vector has the id \"7\"");
        desk.refused(&["encrypt", "ctx.json", "vectors.npy", "-o", &index, "--append"], 1, "give ids for these");
        let append = ["encrypt", "ctx.json", "vectors.npy", "-o", &index, "--append", "--ids", ids];
        desk.refused(&append, 1, "the id \"page é0\" (vector 0) is taken");
    }
    // Lines are strings unless it is said, or known from the index, that they are integers.
    let text: String = (0..40).map(|row| format!("{}\n", 1000 + row)).collect();
    std::fs::write(desk.path("numbers.txt"), &text).unwrap();
    desk.ok(&["encrypt", "ctx.json", "vectors.npy", "-o", "s.hvx", "--ids", "numbers.txt"]);
    assert_eq!(desk.json(&["index", "info", "s.hvx", "--json"])["ids"], "strings");
    let integers = ["--ids", "numbers.txt", "--ids-are", "integers"];
    desk.ok(&[&["encrypt", "ctx.json", "vectors.npy", "-o", "n.hvx"], &integers[..]].concat());
    assert_eq!(nearest(&desk, "n.hvx"), among(&(0..40).collect::<Vec<_>>(), |row| (1000 + row).into()));
    desk.refused(&["index", "merge", "s.hvx", "n.hvx", "-o", "m.hvx"], 1, "n.hvx: its ids are integers");
    std::fs::write(desk.path("few.txt"), "a\nb\n").unwrap();
    let few = ["encrypt", "ctx.json", "vectors.npy", "-o", "x.hvx", "--ids", "few.txt"];
    desk.refused(&few, 2, "few.txt: 2 ids were given for 40 vectors");
    std::fs::write(desk.path("twice.txt"), text.replace("1007", "1003")).unwrap();
    let twice = ["encrypt", "ctx.json", "vectors.npy", "-o", "x.hvx", "--ids", "twice.txt"];
    desk.refused(&twice, 1, "the id \"1003\" (vector 7) is taken");
    assert!(!desk.path("x.hvx").exists());
}
