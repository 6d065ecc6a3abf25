//! The numbers of the schemes in binary files.

use super::parameters::Scheme;
use crate::error::Error;

/// The number of a scheme. Numbers are never given out again.
pub(crate) fn of(scheme: Scheme) -> u32 {
    match scheme {
        Scheme::Paillier => 1,
        Scheme::PaillierLookup => 2,
        Scheme::PaillierSubgroup => 3,
    }
}

/// The scheme of a number.
///
/// # Errors
/// [`Error::Format`], naming the schemes that there are.
pub(crate) fn scheme(number: u32) -> Result<Scheme, Error> {
    let scheme = Scheme::ALL.into_iter().find(|scheme| of(*scheme) == number);
    scheme.ok_or_else(|| {
        let known: Vec<String> = Scheme::ALL.into_iter().map(|scheme| format!("{} ({scheme})", of(scheme))).collect();
        Error::format(format!(
            "scheme {number}, which this build does not know; it knows {}. Read the file with a newer hushvec",
            known.join(", ")
        ))
    })
}
