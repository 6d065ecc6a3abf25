//! Deleted vectors and the reuse of their ids.

use crate::pool::{assert_holds, create, numbered, reopen, some, texts};
use hushvec::{Error, Ids, Index, IndexWriter, Progress};

#[test]
fn deleted_vectors_are_gone_for_every_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    for range in [0..10, 10..11, 11..20] {
        writer.append(&some(range), None).unwrap();
    }
    assert_eq!(writer.delete(&Ids::from(vec![19, 0, 3, 10])).unwrap(), 4);
    let want = numbered((0..20).filter(|i| ![0, 3, 10, 19].contains(i)).map(|i| (i as u64, i)));
    assert_eq!(writer.len(), 16);
    assert_holds(&path, &want);
    // A deleted vector cannot be deleted again, and a call with an unknown id deletes nothing.
    let error = writer.delete(&Ids::from(vec![1, 3, 2, 77])).unwrap_err();
    assert!(matches!(error.root(), Error::UnknownId { id, others: 1 } if *id == 3), "{error}");
    assert_eq!(
        error.to_string(),
        format!("{}: no vector has the id 3 (1 other given id is unknown too)", path.display())
    );
    assert!(matches!(writer.delete(&texts(&["1"])).unwrap_err().root(), Error::UnknownId { .. }));
    assert_holds(&path, &want);
    assert_eq!(writer.delete_if_there(&Ids::from(vec![1, 3, 2, 2, 77])).unwrap(), 2);
    assert_eq!(writer.delete_if_there(&Ids::from(vec![1, 3])).unwrap(), 0);
    drop(writer);
    let mut writer = reopen(&path);
    assert_eq!((writer.len(), Index::open(&path).unwrap().deleted()), (14, 6));
    let rest: Vec<u64> = (4..19).filter(|i| *i != 10).collect();
    writer.delete(&Ids::from(rest)).unwrap();
    assert!(writer.is_empty() && Index::open(&path).unwrap().is_empty());
    assert_holds(&path, &[]);
    // Numbering continues after the highest id ever, so that no number is reused by accident.
    writer.append(&some(5..7), None).unwrap();
    assert_holds(&path, &numbered([(20, 5), (21, 6)]));
}

/// Deletions refer to rows, so a reused id belongs to the new vector only, before and after compaction.
#[test]
fn ids_can_be_reused_after_deletion() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    writer.append(&some(0..5), None).unwrap();
    let taken = |writer: &mut IndexWriter, id: u64| {
        let error = writer.append(&some(9..10), Some(&Ids::from(vec![id]))).unwrap_err();
        assert!(matches!(error.root(), Error::IdTaken { id: found, vector: 0 } if *found == id), "{error}");
    };
    taken(&mut writer, 2);
    for round in 0..2 {
        writer.delete(&Ids::from(vec![2, 4])).unwrap();
        taken(&mut writer, 3);
        writer.append(&some(7 + round..8 + round), Some(&Ids::from(vec![2]))).unwrap();
        taken(&mut writer, 2);
        writer.append(&some(20..21), Some(&Ids::from(vec![4]))).unwrap();
        if round == 0 {
            writer.sync().unwrap();
            drop(writer);
            writer = reopen(&path);
        }
        assert_holds(&path, &numbered([(0, 0), (1, 1), (3, 3), (2, 7 + round), (4, 20)]));
    }
    drop(writer);
    Index::compact(&path, &Progress::new()).unwrap();
    assert_holds(&path, &numbered([(0, 0), (1, 1), (3, 3), (2, 8), (4, 20)]));
    let mut writer = reopen(&path);
    taken(&mut writer, 2);
    writer.delete(&Ids::from(vec![2])).unwrap();
    assert_holds(&path, &numbered([(0, 0), (1, 1), (3, 3), (4, 20)]));
}

/// A block whose vectors are all deleted does not affect the ids of other blocks.
#[test]
fn ids_stay_taken_beside_empty_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    writer.append(&some(0..3), None).unwrap();
    writer.append(&some(3..5), None).unwrap();
    writer.delete(&(3..5).into()).unwrap();
    for _ in 0..2 {
        let error = writer.append(&some(9..10), Some(&Ids::from(vec![0]))).unwrap_err();
        assert!(matches!(error.root(), Error::IdTaken { id, .. } if *id == 0), "{error}");
        drop(writer);
        writer = reopen(&path);
    }
    assert_holds(&path, &numbered([(0, 0), (1, 1), (2, 2)]));
}
