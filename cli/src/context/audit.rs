//! `hushvec context audit`.

use super::findings::{Attacker, Finding, Grade, attackers, findings};
use super::proof::Proof;
use crate::args::Expected;
use crate::failure::Failure;
use crate::output;
use hushvec::{ContextFile, StoredContext};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Owner's context of either format, or a public context
    pub context: PathBuf,
    /// If the key is weak enough to be broken in seconds, break it: recover the secret key from the public key
    #[arg(long)]
    pub prove: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub expected: Expected,
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

pub fn run(args: &Args) -> Result<(), Failure> {
    match StoredContext::read(&args.context)? {
        StoredContext::Paillier(file) => audit(args, &file),
        StoredContext::Packed(file) => super::packed_audit::run(args, &file),
    }
}

fn audit(args: &Args, context: &ContextFile) -> Result<(), Failure> {
    args.expected.check(context)?;
    let parameters = *context.public().parameters();
    let findings = findings(context);
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
        attackers: attackers(context),
        proof: if args.prove { Some(Proof::of(context.public())?) } else { None },
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
        text += &explained(&self.findings, &self.attackers);
        if self.verdict == Grade::Broken {
            text += "\nTo move to a new key: `hushvec context new`, then `hushvec rekey OLD NEW INDEX -o NEW-INDEX \
                     --allow-weak`.\n";
        }
        if let Some(proof) = &self.proof {
            text += "\n";
            text += &output::paragraph("proof: ", &proof.text);
        }
        text
    }
}

/// Formats the findings, and what attackers could do.
pub fn explained(findings: &[Finding], attackers: &[Attacker]) -> String {
    let mut text = String::new();
    for Finding { grade, about, text: explanation } in findings {
        text += &output::paragraph(&format!("{:7} {about:11} ", grade.mark()), explanation);
    }
    text += "\nWhat others could do with it:\n";
    for Attacker { who, can } in attackers {
        text += &output::paragraph(&format!("  {who:31} "), can);
    }
    text
}
