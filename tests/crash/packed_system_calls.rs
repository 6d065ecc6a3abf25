//! System calls that fail, one at a time, and full disks, for contexts and indexes of packed search.

use crate::packed_fixture::{Model, Owner, Packed, Plan};
use crate::scene::{Scene, every_call_fails, full_disk};
use hushvec::{PackedIndex, PackedIndexWriter};
use std::ops::Range;

/// An operation of [`Model::plan`] after others.
fn step(steps: Range<u64>) -> Scene<Packed> {
    let mut model = Model { ids: Vec::new() };
    steps.clone().for_each(|step| model.step(step));
    let number = steps.end;
    let plan = model.plan(number);
    let (compacts, rekeys) = (matches!(plan, Plan::Compact), matches!(plan, Plan::Rekey));
    let mut new = model.clone();
    new.step(number);
    Scene {
        task: format!("packed-step {number}"),
        file: if rekeys { "rekeyed" } else { "index" },
        prepare: Box::new(move |fixture| {
            let path = fixture.path("index");
            let owner = Owner::open(fixture.folder());
            let _ = (std::fs::remove_file(&path), std::fs::remove_file(fixture.path("rekeyed")));
            PackedIndexWriter::create(&path, &fixture.a).unwrap();
            steps.clone().for_each(|step| owner.prepare(fixture.folder(), step)().unwrap());
        }),
        is_new: Box::new(move |fixture| {
            let owner = Owner::open(fixture.folder());
            let (ids, rekeyed) = (owner.read(fixture.folder()), owner.read_rekeyed(fixture.folder()));
            assert!(model.may_become(number, &ids), "lost or unexpected vectors");
            assert!(ids.starts_with(&rekeyed), "lost or unexpected vectors of the new key");
            match (compacts, rekeys) {
                (true, _) => PackedIndex::open(&fixture.path("index")).unwrap().deleted() == 0,
                (_, true) => rekeyed == ids,
                _ => ids == new.ids,
            }
        }),
        commits: if compacts { &["rename", "renameat", "renameat2"] } else { &["write"] },
        in_parts: !compacts,
    }
}

fn save() -> Scene<Packed> {
    Scene {
        task: "packed-save".to_owned(),
        file: "context",
        prepare: Box::new(|fixture| {
            assert!(std::fs::copy(fixture.path("packed-a"), fixture.path("context")).unwrap() > 0);
        }),
        is_new: Box::new(|fixture| fixture.which(&fixture.path("context")).unwrap() == "b"),
        commits: &["rename", "renameat", "renameat2"],
        in_parts: false,
    }
}

/// An append to the tail, one that replaces the tail by a block, a deletion, an append of several blocks, a compaction,
/// and a change of the key.
fn scenes() -> Vec<Scene<Packed>> {
    let long = std::env::var_os("HUSHVEC_LONG_TESTS").is_some();
    let all = [1, 2, 3, 4, 5, 6].into_iter().filter(|number| long || [2, 5, 6].contains(number));
    [save()].into_iter().chain(all.map(|number| step(0..number))).collect()
}

#[test]
fn every_system_call_of_packed_search_may_fail() {
    every_call_fails(&Packed::new(), &scenes(), 4);
}

#[test]
fn a_full_disk_leaves_a_complete_index() {
    full_disk(&Packed::new(), &scenes());
}
