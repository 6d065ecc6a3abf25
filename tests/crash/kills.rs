//! Kills at random moments.

use crate::child;
use crate::fixture::{Fixture, Model, Pool};
use crate::numbers::SplitMix;
use hushvec::Index;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

pub fn kills() -> u64 {
    if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { 1000 } else { 25 }
}

/// Starts a child, kills it at a random moment after its first operation, up to `micros` microseconds later, and returns
/// the number of the last operation that it reported as done.
pub fn start_and_kill(folder: &Path, task: &str, random: &mut SplitMix, micros: u64) -> u64 {
    let mut child = child::command(folder, task).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let number = |line: std::io::Result<String>| line.unwrap().strip_prefix("done ").map(|n| n.parse::<u64>().unwrap());
    let first = lines.by_ref().find_map(number).unwrap_or_else(|| panic!("the child did nothing"));
    std::thread::sleep(Duration::from_micros(random.next() % micros));
    child.kill().unwrap();
    let last = lines.filter_map(number).last().unwrap_or(first);
    assert_eq!(child.wait().unwrap().code(), None, "it exited before it was killed");
    last
}

/// How long a few operations take, and part of another one.
const MICROS: u64 = 20_000;

pub fn report(text: &str) {
    // Not println, which the test harness captures when a test passes.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{text}").unwrap();
}

#[test]
fn a_context_survives_kills() {
    let fixture = Fixture::new();
    let path = fixture.path("context");
    let (mut random, mut unfinished, mut saves, mut unreported) = (SplitMix(1), 0, 0, 0);
    for _ in 0..kills() {
        let last = start_and_kill(fixture.folder(), "save-on-and-on", &mut random, MICROS);
        let found = fixture.which(&path).unwrap_or_else(|error| panic!("corrupt: {error}"));
        let [this, next] = if last.is_multiple_of(2) { ['b', 'a'] } else { ['a', 'b'] };
        assert!(found == this || found == next);
        // Either state is correct: the save after the last reported one was finished in time or not.
        unreported += u64::from(found == next);
        saves += last + 1;
        unfinished += fixture.remove_leftovers();
    }
    let count = kills();
    report(&format!(
        "{count} kills in {saves} saves of a context: 0 lost, 0 corrupt; {unfinished} with an unfinished new file, \
         {unreported} between replacing and reporting"
    ));
}

#[test]
fn an_index_survives_kills() {
    let fixture = Fixture::new();
    let (pool, path) = (Pool::open(fixture.folder()), fixture.path("index"));
    pool.create(&path).unwrap();
    let (mut random, mut model, mut next) = (SplitMix(2), Model { ids: Vec::new() }, 0);
    let (mut torn, mut unreported, mut unfinished) = (0, 0, 0);
    for _ in 0..kills() {
        let last = start_and_kill(fixture.folder(), &format!("step-on-and-on {next}"), &mut random, MICROS);
        (next..=last).for_each(|step| model.step(step));
        let found = Model { ids: pool.read(&path) };
        torn += u64::from(Index::open(&path).unwrap().recovery().is_some());
        unfinished += fixture.remove_leftovers();
        next = last + 1;
        if found != model {
            // The step after the last reported one was finished.
            model.step(next);
            next += 1;
            unreported += 1;
        }
        assert_eq!(found, model, "lost or unexpected vectors around step {last}");
    }
    fixture.check_distances(&path);
    let count = kills();
    report(&format!(
        "{count} kills in {next} appends, deletions and compactions: 0 lost, 0 corrupt; {torn} with an incomplete \
         block, {unfinished} with an unfinished compaction, {unreported} between writing and reporting"
    ));
}
