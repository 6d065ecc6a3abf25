//! The child process that is killed or gets failing system calls.

use crate::fixture::Pool;
use crate::keys::FixedKeyProvider;
use crate::nonces::Nonces;
use crate::packed_fixture::Owner;
use hushvec::{Error, ExecutionContext, Index, Progress};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

const TASK: &str = "HUSHVEC_CRASH_TASK";
/// Paths that the child looks up right before and after the tested operation, to mark it in a trace of system calls.
pub const BEGIN: &str = "/hushvec-crash-begin";
pub const END: &str = "/hushvec-crash-end";
/// The exit code of a child that reported an error.
pub const REPORTED: i32 = 3;

/// Returns the command of a child. `task` is a word, followed by a number for some words.
pub fn command(folder: &Path, task: &str) -> Command {
    with_wrapper(&[], folder, task)
}

/// Like [`command`], started by another program.
pub fn with_wrapper(wrapper: &[&str], folder: &Path, task: &str) -> Command {
    let program = std::env::current_exe().unwrap();
    let words: Vec<PathBuf> = wrapper.iter().map(PathBuf::from).chain([program]).collect();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["child::child", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command.current_dir(folder).env(TASK, task).env("RAYON_NUM_THREADS", "1");
    command
}

#[test]
#[ignore = "the other tests start it as a child process"]
fn child() {
    let task = std::env::var(TASK).expect("started by another test");
    let (word, number) = task.split_once(' ').unwrap_or((&task, "0"));
    let number: u64 = number.parse().unwrap();
    match word {
        "save-on-and-on" => save_on_and_on(),
        "step-on-and-on" => step_on_and_on(number),
        "packed-save-on-and-on" => packed_save_on_and_on(),
        "packed-step-on-and-on" => packed_step_on_and_on(number),
        _ => once(word, number),
    }
}

/// Reports to the parent that operation `number` is done.
fn done(number: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "done {number}").unwrap();
    out.flush().unwrap();
}

/// Saves two contexts alternately under one name: b at even numbers.
fn save_on_and_on() {
    let contexts = ["b", "a"].map(load);
    for (number, context) in (0..).zip(contexts.iter().cycle()) {
        context.save_to_disk(Path::new("context")).unwrap();
        done(number);
    }
}

fn step_on_and_on(first: u64) {
    let pool = Pool::open(Path::new("."));
    for step in first.. {
        pool.prepare(Path::new("index"), step)().unwrap();
        done(step);
    }
}

fn packed_save_on_and_on() {
    let contexts = ["packed-b", "packed-a"].map(|name| Owner::load(Path::new(name)));
    for (number, context) in (0..).zip(contexts.iter().cycle()) {
        context.save_to_disk(Path::new("context")).unwrap();
        done(number);
    }
}

/// Works on an index of packed search. Writes down the nonces after each operation.
fn packed_step_on_and_on(first: u64) {
    let (owner, mut seen) = (Owner::open(Path::new(".")), Nonces::default());
    for step in first.. {
        owner.prepare(Path::new("."), step)().unwrap();
        seen.write_down(Path::new("."));
        done(step);
    }
}

fn load(name: &str) -> ExecutionContext {
    ExecutionContext::load_from_disk(Path::new(name), &FixedKeyProvider::default()).unwrap()
}

/// Makes more system calls than the start of the program takes. strace counts the calls of each thread separately and
/// fails the call of the same number on all of them, so this keeps injected failures out of the main thread's start.
fn overtake_the_main_thread() {
    for _ in 0..100 {
        let mut file = std::fs::OpenOptions::new().read(true).write(true).open("/dev/zero").unwrap();
        assert_eq!((file.write(&[0]).unwrap(), file.read(&mut [0]).unwrap()), (1, 1));
        assert!(file.metadata().is_ok() && std::fs::metadata("/").is_ok());
        assert!(memmap2::MmapMut::map_anon(4096).is_ok());
    }
}

/// Runs one operation and exits: with 0, or with [`REPORTED`] on an error.
fn once(word: &str, number: u64) {
    overtake_the_main_thread();
    let result = match word {
        "save" => {
            let context = load("b");
            marked(|| context.save_to_disk(Path::new("context")))
        }
        "create" => {
            let pool = Pool::open(Path::new("."));
            marked(|| pool.create(Path::new("index")))
        }
        "step" => {
            let pool = Pool::open(Path::new("."));
            marked(pool.prepare(Path::new("index"), number))
        }
        "packed-save" => {
            let context = Owner::load(Path::new("packed-b"));
            marked(|| context.save_to_disk(Path::new("context")))
        }
        "packed-step" => {
            let owner = Owner::open(Path::new("."));
            marked(owner.prepare(Path::new("."), number))
        }
        "merge" => marked(|| {
            let inputs = [Index::open(Path::new("left"))?, Index::open(Path::new("right"))?];
            Index::merge(&inputs, Path::new("index"), &Progress::new()).map(drop)
        }),
        _ => panic!("unknown task {word}"),
    };
    if let Err(error) = &result {
        eprintln!("error: {error}");
    }
    std::process::exit(if result.is_ok() { 0 } else { REPORTED });
}

fn marked(work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    let missing = std::fs::metadata(BEGIN);
    let result = work();
    assert!(missing.is_err() && std::fs::metadata(END).is_err());
    result
}
