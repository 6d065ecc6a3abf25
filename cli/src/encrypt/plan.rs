//! `encrypt --dry-run`: estimates the cost by encrypting a sample.

use super::encryptor::{Encryptor, Paillier};
use super::options::Args;
use super::writer::Writer;
use crate::failure::Failure;
use crate::input::Input;
use crate::output;
use hushvec::{
    Ciphertexts, ContextFile, DeviceReport, ExecutionContext, Index, PassphraseKeyProvider, Progress, Query, Response,
};
use serde::Serialize;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

/// How long encryption is measured, in seconds.
const SECONDS: f64 = 4.0;
/// The minimum number of runs in that time.
const MIN_RUNS: f64 = 8.0;

#[derive(Serialize)]
struct Plan {
    vectors: u64,
    finished: u64,
    dimensions: usize,
    scheme: &'static str,
    key_len: usize,
    index_bytes: u64,
    encrypt: Rate,
    query_bytes: u64,
    response_bytes: u64,
    aggregate: Rate,
    /// Only with an owner's context.
    decode: Option<Rate>,
    device: DeviceReport,
}

/// A measured rate, and the time for all vectors estimated from it.
#[derive(Serialize, Clone, Copy)]
pub struct Rate {
    pub measured: u64,
    pub per_second: f64,
    pub seconds: f64,
}

impl Rate {
    pub fn new(measured: u64, took: f64, all: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a forecast")]
        let (part, whole) = (measured as f64, all as f64);
        let per_second = part / took.max(1e-9);
        Self { measured, per_second, seconds: if measured == 0 { 0.0 } else { whole / per_second } }
    }
}

/// Prints the estimated cost of encrypting `rows` of the input, of which `finished` are already encrypted.
pub fn report(
    args: &Args,
    file: &ContextFile,
    input: &mut Input,
    rows: Range<u64>,
    finished: u64,
) -> Result<(), Failure> {
    let parameters = file.public().parameters();
    let paillier = stand_in(args, file)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::Other(format!("cannot make a folder: {error}")))?;
    let sample = folder.path().join("sample.hvx");
    let key = std::sync::Arc::clone(paillier.key());
    let encryptor = Encryptor::Paillier(paillier);
    let mut writer = Writer::create(&sample, &encryptor, None)?;
    let empty = size(&sample)?;
    input.skip(rows.start)?;
    let todo = match input.rows() {
        Some(_) => rows.end - rows.start,
        None => u64::MAX,
    };
    let (measured, took) = encrypt_some(&encryptor, input, &mut writer, todo)?;
    writer.sync()?;
    drop(writer);
    let vectors = if todo == u64::MAX { measured + input.skip(u64::MAX)? } else { todo };
    let left = vectors.saturating_sub(if args.append { 0 } else { finished });
    let of_all = |bytes: u64, empty: u64| empty + scaled(bytes.saturating_sub(empty), vectors, measured);

    // Query the sample with one of its own vectors.
    let index = Index::open(&sample)?;
    let (query, response) = (folder.path().join("query.hvq"), folder.path().join("response.hvr"));
    let first = index.get(&key, 0)?.map(|(_, vector)| vector);
    let (mut query_bytes, mut response_bytes, mut aggregate, mut decode) = (0, 0, Rate::new(0, 0.0, 0), None);
    if let (Some(first), Encryptor::Paillier(paillier)) = (first, &encryptor) {
        let encrypted = Query::new(Ciphertexts::from_ciphertexts(&key, &[first])?)?;
        encrypted.save(&query, &key)?;
        let evaluator = paillier.evaluator(&args.owner.compute)?;
        evaluator.aggregate(&encrypted, &index, &response, &Progress::new())?;
        let started = Instant::now();
        evaluator.aggregate(&encrypted, &index, &response, &Progress::new())?;
        aggregate = Rate::new(measured, started.elapsed().as_secs_f64(), vectors);
        if let Paillier::Owner(owner) = paillier {
            let started = Instant::now();
            Response::open(&response)?.nearest(owner, 10, &Progress::new())?;
            decode = Some(Rate::new(measured, started.elapsed().as_secs_f64(), vectors));
        }
        (query_bytes, response_bytes) = (size(&query)?, of_all(size(&response)?, empty));
    }
    let plan = Plan {
        vectors,
        finished,
        dimensions: parameters.embedding_length(),
        scheme: parameters.scheme().name(),
        key_len: parameters.key_len(),
        index_bytes: of_all(size(&sample)?, empty),
        encrypt: Rate::new(measured, took, left),
        query_bytes,
        response_bytes,
        aggregate,
        decode,
        device: encryptor.device_report(),
    };
    if args.json { output::print_json(&plan) } else { output::print(&text(&plan)) }
}

/// Returns an encryptor that is as fast as the real one. An owner's context gets a temporary key, since the real secret
/// key would need the passphrase.
fn stand_in(args: &Args, file: &ContextFile) -> Result<Paillier, Failure> {
    if file.owner().is_none() {
        return Paillier::open(file, &args.owner);
    }
    let info = args.owner.check(file)?;
    let parameters = &info.parameters;
    let mut builder = ExecutionContext::builder()
        .scheme(parameters.scheme())
        .embedding_length(parameters.embedding_length())
        .key_len(parameters.key_len())
        .threads(args.owner.compute.threads)
        .device(args.owner.compute.device.clone().unwrap_or_else(|| info.device.clone()));
    // Weak keys are never created, not even for an estimate.
    if let (None, Some(alpha_len)) = (parameters.weakness(), parameters.alpha_len()) {
        builder = builder.alpha_len(alpha_len);
    }
    Ok(Paillier::Owner(Box::new(builder.create(PassphraseKeyProvider::new("stand-in")?)?)))
}

/// Encrypts vectors for about [`SECONDS`]. Returns their number and the time in seconds.
pub fn encrypt_some(
    encryptor: &Encryptor,
    input: &mut Input,
    writer: &mut Writer,
    todo: u64,
) -> Result<(u64, f64), Failure> {
    let block = encryptor.block() as u64;
    let mut done = 0;
    let mut run = |blocks: u64| -> Result<(u64, f64), Failure> {
        let mut next = done..done + (blocks * block).min(todo - done);
        let started = Instant::now();
        super::encrypt(false, encryptor, input, writer, &mut next)?;
        let rows = next.start - done;
        done = next.start;
        Ok((rows, started.elapsed().as_secs_f64()))
    };
    // The first block warms up threads, tables and kernels. The second determines the number of blocks per run.
    let warm = run(1)?;
    let (rows, took) = run(1)?;
    if rows == 0 {
        return Ok(warm);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count of blocks")]
    let blocks = (SECONDS / MIN_RUNS / took.max(1e-3)).clamp(1.0, 10_000.0) as u64;
    let mut runs = vec![(rows, took)];
    while runs.iter().map(|(_, took)| took).sum::<f64>() < SECONDS {
        match run(blocks)? {
            (0, _) => break,
            measured => runs.push(measured),
        }
    }
    // The median discounts other load on the machine.
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    let mut each: Vec<f64> = runs.iter().map(|(rows, took)| took / *rows as f64).collect();
    each.sort_by(f64::total_cmp);
    let each = each.get(each.len() / 2).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a forecast")]
    Ok((done, each * done as f64))
}

fn text(plan: &Plan) -> String {
    let on = format!("{} per second on {}", round(plan.encrypt.per_second), plan.device.used);
    let mut fields = vec![
        ("vectors", format!("{} of {} dimensions", plan.vectors, plan.dimensions)),
        ("key", format!("{}, key_len {}", plan.scheme, plan.key_len)),
    ];
    if plan.finished > 0 {
        fields.push(("finished", output::count(plan.finished, "vector")));
    }
    fields.push(("time", format!("{} ({on})", duration(plan.encrypt.seconds))));
    fields.push(("index", output::bytes(plan.index_bytes)));
    fields.push((
        "query",
        format!("{} to the evaluator, {} back", output::bytes(plan.query_bytes), output::bytes(plan.response_bytes)),
    ));
    fields.push((
        "  aggregate",
        format!("{} ({} per second)", duration(plan.aggregate.seconds), round(plan.aggregate.per_second)),
    ));
    if let Some(decode) = plan.decode {
        fields.push(("  decode", format!("{} ({} per second)", duration(decode.seconds), round(decode.per_second))));
    }
    fields.push((
        "measured",
        format!("{} on this machine; nothing was written", output::count(plan.encrypt.measured, "vector")),
    ));
    output::fields(&fields)
}

pub fn round(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

/// Formats a duration in the largest units.
pub fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let whole = seconds.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds < 10.0 => format!("{seconds:.1} s"),
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, _) => format!("{minutes} min {} s", whole % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

pub fn size(path: &Path) -> Result<u64, Failure> {
    Ok(path.metadata().map_err(Failure::io("read", path))?.len())
}

/// Computes `part` × `all` / `of` without overflow.
pub fn scaled(part: u64, all: u64, of: u64) -> u64 {
    u64::try_from(u128::from(part) * u128::from(all) / u128::from(of.max(1))).unwrap_or(u64::MAX)
}
