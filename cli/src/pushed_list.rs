//! The client's list of pushed chunks, in a file next to the context.

use clap::Args;
use hushvec_client::PushedFile;
use std::path::{Path, PathBuf};

/// The flag for the list of pushed chunks.
#[derive(Args, Clone, Debug)]
pub struct PushedList {
    /// List of pushed chunks and their ids [default: the file name of the context with .pushed added]
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
}

impl PushedList {
    /// Returns the list of a context.
    pub fn of(&self, context: &Path) -> PushedFile {
        PushedFile::new(self.list.clone().unwrap_or_else(|| {
            let mut name = context.as_os_str().to_owned();
            name.push(".pushed");
            name.into()
        }))
    }
}
