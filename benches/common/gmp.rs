//! GMP, loaded at run time: it is the yardstick, and its licence keeps it out of the dependencies.

use libloading::{Library, Symbol};
use std::path::PathBuf;

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
    pub path: PathBuf,
}

/// A number of GMP's, whose limbs are ours.
pub struct Number {
    limbs: Vec<u64>,
}

impl Number {
    pub fn new(limbs: &[u64]) -> Self {
        Self { limbs: limbs.to_vec() }
    }

    fn mpz(&mut self) -> Mpz {
        let used = self.limbs.iter().rposition(|limb| *limb != 0).map_or(0, |last| last + 1);
        let length = |n: usize| i32::try_from(n).unwrap();
        Mpz { alloc: length(self.limbs.len()), size: length(used), limbs: self.limbs.as_mut_ptr() }
    }
}

impl Gmp {
    /// The library named by HUSHVEC_GMP, or the one that benches/gmp.sh built, or the system's.
    pub fn load() -> Option<Self> {
        let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/gmp/lib/libgmp.so");
        let named = std::env::var_os("HUSHVEC_GMP").map(PathBuf::from);
        named.into_iter().chain([own, "libgmp.so.10".into()]).find_map(|path| {
            // SAFETY: loading GMP runs no code that depends on the state of this program.
            let library = unsafe { Library::new(&path) }.ok()?;
            Some(Self { library, path })
        })
    }

    /// base^exponent mod modulus, again and again with each call.
    pub fn powm<'a>(&'a self, base: &[u64], exponent: &[u64], modulus: &[u64]) -> impl FnMut() + use<'a> {
        let mut numbers = [base, exponent, modulus].map(Number::new);
        // SAFETY: the symbol has this signature in every GMP.
        let powm: Symbol<'_, Ternary> = unsafe { self.library.get(b"__gmpz_powm") }.unwrap();
        let mut result = self.empty();
        move || {
            let [base, exponent, modulus] = numbers.each_mut().map(Number::mpz);
            // SAFETY: the operands are numbers in GMP's representation that it only reads; the result is GMP's own.
            unsafe { powm(&raw mut result, &raw const base, &raw const exponent, &raw const modulus) };
            std::hint::black_box(result.limbs);
        }
    }

    /// a·b mod modulus as a product and a division, for each of the b.
    pub fn mulmod<'a>(&'a self, a: &[u64], bs: &[Vec<u64>], modulus: &[u64]) -> impl FnMut() + use<'a> {
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
            std::hint::black_box(result.limbs);
        }
    }

    /// A number that GMP allocates; it is never freed, which a benchmark can afford.
    fn empty(&self) -> Mpz {
        let mut number = Mpz { alloc: 0, size: 0, limbs: std::ptr::null_mut() };
        // SAFETY: the symbol has this signature in every GMP, and initialises what it is given.
        unsafe {
            let init: Symbol<'_, unsafe extern "C" fn(*mut Mpz)> = self.library.get(b"__gmpz_init").unwrap();
            init(&raw mut number);
        }
        number
    }

    /// GMP's version.
    pub fn version(&self) -> String {
        // SAFETY: the symbol is a pointer to a string that lives as long as the library.
        unsafe {
            let version: Symbol<'_, *const *const std::ffi::c_char> = self.library.get(b"__gmp_version").unwrap();
            std::ffi::CStr::from_ptr(**version).to_string_lossy().into_owned()
        }
    }
}
