//! Equality and ids of contexts.

use crate::keys::{DIMENSIONS, FixedKeyProvider, contexts};
use crate::reopen;
use hushvec::{ContextInfo, Device, Error, ExecutionContext, HomomorphicClient};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

fn rust_hash(context: &ExecutionContext) -> u64 {
    let mut hasher = DefaultHasher::new();
    Hash::hash(context, &mut hasher);
    hasher.finish()
}

#[test]
fn contexts_that_differ_in_device_are_equal() {
    for ctx in contexts() {
        let mut other = reopen(ctx);
        other.set_device(Device::Cpu, None).unwrap();
        assert_eq!((other.device(), ctx.device()), (&Device::Cpu, &Device::Auto));
        assert_eq!(&other, ctx);
        assert_eq!(rust_hash(&other), rust_hash(ctx));
        assert_eq!(
            (other.id().unwrap(), other.hash().unwrap(), other.public_id()),
            (ctx.id().unwrap(), ctx.hash().unwrap(), ctx.public_id())
        );
        let c = other.encrypt_vec_one(&[1; DIMENSIONS]).unwrap();
        let sum = ctx.add(&c, &ctx.encrypt_vec_one(&[0; DIMENSIONS]).unwrap()).unwrap();
        assert_eq!(other.decode_hamming_client_one(&sum).unwrap(), 96);
        // The device is stored and loaded.
        assert_eq!(reopen(&other).device(), &Device::Cpu);
        assert!(matches!(other.set_device(Device::GpuIndex(99), None), Err(Error::Device { .. })));
        assert_eq!(other.device(), &Device::Cpu);
        // The setting to keep secrets on the CPU is stored and loaded, and does not affect equality.
        assert!(!reopen(&other).secrets_on_cpu());
        let text = other.serialize_exec_context().unwrap();
        let loader = ExecutionContext::loader().secrets_on_cpu(true);
        let careful = loader.from_serialized(&text, &FixedKeyProvider::default()).unwrap();
        assert!(careful.secrets_on_cpu() && reopen(&careful).secrets_on_cpu() && careful == other);
    }
    let mut all: Vec<_> = contexts().collect();
    all.dedup_by(|a, b| a == b);
    assert_eq!(all.len(), 3, "different keys are different contexts");
}

#[test]
fn ids_given_by_hand_are_kept() {
    for ctx in contexts() {
        assert_eq!(ctx.id().unwrap(), ctx.public_id().to_string());
        let text = ctx.serialize_exec_context().unwrap();
        let named = ExecutionContext::from_serialized(&text, &FixedKeyProvider::default(), Some("mine")).unwrap();
        assert_eq!((named.id().unwrap().as_str(), named.hash().unwrap()), ("mine", ctx.hash().unwrap()));
        assert_eq!(&named, ctx);
        assert_eq!(reopen(&named).id().unwrap(), "mine");
        let info = ContextInfo::from_serialized(&named.serialize_exec_context().unwrap()).unwrap();
        assert_eq!((info.id.as_deref(), info.public.public_id()), (Some("mine"), ctx.public_id()));
    }
}
