//! Shows how a GPU driver compiles the shaders, without a GPU: Mesa's RADV can compile for AMD GPUs that are not
//! present, and reports the registers, memory and instructions of each kernel.
//!
//!     benches/isa/run.sh [--families navi21,vega20] [--kernels pair_pow,pair_mul] [--words 64,128] [--mesa FOLDER | --mesa system]
//!
//! Compiles every kernel for every default shape, prints a line for each, writes the assembly to
//! `target/isa/assembly`, and fails if a kernel exceeds the limits in `limits.rs`. `run.sh` downloads Mesa 25;
//! `--mesa` selects another one. Cycles are counted, not measured: docs/gpu.md describes the model. Each shader is
//! compiled in a separate process, because drivers crash on some shaders.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a benchmark may panic")]

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

/// The command-line options.
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
            // Added by `cargo bench`.
            if name == "--bench" {
                continue;
            }
            let value = arguments.next().unwrap_or_else(|| panic!("{name} needs a value"));
            match name.as_str() {
                "--families" => options.families = list(&value),
                "--kernels" => options.kernels = list(&value),
                "--words" => options.words = value.split(',').map(|words| words.parse().unwrap()).collect(),
                "--mesa" => options.mesa = value,
                _ => panic!("unknown option {name}; use --families, --kernels, --words or --mesa"),
            }
        }
        options
    }
}

/// Returns the folder of Mesa and of its output.
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
            eprintln!("SKIPPED: shaders for AMD GPUs: {reason}; benches/isa/run.sh downloads Mesa");
            let required = std::env::var_os("HUSHVEC_REQUIRE_ISA").is_some_and(|value| value == "1");
            return if required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let jobs = shapes::jobs(&options.families, &options.kernels, &options.words);
    assert!(!jobs.is_empty(), "no kernel matches --kernels");
    let lines = run(&mesa, &jobs);
    report::print(&lines);
    let exceeded: Vec<String> = lines.iter().flat_map(limits::exceeded).collect();
    for text in &exceeded {
        eprintln!("LIMIT: {text}");
    }
    eprintln!("{} kernels compiled, {} limits exceeded", lines.len(), exceeded.len());
    if exceeded.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compiles all jobs, one per core at a time.
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
