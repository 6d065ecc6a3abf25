//! Tests that no branch and no address depends on a secret: all code that handles secrets runs under valgrind's
//! memcheck with the secrets marked as undefined memory (Langley, ctgrind, 2010). They run on each instruction set
//! that valgrind supports: AVX2 and portable.
//!
//! ```sh
//! cargo test --release -p hushvec --lib constant_time
//! ```
//!
//! Without valgrind the test is skipped; `HUSHVEC_REQUIRE_VALGRIND=1` makes it fail instead.

mod kernels;
mod packed;
mod schemes;

use crate::bignum::random::RandomSource;
use crate::bignum::secrecy::memcheck;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::num::NonZeroUsize;
use std::process::{Command, Stdio};
use std::time::Instant;

/// A test case: its name and the function to run.
type Case = (&'static str, fn(&OpenDevice));

/// What the run under valgrind prints on success, followed by the instruction sets.
const VERDICT: &str = "no branch and no address depends on a secret at";

/// The operating system's random numbers, marked as secret.
struct Secrets;

impl RandomSource for Secrets {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(bytes).map_err(|error| Error::Random(error.to_string()))?;
        memcheck::mark(bytes);
        Ok(())
    }
}

/// Returns random limbs, marked as secret.
fn secret_limbs(count: usize) -> Vec<u64> {
    let mut limbs = vec![0; count];
    Secrets.fill(bytemuck::cast_slice_mut(&mut limbs)).unwrap();
    limbs
}

/// Counts the valgrind reports that `work` causes.
fn reports_of(work: impl FnOnce()) -> u64 {
    let before = memcheck::reports();
    work();
    memcheck::reports() - before
}

/// Runs a loop whose length depends on a secret.
#[inline(never)]
fn branches_on(secret: u64) -> u64 {
    let mut sum = 0;
    for i in 0..secret % 64 {
        sum += black_box(i);
    }
    sum
}

/// Reads a table entry whose index depends on a secret.
#[inline(never)]
fn reads_at(secret: u64) -> u64 {
    black_box(&[7u64; 64])[(secret % 64) as usize]
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "overflow checks branch on numbers: cargo test --release -p hushvec --lib constant_time"
)]
fn nothing_depends_on_a_secret() {
    if !Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        let required = std::env::var_os("HUSHVEC_REQUIRE_VALGRIND").is_some_and(|value| value == "1");
        assert!(!required, "valgrind cannot be run");
        // Not `eprintln!`: the test harness hides its output when a test passes.
        return writeln!(std::io::stderr(), "SKIPPED: constant time, since valgrind cannot be run").unwrap();
    }
    let output = Command::new("valgrind")
        .args(["--quiet", "--error-limit=no", "--num-callers=20"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "constant_time::under_valgrind", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success() && stdout.contains(&format!("{VERDICT} avx2, portable")), "{stdout}\n{stderr}");
}

#[test]
#[ignore = "nothing_depends_on_a_secret runs it under valgrind"]
fn under_valgrind() {
    assert!(memcheck::is_running(), "this test only works under valgrind: run nothing_depends_on_a_secret");
    for (what, leak) in [("a branch", branches_on as fn(u64) -> u64), ("an address", reads_at)] {
        let reports = reports_of(|| {
            black_box(leak(secret_limbs(1)[0]));
        });
        assert!(reports > 0, "valgrind did not report {what} that depends on a secret: other results are void");
    }
    let backends = OpenDevice::at_every_isa(NonZeroUsize::new(1)).unwrap();
    let isas: Vec<&str> = backends.iter().map(OpenDevice::cpu_isa).collect();
    let mut leaks = Vec::new();
    let start = Instant::now();
    for device in &backends {
        for (name, case) in kernels::CASES.iter().chain(&schemes::CASES).chain(&packed::CASES) {
            let name = format!("{name}, {}", device.cpu_isa());
            // Printed to standard error so that it separates valgrind's reports by case.
            writeln!(std::io::stderr(), "{name}, started at {:.0} s", start.elapsed().as_secs_f64()).unwrap();
            if reports_of(|| case(device)) > 0 {
                leaks.push(name);
            }
        }
    }
    assert!(leaks.is_empty(), "valgrind reported leaks in: {}", leaks.join("; "));
    writeln!(std::io::stdout(), "{VERDICT} {}", isas.join(", ")).unwrap();
}
