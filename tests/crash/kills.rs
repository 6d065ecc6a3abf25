//! Kills at random moments.

use crate::child;
use crate::desk::{Desk, Model, Pool};
use crate::numbers::SplitMix;
use hushvec::Index;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

fn kills() -> u64 {
    if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { 1000 } else { 25 }
}

/// Starts a child, kills it at some moment after its first piece of work, and returns the number of the last one that it
/// is known to have finished.
fn start_and_kill(folder: &Path, task: &str, random: &mut SplitMix) -> u64 {
    let mut child = child::command(folder, task).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let number = |line: std::io::Result<String>| line.unwrap().strip_prefix("done ").map(|n| n.parse::<u64>().unwrap());
    let first = lines.by_ref().find_map(number).unwrap_or_else(|| panic!("the child did nothing"));
    // Up to twenty milliseconds: some pieces of work, and some part of another one.
    std::thread::sleep(Duration::from_micros(random.next() % 20_000));
    child.kill().unwrap();
    let last = lines.filter_map(number).last().unwrap_or(first);
    assert_eq!(child.wait().unwrap().code(), None, "it did not live until it was killed");
    last
}

fn report(text: &str) {
    // Not println, which the test harness keeps to itself when a test passes.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{text}").unwrap();
}

#[test]
fn a_context_survives_kills() {
    let desk = Desk::new();
    let path = desk.path("context");
    let (mut random, mut litter, mut saves, mut unreported) = (SplitMix(1), 0, 0, 0);
    for _ in 0..kills() {
        let last = start_and_kill(desk.folder(), "save-on-and-on", &mut random);
        let found = desk.which(&path).unwrap_or_else(|error| panic!("corrupt: {error}"));
        let [this, next] = if last.is_multiple_of(2) { ['b', 'a'] } else { ['a', 'b'] };
        assert!(found == this || found == next);
        // Both ways of being right have to occur for the test to mean something: the next save was or was not in time.
        unreported += u64::from(found == next);
        saves += last + 1;
        litter += desk.sweep();
    }
    let count = kills();
    report(&format!(
        "{count} kills in {saves} saves of a context: 0 lost, 0 corrupt; {litter} caught with the new file unfinished, \
         {unreported} between replacing and reporting"
    ));
}

#[test]
fn an_index_survives_kills() {
    let desk = Desk::new();
    let (pool, path) = (Pool::open(desk.folder()), desk.path("index"));
    pool.create(&path).unwrap();
    let (mut random, mut model, mut next) = (SplitMix(2), Model { ids: Vec::new() }, 0);
    let (mut torn, mut unreported, mut litter) = (0, 0, 0);
    for _ in 0..kills() {
        let last = start_and_kill(desk.folder(), &format!("step-on-and-on {next}"), &mut random);
        (next..=last).for_each(|step| model.step(step));
        let found = Model { ids: pool.read(&path) };
        torn += u64::from(Index::open(&path).unwrap().recovery().is_some());
        litter += desk.sweep();
        next = last + 1;
        if found != model {
            // The step that it died in.
            model.step(next);
            next += 1;
            unreported += 1;
        }
        assert_eq!(found, model, "lost or made up, around step {last}");
    }
    desk.check_distances(&path);
    let count = kills();
    report(&format!(
        "{count} kills in {next} appends, deletions and compactions: 0 lost, 0 corrupt; {torn} cut a block short, \
         {litter} a compaction, {unreported} between writing and reporting"
    ));
}
