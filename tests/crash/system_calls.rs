//! System calls that fail, one at a time, and full disks, for contexts and indexes of Paillier.

use crate::child::{self, REPORTED};
use crate::fixture::{Fixture, Model, Pool};
use crate::scene::{Scene, every_call_fails, full_disk};
use hushvec::{Index, Progress};

fn scenes() -> Vec<Scene<Fixture>> {
    let fresh = |fixture: &Fixture| {
        let _ = std::fs::remove_file(fixture.path("index"));
        Pool::open(fixture.folder()).create(&fixture.path("index")).unwrap();
    };
    let step = |steps: std::ops::Range<u64>, commits: &'static [&'static str]| {
        let mut model = Model { ids: Vec::new() };
        steps.clone().for_each(|step| model.step(step));
        let (old, number) = (model.clone(), steps.end);
        model.step(number);
        let new = model;
        let compacts = old == new;
        Scene {
            task: format!("step {number}"),
            file: "index",
            in_parts: false,
            prepare: Box::new(move |fixture| {
                fresh(fixture);
                let pool = Pool::open(fixture.folder());
                steps.clone().for_each(|step| pool.prepare(&fixture.path("index"), step)().unwrap());
            }),
            is_new: Box::new(move |fixture| {
                let found = Model { ids: Pool::open(fixture.folder()).read(&fixture.path("index")) };
                assert!(found == old || found == new, "lost or unexpected vectors: {found:?}");
                let index = Index::open(&fixture.path("index")).unwrap();
                if compacts { index.deleted() == 0 } else { found == new }
            }),
            commits,
        }
    };
    let save = Scene {
        task: "save".to_owned(),
        file: "context",
        in_parts: false,
        prepare: Box::new(|fixture: &Fixture| {
            assert!(std::fs::copy(fixture.path("a"), fixture.path("context")).unwrap() > 0);
        }),
        is_new: Box::new(|fixture: &Fixture| fixture.which(&fixture.path("context")).unwrap() == 'b'),
        commits: &["rename", "renameat", "renameat2"],
    };
    let create = Scene {
        task: "create".to_owned(),
        file: "index",
        in_parts: false,
        prepare: Box::new(|fixture: &Fixture| drop(std::fs::remove_file(fixture.path("index")))),
        is_new: Box::new(|fixture: &Fixture| {
            let path = fixture.path("index");
            path.exists() && Index::open(&path).unwrap().is_empty()
        }),
        commits: &["rename", "renameat", "renameat2", "link", "linkat"],
    };
    let merge = Scene {
        task: "merge".to_owned(),
        file: "index",
        in_parts: false,
        prepare: Box::new(|fixture: &Fixture| {
            let (pool, path) = (Pool::open(fixture.folder()), fixture.path("index"));
            for (name, steps) in [("left", 0..3), ("right", 0..6)] {
                let _ = std::fs::remove_file(&path);
                pool.create(&path).unwrap();
                steps.for_each(|step| pool.prepare(&path, step)().unwrap());
                std::fs::rename(&path, fixture.path(name)).unwrap();
            }
            let mut left = hushvec::IndexWriter::open(&fixture.path("left")).unwrap().0;
            left.delete_if_there(&hushvec::Ids::from(pool.read(&fixture.path("right")))).unwrap();
        }),
        is_new: Box::new(|fixture: &Fixture| {
            let (pool, path) = (Pool::open(fixture.folder()), fixture.path("index"));
            let want = [pool.read(&fixture.path("left")), pool.read(&fixture.path("right"))].concat();
            path.exists() && pool.read(&path) == want
        }),
        commits: &["rename", "renameat", "renameat2", "link", "linkat"],
    };
    // In the model, step 3 appends, step 12 compacts after steps 5 to 7 deleted vectors, and step 13 deletes.
    let renames = &["rename", "renameat", "renameat2"];
    vec![save, create, merge, step(0..3, &["write"]), step(0..13, &["write"]), step(0..12, renames)]
}

#[test]
fn every_system_call_may_fail() {
    every_call_fails(&Fixture::new(), &scenes(), 1);
}

#[test]
fn a_full_disk_leaves_the_old_state() {
    full_disk(&Fixture::new(), &scenes());
}

/// A compaction that is refused because of a lock leaves no temporary file behind.
#[test]
fn a_locked_index_is_not_compacted() {
    let fixture = Fixture::new();
    let (pool, path) = (Pool::open(fixture.folder()), fixture.path("index"));
    pool.create(&path).unwrap();
    let (_writer, _) = hushvec::IndexWriter::open(&path).unwrap();
    let output = child::command(fixture.folder(), "step 4").output().unwrap();
    assert_eq!(output.status.code(), Some(REPORTED));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another process is writing to this index"));
    assert!(Index::compact(&path, &Progress::new()).is_err());
    assert_eq!(fixture.remove_leftovers(), 0);
}
