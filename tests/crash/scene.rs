//! Runs operations whose system calls fail, one at a time, or whose disk is full.

use crate::child::{self, BEGIN, END, REPORTED};
use crate::folder::Folder;
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;

/// Calls that are not made to fail: they do not touch files, or the program ignores their failure.
const OTHERS: [&str; 17] = [
    "brk",
    "close",
    "clone3",
    "exit_group",
    "futex",
    "getpid",
    "getrandom",
    "gettid",
    "madvise",
    "mprotect",
    "munmap",
    "rseq",
    "rt_sigprocmask",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "sigaltstack",
];

/// Parts of the names of calls whose failure must be reported. The standard library and malloc also make the other
/// calls, and can do without their results.
const VITAL: [&str; 8] = ["write", "sync", "truncate", "rename", "link", "flock", "seek", "chmod"];

/// An operation with its states before and after.
pub struct Scene<F> {
    pub task: String,
    /// The file that it writes.
    pub file: &'static str,
    /// Brings the folder into the old state.
    pub prepare: Box<dyn Fn(&F)>,
    /// Returns whether the folder is in the new state. Panics if it is in neither state, nor in one between them that
    /// the operation has.
    pub is_new: Box<dyn Fn(&F) -> bool>,
    /// The call that commits the new state, even if later calls fail.
    pub commits: &'static [&'static str],
    /// Whether it writes several blocks, each of which stays after a failure of the next.
    pub in_parts: bool,
}

/// Parses a line of a trace, such as `123 write(…`, into the thread and the call.
fn call(line: &str) -> Option<(&str, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let name = rest.trim_start().split_once('(')?.0;
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some((thread, name))
}

/// Returns the calls of the tested operation on the working thread, and their numbers. strace counts per thread.
/// Allocations are left out.
fn calls_of(folder: &Folder, task: &str) -> BTreeMap<String, Vec<usize>> {
    let log = folder.path("strace");
    let wrapper = ["strace", "-f", "-qq", "-o", log.to_str().unwrap()];
    let status = child::with_wrapper(&wrapper, folder.folder(), task).output().unwrap().status;
    assert_eq!(status.code(), Some(0), "{task} without failures");
    let text = std::fs::read_to_string(&log).unwrap();
    let position = |mark: &str| text.lines().position(|line| line.contains(mark)).unwrap();
    let (begin, end) = (position(BEGIN), position(END));
    let worker = text.lines().nth(begin).and_then(call).unwrap().0;
    let (mut counts, mut calls) = (BTreeMap::<&str, usize>::new(), BTreeMap::<String, Vec<usize>>::new());
    for (number, line) in text.lines().enumerate().take(end) {
        let Some((_, name)) = call(line).filter(|(thread, _)| *thread == worker) else { continue };
        let count = counts.entry(name).or_default();
        *count += 1;
        if number > begin && !OTHERS.contains(&name) && !line.contains("MAP_ANONYMOUS") {
            calls.entry(name.to_owned()).or_default().push(*count);
        }
    }
    calls
}

/// Lets each call of each operation fail once, or every few calls; with HUSHVEC_LONG_TESTS all of them in several ways.
pub fn every_call_fails<F: Deref<Target = Folder>>(fixture: &F, scenes: &[Scene<F>], every: usize) {
    if !Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success()) {
        let required = std::env::var_os("HUSHVEC_REQUIRE_STRACE").is_some_and(|value| value == "1");
        assert!(!required, "strace is not installed, and HUSHVEC_REQUIRE_STRACE is set");
        // Not eprintln, which the test harness captures when a test passes.
        let mut stderr = std::io::stderr();
        return writeln!(stderr, "SKIPPED failing system calls: strace is not installed").unwrap();
    }
    let long = std::env::var_os("HUSHVEC_LONG_TESTS").is_some();
    let (mut failures, mut survived) = (0, 0);
    for scene in scenes {
        (scene.prepare)(fixture);
        let snapshot = fixture.snapshot();
        let calls = calls_of(fixture, &scene.task);
        assert!((scene.is_new)(fixture), "{}: nothing happened", scene.task);
        assert!(calls.contains_key("write") && calls.keys().any(|name| name.contains("sync")), "{calls:?}");
        for (name, numbers) in calls {
            for number in numbers.into_iter().filter(|number| long || number % every == 0) {
                let errnos = ["EIO", "ENOSPC"];
                for errno in if long { &errnos[..] } else { &errnos[number % 2..][..1] } {
                    fixture.restore(&snapshot);
                    survived += usize::from(fail(fixture, scene, &name, number, errno));
                    failures += 1;
                }
            }
        }
    }
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{failures} failing system calls: 0 lost, 0 corrupt; {survived} were harmless").unwrap();
}

/// Makes one call fail and checks the result. Returns whether the operation succeeded nevertheless.
fn fail<F: Deref<Target = Folder>>(fixture: &F, scene: &Scene<F>, name: &str, number: usize, errno: &str) -> bool {
    let what = format!("{}: {errno} of {name} number {number}", scene.task);
    let log = fixture.path("strace");
    let inject = format!("inject={name}:error={errno}:when={number}");
    let wrapper = ["strace", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", &inject];
    let output = child::with_wrapper(&wrapper, fixture.folder(), &scene.task).output().unwrap();
    let (text, message) =
        (std::fs::read_to_string(&log).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
    let (mut committed, mut injected, mut memory, mut unlock) = (false, false, false, false);
    for line in text.lines().skip_while(|line| !line.contains(BEGIN)) {
        injected |= line.contains("(INJECTED)");
        memory |= line.contains("(INJECTED)") && line.contains("MAP_ANONYMOUS");
        // Closing the file unlocks it too.
        unlock |= line.contains("(INJECTED)") && line.contains("LOCK_UN");
        committed |= !injected && call(line).is_some_and(|(_, name)| scene.commits.contains(&name));
    }
    assert!(injected, "{what}: nothing was injected\n{text}");
    let is_new = (scene.is_new)(fixture);
    let leftovers = fixture.remove_leftovers();
    assert!(leftovers == 0 || memory, "{what}: temporary files are left");
    match output.status.code() {
        Some(0) => {
            assert!(is_new, "{what}: the operation failed without an error");
            assert!(unlock || !VITAL.iter().any(|vital| name.contains(vital)), "{what}: the failure was ignored");
        }
        Some(REPORTED) => {
            assert!(!is_new || committed, "{what}: the operation succeeded with an error");
            // An error after the file is in place must not read as if nothing had been done.
            let placed = is_new && !scene.commits.contains(&"write");
            let wording = if placed { " is in place" } else { "error: cannot " };
            assert!(message.contains(wording), "{what}: {message}");
        }
        // A program that gets no memory may abort.
        None if memory => assert!(!is_new || committed, "{what}"),
        code => panic!("{what}: ended with {code:?}\n{message}"),
    }
    // The next attempt succeeds.
    if !is_new {
        let again = child::command(fixture.folder(), &scene.task).output().unwrap();
        assert!(
            again.status.success() && (scene.is_new)(fixture),
            "{what}: {}",
            String::from_utf8_lossy(&again.stderr)
        );
    }
    output.status.success()
}

/// Limits the size of files, to simulate a disk that becomes full during a write.
pub fn full_disk<F: Deref<Target = Folder>>(fixture: &F, scenes: &[Scene<F>]) {
    for scene in scenes {
        (scene.prepare)(fixture);
        let path = fixture.path(scene.file);
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let (before, snapshot) = (size(&path), fixture.snapshot());
        assert!(child::command(fixture.folder(), &scene.task).output().unwrap().status.success());
        let blocks = size(&path).div_ceil(512);
        let mut refused = 0;
        for limit in (0..blocks).step_by(usize::try_from(blocks / 12).unwrap().max(1)).chain([blocks - 1, blocks]) {
            fixture.restore(&snapshot);
            // With the signal ignored, a write beyond the limit fails with an error.
            let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$@\"");
            let output =
                child::with_wrapper(&["sh", "-c", &script, "sh"], fixture.folder(), &scene.task).output().unwrap();
            let what = format!("{} with {limit} of {blocks} blocks", scene.task);
            let is_new = (scene.is_new)(fixture);
            assert_eq!(output.status.code(), Some(if is_new { 0 } else { REPORTED }), "{what}");
            assert_eq!(fixture.remove_leftovers(), 0, "{what}: temporary files are left");
            if !is_new {
                refused += 1;
                assert!(scene.in_parts || size(&path) == before, "{what}: the file was changed");
                assert!(String::from_utf8_lossy(&output.stderr).contains("File too large"), "{what}");
            }
            assert!(is_new || limit < blocks, "{what}: the limit was large enough");
        }
        assert!(refused > 0, "{}: the limit was never reached", scene.task);
    }
}
