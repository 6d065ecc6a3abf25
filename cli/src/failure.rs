//! What ends a command early, and what the person in front of it can do about it.

use hushvec::Error;
use std::process::ExitCode;
use tracing::error;

/// Why a command ends without having done all of its work.
#[derive(Debug)]
pub enum Failure {
    /// The engine failed.
    Engine(Error),
    /// Something around it did.
    Other(String),
    /// The command was called in a way that cannot work.
    Usage(String),
    /// Nobody reads the output any more.
    BrokenPipe,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl Failure {
    /// A file operation outside of the engine failed.
    pub fn io(action: &str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let what = format!("cannot {action} {}", path.display());
        move |error| Self::Other(format!("{what}: {error}"))
    }

    /// Says it on standard error.
    pub fn print(&self) {
        match self {
            Self::Engine(error) => match hint(error.root()) {
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
            // Sizes and names that there are not come from the command line.
            Self::Engine(Error::Parameter { .. } | Error::UnknownScheme { .. }) | Self::Usage(_) => ExitCode::from(2),
            Self::Engine(_) | Self::Other(_) => ExitCode::from(1),
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
        _ => None,
    }
}
