//! Kills of the owner of an index of packed search at random moments, and all nonces that it ever wrote.

use crate::kills::{kills, report, start_and_kill};
use crate::nonces::Nonces;
use crate::numbers::SplitMix;
use crate::packed_blocks::records;
use crate::packed_fixture::{Model, Owner, Packed};
use hushvec::packed::Vectors;
use hushvec::{BitMatrix, Device, PackedEvaluator, PackedIndex, Progress};

/// How long an operation takes, and part of another one.
const MICROS: u64 = 60_000;

#[test]
fn a_context_of_packed_search_survives_kills() {
    let fixture = Packed::new();
    let path = fixture.path("context");
    let (mut random, mut saves, mut unfinished) = (SplitMix(3), 0, 0);
    for _ in 0..kills() {
        let last = start_and_kill(fixture.folder(), "packed-save-on-and-on", &mut random, 20_000);
        let found = fixture.which(&path).unwrap_or_else(|error| panic!("corrupt: {error}"));
        // Or the save after the last reported one was finished.
        assert!(["a", "b"].contains(&&*found));
        saves += last + 1;
        unfinished += fixture.remove_leftovers();
    }
    let count = kills();
    report(&format!(
        "{count} kills in {saves} saves of a context of packed search: 0 lost, 0 corrupt; {unfinished} with an \
         unfinished new file"
    ));
}

/// After a kill the index has its vectors from before the interrupted operation or from after it, or some more blocks of
/// an append. The operation is then repeated, sometimes by two clones that know nothing of each other, and sometimes
/// after an older state was restored. No nonce is ever used for two contents.
#[test]
fn an_index_of_packed_search_survives_kills() {
    let fixture = Packed::new();
    let owner = Owner::open(fixture.folder());
    let (mut random, mut model, mut next, mut nonces) = (SplitMix(4), Model { ids: Vec::new() }, 0, Nonces::default());
    let (mut torn, mut between, mut unfinished, mut clones, mut cut) = (0, 0, 0, 0, 0);
    let mut backup = (fixture.snapshot(), model.clone(), next);
    for kill in 0..kills() {
        if kill % 9 == 4 {
            // Another operation from the same state, and the same one.
            for step in [next + 1, next] {
                let clone = fixture.copied();
                start_and_kill(clone.folder(), &format!("packed-step-on-and-on {step}"), &mut random, MICROS);
                nonces.collect(&clone);
                clones += 1;
            }
        }
        let task = format!("packed-step-on-and-on {next}");
        let last = start_and_kill(fixture.folder(), &task, &mut random, MICROS);
        nonces.collect(&fixture);
        (next..=last).for_each(|step| model.step(step));
        next = last + 1;
        let ids = owner.read(fixture.folder());
        torn += u64::from(PackedIndex::open(&fixture.path("index")).unwrap().recovery().is_some());
        unfinished += fixture.remove_leftovers();
        assert!(model.may_become(next, &ids), "lost or unexpected vectors around step {last}");
        between += u64::from(ids != model.ids);
        let rekeyed = owner.read_rekeyed(fixture.folder());
        assert!(rekeyed.is_empty() || ids.starts_with(&rekeyed), "lost or unexpected vectors of the new key");
        model.ids = ids;
        if kill % 5 == 2 {
            // As after a crash of the machine: the end of the file is missing. A block that is then cut was seen above.
            cut += u64::from(cut_off(&fixture, &mut random));
            model.ids = owner.read(fixture.folder());
        }
        if kill % 20 == 7 {
            backup = (fixture.snapshot(), model.clone(), next);
        }
        if kill % 20 == 15 {
            fixture.restore(&backup.0);
            // Other contents than after the backup.
            (model, next) = (backup.1.clone(), backup.2 + random.next() % 4);
        }
    }
    check_response(&fixture, &nonces);
    let (count, seen) = (kills(), nonces.len());
    report(&format!(
        "{count} kills in the work on an index of packed search: 0 lost, 0 corrupt; {torn} with an incomplete block, \
         {unfinished} with an unfinished compaction, {between} within an operation; {seen} nonces, {clones} clones, {cut} \
         blocks cut off: 0 repeats"
    ));
    assert!(seen as u64 > count / 2, "{seen} nonces");
}

/// Cuts off up to a block of the index. Returns whether that leaves a part of a block.
fn cut_off(fixture: &Packed, random: &mut SplitMix) -> bool {
    let _ = std::fs::remove_file(fixture.path("rekeyed"));
    let file = std::fs::OpenOptions::new().write(true).open(fixture.path("index")).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len((length - random.next() % length.min(800_000)).max(128)).unwrap();
    PackedIndex::open(&fixture.path("index")).unwrap().recovery().is_some()
}

/// A response repeats nonces of the index, and has no others.
fn check_response(fixture: &Packed, nonces: &Nonces) {
    let index = PackedIndex::open(&fixture.path("index")).unwrap();
    let queries = BitMatrix::from_rows(64, [[1; 64]]).unwrap();
    let query = fixture.a.encrypt_queries(&Vectors::Bits(&queries)).unwrap();
    let evaluator = PackedEvaluator::open(&fixture.a.public_context().unwrap(), Device::Cpu).unwrap();
    evaluator.aggregate(&query, &index, &fixture.path("response"), &Progress::new()).unwrap();
    let bytes = std::fs::read(fixture.path("response")).unwrap();
    assert!(records(&bytes).iter().all(|(nonce, _)| nonces.has(nonce)));
}
