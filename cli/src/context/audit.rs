//! `hushvec context audit`.

use super::findings::{Attacker, Finding, Grade, attackers, findings};
use crate::args::Expected;
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use hushvec::{ContextFile, Evaluator, Plaintext, PublicContext, RecoveredKey};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// A context of either format, or a public context
    context: PathBuf,
    /// Where the key can be broken in front of your eyes, do it: recover the secret key from the public one
    #[arg(long)]
    prove: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    expected: Expected,
}

#[derive(Serialize)]
struct Report {
    verdict: Grade,
    scheme: &'static str,
    format: &'static str,
    strength_bits: usize,
    n_bits: usize,
    factoring_strength_bits: usize,
    alpha_len: Option<usize>,
    alpha_strength_bits: Option<usize>,
    findings: Vec<Finding>,
    attackers: Vec<Attacker>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proof>,
}

/// What came of `--prove`.
#[derive(Serialize)]
struct Proof {
    ran: bool,
    recovered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    text: String,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let context = ContextFile::read(&args.context)?;
    args.expected.check(&context)?;
    let parameters = *context.public().parameters();
    let findings = findings(&context);
    let report = Report {
        verdict: findings.iter().map(|finding| finding.grade).max().unwrap_or(Grade::Good),
        scheme: parameters.scheme().name(),
        format: context.format_name(),
        strength_bits: parameters.strength_bits(),
        n_bits: 2 * parameters.key_len(),
        factoring_strength_bits: parameters.factoring_bits(),
        alpha_len: parameters.alpha_len(),
        alpha_strength_bits: parameters.subgroup_bits(),
        findings,
        attackers: attackers(&context),
        proof: if args.prove { Some(prove(context.public())?) } else { None },
    };
    if args.json {
        output::print_json(&report)
    } else {
        output::print(&report.text(&args.context.display().to_string()))
    }
}

impl Report {
    fn text(&self, file: &str) -> String {
        let verdict = match self.verdict {
            Grade::Good | Grade::Note => format!("sound, with about {} bits of strength", self.strength_bits),
            Grade::Weak => "WEAK, see below".to_owned(),
            Grade::Broken => {
                "BROKEN: treat everything encrypted with it as public, and move it to a new key".to_owned()
            }
        };
        let mut text = format!("{file} ({}, {} format): {verdict}\n\n", self.scheme, self.format);
        for Finding { grade, about, text: says } in &self.findings {
            text += &output::paragraph(&format!("{:7} {about:11} ", grade.mark()), says);
        }
        text += "\nWhat others could do with it:\n";
        for Attacker { who, can } in &self.attackers {
            text += &output::paragraph(&format!("  {who:27} "), can);
        }
        if self.verdict == Grade::Broken {
            text += "\nTo move away: `hushvec context new`, then `hushvec rekey OLD NEW INDEX -o NEW-INDEX --allow-weak`.\n";
        }
        if let Some(proof) = &self.proof {
            text += "\n";
            text += &output::paragraph("proof: ", &proof.text);
        }
        text
    }
}

/// Breaks a key that can be broken, and reads with it what was encrypted just before.
fn prove(public: &PublicContext) -> Result<Proof, Failure> {
    let Some(steps) = RecoveredKey::steps(public) else {
        let text = match public.parameters().weakness() {
            Some(_) => {
                "the key is weak, but this demonstration takes too long on it: it is for an alpha_len of at most 64"
            }
            None => "there is nothing to run: no attack on such a key is known that could be finished",
        };
        return Ok(Proof { ran: false, recovered: false, seconds: None, text: text.to_owned() });
    };
    let evaluator = Evaluator::with_threads(public, hushvec::Device::Cpu, None)?;
    let started = Instant::now();
    let bar = Bar::new("attacking", steps);
    let recovered = RecoveredKey::attack_vartime(public, None, bar.progress())?;
    drop(bar);
    let seconds = started.elapsed().as_secs_f64();
    let Some(key) = recovered else {
        let text = "the attack found nothing: the numbers in this file are not what its alpha_len says".to_owned();
        return Ok(Proof { ran: true, recovered: false, seconds: Some(seconds), text });
    };
    let secret = Plaintext::from(u64::from(std::process::id()) << 32 | u64::from(started.elapsed().subsec_nanos()));
    if key.decrypt_vartime(&evaluator.encrypt(&secret)?)? != secret {
        return Err(Failure::Other("the recovered key does not decrypt; please report this".to_owned()));
    }
    let text = format!(
        "recovered the secret key from the public key in {seconds:.1} s, and decrypted with it a number that had been \
         encrypted just before. The key is not shown or kept."
    );
    Ok(Proof { ran: true, recovered: true, seconds: Some(seconds), text })
}
