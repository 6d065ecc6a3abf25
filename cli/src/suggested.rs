//! Option values that shells complete, where other values are valid too.

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};
use std::ffi::OsStr;
use std::str::FromStr;

/// A parser that also suggests values to shells.
#[derive(Debug, Clone)]
pub struct Suggested<T> {
    values: &'static [&'static str],
    parse: fn(&str) -> Result<T, hushvec::Error>,
}

impl<T> Suggested<T> {
    /// Returns a parser that suggests `values` and calls `parse`.
    pub fn new(values: &'static [&'static str], parse: fn(&str) -> Result<T, hushvec::Error>) -> Self {
        Self { values, parse }
    }
}

/// A scheme of contexts.
#[derive(Clone, Copy, Debug)]
pub enum SchemeName {
    Paillier(hushvec::Scheme),
    Packed,
}

/// Returns the parser of Paillier's schemes.
pub fn paillier_schemes() -> Suggested<hushvec::Scheme> {
    Suggested { values: &["paillier_subgroup", "paillier", "paillier_lookup"], parse: FromStr::from_str }
}

/// Returns the parser of schemes.
pub fn schemes() -> Suggested<SchemeName> {
    let parse = |text: &str| match text {
        "packed" => Ok(SchemeName::Packed),
        other => other.parse().map(SchemeName::Paillier),
    };
    Suggested { values: &["packed", "paillier_subgroup", "paillier", "paillier_lookup"], parse }
}

/// Returns the parser of devices.
pub fn devices() -> Suggested<hushvec::Device> {
    Suggested { values: &["auto", "cpu", "gpu", "gpu:0", "gpu:1"], parse: FromStr::from_str }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Suggested<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        self.parse.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.values.iter().map(PossibleValue::new)))
    }
}
