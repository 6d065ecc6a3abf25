//! Integer and string ids.

use crate::pool::{assert_holds, create, numbered, reopen, some, texts};
use hushvec::{Id, IdKind, Ids, Index, IndexWriter, Progress};

#[test]
fn strings_are_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let names = ["hushvec(1)", "7", "größer", &"x".repeat(Id::MOST_BYTES), "日本", " "];
    let mut writer = create(&path);
    writer.append(&some(0..4), Some(&texts(&names[..4]))).unwrap();
    writer.append(&some(4..6), Some(&texts(&names[4..]))).unwrap();
    let want: Vec<(Id, usize)> = names.iter().enumerate().map(|(i, name)| (Id::Text((*name).to_owned()), i)).collect();
    assert_holds(&path, &want);
    assert_eq!(Index::open(&path).unwrap().id_kind().unwrap(), Some(IdKind::Strings));
    let refused = |writer: &mut IndexWriter, ids: Option<Ids>, what: &str| {
        let error = writer.append(&some(9..10), ids.as_ref()).unwrap_err().to_string();
        assert!(error.contains(what) && error.contains(path.to_str().unwrap()), "{error}");
    };
    refused(&mut writer, Some(texts(&["7"])), "duplicate id \"7\" (row 0)");
    refused(&mut writer, Some(Ids::from(vec![7])), "invalid id at position 0: 7 among strings");
    refused(&mut writer, None, "its ids are strings; give ids for these vectors too");
    drop(writer);
    let mut writer = reopen(&path);
    refused(&mut writer, Some(texts(&["日本"])), "duplicate id");
    writer.delete(&texts(&["7", "日本"])).unwrap();
    writer.append(&some(8..9), Some(&texts(&["7"]))).unwrap();
    drop(writer);
    let mut want: Vec<(Id, usize)> = want.into_iter().filter(|(id, _)| *id != *"7" && *id != *"日本").collect();
    want.push((Id::Text("7".to_owned()), 8));
    assert_holds(&path, &want);
    Index::compact(&path, &Progress::new()).unwrap();
    assert_holds(&path, &want);
    // An index with integer ids refuses strings.
    let path = folder.path().join("integers");
    create(&path).append(&some(0..1), None).unwrap();
    let error = reopen(&path).append(&some(1..2), Some(&texts(&["a"]))).unwrap_err().to_string();
    assert!(error.contains("invalid id at position 0: \"a\" among integers"), "{error}");
}

#[test]
fn numbers_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    writer.append(&some(0..1), Some(&Ids::from(vec![u64::MAX]))).unwrap();
    for _ in 0..2 {
        let error = writer.append(&some(1..2), None).unwrap_err().to_string();
        assert!(error.contains("no numbers are left"), "{error}");
        writer.append(&some(1..1), None).unwrap();
        drop(writer);
        Index::compact(&path, &Progress::new()).unwrap();
        writer = reopen(&path);
    }
    writer.append(&some(1..2), Some(&Ids::from(vec![5]))).unwrap();
    assert_holds(&path, &numbered([(u64::MAX, 0), (5, 1)]));
}
