//! Errors that end a command, and hints for the user.

use hushvec::{Error, ErrorKind};
use std::fmt;
use std::process::ExitCode;
use tracing::error;

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// An error of the engine.
    Engine(Error),
    /// An error of a server or of the connection to it.
    #[cfg(feature = "client")]
    Remote(hushvec_client::Error),
    /// Any other error.
    Other(String),
    /// Wrong usage of the command.
    Usage(String),
    /// The reader of the output is gone.
    BrokenPipe,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            #[cfg(feature = "client")]
            Self::Remote(error) => error.fmt(f),
            Self::Other(text) | Self::Usage(text) => f.write_str(text),
            Self::BrokenPipe => f.write_str("the reader of the output is gone"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

#[cfg(feature = "client")]
impl From<hushvec_client::Error> for Failure {
    fn from(error: hushvec_client::Error) -> Self {
        match error {
            hushvec_client::Error::Engine(error) => Self::Engine(error),
            error @ hushvec_client::Error::Argument { .. } => Self::Usage(error.to_string()),
            error => Self::Remote(error),
        }
    }
}

impl Failure {
    /// Returns a function that turns an I/O error into "cannot `action` `path`: …".
    pub fn io(action: &str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let what = match path.to_str() {
            Some("-") if action == "write" => "cannot write to standard output".to_owned(),
            _ => format!("cannot {action} {}", path.display()),
        };
        move |error| Self::Other(format!("{what}: {error}"))
    }

    /// Prints the error, and a hint if there is one, on standard error.
    pub fn print(&self) {
        match self {
            Self::Engine(error) => match hint(error.root()) {
                Some(hint) => error!(hint, "{error}"),
                None => error!("{error}"),
            },
            #[cfg(feature = "client")]
            Self::Remote(error) => match remote_hint(error) {
                Some(hint) => error!(hint, "{error}"),
                None => error!("{error}"),
            },
            Self::Other(text) | Self::Usage(text) => error!("{text}"),
            Self::BrokenPipe => {}
        }
    }

    /// Returns 1 for failures, 2 for wrong usage.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Engine(Error::InFile { .. }) => ExitCode::from(1),
            Self::Engine(error) => match error.kind() {
                // Invalid sizes and names come from the command line.
                ErrorKind::Parameter => ExitCode::from(2),
                ErrorKind::Input
                | ErrorKind::Ciphertext
                | ErrorKind::Context
                | ErrorKind::WeakKey
                | ErrorKind::Mismatch
                | ErrorKind::Unseal
                | ErrorKind::Format
                | ErrorKind::File
                | ErrorKind::Device
                | ErrorKind::Service
                | ErrorKind::Cancelled => ExitCode::from(1),
            },
            Self::Other(_) => ExitCode::from(1),
            #[cfg(feature = "client")]
            Self::Remote(_) => ExitCode::from(1),
            Self::BrokenPipe => ExitCode::SUCCESS,
        }
    }
}

/// Returns what to do about an error whose message does not say so.
fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::WrongKey { .. } => {
            Some("`hushvec context show` and `hushvec index info` show which key a file belongs to")
        }
        Error::Dimension { .. } => Some("the context has a different number of dimensions (--embedding-length)"),
        Error::NotBinary { .. } => {
            Some("give zeros and ones, floating-point vectors (their signs are used), or packed bits with --packed")
        }
        Error::WeakKey { .. } => {
            Some("weak keys are never created; load existing ones with --allow-weak, to move data away from them")
        }
        Error::WrongContext { .. } => Some("compare the file with a trusted copy: `hushvec context compare`"),
        _ => None,
    }
}

/// Returns what to do about an error of a server. The server's message does not know the flags of the command line.
#[cfg(feature = "client")]
fn remote_hint(error: &hushvec_client::Error) -> Option<&'static str> {
    use hushvec_client::{Error, RowsProblem};
    match error {
        Error::Rows { problem: RowsProblem::Repeated { .. }, .. } => {
            return Some("a correct server never repeats a chunk: do not trust its answers");
        }
        Error::Rows { .. } => {
            return Some(
                "if other clients stored or deleted chunks, or a push was interrupted, update the list with `hushvec \
                 push CONTEXT INDEX --kb ID --relist`; otherwise do not trust this server's answers",
            );
        }
        Error::List { .. } => {
            return Some("give another file with --list, or create the list from the server with `push --relist`");
        }
        _ => {}
    }
    match error.status() {
        Some(401) => Some(
            "check HUSHVEC_API_KEY or --api-key-file, and HUSHVEC_ADMIN_KEY or --admin-key-file if given: they must \
             hold keys of this server, which shows a key only once, when it is created",
        ),
        Some(403) if error.to_string().contains("the admin key; an API key was given") => Some(
            "set HUSHVEC_ADMIN_KEY or give --admin-key-file; the server printed the admin key when it first started",
        ),
        Some(403) => Some(
            "the key belongs to another organisation (--org), or lacks the permission for this knowledge base: grant \
             it with the admin key and `hushvec key grant`",
        ),
        Some(404) => Some("check --kb, --server and --org; `hushvec kb list` lists the knowledge bases"),
        _ => None,
    }
}
