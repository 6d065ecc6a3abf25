//! Where passphrases come from: a file, the environment, or a prompt. Never an argument.

use crate::failure::Failure;
use std::io::IsTerminal;
use std::path::Path;
use zeroize::Zeroizing;

const VARIABLE: &str = "HUSHVEC_PASSPHRASE";

/// The passphrase of a context that exists.
pub fn existing(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    match given(file)? {
        Some(passphrase) => Ok(passphrase),
        None => prompt("Passphrase: "),
    }
}

/// A passphrase for a new context, asked for twice.
pub fn new(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    if let Some(passphrase) = given(file)? {
        return Ok(passphrase);
    }
    let first = prompt("New passphrase: ")?;
    if first.is_empty() {
        return Err(Failure::Other("the passphrase is empty".to_owned()));
    }
    if first != prompt("Again: ")? {
        return Err(Failure::Other("the two passphrases differ".to_owned()));
    }
    Ok(first)
}

fn given(file: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    if let Some(path) = file {
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(Failure::io("read", path))?);
        let line = text.lines().next().unwrap_or_default();
        return Ok(Some(Zeroizing::new(line.to_owned())));
    }
    match std::env::var(VARIABLE) {
        Ok(passphrase) => Ok(Some(Zeroizing::new(passphrase))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Other(format!("{VARIABLE} is not UTF-8 text"))),
    }
}

fn prompt(text: &str) -> Result<Zeroizing<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "a passphrase is needed: set {VARIABLE}, give --passphrase-file, or run in a terminal"
        )));
    }
    rpassword::prompt_password(text)
        .map(Zeroizing::new)
        .map_err(|error| Failure::Other(format!("cannot read the passphrase: {error}")))
}
