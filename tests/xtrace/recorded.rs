//! Access to the recorded data in tests/data/xtrace.

use hushvec::{Error, ExecutionContext, PassphraseKeyProvider};
use num_bigint::BigUint;
use serde_json::Value;
use std::path::PathBuf;

pub const NAMES: [&str; 4] = ["paillier_64_512_salt", "paillier_512_1024", "lookup_64_512", "lookup_512_1024"];

pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/xtrace").join(name)
}

pub fn context_text(name: &str) -> String {
    std::fs::read_to_string(path(&format!("{name}.context.json"))).unwrap()
}

pub fn vectors(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(&format!("{name}.vectors.json"))).unwrap()).unwrap()
}

pub fn provider() -> PassphraseKeyProvider {
    PassphraseKeyProvider::new("test").unwrap()
}

pub fn load_text(text: &str) -> Result<ExecutionContext, Error> {
    ExecutionContext::loader().allow_weak(true).from_serialized(text, &provider())
}

pub fn load(name: &str) -> ExecutionContext {
    load_text(&context_text(name)).unwrap()
}

pub fn str_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

pub fn number(text: &str) -> BigUint {
    BigUint::parse_bytes(text.as_bytes(), 10).unwrap()
}
