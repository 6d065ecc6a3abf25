//! Arrays in the formats of NumPy and big-ann-benchmarks.

use super::{bin, bits, packed, same};
use crate::workspace::{DIMENSIONS, Workspace, among, nearest, vectors};
use predicates::str::contains;
use serde_json::Value;

#[test]
fn arrays() {
    let workspace = Workspace::with_context("paillier_subgroup");
    let rows = vectors(40);
    let write = |name: &str, bytes: &[u8]| std::fs::write(workspace.path(name), bytes).unwrap();
    let floats: Vec<u8> = rows.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    write("v.fbin", &bin(40, 64, &floats));
    same(&workspace, "v.fbin", &[]);
    let signed: Vec<u8> = rows.iter().flatten().map(|x| if *x > 0. { 17 } else { 0x83 }).collect();
    write("v.i8bin", &bin(40, 64, &signed));
    same(&workspace, "v.i8bin", &[]);
    write("v.u8bin", &bin(40, 64, &rows.iter().flat_map(|row| bits(row)).collect::<Vec<_>>()));
    same(&workspace, "v.u8bin", &[]);
    let bytes: Vec<u8> = rows.iter().flat_map(|row| packed(row)).collect();
    write("p.u8bin", &bin(40, 8, &bytes));
    same(&workspace, "p.u8bin", &["--packed"]);
    workspace.npy("p.npy", "|u1", "(40, 8)", &bytes);
    same(&workspace, "p.npy", &["--packed"]);
    let big: Vec<u8> = rows.iter().flatten().flat_map(|x| f64::from(*x).to_be_bytes()).collect();
    workspace.npy("big.npy", ">f8", "(40, 64)", &big);
    same(&workspace, "big.npy", &[]);
    let half: Vec<u8> = rows.iter().flatten().flat_map(|x| if *x > 0. { [0, 0x38] } else { [0, 0xb8] }).collect();
    workspace.npy("half.npy", "<f2", "(40, 64)", &half);
    same(&workspace, "half.npy", &[]);
    // 1 and -1 as integers, and `binary` embeddings of sentence-transformers.
    let signs: Vec<u8> = rows.iter().flatten().map(|x| if *x > 0. { 1 } else { 0xff }).collect();
    workspace.npy("signs.npy", "|i1", "(40, 64)", &signs);
    same(&workspace, "signs.npy", &[]);
    workspace.npy("int8.npy", "|i1", "(40, 64)", &signed);
    same(&workspace, "int8.npy", &[]);
    let wide: Vec<u8> = rows.iter().flatten().flat_map(|x| (if *x > 0. { 1i32 } else { -1 }).to_le_bytes()).collect();
    workspace.npy("wide.npy", "<i4", "(40, 64)", &wide);
    same(&workspace, "wide.npy", &[]);
    workspace.npy("binary.npy", "|i1", "(40, 8)", &bytes.iter().map(|byte| byte ^ 0x80).collect::<Vec<_>>());
    same(&workspace, "binary.npy", &["--packed"]);
    // Column by column, as pandas' `to_numpy()` often returns arrays.
    let columns: Vec<u8> =
        (0..DIMENSIONS).flat_map(|at| rows.iter().flat_map(move |row| row[at].to_le_bytes())).collect();
    workspace.npy("fortran.npy", "<f4", "(40, 64)", &columns);
    let fortran = std::fs::read(workspace.path("fortran.npy")).unwrap();
    let at = fortran.windows(5).position(|text| text == b"False").unwrap();
    let fortran = [&fortran[..at], b"True ", &fortran[at + 5..]].concat();
    write("fortran.npy", &fortran);
    same(&workspace, "fortran.npy", &[]);
    workspace.ok(&["encrypt", "public.json", "fortran.npy", "-o", "shard.hvx", "--shard", "1/2"]);
    assert_eq!(nearest(&workspace, "shard.hvx"), among(&(20..40).collect::<Vec<_>>(), Value::from));
    write("short.npy", &fortran[..fortran.len() - 1]);
    workspace.refused(
        &["encrypt", "public.json", "short.npy", "-o", "x.hvx"],
        1,
        "short.npy: is shorter than the 40 rows in its header",
    );
    workspace
        .command(&["encrypt", "public.json", "-", "-o", "x.hvx"])
        .write_stdin(fortran)
        .assert()
        .code(1)
        .stderr(contains("standard input: is in Fortran order, which must be read from an uncompressed file"));
}
