//! Secrets are wiped before their memory is freed: an allocator searches all freed memory for them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use hushvec::{Error, ExecutionContext, PassphraseKeyProvider};
use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

#[cfg(feature = "owner")]
#[path = "wiping/packed.rs"]
mod packed;

/// Larger allocations are not searched, because they hold no texts. Those of packed search hold up to 4,096 vectors.
const LARGEST: usize = 4 << 20;

static NEEDLE: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);
static FOUND: AtomicUsize = AtomicUsize::new(0);

struct Watching;

// SAFETY: every call is forwarded to the system allocator with the same arguments.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the contract of the system allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let length = LENGTH.load(Ordering::SeqCst);
        if length > 0 && layout.size() <= LARGEST {
            let needle = NEEDLE.load(Ordering::SeqCst);
            // SAFETY: both allocations are live for these lengths: one is leaked, the other is not freed yet.
            let at = |base: *mut u8, i: usize| unsafe { base.add(i).read_volatile() };
            let found = |start: usize| (0..length).all(|i| at(memory, start + i) == at(needle, i));
            if (0..(layout.size() + 1).saturating_sub(length)).any(found) {
                FOUND.fetch_add(1, Ordering::SeqCst);
            }
        }
        // SAFETY: the caller allocated it with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// Runs `work` and returns how many allocations contained `secret` when they were freed.
fn left_behind<T>(secret: impl AsRef<[u8]>, work: impl FnOnce() -> T) -> (usize, T) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let needle = Box::leak(secret.as_ref().to_vec().into_boxed_slice());
    NEEDLE.store(needle.as_mut_ptr(), Ordering::SeqCst);
    FOUND.store(0, Ordering::SeqCst);
    LENGTH.store(needle.len(), Ordering::SeqCst);
    let result = work();
    LENGTH.store(0, Ordering::SeqCst);
    (FOUND.load(Ordering::SeqCst), result)
}

#[test]
fn memory_that_is_not_wiped_is_found() {
    let text = "nothing else has this text in it".to_owned();
    assert_eq!(left_behind("nothing else has this", || drop(text)).0, 1);
}

#[test]
fn texts_of_secret_keys_are_wiped() {
    let provider = PassphraseKeyProvider::new("test").unwrap();
    for name in ["paillier_64_512_salt", "lookup_64_512"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/xtrace/{name}.context.json"));
        let text = std::fs::read_to_string(path).unwrap();
        let load = || ExecutionContext::loader().allow_weak(true).from_serialized(&text, &provider).unwrap();
        let plain = load().to_dict_plain().unwrap();
        for field in ["phi", "inv"] {
            let secret = plain["sk"].as_str().unwrap();
            let field = if field == "inv" && name.starts_with("lookup") { "g_a_inv" } else { field };
            let value = &secret[secret.find(&format!("\"{field}\": ")).unwrap() + field.len() + 4..];
            let value = &value[..value.find([',', '}']).unwrap()];
            // Only the lower half is secret: the upper half of φ(n) equals that of n.
            let digits: Vec<char> = value.chars().filter(char::is_ascii_digit).collect();
            let digits: String = digits[digits.len() - 60..].iter().collect();
            let (found, context) = left_behind(&digits, load);
            assert_eq!(found, 0, "{name}: reading left {field} in memory");
            let (found, _) = left_behind(&digits, || context.serialize_exec_context().unwrap());
            assert_eq!(found, 0, "{name}: writing left {field} in memory");
            let (found, _) = left_behind(&digits, || context.hash().unwrap());
            assert_eq!(found, 0, "{name}: the id left {field} in memory");
        }
    }
}

#[test]
fn passphrases_are_wiped() {
    let secret = "correct horse battery staple";
    let given = secret.to_owned();
    let (found, refused) = left_behind(secret, || PassphraseKeyProvider::with_salt(given, b"short"));
    assert!(matches!(refused, Err(Error::KeyDerivation { .. })));
    assert_eq!(found, 0);
    for given in [secret.to_owned(), secret.to_owned()] {
        let (found, ()) = left_behind(secret, || drop(PassphraseKeyProvider::new(given).unwrap()));
        assert_eq!(found, 0);
    }
    let builder = ExecutionContext::builder().key_len(999).passphrase(secret);
    let (found, refused) = left_behind(secret, || builder.build());
    assert!(matches!(refused, Err(Error::Parameter { .. })));
    assert_eq!(found, 0);
}
