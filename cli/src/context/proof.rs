//! `hushvec context audit --prove`.

use crate::failure::Failure;
#[cfg(feature = "audit")]
use crate::progress::Bar;
use hushvec::PublicContext;
#[cfg(feature = "audit")]
use hushvec::{Device, Evaluator, Plaintext, RecoveredKey};
use serde::Serialize;
#[cfg(feature = "audit")]
use std::time::Instant;

/// The result of `--prove`.
#[derive(Serialize)]
pub struct Proof {
    pub ran: bool,
    pub recovered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    pub text: String,
}

impl Proof {
    /// Refuses `--prove`: without the feature `audit`, no attack is built in.
    #[cfg(not(feature = "audit"))]
    pub fn of(_: &PublicContext) -> Result<Self, Failure> {
        Err(Failure::Usage(
            "--prove is not in this build of hushvec; build hushvec-cli with the feature `audit`, or leave --prove out"
                .to_owned(),
        ))
    }

    /// Recovers the secret key if it is weak enough, and decrypts a freshly encrypted number with it.
    #[cfg(feature = "audit")]
    pub fn of(public: &PublicContext) -> Result<Self, Failure> {
        let Some(steps) = RecoveredKey::steps(public) else {
            let text = match public.parameters().weakness() {
                Some(_) => "the key is weak, but this attack would take too long: it needs an alpha_len of at most 64",
                None => "there is nothing to run: no feasible attack on such a key is known",
            };
            return Ok(Self { ran: false, recovered: false, seconds: None, text: text.to_owned() });
        };
        let evaluator = Evaluator::with_threads(public, Device::Cpu, None)?;
        let started = Instant::now();
        let bar = Bar::new("attacking", steps);
        let recovered = RecoveredKey::attack_vartime(public, None, bar.progress())?;
        drop(bar);
        let seconds = started.elapsed().as_secs_f64();
        let Some(key) = recovered else {
            let text = "the attack found nothing: the key in this file does not match its alpha_len".to_owned();
            return Ok(Self { ran: true, recovered: false, seconds: Some(seconds), text });
        };
        let secret = Plaintext::from(u64::from(std::process::id()) << 32 | u64::from(started.elapsed().subsec_nanos()));
        if key.decrypt_vartime(&evaluator.encrypt(&secret)?)? != secret {
            return Err(Failure::Other("the recovered key does not decrypt; please report this".to_owned()));
        }
        let text = format!(
            "recovered the secret key from the public key in {seconds:.1} s, and decrypted a freshly encrypted number \
             with it. The key is not shown or stored."
        );
        Ok(Self { ran: true, recovered: true, seconds: Some(seconds), text })
    }
}
