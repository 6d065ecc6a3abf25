//! Declassification: marks the places where a value derived from secrets may become public.
//!
//! Tests run this crate under valgrind's memcheck with secrets marked as undefined memory, so that every branch and
//! every address that depends on a secret is reported (Langley, ctgrind, 2010). Values that may become public are
//! exempted with [`declassify`] and a reason.

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
pub(crate) mod memcheck;

/// Returns the value, which may influence timing from here on, for the reason given.
#[inline(always)]
pub(crate) fn declassify<T: bytemuck::NoUninit>(value: T, _reason: &str) -> T {
    #[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
    let value = memcheck::defined(value);
    value
}
