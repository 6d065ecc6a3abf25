//! The numbers of the schemes in binary files.

use super::parameters::Scheme;
use crate::error::Error;

/// Returns the number of a scheme. Numbers are never reused.
pub(crate) fn of(scheme: Scheme) -> u32 {
    match scheme {
        Scheme::Paillier => 1,
        Scheme::PaillierLookup => 2,
        Scheme::PaillierSubgroup => 3,
    }
}

/// Returns the scheme of a number.
///
/// # Errors
/// [`Error::Format`] for an unknown number, listing the known ones.
pub(crate) fn scheme(number: u32) -> Result<Scheme, Error> {
    let scheme = Scheme::ALL.into_iter().find(|scheme| of(*scheme) == number);
    scheme.ok_or_else(|| {
        let known: Vec<String> = Scheme::ALL.into_iter().map(|scheme| format!("{} ({scheme})", of(scheme))).collect();
        Error::format(format!(
            "unknown scheme number {number}: this build supports {}; read the file with a newer hushvec",
            known.join(", ")
        ))
    })
}
