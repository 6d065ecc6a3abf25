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

/// What came of `--prove`.
#[derive(Serialize)]
pub struct Proof {
    pub ran: bool,
    pub recovered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    pub text: String,
}

impl Proof {
    /// Without the feature `audit` there is no attack in this program.
    #[cfg(not(feature = "audit"))]
    pub fn of(_: &PublicContext) -> Result<Self, Failure> {
        Err(Failure::Usage(
            "--prove is not in this build of hushvec; build hushvec-cli with the feature `audit`, or leave --prove out"
                .to_owned(),
        ))
    }

    /// Breaks a key that can be broken, and reads with it what was encrypted just before.
    #[cfg(feature = "audit")]
    pub fn of(public: &PublicContext) -> Result<Self, Failure> {
        let Some(steps) = RecoveredKey::steps(public) else {
            let text = match public.parameters().weakness() {
                Some(_) => {
                    "the key is weak, but this demonstration takes too long on it: it is for an alpha_len of at most 64"
                }
                None => "there is nothing to run: no attack on such a key is known that could be finished",
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
            let text = "the attack found nothing: the numbers in this file are not what its alpha_len says".to_owned();
            return Ok(Self { ran: true, recovered: false, seconds: Some(seconds), text });
        };
        let secret = Plaintext::from(u64::from(std::process::id()) << 32 | u64::from(started.elapsed().subsec_nanos()));
        if key.decrypt_vartime(&evaluator.encrypt(&secret)?)? != secret {
            return Err(Failure::Other("the recovered key does not decrypt; please report this".to_owned()));
        }
        let text = format!(
            "recovered the secret key from the public key in {seconds:.1} s, and decrypted with it a number that had been \
             encrypted just before. The key is not shown or kept."
        );
        Ok(Self { ran: true, recovered: true, seconds: Some(seconds), text })
    }
}
