//! `hushvec context show`.

use crate::args::{Owner, warn_if_weak};
use crate::failure::Failure;
use crate::output;
use hushvec::{ContextFile, ExecutionContext, Parameters, PublicContext, StoredContext};
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Owner's context of either format, or a public context
    pub context: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Open the context with its passphrase, and check that all fields are consistent
    #[arg(long)]
    pub verify: bool,
    #[command(flatten)]
    pub owner: Owner,
}

/// The description of a context, as JSON.
#[derive(Serialize)]
pub struct Description {
    id: Option<String>,
    public_id: String,
    format: &'static str,
    scheme: &'static str,
    embedding_length: usize,
    key_len: usize,
    alpha_len: Option<usize>,
    strength_bits: usize,
    device: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secrets_on_cpu: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
}

impl Description {
    fn new(parameters: &Parameters, public: &PublicContext, format: &'static str) -> Self {
        Self {
            id: None,
            public_id: public.public_id().to_string(),
            format,
            scheme: parameters.scheme().name(),
            embedding_length: parameters.embedding_length(),
            key_len: parameters.key_len(),
            alpha_len: parameters.alpha_len(),
            strength_bits: parameters.strength_bits(),
            device: None,
            secrets_on_cpu: false,
            verified: None,
        }
    }

    pub fn of(context: &ExecutionContext) -> Result<Self, Failure> {
        let mut description = Self::new(context.parameters(), &context.public_context(), context.format().name());
        description.id = Some(context.id()?);
        description.device = Some(context.device().to_string());
        description.secrets_on_cpu = context.secrets_on_cpu();
        Ok(description)
    }

    pub fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return output::print_json(self);
        }
        let mut fields = vec![
            ("id", self.id.clone().unwrap_or_else(|| "needs the passphrase to compute (--verify)".to_owned())),
            ("public id", self.public_id.clone()),
            ("format", self.format.to_owned()),
            ("scheme", self.scheme.to_owned()),
            ("embedding length", self.embedding_length.to_string()),
            ("key length", format!("{} bits per prime, {} bits in n", self.key_len, 2 * self.key_len)),
        ];
        if let Some(alpha_len) = self.alpha_len {
            fields.push(("alpha length", format!("{alpha_len} bits")));
        }
        fields.push(("strength", format!("about {} bits", self.strength_bits)));
        if let Some(device) = &self.device {
            let secrets = if self.secrets_on_cpu { "; secrets stay on the CPU" } else { "" };
            fields.push(("device", format!("{device}{secrets}")));
        }
        if self.verified == Some(true) {
            fields.push(("verified", "every field, with the secret key".to_owned()));
        }
        output::print(&output::fields(&fields))
    }
}

pub fn run(args: &Args) -> Result<(), Failure> {
    match StoredContext::read(&args.context)? {
        StoredContext::Paillier(file) => show(args, &file),
        StoredContext::Packed(file) => super::packed::show(args, &file),
    }
}

fn show(args: &Args, file: &ContextFile) -> Result<(), Failure> {
    if args.verify {
        let context = args.owner.open(file)?;
        let mut description = Description::of(&context)?;
        description.verified = Some(true);
        return description.print(args.json);
    }
    args.owner.expected.check(file)?;
    warn_if_weak(file.public().parameters());
    let mut description = Description::new(file.public().parameters(), file.public(), file.format_name());
    if let Some(info) = file.owner() {
        description.id.clone_from(&info.id);
        description.device = Some(info.device.to_string());
        description.secrets_on_cpu = info.secrets_on_cpu;
    }
    description.print(args.json)
}
