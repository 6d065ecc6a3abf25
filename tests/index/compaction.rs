//! Compaction removes deleted vectors and keeps everything else.

use crate::pool::{POOL, assert_holds, create, numbered, reopen, some};
use hushvec::{Error, Ids, Index, Progress};

#[test]
fn compaction_removes_deleted_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let mut writer = create(&path);
    for i in 0..POOL {
        writer.append(&some(i..i + 1), None).unwrap();
    }
    writer.delete(&(30..40).into()).unwrap();
    writer.delete(&Ids::from(vec![0, 15])).unwrap();
    let refused = Index::compact(&path, &Progress::new()).unwrap_err();
    assert!(refused.to_string().contains("another process is writing"), "{refused}");
    drop(writer);
    let want = numbered((1..30).filter(|i| *i != 15).map(|i| (i as u64, i)));
    assert_holds(&path, &want);
    // A reader that has the old file open continues to read it.
    let before = Index::open(&path).unwrap();
    let progress = Progress::new();
    let done = Index::compact(&path, &progress).unwrap();
    assert_eq!((done.kept, done.removed, done.recovery, progress.done()), (28, 12, None, 28));
    assert_eq!(done.bytes_before, 128 + 40 * (64 + 512) + 2 * 64 + (10 * 8_u64).next_multiple_of(64) + 64);
    assert_eq!(done.bytes_after, 128 + 64 + (28 * 8_u64).next_multiple_of(64) + 28 * 512);
    assert_eq!((before.len(), before.blocks()), (28, 40));
    before.verify().unwrap();
    assert_holds(&path, &want);
    let index = Index::open(&path).unwrap();
    assert_eq!((index.deleted(), index.blocks()), (0, 1));
    // Numbering continues after 39, the highest id ever, although its vector was removed.
    reopen(&path).append(&some(0..1), None).unwrap();
    assert_holds(&path, &[want, numbered([(40, 0)])].concat());
    // A second compaction changes nothing, and an empty index stays valid.
    let bytes = Index::compact(&path, &Progress::new()).unwrap().bytes_after;
    assert_eq!(Index::compact(&path, &Progress::new()).unwrap().bytes_after, bytes);
    let mut ids = Vec::new();
    Index::open(&path)
        .unwrap()
        .for_each_id(|id| {
            ids.push(id.number().unwrap());
            Ok(())
        })
        .unwrap();
    reopen(&path).delete(&Ids::from(ids)).unwrap();
    assert_eq!(Index::compact(&path, &Progress::new()).unwrap().bytes_after, 128);
    assert_holds(&path, &[]);
    // A cancelled compaction leaves the old file and no temporary file.
    reopen(&path).append(&some(0..3), None).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let cancelled = Progress::new();
    cancelled.cancel();
    assert!(matches!(Index::compact(&path, &cancelled), Err(Error::Cancelled)));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert!(
        std::fs::read_dir(folder.path()).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.'))
    );
}

#[cfg(unix)]
#[test]
fn compaction_keeps_links_and_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("index"), folder.path().join("link"));
    create(&path).append(&some(0..3), None).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    reopen(&link).delete(&Ids::from(vec![1])).unwrap();
    Index::compact(&link, &Progress::new()).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_holds(&path, &numbered([(0, 0), (2, 2)]));
}
