//! `hushvec context compare`.

use crate::failure::Failure;
use crate::output;
use hushvec::{ContextFile, Derivation, StoredContext};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Owner's context of either format, or a public context
    a: PathBuf,
    /// Context to compare it with
    b: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The result of a comparison, as JSON.
#[derive(Serialize)]
struct Comparison {
    /// Same key and parameters: data encrypted with one context can be used with the other.
    same: bool,
    same_n: bool,
    public_ids: [String; 2],
    differences: Vec<Difference>,
}

#[derive(Serialize)]
struct Difference {
    what: &'static str,
    a: String,
    b: String,
}

pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    // Usage errors exit with 2. The exit code 1 means that the contexts differ.
    let read = |path: &Path| StoredContext::read(path).map_err(|error| Failure::Usage(error.to_string()));
    let comparison = match (read(&args.a)?, read(&args.b)?) {
        (StoredContext::Paillier(a), StoredContext::Paillier(b)) => Comparison::of(&a, &b),
        (a, b) => Comparison::of_packed([&a, &b]),
    };
    if args.json { output::print_json(&comparison) } else { output::print(&comparison.text()) }?;
    Ok(if comparison.same { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Returns the properties of a context, besides its key, that are known without the passphrase.
fn facts(context: &ContextFile) -> Vec<(&'static str, String)> {
    let public = context.public();
    let parameters = public.parameters();
    let mut facts = vec![
        ("scheme", parameters.scheme().to_string()),
        ("embedding length", parameters.embedding_length().to_string()),
        ("key length", parameters.key_len().to_string()),
        ("alpha length", parameters.alpha_len().map_or_else(|| "none".to_owned(), |bits| bits.to_string())),
        ("format", context.format_name().to_owned()),
    ];
    // A public context lacks the following properties, which does not count as a difference.
    let Some(info) = context.owner() else { return facts };
    let unknown = || "needs the passphrase to compute".to_owned();
    facts.push(("id", info.id.clone().unwrap_or_else(unknown)));
    facts.push(("device", info.device.to_string()));
    facts.push(("secrets stay on the cpu", if info.secrets_on_cpu { "yes" } else { "no" }.to_owned()));
    let derivation = info.derivation().ok().flatten();
    let key_from = derivation.as_ref().map_or_else(|| info.key_provider.clone(), ToString::to_string);
    facts.push(("key from", key_from));
    let salt = match &derivation {
        Some(Derivation::Argon2id { salt, .. } | Derivation::Scrypt { salt }) => salt,
        _ => &info.wrapped_key,
    };
    facts.push(("salt", salt.iter().map(|byte| format!("{byte:02x}")).collect()));
    facts
}

/// Returns the properties that both contexts have, with different values.
fn differences(a: Vec<(&'static str, String)>, b: &[(&'static str, String)]) -> Vec<Difference> {
    let differences = a.into_iter().filter_map(|(what, a)| {
        let (_, b) = b.iter().find(|(name, _)| *name == what)?;
        (a != *b).then(|| Difference { what, a, b: b.clone() })
    });
    differences.collect()
}

impl Comparison {
    fn of(a: &ContextFile, b: &ContextFile) -> Self {
        let (public_a, public_b) = (a.public(), b.public());
        Self {
            same: public_a.public_id() == public_b.public_id(),
            same_n: public_a.key().n() == public_b.key().n(),
            public_ids: [public_a, public_b].map(|public| public.public_id().to_string()),
            differences: differences(facts(a), &facts(b)),
        }
    }

    /// Compares two contexts, of which one at least is of packed search.
    fn of_packed(contexts: [&StoredContext; 2]) -> Self {
        let public_ids = contexts.map(|context| match context {
            StoredContext::Paillier(file) => file.public().public_id().to_string(),
            StoredContext::Packed(file) => file.public_id(),
        });
        let [a, b] = contexts.map(|context| match context {
            StoredContext::Paillier(file) => facts(file),
            StoredContext::Packed(file) => super::packed::facts(file),
        });
        let [first, second] = &public_ids;
        Self { same: first == second, same_n: false, differences: differences(a, &b), public_ids }
    }

    fn text(&self) -> String {
        let [a, b] = &self.public_ids;
        let mut text = match (self.same, self.same_n) {
            (true, _) => format!("the same key and parameters (public id {a})\n"),
            (false, true) => format!(
                "the same n, but different contexts: each refuses files of the other\npublic ids {a}\n       and {b}\n"
            ),
            (false, false) => format!(
                "two different keys: neither can decrypt the data of the other\npublic ids {a}\n       and {b}\n"
            ),
        };
        for Difference { what, a, b } in &self.differences {
            text += &match *what {
                "salt" => "salt: different, so the passphrases cannot be compared\n".to_owned(),
                _ => format!("{what}: {a} / {b}\n"),
            };
        }
        if self.same && self.differences.is_empty() {
            text += "nothing else differs, as far as visible without a passphrase\n";
        }
        text
    }
}
