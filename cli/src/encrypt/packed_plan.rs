//! `encrypt --dry-run` with a context of packed search.

use super::encryptor::Encryptor;
use super::options::Args;
use super::plan::{Rate, duration, encrypt_some, round, scaled, size};
use super::writer::Writer;
use crate::failure::Failure;
use crate::input::Input;
use crate::output;
use hushvec::{
    Device, DeviceReport, OpenDevice, PackedContext, PackedContextFile, PackedEvaluator, PackedIndex, PackedResponse,
    PassphraseKeyProvider, Progress,
};
use serde::Serialize;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

#[derive(Serialize)]
struct Plan {
    vectors: u64,
    finished: u64,
    dimensions: usize,
    scheme: &'static str,
    metric: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine_error: Option<f64>,
    index_bytes: u64,
    encrypt: Rate,
    query_bytes: u64,
    response_bytes: u64,
    expand_seconds: f64,
    aggregate: Rate,
    decode: Rate,
    device: DeviceReport,
}

/// Prints the estimated cost of encrypting `rows` of the input, of which `finished` are already encrypted.
pub fn report(
    args: &Args,
    file: &PackedContextFile,
    input: &mut Input,
    rows: Range<u64>,
    finished: u64,
) -> Result<(), Failure> {
    let parameters = file.parameters();
    // A temporary key is as fast as the real one, which would need the passphrase.
    let compute = &args.owner.compute;
    let device = compute.device.as_ref().or(file.device()).cloned().unwrap_or(Device::Auto);
    let device = OpenDevice::open(device, compute.threads)?;
    let provider = Arc::new(PassphraseKeyProvider::new("stand-in")?);
    let context = PackedContext::generate(parameters.clone(), device, provider)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::Other(format!("cannot make a folder: {error}")))?;
    let sample = folder.path().join("sample.hvx");
    let encryptor = Encryptor::Packed(Box::new(context));
    let mut writer = Writer::create(&sample, &encryptor, None)?;
    let empty = size(&sample)?;
    input.skip(rows.start)?;
    let todo = if input.rows().is_some() { rows.end - rows.start } else { u64::MAX };
    let (measured, took) = encrypt_some(&encryptor, input, &mut writer, todo)?;
    writer.sync()?;
    drop(writer);
    let vectors = if todo == u64::MAX { measured + input.skip(u64::MAX)? } else { todo };
    let left = vectors.saturating_sub(if args.append { 0 } else { finished });
    let of_all = |bytes: u64, empty: u64| empty + scaled(bytes.saturating_sub(empty), vectors, measured);

    let Encryptor::Packed(context) = &encryptor else { return Ok(()) };
    let index = PackedIndex::open(&sample)?;
    let (query_path, response) = (folder.path().join("query.hvq"), folder.path().join("response.hvr"));
    // Query the sample with one of its own vectors.
    let first = index.last_appended(context)?;
    let none = Rate::new(0, 0.0, 0);
    let (mut query_bytes, mut response_bytes, mut expand_seconds, mut aggregate, mut decode) = (0, 0, 0.0, none, none);
    if let Some((_, vector)) = first {
        let query = context.encrypt_queries(&vector.as_vectors())?;
        query.save(&query_path)?;
        let evaluator = PackedEvaluator::on(&context.public_context()?, context.open_device());
        let run = |index: &PackedIndex| -> Result<f64, Failure> {
            let started = Instant::now();
            evaluator.aggregate(&query, index, &response, &Progress::new())?;
            Ok(started.elapsed().as_secs_f64())
        };
        let nothing = folder.path().join("empty.hvx");
        drop(Writer::create(&nothing, &encryptor, None)?);
        let nothing = PackedIndex::open(&nothing)?;
        expand_seconds = run(&nothing)?.min(run(&nothing)?);
        let constant = size(&response)?;
        run(&index)?;
        aggregate = Rate::new(measured, (run(&index)? - expand_seconds).max(1e-9), vectors);
        let started = Instant::now();
        PackedResponse::open(&response)?.nearest(context, 10, &Progress::new())?;
        decode = Rate::new(measured, started.elapsed().as_secs_f64(), vectors);
        (query_bytes, response_bytes) = (size(&query_path)?, of_all(size(&response)?, constant));
    }
    let plan = Plan {
        vectors,
        finished,
        dimensions: parameters.dimensions(),
        scheme: "packed",
        metric: parameters.metric().name(),
        cosine_error: parameters.cosine_error(),
        index_bytes: of_all(size(&sample)?, empty),
        encrypt: Rate::new(measured, took, left),
        query_bytes,
        response_bytes,
        expand_seconds,
        aggregate,
        decode,
        device: encryptor.device_report(),
    };
    if args.json { output::print_json(&plan) } else { output::print(&text(&plan)) }
}

fn text(plan: &Plan) -> String {
    let per_second = |rate: Rate| format!("{} ({} per second)", duration(rate.seconds), round(rate.per_second));
    let mut fields = vec![
        ("vectors", format!("{} of {} dimensions", plan.vectors, plan.dimensions)),
        ("key", format!("packed, {}", plan.metric)),
    ];
    if let Some(error) = plan.cosine_error {
        fields.push(("cosines", format!("with a standard error of {error:.4}")));
    }
    if plan.finished > 0 {
        fields.push(("finished", output::count(plan.finished, "vector")));
    }
    fields.extend([
        ("time", format!("{} on {}", per_second(plan.encrypt), plan.device.used)),
        ("index", output::bytes(plan.index_bytes)),
        (
            "query",
            format!(
                "{} to the evaluator, {} back",
                output::bytes(plan.query_bytes),
                output::bytes(plan.response_bytes)
            ),
        ),
        ("  expand", duration(plan.expand_seconds)),
        ("  aggregate", per_second(plan.aggregate)),
        ("  decode", per_second(plan.decode)),
        (
            "measured",
            format!("{} on this machine; nothing was written", output::count(plan.encrypt.measured, "vector")),
        ),
    ]);
    output::fields(&fields)
}
