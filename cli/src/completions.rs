//! `hushvec completions`.

use crate::failure::Failure;
use crate::output;
use clap_complete::Shell;

/// Options of `hushvec completions`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  hushvec completions bash > ~/.local/share/bash-completion/completions/hushvec
  hushvec completions zsh > ~/.zfunc/_hushvec
  hushvec completions fish > ~/.config/fish/completions/hushvec.fish")]
pub struct Args {
    /// Shell to complete commands in
    shell: Shell,
}

pub fn run(args: &Args, mut command: clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "hushvec", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
