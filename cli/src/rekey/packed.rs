//! `hushvec rekey` to a key of packed search.

use super::{Args, Finished, expected_new, finish};
use crate::args;
use crate::failure::Failure;
use crate::index_file::IndexFile;
use crate::packed;
use crate::passphrase::{self, Which};
use crate::progress::Bar;
use hushvec::{ContextFile, Error, PackedContextFile, StoredContext};
use std::time::Instant;

/// Moves an index from the old context, of any scheme, to the new one.
pub fn run(args: &Args, old: &StoredContext, new: &PackedContextFile, exists: bool) -> Result<(), Failure> {
    let index = IndexFile::open(&args.index)?;
    index.warn_if_torn();
    check(args, old, new)?;
    let old = match old {
        StoredContext::Paillier(file) => Old::Paillier(Box::new(args.owner.open(file)?)),
        StoredContext::Packed(file) => Old::Packed(Box::new(args.owner.open_packed(file)?)),
    };
    let passphrase = passphrase::existing(Which::New, args.passphrase.new_passphrase_file.as_deref(), &args.new)?;
    let device = match &old {
        Old::Paillier(context) => context.open_device(),
        Old::Packed(context) => context.open_device(),
    };
    let new = packed::open(new, &args.owner, &passphrase, Some(device), &expected_new(args))?;

    let started = Instant::now();
    let bar = Bar::new("rekeying", index.len());
    let result = match (&index, &old) {
        (IndexFile::Paillier(index), Old::Paillier(old)) => {
            index.rekey_to_packed(old, &new, &args.output, exists, bar.progress())
        }
        (IndexFile::Packed(index), Old::Packed(old)) => index.rekey(old, &new, &args.output, exists, bar.progress()),
        (IndexFile::Paillier(_), Old::Packed(_)) => Err(Error::Unsupported {
            operation: "moving an index to another key",
            reason: "the index is one of Paillier, and the old context is one of packed search; give the context of \
                     the index"
                .to_owned(),
        }),
        (IndexFile::Packed(_), Old::Paillier(_)) => Err(Error::Unsupported {
            operation: "moving an index to another key",
            reason: "the index is one of packed search, and the old context is one of Paillier; give the context of \
                     the index"
                .to_owned(),
        }),
    };
    drop(bar);
    finish(args, exists, Finished { result, vectors: index.len(), started, device: new.open_device().report() })
}

/// The opened old context.
enum Old {
    Paillier(Box<hushvec::ExecutionContext>),
    Packed(Box<hushvec::PackedContext>),
}

/// Finds errors before a passphrase is asked for.
fn check(args: &Args, old: &StoredContext, new: &PackedContextFile) -> Result<(), Failure> {
    match old {
        StoredContext::Paillier(file) => {
            let _: &ContextFile = file;
            args.owner.check(file)?;
        }
        StoredContext::Packed(file) => args.owner.check_packed(file)?,
    }
    if new.device().is_none() {
        return Err(args::public_given(new.path()));
    }
    expected_new(args).check_packed(new)
}
