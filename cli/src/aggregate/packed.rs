//! `hushvec aggregate` with a context of packed search.

use super::{Args, report, warn_if_packed_torn};
use crate::args::Expected;
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use hushvec::{PackedContextFile, PackedEvaluator, PackedIndex, PackedPublicContext, PackedQuery};
use std::time::Instant;

pub fn run(args: &Args, file: &PackedContextFile) -> Result<(), Failure> {
    let public = public(file, &args.expected)?;
    let compute = &args.compute;
    let evaluator = PackedEvaluator::with_threads(public, compute.device_or_auto(), compute.threads)?;
    let query = PackedQuery::load(&args.query)?;
    let index = PackedIndex::open(&args.index)?;
    warn_if_packed_torn(&index);
    let (queries, vectors) = (query.vectors(), index.len());
    let started = Instant::now();
    let bar = Bar::new("aggregating", vectors * queries as u64);
    let staged = args.target.stage()?;
    evaluator.aggregate(&query, &index, staged.path(), bar.progress())?;
    drop(bar);
    staged.finish()?;
    let seconds = started.elapsed().as_secs_f64();
    let device = evaluator.device_report();
    output::require_gpu(&device)?;
    report(args, queries, vectors, seconds, device)
}

/// Returns the public context in a file; an error for an owner's context.
pub fn public<'a>(file: &'a PackedContextFile, expected: &Expected) -> Result<&'a PackedPublicContext, Failure> {
    expected.check_packed(file)?;
    file.public().ok_or_else(|| {
        let path = file.path().display();
        Failure::Usage(format!(
            "{path} is an owner's context; give a public context, which is all that an evaluator should have: `hushvec \
             context public {path} -o public.json`"
        ))
    })
}
