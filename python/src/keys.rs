//! Conversion of keys: the owner's, or the public key alone.

use crate::context::Context;
use crate::errors::InputError;
use crate::evaluator::Evaluator;
use hushvec::{BitMatrix, Ciphertexts, Error, ExecutionContext, HomomorphicClient, PublicKey};
use pyo3::prelude::*;
use std::sync::Arc;

/// The keys of an argument: an execution context, a client or an evaluator.
#[derive(Clone)]
pub enum Keys {
    Owner(Arc<ExecutionContext>),
    Public(Arc<hushvec::Evaluator>),
}

impl<'py> FromPyObject<'_, 'py> for Keys {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(evaluator) = given.cast::<Evaluator>() {
            return Ok(Self::Public(Arc::clone(evaluator.get().get())));
        }
        Owner::extract(given).map(|Owner(context)| Self::Owner(context)).map_err(|error| {
            let is_neither = error.is_instance_of::<InputError>(given.py());
            if is_neither { wrong("an ExecutionContext, a client with keys, or an Evaluator", given) } else { error }
        })
    }
}

impl Keys {
    pub fn encrypt(&self, vectors: &BitMatrix) -> Result<Ciphertexts, Error> {
        match self {
            Self::Owner(context) => context.encrypt_vec_batch(vectors),
            Self::Public(evaluator) => evaluator.encrypt_vec_batch(vectors),
        }
    }

    pub fn import(&self, integers: &[u8]) -> Result<Ciphertexts, Error> {
        match self {
            Self::Owner(context) => context.import(integers),
            Self::Public(evaluator) => evaluator.import(integers),
        }
    }

    pub fn public_key(&self) -> &Arc<PublicKey> {
        match self {
            Self::Owner(context) => context.public_key(),
            Self::Public(evaluator) => evaluator.public_key(),
        }
    }
}

/// The owner's keys of an argument: an execution context or a client.
pub struct Owner(pub Arc<ExecutionContext>);

impl<'py> FromPyObject<'_, 'py> for Owner {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(context) = given.cast::<Context>() {
            return Ok(Self(Arc::clone(context.get().get())));
        }
        // A client without keys raises its own error, which the caller gets.
        let expected = "an ExecutionContext or a client with keys";
        let Some(keys) = given.getattr_opt("_keys")? else { return Err(wrong(expected, given)) };
        match keys.cast::<Context>() {
            Ok(context) => Ok(Self(Arc::clone(context.get().get()))),
            Err(_) => Err(wrong(expected, given)),
        }
    }
}

fn wrong(expected: &str, given: Borrowed<'_, '_, PyAny>) -> PyErr {
    InputError::new_err(format!("expected {expected}, not {}", given.get_type()))
}
