//! Exchanges fresh contexts and ciphertexts with the SDK from PyPI, in both directions and for both of its client
//! types.
//!
//! Without PyPI or Python the test is skipped with a message, or fails with HUSHVEC_REQUIRE_SDK=1. HUSHVEC_LONG_TESTS=1
//! exchanges a hundred contexts and ten thousand distances.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/numbers.rs"]
mod numbers;
#[path = "common/reference.rs"]
mod reference;

use hushvec::{
    BitMatrix, Ciphertext, Ciphertexts, Device, Evaluator, ExecutionContext, Format, HomomorphicClient,
    PassphraseKeyProvider, Scheme,
};
use numbers::SplitMix;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const PASSPHRASE: &str = "naïve passphrase";
const DIMENSIONS: usize = 96;

/// Returns a Python with the SDK, in a virtual environment under target/.
fn python() -> Result<PathBuf, String> {
    let venv = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sdk-venv");
    let python = venv.join("bin/python");
    let imports = |python: &Path| run(python, &["-c", "import xtrace_sdk.x_vec.utils.execution_context"]);
    if imports(&python).is_ok() {
        return Ok(python);
    }
    run(Path::new("python3"), &["-m", "venv", "--clear", venv.to_str().unwrap()])?;
    run(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "xtrace-ai-sdk==0.1.1"])?;
    imports(&python)?;
    Ok(python)
}

fn run(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new(program).args(arguments).output().map_err(|error| format!("{}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{} {arguments:?}: {text}{}", program.display(), String::from_utf8_lossy(&output.stderr)))
}

fn provider() -> PassphraseKeyProvider {
    PassphraseKeyProvider::new(PASSPHRASE).unwrap()
}

fn str_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// Loads a context and vectors from the SDK, checks them, and writes a response for the SDK to decode.
fn import_from_sdk(folder: &Path, record_path: &Path, random: &mut SplitMix) {
    let name = record_path.file_stem().unwrap().to_str().unwrap();
    let record: Value = serde_json::from_str(&std::fs::read_to_string(record_path).unwrap()).unwrap();
    let context_name = format!("{name}.context.json");
    let loader = ExecutionContext::loader().allow_weak(true);
    let ctx = loader.load_from_disk(&folder.join(&context_name), &provider()).unwrap();
    assert_eq!(ctx.id().unwrap(), str_of(&record, "id"), "{name}");
    assert_eq!(*ctx.decrypt_content(str_of(&record, "content")).unwrap(), "päyload".as_bytes());
    let rows =
        record["bits"].as_array().unwrap().iter().map(|row| row.as_str().unwrap().bytes().map(|b| b - b'0').collect());
    let plain = BitMatrix::from_rows(DIMENSIONS, rows.collect::<Vec<Vec<u8>>>()).unwrap();
    let wires =
        record["wire"].as_array().unwrap().iter().map(|c| Ciphertext::from_wire(ctx.public_key(), c.as_str().unwrap()));
    let theirs: Vec<Ciphertext> = wires.collect::<Result<_, _>>().unwrap();
    let stored = Ciphertexts::from_ciphertexts(ctx.public_key(), &theirs).unwrap();
    answer(folder, name, &context_name, &ctx, &plain, &stored, random);
}

/// Aggregates a new query with stored vectors, decodes the distances, and writes all results for the SDK to check.
fn answer(
    folder: &Path,
    name: &str,
    context_name: &str,
    ctx: &ExecutionContext,
    plain: &BitMatrix,
    stored: &Ciphertexts,
    random: &mut SplitMix,
) {
    let bits = random.bits(DIMENSIONS);
    let query_plain = BitMatrix::from_rows(DIMENSIONS, [&bits]).unwrap();
    let query = ctx.encrypt_vec_one(&bits).unwrap();
    let evaluator = Evaluator::open(&ctx.public_context(), Device::Cpu).unwrap();
    let response = evaluator.hamming_batch(&query, stored).unwrap();
    let distances = ctx.decode_hamming_client_batch(&response).unwrap();
    let expected: Vec<u32> = (0..plain.len()).map(|i| plain.hamming(i, &query_plain, 0).unwrap()).collect();
    assert_eq!(distances, expected, "{name}");
    let wire: Vec<String> = response.iter().map(|c| c.to_wire(ctx.public_key()).unwrap()).collect();
    let first: String = plain.row(0).unwrap().iter().map(|b| char::from(b'0' + b)).collect();
    let record = json!({
        "context": context_name,
        "id": ctx.id().unwrap(),
        "wire": wire,
        "distances": distances,
        "content": ctx.encrypt_content("päyload".as_bytes()).unwrap(),
        "bits": first,
        "query": query.to_wire(ctx.public_key()).unwrap(),
        "query_distance": expected[0],
    });
    std::fs::write(folder.join(format!("{name}.answer.json")), record.to_string()).unwrap();
}

/// Creates a context in the SDK's format, and writes a response for the SDK to decode.
fn export_to_sdk(folder: &Path, scheme: Scheme, vectors: usize, random: &mut SplitMix) {
    let name = format!("own_{}", scheme.name());
    let context_name = format!("{name}.context.json");
    let made = ExecutionContext::builder().scheme(scheme).embedding_length(DIMENSIONS).create(provider()).unwrap();
    let ctx = made.export(Format::XTrace, Arc::new(PassphraseKeyProvider::xtrace(PASSPHRASE, None).unwrap())).unwrap();
    ctx.save_to_disk(&folder.join(&context_name)).unwrap();
    let plain = BitMatrix::from_rows(DIMENSIONS, (0..vectors).map(|_| random.bits(DIMENSIONS))).unwrap();
    let stored = ctx.encrypt_vec_batch(&plain).unwrap();
    answer(folder, &name, &context_name, &ctx, &plain, &stored, random);
}

#[test]
fn contexts_and_ciphertexts_are_exchanged() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) if std::env::var_os("HUSHVEC_REQUIRE_SDK").is_some_and(|value| value == "1") => panic!("{reason}"),
        Err(reason) => {
            // Not eprintln, which the test harness captures when a test passes.
            writeln!(std::io::stderr(), "SKIPPED: the SDK cannot be installed here: {reason}").unwrap();
            return;
        }
    };
    let (contexts, vectors) =
        if std::env::var_os("HUSHVEC_LONG_TESTS").is_some() { ("84", "100") } else { ("6", "10") };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/exchange.py");
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    run(&python, &[script.to_str().unwrap(), "make", place, contexts, vectors]).unwrap();

    let mut random = SplitMix(7);
    let mut made = 0;
    let mut records: Vec<PathBuf> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    records.retain(|path| !path.to_str().unwrap().ends_with(".context.json"));
    for record in &records {
        import_from_sdk(folder.path(), record, &mut random);
        made += 1;
    }
    for scheme in [Scheme::Paillier, Scheme::PaillierLookup] {
        export_to_sdk(folder.path(), scheme, vectors.parse().unwrap(), &mut random);
        made += 1;
    }
    let output = run(&python, &[script.to_str().unwrap(), "check", place]).unwrap();
    assert_eq!(output.trim(), format!("checked {made}"));
}
