//! `hushvec man`.

use crate::failure::Failure;
use std::path::PathBuf;
use tracing::info;

/// Options of `hushvec man`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  hushvec man ~/.local/share/man/man1 && man hushvec-context-audit")]
pub struct Args {
    /// Folder to write to; created if it does not exist
    folder: PathBuf,
}

pub fn run(args: &Args, command: clap::Command) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.folder).map_err(Failure::io("create", &args.folder))?;
    clap_mangen::generate_to(command, &args.folder).map_err(Failure::io("write to", &args.folder))?;
    info!("wrote the manual pages to {}; start with `man {}/hushvec.1`", args.folder.display(), args.folder.display());
    Ok(())
}
