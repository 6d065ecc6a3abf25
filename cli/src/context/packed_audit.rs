//! `hushvec context audit` for contexts of packed search.

use super::audit::{Args, explained};
use super::findings::{Attacker, Finding, Grade, finding, passphrase, permissions};
use crate::failure::Failure;
use crate::output;
use hushvec::PackedContextFile;
use hushvec::packed::Metric;
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    verdict: Grade,
    scheme: &'static str,
    format: &'static str,
    strength_bits: usize,
    findings: Vec<Finding>,
    attackers: Vec<Attacker>,
}

pub fn run(args: &Args, file: &PackedContextFile) -> Result<(), Failure> {
    args.expected.check_packed(file)?;
    if args.prove {
        return Err(Failure::Usage(
            "--prove is for Paillier, whose keys can be weak; leave it out for packed search".to_owned(),
        ));
    }
    let findings = findings(file);
    let report = Report {
        verdict: findings.iter().map(|finding| finding.grade).max().unwrap_or(Grade::Good),
        scheme: "packed",
        format: if file.device().is_some() { "native" } else { "public" },
        strength_bits: 128,
        attackers: attackers(file),
        findings,
    };
    if args.json {
        return output::print_json(&report);
    }
    let verdict = match report.verdict {
        Grade::Good | Grade::Note => "sound, with 128 bits of strength, also against quantum computers",
        Grade::Weak | Grade::Broken => "WEAK, see below",
    };
    let head = format!("{} ({}, {} format): {verdict}\n\n", file.path().display(), report.scheme, report.format);
    output::print(&(head + &explained(&report.findings, &report.attackers)))
}

fn findings(file: &PackedContextFile) -> Vec<Finding> {
    let parameters = file.parameters();
    let mut findings = vec![
        finding(
            Grade::Good,
            "lattice",
            "degree 4096 and a modulus of 98 bits for the evaluation key: within the homomorphic encryption standard \
             (2018) for 128 bits against quantum computers, which allows 101",
        ),
        finding(
            Grade::Note,
            "rests on",
            "ring learning with errors, with secrets from {-1, 0, 1}; circular security of the evaluation key, which \
             all schemes with such keys assume; and pseudorandom streams of AES-256 and HKDF-SHA-256",
        ),
        finding(
            Grade::Note,
            "integrity",
            "answers are not authenticated: an evaluator can change scores or leave vectors out. Damage and mix-ups are \
             detected. Do not let the evaluator see whether decoding succeeded, and never send a refused query again",
        ),
        finding(
            Grade::Note,
            "one party",
            "whoever can decode answers can also decrypt the index, so searching cannot be delegated to somebody who \
             must not read it",
        ),
        match parameters.metric() {
            Metric::Hamming => finding(
                Grade::Good,
                "exactness",
                format!(
                    "distances are exact: one is wrong only if its noise exceeds {:.1} standard deviations; at least \
                     9.5 are required",
                    parameters.headroom()
                ),
            ),
            Metric::InnerProduct { .. } => finding(
                Grade::Note,
                "exactness",
                format!(
                    "cosines have a standard error of {:.4}, mostly from rounding components",
                    parameters.cosine_error().unwrap_or_default()
                ),
            ),
        },
    ];
    if file.device().is_none() {
        findings.push(finding(
            Grade::Note,
            "format",
            "a public context holds no secret, and nothing proves whose it is: compare its public id with the owner's \
             (`context compare`)",
        ));
    } else {
        findings.push(finding(
            Grade::Good,
            "format",
            "every byte is authenticated, so any change is detected when the file is opened. This audit did not open \
             it; `context show --verify` does",
        ));
        match file.derivation() {
            Ok(Some(derivation)) => findings.push(passphrase(&derivation)),
            Ok(None) => findings.push(finding(
                Grade::Note,
                "passphrase",
                "the key comes from another key provider, and is only as secure as that",
            )),
            Err(error) => findings.push(finding(Grade::Weak, "passphrase", format!("it cannot be opened: {error}"))),
        }
        findings.extend(permissions(file.path()));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.grade));
    findings
}

fn attackers(file: &PackedContextFile) -> Vec<Attacker> {
    let evaluator = "learns the metric and the dimensions, how many vectors there are and when they are used, but never a \
                     vector, a query or a score. It can return wrong answers without the owner noticing";
    let mut attackers = vec![Attacker { who: "an evaluator (evaluation key)", can: evaluator.to_owned() }];
    if file.device().is_some() {
        let finder = "must guess the passphrase to learn anything but the metric and the dimensions".to_owned();
        attackers.push(Attacker { who: "anyone with this file", can: finder });
        let all = "can read everything, and do everything that the owner can".to_owned();
        attackers.push(Attacker { who: "anyone with file and passphrase", can: all });
    }
    attackers
}
