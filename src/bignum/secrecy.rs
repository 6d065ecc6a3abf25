//! Where secrets stop being secret.
//!
//! Tests run this crate under valgrind's memcheck with secrets marked as undefined memory, so that every branch and every
//! address that depends on one is reported (Langley, ctgrind, 2010). What may be known is taken out of that, by name.

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
pub(crate) mod memcheck;

/// The same value, of which anyone who watches the time may know from here on, for the reason given.
#[inline(always)]
pub(crate) fn declassify<T: bytemuck::NoUninit>(value: T, _reason: &str) -> T {
    #[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
    let value = memcheck::defined(value);
    value
}
