//! What ends a command early, and what the person in front of it can do about it.

use hushvec::{Error, ErrorKind};
use std::fmt;
use std::process::ExitCode;
use tracing::error;

/// Why a command ends without having done all of its work.
#[derive(Debug)]
pub enum Failure {
    /// The engine failed.
    Engine(Error),
    /// A server did, or it refused.
    #[cfg(feature = "client")]
    Remote(hushvec_client::Error),
    /// Something around it did.
    Other(String),
    /// The command was called in a way that cannot work.
    Usage(String),
    /// Nobody reads the output any more.
    BrokenPipe,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            #[cfg(feature = "client")]
            Self::Remote(error) => error.fmt(f),
            Self::Other(text) | Self::Usage(text) => f.write_str(text),
            Self::BrokenPipe => f.write_str("nobody reads the output"),
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
    /// A file operation outside of the engine failed.
    pub fn io(action: &str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let what = match path.to_str() {
            Some("-") if action == "write" => "cannot write to standard output".to_owned(),
            _ => format!("cannot {action} {}", path.display()),
        };
        move |error| Self::Other(format!("{what}: {error}"))
    }

    /// Says it on standard error.
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

    /// 1 for failures, 2 for wrong usage.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Engine(Error::InFile { .. }) => ExitCode::from(1),
            Self::Engine(error) => match error.kind() {
                // Sizes and names that there are not come from the command line.
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

/// What to do about an error, where it does not say so itself.
fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::WrongKey { .. } => {
            Some("`hushvec context show` and `hushvec index info` tell which key a file belongs to")
        }
        Error::Dimension { .. } => Some("the context was made for another number of dimensions (--embedding-length)"),
        Error::NotBinary { .. } => {
            Some("give zeros and ones, or floating-point vectors (signs are taken), or --packed bits")
        }
        Error::WeakKey { .. } => {
            Some("weak keys are never made; existing ones load with --allow-weak, to move data away from them")
        }
        Error::WrongContext { .. } => {
            Some("compare the file with a copy that nobody else could write: `hushvec context compare`")
        }
        _ => None,
    }
}

/// The same for what a server refuses, which says what is wrong but not where that came from.
#[cfg(feature = "client")]
fn remote_hint(error: &hushvec_client::Error) -> Option<&'static str> {
    use hushvec_client::{Error, RowsProblem};
    match error {
        Error::Rows { problem: RowsProblem::Repeated { .. }, .. } => {
            return Some("no correct server does that: do not trust its answers");
        }
        Error::Rows { .. } => {
            return Some(
                "if other clients stored or deleted chunks, or a push was cut short, `hushvec push CONTEXT INDEX --kb ID \
                 --relist` brings the list up to date; if not, do not trust this server's answers",
            );
        }
        Error::List { .. } => {
            return Some("--list names another file; `push --relist` makes a list from what the server has");
        }
        _ => {}
    }
    match error.status() {
        Some(401) => Some(
            "HUSHVEC_API_KEY or --api-key-file, and HUSHVEC_ADMIN_KEY or --admin-key-file if they are given, must have keys of \
             this server, which shows keys only when they are made",
        ),
        Some(403) if error.to_string().contains("takes the admin key") => Some(
            "set HUSHVEC_ADMIN_KEY or give --admin-key-file; the server printed that key when it was started for the first time",
        ),
        Some(403) => Some(
            "the key is of another organisation (--org), or has no permission for this knowledge base: whoever has the admin key \
             gives it one with `hushvec key grant`",
        ),
        Some(404) => Some("see --kb, --server and --org; `hushvec kb list` shows what there is"),
        _ => None,
    }
}
