//! System calls that fail, one after the other, and files that must not grow.

use crate::child::{self, BEGIN, END, REPORTED};
use crate::desk::{Desk, Model, Pool};
use hushvec::{Index, Progress};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Calls that do not touch files, or whose failure the program never hears of.
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

/// Parts of the names of calls whose failure has to be reported. The others are asked by the standard library and by
/// malloc too, for what they can do without.
const VITAL: [&str; 8] = ["write", "sync", "truncate", "rename", "link", "flock", "seek", "chmod"];

/// What is done, and what must come of it.
struct Scene {
    task: String,
    /// Brings the folder into the old state.
    prepare: Box<dyn Fn(&Desk)>,
    /// Looks at the folder: whether it is in the new state. Panics if it is in neither.
    is_new: Box<dyn Fn(&Desk) -> bool>,
    /// The call after which the new state is there, even if what follows fails.
    commits: &'static [&'static str],
}

fn scenes() -> Vec<Scene> {
    let fresh = |desk: &Desk| {
        let _ = std::fs::remove_file(desk.path("index"));
        Pool::open(desk.folder()).create(&desk.path("index")).unwrap();
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
            prepare: Box::new(move |desk| {
                fresh(desk);
                let pool = Pool::open(desk.folder());
                steps.clone().for_each(|step| pool.prepare(&desk.path("index"), step)().unwrap());
            }),
            is_new: Box::new(move |desk| {
                let found = Model { ids: Pool::open(desk.folder()).read(&desk.path("index")) };
                assert!(found == old || found == new, "lost or made up: {found:?}");
                let index = Index::open(&desk.path("index")).unwrap();
                if compacts { index.deleted() == 0 } else { found == new }
            }),
            commits,
        }
    };
    let save = Scene {
        task: "save".to_owned(),
        prepare: Box::new(|desk| assert!(std::fs::copy(desk.path("a"), desk.path("context")).unwrap() > 0)),
        is_new: Box::new(|desk| desk.which(&desk.path("context")).unwrap() == 'b'),
        commits: &["rename", "renameat", "renameat2"],
    };
    let create = Scene {
        task: "create".to_owned(),
        prepare: Box::new(|desk| drop(std::fs::remove_file(desk.path("index")))),
        is_new: Box::new(|desk| {
            let path = desk.path("index");
            path.exists() && Index::open(&path).unwrap().is_empty()
        }),
        commits: &["rename", "renameat", "renameat2", "link", "linkat"],
    };
    let merge = Scene {
        task: "merge".to_owned(),
        prepare: Box::new(|desk| {
            let (pool, path) = (Pool::open(desk.folder()), desk.path("index"));
            for (name, steps) in [("left", 0..3), ("right", 0..6)] {
                let _ = std::fs::remove_file(&path);
                pool.create(&path).unwrap();
                steps.for_each(|step| pool.prepare(&path, step)().unwrap());
                std::fs::rename(&path, desk.path(name)).unwrap();
            }
            let mut left = hushvec::IndexWriter::open(&desk.path("left")).unwrap().0;
            left.delete_if_there(&hushvec::Ids::from(pool.read(&desk.path("right")))).unwrap();
        }),
        is_new: Box::new(|desk| {
            let (pool, path) = (Pool::open(desk.folder()), desk.path("index"));
            let want = [pool.read(&desk.path("left")), pool.read(&desk.path("right"))].concat();
            path.exists() && pool.read(&path) == want
        }),
        commits: &["rename", "renameat", "renameat2", "link", "linkat"],
    };
    // Of the model's steps 3 appends, 4 compacts after 5 and 6 deleted something, 13 deletes.
    let renames = &["rename", "renameat", "renameat2"];
    vec![save, create, merge, step(0..3, &["write"]), step(0..13, &["write"]), step(0..12, renames)]
}

/// A line of a trace, such as `123 write(…`: the thread and the call.
fn call(line: &str) -> Option<(&str, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let name = rest.trim_start().split_once('(')?.0;
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some((thread, name))
}

/// How often each call comes before what is tested, and by its end, on the thread that does it: strace counts a thread's.
fn calls_of(desk: &Desk, task: &str) -> BTreeMap<String, (usize, usize)> {
    let log = desk.path("strace");
    let wrapper = ["strace", "-f", "-qq", "-o", log.to_str().unwrap()];
    let status = child::with_wrapper(&wrapper, desk.folder(), task).output().unwrap().status;
    assert_eq!(status.code(), Some(0), "{task} without failures");
    let text = std::fs::read_to_string(&log).unwrap();
    let position = |mark: &str| text.lines().position(|line| line.contains(mark)).unwrap();
    let (begin, end) = (position(BEGIN), position(END));
    let worker = text.lines().nth(begin).and_then(call).unwrap().0;
    let mut calls = BTreeMap::<String, (usize, usize)>::new();
    for (number, line) in text.lines().enumerate().take(end) {
        let Some((_, name)) = call(line).filter(|(thread, _)| *thread == worker) else { continue };
        let (before, by_end) = calls.entry(name.to_owned()).or_default();
        *before += usize::from(number <= begin);
        *by_end += 1;
    }
    calls.retain(|name, (before, by_end)| before < by_end && !OTHERS.contains(&name.as_str()));
    calls
}

#[test]
fn every_system_call_may_fail() {
    if !Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success()) {
        let required = std::env::var_os("HUSHVEC_REQUIRE_STRACE").is_some_and(|value| value == "1");
        assert!(!required, "there is no strace, and HUSHVEC_REQUIRE_STRACE is set");
        // Not eprintln, which the test harness keeps to itself when a test passes.
        let mut stderr = std::io::stderr();
        return writeln!(stderr, "SKIPPED failing system calls: there is no strace").unwrap();
    }
    let desk = Desk::new();
    let long = std::env::var_os("HUSHVEC_LONG_TESTS").is_some();
    let (mut failures, mut survived) = (0, 0);
    for scene in scenes() {
        (scene.prepare)(&desk);
        let before_it = desk.snapshot();
        let calls = calls_of(&desk, &scene.task);
        assert!((scene.is_new)(&desk), "{}: nothing happened", scene.task);
        assert!(calls.contains_key("write") && calls.keys().any(|name| name.contains("sync")), "{calls:?}");
        for (name, (before, by_end)) in calls {
            for number in before + 1..=by_end {
                let errnos = ["EIO", "ENOSPC"];
                for errno in if long { &errnos[..] } else { &errnos[number % 2..][..1] } {
                    desk.restore(&before_it);
                    survived += usize::from(fail(&desk, &scene, &name, number, errno));
                    failures += 1;
                }
            }
        }
    }
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{failures} failing system calls: 0 lost, 0 corrupt; {survived} did not matter").unwrap();
}

/// Has one call fail; whether the work was done all the same.
fn fail(desk: &Desk, scene: &Scene, name: &str, number: usize, errno: &str) -> bool {
    let what = format!("{}: {errno} of {name} number {number}", scene.task);
    let log = desk.path("strace");
    let inject = format!("inject={name}:error={errno}:when={number}");
    let wrapper = ["strace", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", &inject];
    let output = child::with_wrapper(&wrapper, desk.folder(), &scene.task).output().unwrap();
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
    assert!(injected, "{what}: it never happened\n{text}");
    let is_new = (scene.is_new)(desk);
    let litter = desk.sweep();
    assert!(litter == 0 || memory, "{what}: litter");
    match output.status.code() {
        Some(0) => {
            assert!(is_new, "{what}: it was not done, and nobody was told");
            assert!(unlock || !VITAL.iter().any(|vital| name.contains(vital)), "{what}: nobody was told");
        }
        Some(REPORTED) => {
            assert!(!is_new || committed, "{what}: it was done, but called a failure");
            // What fails after a file has its name must not read as if nothing had been done.
            let placed = is_new && !scene.commits.contains(&"write");
            let wording = if placed { " is in place" } else { "error: cannot " };
            assert!(message.contains(wording), "{what}: {message}");
        }
        // Without memory a program ends, and that is all that can be asked of it.
        None if memory => assert!(!is_new || committed, "{what}"),
        code => panic!("{what}: ended with {code:?}\n{message}"),
    }
    // Whatever happened, the next attempt works.
    if !is_new {
        let again = child::command(desk.folder(), &scene.task).output().unwrap();
        assert!(again.status.success() && (scene.is_new)(desk), "{what}: {}", String::from_utf8_lossy(&again.stderr));
    }
    output.status.success()
}

/// No file may grow beyond some size, as on a disk that is full in the middle of a write.
#[test]
fn a_full_disk_leaves_what_was_there() {
    let desk = Desk::new();
    for scene in scenes() {
        (scene.prepare)(&desk);
        let path = desk.path(if scene.task == "save" { "context" } else { "index" });
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let (before, before_it) = (size(&path), desk.snapshot());
        assert!(child::command(desk.folder(), &scene.task).output().unwrap().status.success());
        let blocks = size(&path).div_ceil(512);
        let mut refused = 0;
        for limit in (0..blocks).step_by(usize::try_from(blocks / 12).unwrap().max(1)).chain([blocks - 1, blocks]) {
            desk.restore(&before_it);
            // The program is told of the limit by an error, and not by a signal.
            let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$@\"");
            let output =
                child::with_wrapper(&["sh", "-c", &script, "sh"], desk.folder(), &scene.task).output().unwrap();
            let what = format!("{} with {limit} of {blocks} blocks", scene.task);
            let is_new = (scene.is_new)(&desk);
            assert_eq!(output.status.code(), Some(if is_new { 0 } else { REPORTED }), "{what}");
            assert_eq!(desk.sweep(), 0, "{what}: litter");
            if !is_new {
                refused += 1;
                assert_eq!(size(&path), before, "{what}: something is left of it");
                assert!(String::from_utf8_lossy(&output.stderr).contains("File too large"), "{what}");
            }
            assert!(is_new || limit < blocks, "{what}: there was room");
        }
        assert!(refused > 0, "{}: the limit was never met", scene.task);
    }
}

/// A compaction that is cancelled or refused leaves no file behind either.
#[test]
fn whoever_holds_the_lock_is_left_alone() {
    let desk = Desk::new();
    let (pool, path) = (Pool::open(desk.folder()), desk.path("index"));
    pool.create(&path).unwrap();
    let (_writer, _) = hushvec::IndexWriter::open(&path).unwrap();
    let output = child::command(desk.folder(), "step 4").output().unwrap();
    assert_eq!(output.status.code(), Some(REPORTED));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another process is writing to this index"));
    assert!(Index::compact(&path, &Progress::new()).is_err());
    assert_eq!(desk.sweep(), 0);
}
