//! The client's own list of what it pushed, beside the context.

use clap::Args;
use hushvec_client::PushedFile;
use std::path::{Path, PathBuf};

/// Where the list is.
#[derive(Args, Clone, Debug)]
pub struct PushedList {
    /// The list of pushed chunks and their ids [default: the context's file name with .pushed added]
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
}

impl PushedList {
    /// The list that belongs to a context.
    pub fn of(&self, context: &Path) -> PushedFile {
        PushedFile::new(self.list.clone().unwrap_or_else(|| {
            let mut name = context.as_os_str().to_owned();
            name.push(".pushed");
            name.into()
        }))
    }
}
