//! The findings of `hushvec context audit`.

use hushvec::{ContextFile, Derivation, Device, Format, Parameters, Scheme};
use serde::Serialize;
use std::path::Path;

/// How good a finding is.
#[derive(Serialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// No weakness is known.
    Good,
    /// A limitation to be aware of.
    Note,
    /// A well-funded or lucky attacker can break it.
    Weak,
    /// Anyone can break it.
    Broken,
}

impl Grade {
    /// Returns the label at the start of a line.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Weak => "WEAK",
            Self::Broken => "BROKEN",
        }
    }
}

/// One property of a context.
#[derive(Serialize)]
pub struct Finding {
    pub grade: Grade,
    pub about: &'static str,
    pub text: String,
}

/// A possible attacker, and what the attacker could do.
#[derive(Serialize)]
pub struct Attacker {
    pub who: &'static str,
    pub can: String,
}

pub fn finding(grade: Grade, about: &'static str, text: impl Into<String>) -> Finding {
    Finding { grade, about, text: text.into() }
}

/// Returns everything that can be found without the passphrase, the worst first.
pub fn findings(context: &ContextFile) -> Vec<Finding> {
    let parameters = context.public().parameters();
    let mut findings = vec![modulus(parameters)];
    findings.extend(noise(parameters));
    findings.push(assumptions(parameters.scheme()));
    findings.push(authenticated(context));
    if let Some(info) = context.owner() {
        match info.derivation() {
            Ok(Some(derivation)) => findings.push(passphrase(&derivation)),
            Ok(None) => findings.push(finding(
                Grade::Note,
                "passphrase",
                format!("the key comes from the key provider {:?}, and is only as secure as that", info.key_provider),
            )),
            Err(error) => findings.push(finding(Grade::Weak, "passphrase", format!("it cannot be opened: {error}"))),
        }
        findings.extend(permissions(context.path()));
        if !info.secrets_on_cpu && !matches!(info.device, Device::Auto | Device::Cpu) {
            let text = "computations with the secret key run on a GPU, where its driver and other users may observe \
                        them; see --secrets-on-cpu";
            findings.push(finding(Grade::Note, "device", text));
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.grade));
    findings
}

fn modulus(parameters: &Parameters) -> Finding {
    let (bits, strength) = (2 * parameters.key_len(), parameters.factoring_bits());
    let start = format!("n has {bits} bits, about {strength} bits of strength against factoring");
    match strength {
        ..112 => finding(
            Grade::Weak,
            "n",
            format!(
                "{start}. Numbers of 829 bits have been factored publicly, so a well-funded attacker can be expected \
                 to factor n and read everything; at least 2048 bits (key_len 1024) are needed"
            ),
        ),
        112..128 => finding(
            Grade::Good,
            "n",
            format!(
                "{start}: far out of reach. NIST (SP 800-57 part 1) accepts 112 bits until the end of 2030; for data \
                 that must stay secret longer, use key_len 1536, which has 128 bits"
            ),
        ),
        _ => finding(Grade::Good, "n", format!("{start}: far out of reach")),
    }
}

/// Grades the order of the noise, for the schemes in which it is small.
fn noise(parameters: &Parameters) -> Option<Finding> {
    let (alpha_len, strength) = (parameters.alpha_len()?, parameters.subgroup_bits()?);
    let start = format!(
        "alpha_len is {alpha_len}: anyone with the public key can factor n in about 2^{strength} steps (Coron, Joux, \
         Mandal, Naccache and Tibouchi, PKC 2011)"
    );
    Some(match strength {
        ..=16 => finding(
            Grade::Broken,
            "alpha_len",
            format!("{start}. That takes seconds, and reveals every vector and query"),
        ),
        17..=64 => finding(
            Grade::Broken,
            "alpha_len",
            format!("{start}. That has been within reach of well-funded attackers for many years"),
        ),
        65..112 => finding(Grade::Weak, "alpha_len", format!("{start}; at least 448 is needed for 2^112")),
        _ => finding(Grade::Good, "alpha_len", format!("{start}, which is out of reach")),
    })
}

fn assumptions(scheme: Scheme) -> Finding {
    match scheme {
        Scheme::Paillier => finding(
            Grade::Good,
            "rests on",
            "decisional composite residuosity (Paillier 1999) only; the best known attack is factoring n",
        ),
        Scheme::PaillierSubgroup => finding(
            Grade::Note,
            "rests on",
            "composite residuosity in a subgroup of hidden order (Ma, Han and Lei 2021), which has been studied less \
             than plain Paillier; the best known attacks are factoring n and finding that order",
        ),
        _ => finding(
            Grade::Note,
            "rests on",
            "a subgroup of hidden order, in XTrace's own variant, which has been studied less than plain Paillier; the \
             best known attacks are factoring n and finding that order",
        ),
    }
}

fn authenticated(context: &ContextFile) -> Finding {
    match context.owner().map(|info| info.format) {
        Some(Format::XTrace) => finding(
            Grade::Note,
            "format",
            "only the secret key is authenticated. Opening the file checks everything else against it, except the \
             embedding length. Without the passphrase, as in this audit, a replaced public key is not detected: use \
             `context public --verify`",
        ),
        Some(_) => finding(
            Grade::Good,
            "format",
            "every byte is authenticated, so any change is detected when the file is opened. This audit did not open \
             it; `context show --verify` does",
        ),
        None => finding(
            Grade::Note,
            "format",
            "a public context holds no secret, and nothing proves whose it is: compare its public id with the owner's \
             (`context compare`). If the key is somebody else's, that person can decrypt what you encrypt with it",
        ),
    }
}

pub fn passphrase(derivation: &Derivation) -> Finding {
    match derivation {
        Derivation::Argon2id { memory_kib, passes, .. } if *memory_kib >= 64 * 1024 && *passes >= 3 => finding(
            Grade::Good,
            "passphrase",
            format!("{derivation} makes each guess expensive. A long random passphrase is safe, a common one is not"),
        ),
        Derivation::Scrypt { .. } if derivation.has_shared_salt() => finding(
            Grade::Weak,
            "passphrase",
            format!(
                "{derivation} is weaker than recommended (OWASP: N = 2^17), and guesses can be precomputed for all \
                 contexts with that salt. `context passphrase` gives it a salt of its own; the native format uses \
                 argon2id"
            ),
        ),
        Derivation::Scrypt { .. } => finding(
            Grade::Note,
            "passphrase",
            format!("{derivation} is weaker than recommended (OWASP: N = 2^17). The native format uses argon2id"),
        ),
        _ => finding(
            Grade::Note,
            "passphrase",
            format!("{derivation} is weaker than the default (64 MiB, 3 passes), which `context passphrase` restores"),
        ),
    }
}

#[cfg(unix)]
pub fn permissions(path: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let (others_read, others_write) = (mode & 0o044 != 0, mode & 0o022 != 0);
    let file = path.display();
    Some(match (others_read, others_write) {
        (_, true) => finding(
            Grade::Weak,
            "file",
            format!("mode {mode:04o}: others on this machine can replace it. Run `chmod 600 {file}`"),
        ),
        (true, false) => finding(
            Grade::Weak,
            "file",
            format!(
                "mode {mode:04o}: others on this machine can copy it and guess passphrases. Run `chmod 600 {file}`"
            ),
        ),
        _ => finding(Grade::Good, "file", format!("mode {mode:04o}: only its owner can read it")),
    })
}

#[cfg(not(unix))]
pub fn permissions(_: &Path) -> Option<Finding> {
    None
}

/// Returns what attackers could do with a context.
pub fn attackers(context: &ContextFile) -> Vec<Attacker> {
    let parameters = context.public().parameters();
    let evaluator = match parameters.strength_bits() {
        ..=64 => "can recover the secret key, and read every vector, query and distance that it has or was ever sent",
        65..112 => "may recover the secret key with much time and money, and read everything",
        _ => {
            "learns how many vectors there are and when they are used, but never a vector, a query or a distance. It \
             can return wrong answers without the owner noticing"
        }
    };
    let mut attackers = vec![Attacker { who: "an evaluator (public key)", can: evaluator.to_owned() }];
    if context.owner().is_some() {
        let finder = if parameters.strength_bits() <= 64 {
            "needs no passphrase: the public key in the file is enough"
        } else {
            "must guess the passphrase to learn anything but sizes and the public key"
        };
        attackers.push(Attacker { who: "anyone with this file", can: finder.to_owned() });
        let all = "can read everything, and do everything that the owner can".to_owned();
        attackers.push(Attacker { who: "anyone with file and passphrase", can: all });
    }
    attackers
}
