//! Merging of shards and other indexes.

use crate::keys::context;
use crate::pool::{assert_holds, create, numbered, pool, reopen, some, texts};
use hushvec::{Error, Ids, Index, IndexWriter, Progress, Scheme, Shard};

#[test]
fn merged_shards_are_the_whole_index() {
    let folder = tempfile::tempdir().unwrap();
    let whole = numbered((0..30).map(|i| (i as u64, i)));
    let mut paths = Vec::new();
    for number in 0..7 {
        let shard = Shard::new(number, 7).unwrap();
        let rows = shard.rows(30);
        let path = folder.path().join(format!("shard-{number}"));
        let mut writer = IndexWriter::create_shard(&path, pool().ctx.public_key(), shard).unwrap();
        for row in rows.clone() {
            let i = usize::try_from(row).unwrap();
            writer.append(&some(i..i + 1), Some(&(row..row + 1).into())).unwrap();
        }
        assert_eq!(Index::open(&path).unwrap().shard(), Some(shard));
        assert_holds(&path, &numbered(rows.map(|row| (row, usize::try_from(row).unwrap()))));
        paths.push(path);
    }
    let open = |numbers: &[usize]| -> Vec<Index> { numbers.iter().map(|i| Index::open(&paths[*i]).unwrap()).collect() };
    let out = folder.path().join("merged");
    let progress = Progress::new();
    // In any order.
    assert_eq!(Index::merge(&open(&[6, 0, 5, 1, 4, 2, 3]), &out, &progress).unwrap(), 30);
    assert_eq!(progress.done(), 30);
    assert_holds(&out, &whole);
    assert_eq!(Index::open(&out).unwrap().shard(), None);
    let size = std::fs::metadata(&out).unwrap().len();
    assert_eq!(size, 128 + 64 + 30 * 512, "one block of consecutive ids");
    reopen(&out).append(&some(30..31), None).unwrap();
    assert_holds(&out, &[whole, numbered([(30, 30)])].concat());

    let never = folder.path().join("never");
    for (numbers, what) in [
        (&[0, 1, 2, 4, 5, 6][..], "shard 3/7 is missing (1 of 7 are)"),
        (&[0, 1], "shard 2/7 is missing (5 of 7 are)"),
        (&[1, 2, 3, 4, 5, 6], "shard 0/7 is missing"),
        (&[0, 1, 2, 3, 4, 5, 6, 2], "it is shard 2/7, and so is"),
    ] {
        let error = Index::merge(&open(numbers), &never, &Progress::new()).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let other = folder.path().join("other");
    IndexWriter::create_shard(&other, pool().ctx.public_key(), Shard::new(0, 2).unwrap()).unwrap();
    let mut mixed = open(&[0]);
    mixed.push(Index::open(&other).unwrap());
    assert!(Index::merge(&mixed, &never, &Progress::new()).unwrap_err().to_string().contains("it is one of 2 shards"));
    assert!(matches!(Index::merge(&[], &never, &Progress::new()), Err(Error::Missing(_))));
    assert!(!never.exists());
    // An existing file is not overwritten.
    assert!(matches!(
        Index::merge(&open(&[0, 1, 2, 3, 4, 5, 6]), &out, &Progress::new()),
        Err(Error::Occupied { occupant: hushvec::Occupant::File, .. })
    ));
}

#[test]
fn merging_checks_its_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    create(&path("a")).append(&some(0..5), None).unwrap();
    let mut b = create(&path("b"));
    b.append(&some(5..10), Some(&Ids::from(vec![10, 3, 12, 13, 14]))).unwrap();
    create(&path("c")).append(&some(10..11), Some(&texts(&["3"]))).unwrap();
    let merge = |names: &[&str]| {
        let indexes: Vec<Index> = names.iter().map(|name| Index::open(&path(name)).unwrap()).collect();
        Index::merge(&indexes, &path("out"), &Progress::new())
    };
    for names in [["a", "b"], ["b", "a"]] {
        let error = merge(&names).unwrap_err();
        let want = format!("{}: duplicate id 3: it is also in {}", path(names[1]).display(), path(names[0]).display());
        assert_eq!(error.to_string(), want);
        assert!(matches!(error.root(), Error::DuplicateId { .. }));
    }
    assert!(merge(&["a", "a"]).unwrap_err().to_string().contains("duplicate id 0: it is also in"));
    let error = merge(&["a", "c"]).unwrap_err().to_string();
    assert!(error.contains("its ids are strings, but those of the indexes before it are integers"), "{error}");
    let other = context(Scheme::Paillier);
    IndexWriter::create(&path("foreign"), other.public_key()).unwrap();
    let error = merge(&["a", "foreign"]).unwrap_err();
    assert!(matches!(error.root(), Error::WrongKey { .. }) && error.to_string().contains("foreign: "), "{error}");
    assert!(!path("out").exists());
    // After deletion the id is not a duplicate.
    b.delete(&Ids::from(vec![3])).unwrap();
    assert_eq!(merge(&["a", "b"]).unwrap(), 9);
    assert_holds(&path("out"), &numbered([(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (10, 5), (12, 7), (13, 8), (14, 9)]));
}
