//! What GPU drivers make of the shaders, without a GPU: Mesa's RADV compiles for AMD GPUs that are not there, and says how many
//! registers, how much memory and which instructions a kernel takes.
//!
//!     benches/isa/run.sh [--families navi21,vega20] [--kernels pair_pow,pair_mul] [--words 64,128] [--mesa FOLDER | --mesa system]
//!
//! Compiles every kernel for every shape that devices get by default, prints a line for each, leaves the assembly in
//! `target/isa/assembly`, and fails if one exceeds the limits in `limits.rs`. `run.sh` fetches Mesa 25, which `--mesa` replaces.
//! Cycles are counted, not measured: docs/gpu.md says by which model. Drivers crash on some shaders, so each is compiled by a process
//! of its own.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a benchmark that cannot go on stops")]

mod assembly;
mod limits;
mod mesa;
mod report;
mod shapes;
mod spirv;
mod vulkan;

use mesa::Mesa;
use report::Line;
use shapes::Job;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

/// What the command line asks for.
struct Options {
    families: Vec<String>,
    kernels: Vec<String>,
    words: Vec<u32>,
    mesa: String,
}

impl Options {
    fn new(mut arguments: impl Iterator<Item = String>) -> Self {
        let list = |text: &str| text.split(',').map(str::to_owned).collect();
        let root = folder().join("root");
        let mut options = Self {
            families: list("navi21,vega20"),
            kernels: Vec::new(),
            words: shapes::WORDS.to_vec(),
            mesa: root.to_string_lossy().into_owned(),
        };
        while let Some(name) = arguments.next() {
            // What `cargo bench` adds.
            if name == "--bench" {
                continue;
            }
            let value = arguments.next().unwrap_or_else(|| panic!("{name} needs a value"));
            match name.as_str() {
                "--families" => options.families = list(&value),
                "--kernels" => options.kernels = list(&value),
                "--words" => options.words = value.split(',').map(|words| words.parse().unwrap()).collect(),
                "--mesa" => options.mesa = value,
                _ => panic!("{name} is not an option; there are --families, --kernels, --words and --mesa"),
            }
        }
        options
    }
}

/// Where Mesa is, and what it makes.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/isa")
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|argument| argument == mesa::COMPILE).is_some() {
        vulkan::compile(Path::new(&arguments.next().unwrap()));
        return ExitCode::SUCCESS;
    }
    let options = Options::new(arguments);
    let mesa = match Mesa::find(&options.mesa) {
        Ok(mesa) => mesa,
        Err(reason) => {
            eprintln!("SKIPPED: the instruction sets of AMD GPUs, since {reason}; benches/isa/run.sh fetches Mesa");
            let required = std::env::var_os("HUSHVEC_REQUIRE_ISA").is_some_and(|value| value == "1");
            return if required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let jobs = shapes::jobs(&options.families, &options.kernels, &options.words);
    assert!(!jobs.is_empty(), "no kernel has that name");
    let lines = run(&mesa, &jobs);
    report::print(&lines);
    let broken: Vec<String> = lines.iter().flat_map(limits::exceeded).collect();
    for text in &broken {
        eprintln!("LIMIT: {text}");
    }
    eprintln!("{} kernels compiled, {} limits exceeded", lines.len(), broken.len());
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Has the driver compile every job, as many at a time as there are cores.
fn run(mesa: &Mesa, jobs: &[Job]) -> Vec<Line> {
    let assembly = folder().join("assembly");
    std::fs::create_dir_all(&assembly).unwrap();
    let next = Mutex::new(jobs.iter().enumerate());
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some((index, job)) = next.lock().unwrap().next() else { return };
            let line = Line::new(job, mesa.compile(job, &assembly));
            done.lock().unwrap().push((index, line));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut lines = done.into_inner().unwrap();
    lines.sort_by_key(|(index, _)| *index);
    lines.into_iter().map(|(_, line)| line).collect()
}
