//! GMP, the yardstick of the benches. Loaded at run time, because its licence keeps it out of the dependencies.

#![allow(dead_code, reason = "each bench uses a part")]

use libloading::{Library, Symbol};
use std::path::{Path, PathBuf};

/// GMP's `mpz_t`.
#[repr(C)]
struct Mpz {
    alloc: i32,
    size: i32,
    limbs: *mut u64,
}

type Binary = unsafe extern "C" fn(*mut Mpz, *const Mpz, *const Mpz);
type Ternary = unsafe extern "C" fn(*mut Mpz, *const Mpz, *const Mpz, *const Mpz);

/// A loaded GMP.
pub struct Gmp {
    library: Library,
    /// Its name in reports and bench ids.
    pub name: &'static str,
    path: PathBuf,
}

/// A number for GMP, with limbs allocated by Rust.
struct Number {
    limbs: Vec<u64>,
}

impl Number {
    fn new(limbs: &[u64]) -> Self {
        Self { limbs: limbs.to_vec() }
    }

    fn mpz(&mut self) -> Mpz {
        let used = self.limbs.iter().rposition(|limb| *limb != 0).map_or(0, |last| last + 1);
        let length = |n: usize| i32::try_from(n).unwrap();
        Mpz { alloc: length(self.limbs.len()), size: length(used), limbs: self.limbs.as_mut_ptr() }
    }
}

impl Mpz {
    /// Returns the limbs of a non-negative number made by GMP.
    fn value(&self) -> Vec<u64> {
        let used = usize::try_from(self.size).unwrap();
        // SAFETY: GMP uses `size` limbs at this address.
        unsafe { std::slice::from_raw_parts(self.limbs, used) }.to_vec()
    }
}

impl Gmp {
    /// Loads the builds of GMP that exist. `gmp` is the library in HUSHVEC_GMP, or else the one that benches/gmp.sh
    /// built for this CPU, or else the system's. `gmp-fat` is built as rug and gmpy2 bundle it.
    pub fn load_all() -> Vec<Self> {
        let built = |folder| Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(folder).join("lib/libgmp.so");
        let main = match std::env::var_os("HUSHVEC_GMP") {
            Some(named) => {
                let gmp = Self::load("gmp", named.clone().into());
                Some(gmp.unwrap_or_else(|| panic!("HUSHVEC_GMP={} is not a GMP library", named.display())))
            }
            None => Self::load("gmp", built("gmp")).or_else(|| Self::load("gmp", "libgmp.so.10".into())),
        };
        main.into_iter().chain(Self::load("gmp-fat", built("gmp-fat"))).collect()
    }

    fn load(name: &'static str, path: PathBuf) -> Option<Self> {
        // SAFETY: loading GMP runs no code that depends on the state of this program.
        let library = unsafe { Library::new(&path) }.ok()?;
        Some(Self { library, name, path })
    }

    /// Returns its version and how it was built.
    pub fn description(&self) -> String {
        // SAFETY: the symbol is a pointer to a string that lives as long as the library.
        let version = unsafe {
            let version: Symbol<'_, *const *const std::ffi::c_char> = self.library.get(b"__gmp_version").unwrap();
            std::ffi::CStr::from_ptr(**version).to_string_lossy().into_owned()
        };
        let target = self.path.parent().and_then(Path::parent).map(|folder| folder.join("TARGET"));
        let built = target.and_then(|file| std::fs::read_to_string(file).ok());
        match built {
            Some(built) => format!("GMP {version} {}", built.trim()),
            None => format!("GMP {version} from {}", self.path.display()),
        }
    }

    /// base^exponent mod modulus, computed in each call.
    pub fn powm<'a>(&'a self, base: &[u64], exponent: &[u64], modulus: &[u64]) -> impl FnMut() -> Vec<u64> + use<'a> {
        let mut numbers = [base, exponent, modulus].map(Number::new);
        // SAFETY: the symbol has this signature in every GMP.
        let powm: Symbol<'_, Ternary> = unsafe { self.library.get(b"__gmpz_powm") }.unwrap();
        let mut result = self.empty();
        move || {
            let [base, exponent, modulus] = numbers.each_mut().map(Number::mpz);
            // SAFETY: the operands are in GMP's representation and are only read; the result was allocated by GMP.
            unsafe { powm(&raw mut result, &raw const base, &raw const exponent, &raw const modulus) };
            result.value()
        }
    }

    /// a·b mod modulus for each b, as a product and a division. Returns the last result.
    pub fn mulmod<'a>(&'a self, a: &[u64], bs: &[Vec<u64>], modulus: &[u64]) -> impl FnMut() -> Vec<u64> + use<'a> {
        let mut numbers = [a, modulus].map(Number::new);
        let mut bs: Vec<Number> = bs.iter().map(|b| Number::new(b)).collect();
        // SAFETY: both symbols have this signature in every GMP.
        let (mul, rem): (Symbol<'_, Binary>, Symbol<'_, Binary>) =
            unsafe { (self.library.get(b"__gmpz_mul").unwrap(), self.library.get(b"__gmpz_mod").unwrap()) };
        let (mut product, mut result) = (self.empty(), self.empty());
        move || {
            let [a, modulus] = numbers.each_mut().map(Number::mpz);
            for b in &mut bs {
                let b = b.mpz();
                // SAFETY: as above.
                unsafe {
                    mul(&raw mut product, &raw const a, &raw const b);
                    rem(&raw mut result, &raw const product, &raw const modulus);
                }
            }
            result.value()
        }
    }

    /// Returns a number allocated by GMP. It is never freed, which is acceptable in a benchmark.
    fn empty(&self) -> Mpz {
        let mut number = Mpz { alloc: 0, size: 0, limbs: std::ptr::null_mut() };
        // SAFETY: the symbol has this signature in every GMP, and initialises its argument.
        unsafe {
            let init: Symbol<'_, unsafe extern "C" fn(*mut Mpz)> = self.library.get(b"__gmpz_init").unwrap();
            init(&raw mut number);
        }
        number
    }
}
