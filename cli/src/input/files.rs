//! The files that an argument stands for.

use super::reader::is_standard_input;
use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// Each argument that is no file but has `*`, `?` or `[` is a pattern, and stands for the files that match it, in the
/// order of their names. Standard input may be given alone only.
pub fn expand(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for argument in arguments {
        match pattern(argument) {
            Some(pattern) => files.extend(matches(pattern)?),
            None => files.push(argument.clone()),
        }
    }
    if files.len() > 1 && files.iter().any(|file| is_standard_input(file)) {
        return Err(Failure::Usage("standard input (-) can't be read together with files".to_owned()));
    }
    Ok(files)
}

fn pattern(argument: &Path) -> Option<&str> {
    argument.to_str().filter(|text| text.contains(['*', '?', '[']) && !argument.exists())
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, Failure> {
    let found = glob::glob(pattern).map_err(|error| Failure::Usage(format!("{pattern}: not a pattern ({error})")))?;
    let mut files = Vec::new();
    for file in found {
        let file = file.map_err(|error| Failure::Other(format!("cannot look for {pattern}: {error}")))?;
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
