//! Expands arguments to files.

use super::reader::is_standard_input;
use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// Replaces each pattern by the files that match it, sorted by name. An argument is a pattern if it contains `*`, `?`
/// or `[` and is not itself a file. Standard input cannot be combined with files.
pub fn expand(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for argument in arguments {
        match pattern(argument) {
            Some(pattern) => files.extend(matches(pattern)?),
            None => files.push(argument.clone()),
        }
    }
    if files.len() > 1 && files.iter().any(|file| is_standard_input(file)) {
        return Err(Failure::Usage("standard input (-) cannot be combined with files".to_owned()));
    }
    Ok(files)
}

fn pattern(argument: &Path) -> Option<&str> {
    argument.to_str().filter(|text| text.contains(['*', '?', '[']) && !argument.exists())
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, Failure> {
    let found =
        glob::glob(pattern).map_err(|error| Failure::Usage(format!("{pattern}: not a valid pattern ({error})")))?;
    let mut files = Vec::new();
    for file in found {
        let file = file.map_err(|error| Failure::Other(format!("cannot search for {pattern}: {error}")))?;
        if !file.is_dir() {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(Failure::Other(format!("no file matches {pattern}")));
    }
    files.sort_unstable();
    Ok(files)
}
