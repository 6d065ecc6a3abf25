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
    /// The folder, which is made if there is none
    folder: PathBuf,
}

pub fn run(args: &Args, command: clap::Command) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.folder).map_err(Failure::io("make", &args.folder))?;
    clap_mangen::generate_to(command, &args.folder).map_err(Failure::io("write into", &args.folder))?;
    info!("wrote manual pages into {}; start with `man {}/hushvec.1`", args.folder.display(), args.folder.display());
    Ok(())
}
