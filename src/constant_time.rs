//! No branch and no address depends on a secret: everything that meets one runs under valgrind's memcheck, with secrets marked
//! as undefined memory (Langley, ctgrind, 2010), at each level of instructions that valgrind knows: AVX2 and portable.
//!
//! ```sh
//! cargo test --release -p hushvec --lib constant_time
//! ```
//!
//! HUSHVEC_REQUIRE_VALGRIND=1 fails instead of skipping where valgrind is missing.

mod kernels;
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

/// A thing to run, by name.
type Case = (&'static str, fn(&OpenDevice));

/// What the run under valgrind writes when all is well.
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

/// Secret limbs.
fn secret_limbs(count: usize) -> Vec<u64> {
    let mut limbs = vec![0; count];
    Secrets.fill(bytemuck::cast_slice_mut(&mut limbs)).unwrap();
    limbs
}

/// The reports that `work` leads to.
fn reports_of(work: impl FnOnce()) -> u64 {
    let before = memcheck::reports();
    work();
    memcheck::reports() - before
}

/// Adds as often as a secret says.
#[inline(never)]
fn branches_on(secret: u64) -> u64 {
    let mut sum = 0;
    for i in 0..secret % 64 {
        sum += black_box(i);
    }
    sum
}

/// Takes an entry from where a secret says.
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
        // Past the test harness, which keeps what eprintln writes to itself when a test passes.
        return writeln!(std::io::stderr(), "SKIPPED: constant time, since valgrind cannot be run").unwrap();
    }
    let output = Command::new("valgrind")
        .args(["--quiet", "--error-limit=no", "--num-callers=20"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "constant_time::under_valgrind", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let [said, reports] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success() && said.contains(&format!("{VERDICT} avx2, portable")), "{said}\n{reports}");
}

#[test]
#[ignore = "nothing_depends_on_a_secret runs it under valgrind"]
fn under_valgrind() {
    assert!(memcheck::is_running(), "this means nothing outside valgrind: run nothing_depends_on_a_secret");
    for (what, leak) in [("a branch", branches_on as fn(u64) -> u64), ("an address", reads_at)] {
        let reports = reports_of(|| {
            black_box(leak(secret_limbs(1)[0]));
        });
        assert!(reports > 0, "{what} that depends on a secret went unnoticed: the rest would mean nothing");
    }
    let backends = OpenDevice::at_every_isa(NonZeroUsize::new(1)).unwrap();
    let levels: Vec<&str> = backends.iter().map(OpenDevice::cpu_isa).collect();
    let mut leaks = Vec::new();
    let start = Instant::now();
    for device in &backends {
        for (name, case) in kernels::CASES.iter().chain(&schemes::CASES) {
            let name = format!("{name}, {}", device.cpu_isa());
            // Between the reports of valgrind, if there are any.
            writeln!(std::io::stderr(), "{name}, from {:.0} s on", start.elapsed().as_secs_f64()).unwrap();
            if reports_of(|| case(device)) > 0 {
                leaks.push(name);
            }
        }
    }
    assert!(leaks.is_empty(), "reports by valgrind on: {}", leaks.join("; "));
    writeln!(std::io::stdout(), "{VERDICT} {}", levels.join(", ")).unwrap();
}
