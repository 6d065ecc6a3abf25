//! Client requests to valgrind's memcheck. Outside valgrind they do nothing.
//!
//! Written by hand because the crates for this need libclang to build. The instruction sequence and the request codes
//! are a stable ABI of valgrind (`valgrind.h` and `memcheck.h`, version 3.19).

use bytemuck::NoUninit;
use std::arch::asm;

const RUNNING_ON_VALGRIND: u64 = 0x1001;
const COUNT_ERRORS: u64 = 0x1201;
const MEMCHECK: u64 = (b'M' as u64) << 24 | (b'C' as u64) << 16;
const MAKE_MEM_UNDEFINED: u64 = MEMCHECK + 1;
const MAKE_MEM_DEFINED: u64 = MEMCHECK + 2;
const GET_VBITS: u64 = MEMCHECK + 8;

/// Sends a request. Returns its answer, or 0 outside valgrind.
fn request(code: u64, [a, b, c]: [u64; 3]) -> u64 {
    let arguments = [code, a, b, c, 0, 0];
    let mut answer = 0u64;
    // SAFETY: on a CPU this rotates rdi by 128 bits in total, and swaps a register with itself. Under valgrind it
    // reads the arguments and, for GET_VBITS, writes to the memory that the caller passed for the answer.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") &raw const arguments,
            inout("rdx") answer,
            options(nostack)
        );
    }
    answer
}

/// Returns the address of values, and their size in bytes.
fn place<T>(values: &[T]) -> [u64; 2] {
    [values.as_ptr().expose_provenance() as u64, size_of_val(values) as u64]
}

/// Returns whether this program runs under valgrind.
pub(crate) fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, [0; 3]) > 0
}

/// Returns the number of errors reported so far.
pub(crate) fn reports() -> u64 {
    request(COUNT_ERRORS, [0; 3])
}

/// Marks values as secret, in place.
pub(crate) fn mark<T: NoUninit>(values: &mut [T]) {
    let [from, length] = place(values);
    request(MAKE_MEM_UNDEFINED, [from, length, 0]);
}

/// Marks values as public, in place, for the reason given.
pub(crate) fn publish<T: NoUninit>(values: &mut [T], _reason: &str) {
    let [from, length] = place(values);
    request(MAKE_MEM_DEFINED, [from, length, 0]);
}

/// Returns the value, marked as public.
pub(crate) fn defined<T: NoUninit>(value: T) -> T {
    let mut value = [value];
    publish(&mut value, "as its caller says");
    // Read from memory: the mark belongs to the memory.
    std::hint::black_box(value)[0]
}

/// Returns whether any part of the values is secret or was computed from secrets.
pub(crate) fn is_secret<T: NoUninit>(values: &[T]) -> bool {
    let mut undefined = vec![0u8; size_of_val(values)];
    let [from, length] = place(values);
    let [to, _] = place(undefined.as_mut_slice());
    request(GET_VBITS, [from, to, length]);
    std::hint::black_box(undefined).iter().any(|bits| *bits != 0)
}
