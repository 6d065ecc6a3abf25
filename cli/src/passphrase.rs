//! Passphrases and other secrets, from a file, an environment variable or a prompt, never from an argument.

use crate::failure::Failure;
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// The maximum length of a passphrase or key in a file, in bytes.
const LONGEST_LINE: usize = 64 << 10;

/// Which passphrase, for commands that take two.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// The passphrase of the existing context.
    Current,
    /// The new passphrase, or the passphrase of the new context.
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

/// Reads the passphrase of an existing context.
pub fn existing(which: Which, file: Option<&Path>, context: &Path) -> Result<Zeroizing<String>, Failure> {
    match secret(which.variable(), file)? {
        Some(passphrase) => Ok(passphrase),
        None => prompt(which, &format!("Passphrase of {}: ", context.display())),
    }
}

/// Reads a new passphrase. A prompt asks for it twice.
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

/// Reads a secret from the first line of a file, or from an environment variable.
pub fn secret(variable: &str, file: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    if let Some(path) = file {
        return first_line(path).map(Some);
    }
    match std::env::var(variable) {
        Ok(secret) => Ok(Some(Zeroizing::new(secret))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::Other(format!("{variable} is not UTF-8 text"))),
    }
}

/// Reads the first line of a file, and leaves no copy of it in memory.
fn first_line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut file = File::open(path).map_err(Failure::io("open", path))?;
    // Allocate the full length first: growing the buffer would leave copies behind.
    let mut bytes = Zeroizing::new(vec![0; LONGEST_LINE + 1]);
    let mut filled = 0;
    let end = loop {
        if let Some(end) = bytes[..filled].iter().position(|byte| *byte == b'\n') {
            break end;
        }
        if filled == bytes.len() {
            let path = path.display();
            return Err(Failure::Usage(format!("{path}: the first line is longer than {LONGEST_LINE} bytes")));
        }
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break filled,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::io("read", path)(error)),
        }
    };
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    match std::str::from_utf8(line) {
        Ok(line) => Ok(Zeroizing::new(line.to_owned())),
        Err(_) => Err(Failure::Other(format!("{}: the first line is not UTF-8 text", path.display()))),
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
