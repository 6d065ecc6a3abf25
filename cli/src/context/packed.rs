//! `hushvec context new`, `show`, `public`, `passphrase` and `compare` for contexts of packed search.

use super::{FormatArg, MetricArg, New, Public, passphrase, show};
use crate::failure::Failure;
use crate::output;
use crate::passphrase::{self as passphrases, Which};
use hushvec::packed::{Metric, Parameters};
use hushvec::{
    Derivation, Devices, Error, OpenDevice, PackedContext, PackedContextFile, PackedPublicContext,
    PassphraseKeyProvider,
};
use serde::Serialize;
use std::sync::Arc;
use tracing::info;

/// The lengths that vectors are scaled to, with the bits per component that they stand for.
const LENGTHS: [(u32, u32); 3] = [(4, 64), (5, 128), (8, 620)];

/// Runs `hushvec context new`.
pub fn new(args: &New) -> Result<(), Failure> {
    let usage = |what: &str| Err(Failure::Usage(what.to_owned()));
    if args.key_len.is_some() || args.alpha_len.is_some() {
        return usage("--key-len and --alpha-len are for Paillier; packed search has 128 bits of security");
    }
    if matches!(args.format, FormatArg::Xtrace) {
        return usage("XTrace's SDK does not support packed search; use --format native");
    }
    if args.secrets_on_cpu {
        return usage("--secrets-on-cpu is for Paillier; the secrets of packed search are always on the CPU");
    }
    // Find wrong parameters before the passphrase is asked for.
    let parameters = parameters(args)?;
    Devices::check(&args.compute.device_or_auto())?;
    let passphrase = passphrases::chosen(Which::Current, args.passphrase.passphrase_file.as_deref())?;
    let device = OpenDevice::open(args.compute.device_or_auto(), args.compute.threads)?;
    let provider = Arc::new(PassphraseKeyProvider::new(passphrase.as_str())?);
    let context = PackedContext::generate(parameters, device, provider)?;
    context.save_to_disk(&args.target.output)?;
    Description::of(&context).print(args.json)?;
    if !args.json {
        info!("wrote {}; keep it and its passphrase: nothing can be decrypted without both", args.target.name());
    }
    Ok(())
}

/// Returns the parameters that the arguments ask for.
fn parameters(args: &New) -> Result<Parameters, Failure> {
    match args.metric.unwrap_or(MetricArg::InnerProduct) {
        MetricArg::Hamming if args.bits.is_some() => {
            Err(Failure::Usage("--bits is for --metric inner_product; leave it out".to_owned()))
        }
        MetricArg::Hamming => Ok(Parameters::hamming(args.embedding_length)?),
        MetricArg::InnerProduct => {
            let bits = args.bits.unwrap_or(4);
            let Some((_, length)) = LENGTHS.into_iter().find(|(known, _)| *known == bits) else {
                return Err(Failure::Usage(format!("--bits {bits}: it must be 4, 5 or 8")));
            };
            Ok(Parameters::inner_product(args.embedding_length, length)?)
        }
    }
}

/// The description of a context, as JSON.
#[derive(Serialize)]
struct Description {
    id: String,
    public_id: String,
    format: &'static str,
    scheme: &'static str,
    metric: &'static str,
    embedding_length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    bits: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine_error: Option<f64>,
    strength_bits: usize,
    index_bytes_per_vector: usize,
    response_bytes_per_vector: f64,
    query_bytes: usize,
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
}

impl Description {
    fn new(parameters: &Parameters, id: String, public_id: String, format: &'static str) -> Self {
        let vectors = parameters.vectors_per_block();
        #[expect(clippy::cast_precision_loss, reason = "a few bytes")]
        let response = parameters.answer_bytes() as f64 / vectors as f64;
        Self {
            id,
            public_id,
            format,
            scheme: "packed",
            metric: parameters.metric().name(),
            embedding_length: parameters.dimensions(),
            bits: bits(parameters),
            cosine_error: parameters.cosine_error(),
            strength_bits: 128,
            index_bytes_per_vector: parameters.block_bytes() / vectors,
            response_bytes_per_vector: response,
            query_bytes: parameters.query_bytes(),
            device: None,
            verified: None,
        }
    }

    fn of(context: &PackedContext) -> Self {
        let (id, public_id) = (context.id(), context.public_id().to_string());
        let device = Some(context.device().to_string());
        Self { device, ..Self::new(context.parameters(), id, public_id, "native") }
    }

    fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return output::print_json(self);
        }
        let mut fields = vec![
            ("id", self.id.clone()),
            ("public id", self.public_id.clone()),
            ("format", self.format.to_owned()),
            ("scheme", self.scheme.to_owned()),
        ];
        let metric = match self.bits {
            Some(bits) => format!("{}, {bits} bits per component", self.metric),
            None => format!("{}, exact", self.metric),
        };
        fields.push(("metric", metric));
        fields.push(("embedding length", self.embedding_length.to_string()));
        if let Some(error) = self.cosine_error {
            fields.push(("cosines", format!("standard error {error:.4}")));
        }
        fields.push(("strength", format!("{} bits, also against quantum computers", self.strength_bits)));
        fields.push(("index", format!("{} bytes per vector", self.index_bytes_per_vector)));
        fields.push((
            "query",
            format!(
                "{} to the evaluator, {} bytes per vector back",
                output::bytes(self.query_bytes as u64),
                self.response_bytes_per_vector
            ),
        ));
        if let Some(device) = &self.device {
            fields.push(("device", device.clone()));
        }
        if self.verified == Some(true) {
            fields.push(("verified", "every field, with the secret key".to_owned()));
        }
        output::print(&output::fields(&fields))
    }
}

/// Returns the bits per component, for inner products.
fn bits(parameters: &Parameters) -> Option<u32> {
    match parameters.metric() {
        Metric::Hamming => None,
        Metric::InnerProduct { length } => {
            LENGTHS.into_iter().find(|(_, known)| *known == length).map(|(bits, _)| bits)
        }
    }
}

/// Runs `hushvec context show`.
pub fn show(args: &show::Args, file: &PackedContextFile) -> Result<(), Failure> {
    if args.verify {
        let context = args.owner.open_packed(file)?;
        // The evaluation key follows from the secret key.
        if context.public_context()?.public_id() != context.public_id() {
            let error = Error::Context { field: "public_id", reason: "does not match the secret key".to_owned() };
            return Err(error.in_file(file.path()).into());
        }
        return Description { verified: Some(true), ..Description::of(&context) }.print(args.json);
    }
    args.owner.expected.check_packed(file)?;
    let format = if file.device().is_some() { "native" } else { "public" };
    let description = Description::new(file.parameters(), file.id(), file.public_id(), format);
    Description { device: file.device().map(ToString::to_string), ..description }.print(args.json)
}

/// Runs `hushvec context public`.
pub fn publish(args: &Public, file: &PackedContextFile) -> Result<(), Failure> {
    let public: PackedPublicContext = match file.public() {
        Some(public) => {
            args.owner.expected.check_packed(file)?;
            public.clone()
        }
        None => args.owner.open_packed(file)?.public_context()?,
    };
    let staged = args.target.stage()?;
    public.save(staged.path())?;
    staged.finish()?;
    info!(public_id = %public.public_id(), "wrote {} (public id {})", args.target.name(), public.public_id());
    Ok(())
}

/// Runs `hushvec context passphrase`.
pub fn change_passphrase(args: &passphrase::Args, file: &PackedContextFile) -> Result<(), Failure> {
    let context = args.owner.open_packed(file)?;
    let passphrase = passphrases::chosen(Which::New, args.new.new_passphrase_file.as_deref())?;
    let changed = context.with_key_provider(Arc::new(PassphraseKeyProvider::new(passphrase.as_str())?));
    // Before the old file is replaced, check that the new one opens with the new passphrase and is the same context.
    let credentials = PassphraseKeyProvider::new(passphrase.as_str())?;
    let device = Some(changed.open_device().clone());
    let reopened = PackedContext::from_serialized(&changed.serialize()?, &credentials, device)?;
    if reopened != changed || reopened.id() != changed.id() {
        return Err(Failure::Other("the new file does not open as the same context; nothing was changed".to_owned()));
    }
    // Replace the target of a symbolic link, not the link.
    let path = args.context.canonicalize().map_err(Failure::io("open", &args.context))?;
    passphrase::finish(args, changed.save_to_disk(&path), &changed.id())
}

/// Returns the properties of a context, besides its key, that are known without the passphrase.
pub fn facts(file: &PackedContextFile) -> Vec<(&'static str, String)> {
    let parameters = file.parameters();
    let mut facts = vec![
        ("scheme", "packed".to_owned()),
        ("metric", parameters.metric().name().to_owned()),
        ("embedding length", parameters.dimensions().to_string()),
        ("bits", bits(parameters).map_or_else(|| "1".to_owned(), |bits| bits.to_string())),
    ];
    // A public context lacks the following properties, which does not count as a difference.
    let Some(device) = file.device() else { return facts };
    facts.push(("id", file.id()));
    facts.push(("device", device.to_string()));
    if let Ok(Some(derivation)) = file.derivation() {
        facts.push(("key from", derivation.to_string()));
        if let Derivation::Argon2id { salt, .. } | Derivation::Scrypt { salt } = &derivation {
            facts.push(("salt", salt.iter().map(|byte| format!("{byte:02x}")).collect()));
        }
    }
    facts
}
