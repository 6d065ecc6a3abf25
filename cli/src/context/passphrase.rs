//! `hushvec context passphrase`.

use crate::args::{self, NewPassphrase, Owner};
use crate::failure::Failure;
use crate::passphrase::{self, Which};
use hushvec::{ContextFile, Error, ExecutionContext, Format, PassphraseKeyProvider, StoredContext};
use std::path::PathBuf;
use std::sync::Arc;
use tracing::{info, warn};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Owner's context. It is replaced atomically, after a check that the new file opens
    pub context: PathBuf,
    /// For XTrace's format: accept that the new file cannot decrypt existing document content
    #[arg(long)]
    lose_content: bool,
    #[command(flatten)]
    pub owner: Owner,
    #[command(flatten)]
    pub new: NewPassphrase,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    match StoredContext::read(&args.context)? {
        StoredContext::Paillier(file) => change(args, &file),
        StoredContext::Packed(file) => super::packed::change_passphrase(args, &file),
    }
}

fn change(args: &Args, file: &ContextFile) -> Result<(), Failure> {
    if args::owner_of(file)?.format == Format::XTrace && !args.lose_content {
        return Err(Failure::Usage(format!(
            "{}: in XTrace's format the passphrase is also the key for document content, so a new passphrase cannot \
             decrypt existing content; give --lose-content if there is none or you keep a copy of the file, or export \
             the context to the native format",
            args.context.display()
        )));
    }
    let context = args.owner.open(file)?;
    let id = context.id()?;
    let passphrase = passphrase::chosen(Which::New, args.new.new_passphrase_file.as_deref())?;
    let provider = match context.format() {
        Format::XTrace => PassphraseKeyProvider::xtrace(passphrase.as_str(), None)?,
        _ => PassphraseKeyProvider::new(passphrase.as_str())?,
    };
    let format = context.format();
    let changed = context.export(format, Arc::new(provider))?;
    // Before the old file is replaced, check that the new one opens with the new passphrase and is the same context.
    let credentials = PassphraseKeyProvider::new(passphrase.as_str())?;
    let loader = ExecutionContext::loader().allow_weak(args.owner.weak.allow_weak);
    let reopened = loader.from_serialized(&changed.serialize_exec_context()?, &credentials)?;
    if reopened != changed || reopened.id()? != id {
        return Err(Failure::Other("the new file does not open as the same context; nothing was changed".to_owned()));
    }
    // Replace the target of a symbolic link, not the link.
    let path = args.context.canonicalize().map_err(Failure::io("open", &args.context))?;
    finish(args, changed.save_to_disk(&path), &id)
}

/// Reports that the context was saved with its new passphrase.
pub fn finish(args: &Args, saved: Result<(), Error>, id: &str) -> Result<(), Failure> {
    saved.inspect_err(|error| {
        if let Error::NotDurable { .. } = error {
            let path = args.context.display();
            warn!(
                "{path} opens with the new passphrase; keep the old one too: a power failure may restore the old file"
            );
        }
    })?;
    info!(%id, "{} has a new passphrase (id {id})", args.context.display());
    info!("copies of the old file still open with the old passphrase");
    Ok(())
}
