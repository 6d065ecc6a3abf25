//! `hushvec demo`: encrypts and searches real embeddings, and checks every distance.

use crate::args::Compute;
use crate::failure::Failure;
use crate::input::Input;
use crate::output;
use crate::suggested;
use hushvec::{
    BitMatrix, Evaluator, ExecutionContext, HomomorphicClient, Index, IndexWriter, Neighbour, PassphraseKeyProvider,
    Progress, PublicContext, Query, Response, Scheme, TopK,
};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PAGES: &str = include_str!("../data/manpages.jsonl");
const DOCUMENTS: &[u8] = include_bytes!("../data/manpages_512_docs_bits.npy");
const QUERIES: &[u8] = include_bytes!("../data/manpages_512_queries_bits.npy");
const DIMENSIONS: usize = 512;
/// Recall at 1, recall at 10 and mean reciprocal rank of a plaintext search, from cli/data/README.md.
const PUBLISHED: [f64; 3] = [0.363, 0.749, 0.491];
/// The number of queries whose answers are shown.
const SHOWN: usize = 4;

/// Options of `hushvec demo`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Encryption scheme: paillier, paillier_subgroup or paillier_lookup
    #[arg(long, default_value = "paillier", value_parser = suggested::paillier_schemes(), hide_possible_values = true)]
    scheme: Scheme,
    /// Number of queries to run, out of 919
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=919))]
    queries: u16,
    #[command(flatten)]
    compute: Compute,
}

#[derive(Deserialize)]
struct Page {
    page: String,
    synopsis: String,
}

/// Prints how long a step took.
struct Steps {
    last: Instant,
    total: Duration,
}

impl Steps {
    fn done(&mut self, who: &str, what: &str) -> Result<(), Failure> {
        let took = self.last.elapsed();
        self.total += took;
        self.last = Instant::now();
        output::print(&format!("{who:10} {what:62} {:>7.2} s\n", took.as_secs_f64()))
    }
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let pages: Vec<Page> =
        PAGES.lines().map(serde_json::from_str).collect::<Result<_, _>>().map_err(|error| broken(&error))?;
    let documents = embedded(DOCUMENTS)?;
    let all_queries = embedded(QUERIES)?;
    let asked: Vec<usize> =
        (0..usize::from(args.queries)).map(|i| i * pages.len() / usize::from(args.queries)).collect();
    let mut queries = BitMatrix::new(DIMENSIONS);
    for row in &asked {
        queries.push_bits(&all_queries.row(*row).unwrap_or_default())?;
    }
    let folder = tempfile::tempdir().map_err(|error| Failure::Other(format!("cannot make a folder: {error}")))?;
    let file = |name: &str| folder.path().join(name);

    output::print(&format!(
        "{} manual pages as encrypted {DIMENSIONS}-bit embeddings, searched with {} of their one-line synopses.\n\n",
        pages.len(),
        asked.len()
    ))?;
    let mut steps = Steps { last: Instant::now(), total: Duration::ZERO };

    // The owner: keys, an encrypted index, encrypted queries.
    let provider = PassphraseKeyProvider::new(format!("demo {}", std::process::id()))?;
    let context = ExecutionContext::builder()
        .scheme(args.scheme)
        .embedding_length(DIMENSIONS)
        .device(args.compute.device_or_auto())
        .threads(args.compute.threads)
        .path(file("owner.json"))
        .create(provider)?;
    context.public_context().save(&file("public.json"))?;
    let strength = context.parameters().strength_bits();
    steps.done("owner", &format!("creates keys ({}, {strength}-bit security)", context.scheme()))?;
    let mut writer = IndexWriter::create(&file("index.hvx"), Arc::clone(context.public_key()))?;
    writer.append(&context.encrypt_vec_batch(&documents)?, None)?;
    writer.sync()?;
    drop(writer);
    steps.done("owner", &format!("encrypts {} vectors into an index", documents.len()))?;
    let query = Query::new(context.encrypt_vec_batch(&queries)?)?;
    query.save(&file("query.hvq"), context.public_key())?;
    steps.done("owner", &format!("encrypts {} queries", queries.len()))?;

    // The evaluator reads files, writes a file, and has no secret.
    evaluate(folder.path(), args)?;
    let distances = documents.len() * queries.len();
    steps.done("evaluator", &format!("computes {distances} encrypted distances with the public key"))?;

    // The owner decrypts every distance and compares it with the plaintext distance.
    let response = Response::open(&file("response.hvr"))?;
    response.check_query(&query)?;
    let mut nearest = vec![TopK::new(10); queries.len()];
    let mut wrong = 0;
    response.for_each_distance(&context, &Progress::new(), |query, id, distance| {
        let row = id.number().and_then(|id| usize::try_from(id).ok()).unwrap_or(usize::MAX);
        wrong += u64::from(documents.hamming(row, &queries, query) != Some(distance));
        if let Some(nearest) = nearest.get_mut(query) {
            nearest.push(id, distance);
        }
    })?;
    steps.done("owner", &format!("decrypts {distances} distances and checks each against plaintext"))?;
    output::require_gpu(&context.device_report())?;
    let nearest: Vec<Vec<Neighbour>> = nearest.into_iter().map(TopK::into_sorted).collect();

    for (row, neighbours) in asked.iter().zip(&nearest).take(SHOWN) {
        show(&pages, *row, neighbours)?;
    }
    summarise(&documents, &all_queries, &asked, &nearest, wrong, steps.total)
}

/// The evaluator's step. It gets nothing from the owner but three files.
fn evaluate(folder: &Path, args: &Args) -> Result<(), Failure> {
    let public = PublicContext::load(&folder.join("public.json"), false)?;
    let evaluator = Evaluator::with_threads(&public, args.compute.device_or_auto(), args.compute.threads)?;
    let query = evaluator.load_query(&folder.join("query.hvq"))?;
    let index = Index::open(&folder.join("index.hvx"))?;
    evaluator.aggregate(&query, &index, &folder.join("response.hvr"), &Progress::new())?;
    output::require_gpu(&evaluator.device_report())
}

fn show(pages: &[Page], row: usize, neighbours: &[Neighbour]) -> Result<(), Failure> {
    let Some(query) = pages.get(row) else { return Ok(()) };
    let mut text = format!("\n\"{}\"\n", query.synopsis);
    for neighbour in neighbours.iter().take(3) {
        let found = neighbour.id.as_ref().number().and_then(|id| pages.get(usize::try_from(id).ok()?));
        let (page, synopsis) = found.map_or(("?", ""), |page| (&page.page, &page.synopsis));
        let mark = if neighbour.id == row as u64 { "*" } else { " " };
        text += &format!("  {mark} {:>3}  {page:24} {synopsis}\n", neighbour.distance);
    }
    output::print(&text)
}

fn summarise(
    documents: &BitMatrix,
    all_queries: &BitMatrix,
    asked: &[usize],
    nearest: &[Vec<Neighbour>],
    wrong: u64,
    total: Duration,
) -> Result<(), Failure> {
    let ranks: Vec<usize> = (0..all_queries.len()).map(|row| plaintext_rank(documents, all_queries, row)).collect();
    let figures = recall(&ranks);
    let in_ten = |row: usize, found: &[Neighbour]| found.iter().any(|neighbour| neighbour.id == row as u64);
    let found = asked.iter().zip(nearest).filter(|(row, found)| in_ten(**row, found)).count();
    let agree = figures.iter().zip(PUBLISHED).all(|(figure, published)| (figure - published).abs() < 0.0005);
    let [at_1, at_10, mrr] = figures;
    output::print(&format!(
        "\n* marks the page that the synopsis is from. It is in the top ten for {found} of {} queries.\n\
         All {} distances equal the plaintext distances, so recall equals that of a plaintext search. Over all {} \
         queries:\n\
         recall@1 {at_1:.3}, recall@10 {at_10:.3}, mean reciprocal rank {mrr:.3} ({} the published figures).\n\
         Total: {:.1} s.\n",
        asked.len(),
        asked.len() * documents.len(),
        all_queries.len(),
        if agree { "equal to" } else { "NOT" },
        total.as_secs_f64(),
    ))?;
    if wrong > 0 {
        return Err(Failure::Other(format!(
            "{wrong} distances differ from the plaintext distances; please report this"
        )));
    }
    if !agree {
        return Err(Failure::Other(format!(
            "the published figures are {PUBLISHED:?}, not {figures:?}; please report this"
        )));
    }
    Ok(())
}

/// Returns 1 + the number of documents strictly nearer to query `row` than document `row` is.
fn plaintext_rank(documents: &BitMatrix, queries: &BitMatrix, row: usize) -> usize {
    let own = documents.hamming(row, queries, row);
    1 + (0..documents.len()).filter(|other| documents.hamming(*other, queries, row) < own).count()
}

/// Returns recall at 1, recall at 10 and mean reciprocal rank.
#[expect(clippy::cast_precision_loss, reason = "ranks are below a thousand")]
fn recall(ranks: &[usize]) -> [f64; 3] {
    let share = |count: usize| count as f64 / ranks.len() as f64;
    let within = |limit: usize| share(ranks.iter().filter(|rank| **rank <= limit).count());
    let reciprocal: f64 = ranks.iter().map(|rank| 1.0 / *rank as f64).sum();
    [within(1), within(10), reciprocal / ranks.len() as f64]
}

fn embedded(bytes: &'static [u8]) -> Result<BitMatrix, Failure> {
    Input::embedded(bytes, "the demo's vectors", DIMENSIONS)?.read_all()
}

fn broken(error: &serde_json::Error) -> Failure {
    Failure::Other(format!("the demo's data is broken: {error}"))
}
