//! Creating contexts, and arguments that are refused.

use crate::keys::{DIMENSIONS, FixedKeyProvider};
use crate::reopen;
use hushvec::{Device, Error, ExecutionContext, Format, PassphraseKeyProvider, Scheme};
use std::sync::Arc;

#[test]
fn providers_passphrases_and_salts() {
    let builder = || ExecutionContext::builder().embedding_length(DIMENSIONS);
    assert!(matches!(builder().build(), Err(Error::Missing(_))));
    assert!(matches!(builder().passphrase("").build(), Err(Error::Missing(_))));
    assert!(matches!(builder().passphrase("x").salt("short").build(), Err(Error::KeyDerivation { .. })));

    // A key provider wins over a passphrase.
    let fixed = Arc::new(FixedKeyProvider::default());
    let ctx = builder().passphrase("ignored").key_provider(fixed).build().unwrap();
    assert_eq!(ctx.to_dict_enc().unwrap()["key_provider"], "fixed");
    reopen(&ctx);

    // With a path the context is saved at once, in either format. The salt is where the format stores it.
    let folder = tempfile::tempdir().unwrap();
    for (format, wrapped) in [
        (Format::Native, "JGFyZ29uMmlkJHY9MTkkbT02NTUzNix0PTMscD00JGJYa2dkbVZ5ZVNCdmQyNGdjMkZzZEE="),
        (Format::XTrace, "bXkgdmVyeSBvd24gc2FsdA=="),
    ] {
        let path = folder.path().join(format.name());
        let ctx =
            builder().format(format).passphrase("open sesame").salt("my very own salt").path(&path).build().unwrap();
        assert_eq!(ctx.to_dict_enc().unwrap()["wrapped_key"], wrapped);
        let provider = PassphraseKeyProvider::new("open sesame").unwrap();
        let again = ExecutionContext::load_from_disk(&path, &provider).unwrap();
        assert_eq!((&again, again.id().unwrap(), again.format()), (&ctx, ctx.id().unwrap(), format));
        let wrong = PassphraseKeyProvider::new("open barley").unwrap();
        match ExecutionContext::load_from_disk(&path, &wrong) {
            Err(error) => {
                assert!(matches!(error.root(), Error::Unseal));
                assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
            }
            Ok(_) => panic!("opened with a wrong passphrase"),
        }
    }
    // XTrace contexts without a given salt get different ones.
    let salt = |ctx: &ExecutionContext| ctx.to_dict_enc().unwrap()["wrapped_key"].clone();
    let xtrace = || builder().format(Format::XTrace).passphrase("x").build().unwrap();
    assert_ne!(salt(&xtrace()), salt(&xtrace()));
}

#[test]
fn formats_refuse_what_they_cannot_hold() {
    let builder = || ExecutionContext::builder().embedding_length(DIMENSIONS);
    let subgroup = builder().scheme(Scheme::PaillierSubgroup).format(Format::XTrace).passphrase("x").build();
    assert!(matches!(subgroup, Err(Error::Unsupported { .. })));
    let argon2 = builder().format(Format::XTrace).create(PassphraseKeyProvider::new("x").unwrap());
    assert!(matches!(argon2, Err(Error::Unsupported { .. })));
    let scrypt = builder().create(PassphraseKeyProvider::xtrace("x", None).unwrap());
    assert!(matches!(scrypt, Err(Error::Unsupported { .. })));
}

#[test]
fn sizes_out_of_bounds_are_refused_before_any_work() {
    let builder = || ExecutionContext::builder().passphrase("x");
    for (refused, name) in [
        (builder().embedding_length(1024), "embedding_length"),
        (builder().embedding_length(0), "embedding_length"),
        (builder().key_len(1000), "key_len"),
        (builder().alpha_len(512), "alpha_len"),
    ] {
        assert!(matches!(refused.build(), Err(Error::Parameter { name: n, .. }) if n == name));
    }
    assert!(matches!(builder().embedding_length(64).key_len(512).build(), Err(Error::WeakKey { .. })));
    let weak = builder().scheme(Scheme::PaillierSubgroup).alpha_len(447).build();
    assert!(matches!(weak, Err(Error::WeakKey { .. })));
    assert!(matches!(builder().device(Device::GpuIndex(99)).build(), Err(Error::Device { .. })));
}
