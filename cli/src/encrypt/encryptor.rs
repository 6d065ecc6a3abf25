//! Encryption with an owner's context or with a public context.

use crate::args::{self, Compute, Owner};
use crate::failure::Failure;
use hushvec::{
    BitMatrix, Ciphertexts, ContextFile, DeviceReport, Error, Evaluator, ExecutionContext, HomomorphicClient,
    PackedContext, PublicKey, Scheme, StoredContext,
};
use std::sync::Arc;

/// A context that encrypts.
pub enum Encryptor {
    Paillier(Paillier),
    Packed(Box<PackedContext>),
}

impl Encryptor {
    pub fn open(file: &StoredContext, owner: &Owner) -> Result<Self, Failure> {
        match file {
            StoredContext::Paillier(file) => Paillier::open(file, owner).map(Self::Paillier),
            StoredContext::Packed(file) => Ok(Self::Packed(Box::new(owner.open_packed(file)?))),
        }
    }

    pub fn device_report(&self) -> DeviceReport {
        match self {
            Self::Paillier(paillier) => paillier.device_report(),
            Self::Packed(context) => context.open_device().report(),
        }
    }

    /// Returns the number of vectors to encrypt at once.
    pub fn block(&self) -> usize {
        match self {
            Self::Paillier(paillier) => paillier.block(),
            Self::Packed(context) => 4 * context.parameters().vectors_per_block(),
        }
    }

    /// Returns the standard deviation of the error of a cosine, for inner products.
    pub fn cosine_error(&self) -> Option<f64> {
        match self {
            Self::Paillier(_) => None,
            Self::Packed(context) => context.parameters().cosine_error(),
        }
    }
}

/// A context of a Paillier scheme, the owner's or a public one.
pub enum Paillier {
    Owner(Box<ExecutionContext>),
    Public(Box<Evaluator>),
}

impl Paillier {
    pub fn open(file: &ContextFile, owner: &Owner) -> Result<Self, Failure> {
        if file.owner().is_some() {
            return Ok(Self::Owner(Box::new(owner.open(file)?)));
        }
        let public = file.public();
        args::warn_if_weak(public.parameters());
        let compute = &owner.compute;
        let evaluator = Evaluator::with_threads(public, compute.device_or_auto(), compute.threads)?;
        Ok(Self::Public(Box::new(evaluator)))
    }

    pub fn key(&self) -> &Arc<PublicKey> {
        match self {
            Self::Owner(context) => context.public_key(),
            Self::Public(evaluator) => evaluator.public_key(),
        }
    }

    pub fn encrypt(&self, vectors: &BitMatrix) -> Result<Ciphertexts, Error> {
        match self {
            Self::Owner(context) => context.encrypt_vec_batch(vectors),
            Self::Public(evaluator) => evaluator.encrypt_vec_batch(vectors),
        }
    }

    /// Returns an evaluator for the same key.
    pub fn evaluator(&self, compute: &Compute) -> Result<Evaluator, Error> {
        let public = match self {
            Self::Owner(context) => context.public_context(),
            Self::Public(evaluator) => evaluator.public_context().clone(),
        };
        Evaluator::with_threads(&public, compute.device_or_auto(), compute.threads)
    }

    pub fn device_report(&self) -> DeviceReport {
        match self {
            Self::Owner(context) => context.device_report(),
            Self::Public(evaluator) => evaluator.device_report(),
        }
    }

    /// Returns the number of vectors per block: enough for all threads to share the window tables, few enough for a
    /// block to take seconds at most.
    pub fn block(&self) -> usize {
        match self.key().parameters().scheme() {
            Scheme::Paillier => 256,
            _ => 2048,
        }
    }
}
