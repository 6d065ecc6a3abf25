//! Where passphrases and other secrets come from: a file, the environment, or a prompt. Never an argument.

use crate::failure::Failure;
use std::io::IsTerminal;
use std::path::Path;
use zeroize::Zeroizing;

/// Which passphrase is meant, where a command takes two.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// That of the context at hand.
    Current,
    /// That of the context that takes its place.
    New,
}

impl Which {
    fn variable(self) -> &'static str {
        match self {
            Self::Current => "HUSHVEC_PASSPHRASE",
            Self::New => "HUSHVEC_NEW_PASSPHRASE",
        }
    }

    fn option(self) -> &'static str {
        match self {
            Self::Current => "--passphrase-file",
            Self::New => "--new-passphrase-file",
        }
    }
}

/// The passphrase of a context that exists.
pub fn existing(which: Which, file: Option<&Path>, context: &Path) -> Result<Zeroizing<String>, Failure> {
    match secret(which.variable(), file)? {
        Some(passphrase) => Ok(passphrase),
        None => prompt(which, &format!("Passphrase of {}: ", context.display())),
    }
}

/// A passphrase to seal a context with from now on, asked for twice.
pub fn chosen(which: Which, file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let passphrase = match secret(which.variable(), file)? {
        Some(passphrase) => passphrase,
        None => {
            let first = prompt(which, "New passphrase: ")?;
            if !first.is_empty() && first != prompt(which, "Again: ")? {
                return Err(Failure::Other("the two passphrases differ".to_owned()));
            }
            first
        }
    };
    if passphrase.is_empty() {
        return Err(Failure::Other("the passphrase is empty".to_owned()));
    }
    Ok(passphrase)
}

/// The first line of a file, or a variable of the environment.
pub fn secret(variable: &str, file: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    if let Some(path) = file {
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(Failure::io("read", path))?);
        let line = text.lines().next().unwrap_or_default();
        return Ok(Some(Zeroizing::new(line.to_owned())));
    }
    match std::env::var(variable) {
        Ok(secret) => Ok(Some(Zeroizing::new(secret))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Other(format!("{variable} is not UTF-8 text"))),
    }
}

fn prompt(which: Which, text: &str) -> Result<Zeroizing<String>, Failure> {
    if !std::io::stdin().is_terminal() {
        let (variable, option) = (which.variable(), which.option());
        return Err(Failure::Usage(format!(
            "a passphrase is needed: set {variable}, give {option}, or run in a terminal"
        )));
    }
    rpassword::prompt_password(text)
        .map(Zeroizing::new)
        .map_err(|error| Failure::Other(format!("cannot read the passphrase: {error}")))
}
