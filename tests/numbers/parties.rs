//! The owner and the evaluator of these tests.

use crate::keys::context;
use hushvec::{Device, EncryptedArray, Error, ExecutionContext, NumberEvaluator, Scheme};
use num_bigint::BigInt;
use std::sync::OnceLock;

pub fn fast() -> &'static ExecutionContext {
    context(Scheme::PaillierSubgroup)
}

pub fn evaluator(ctx: &ExecutionContext) -> NumberEvaluator {
    NumberEvaluator::open(&ctx.public_context(), Device::Cpu).unwrap()
}

pub fn of_fast() -> &'static NumberEvaluator {
    static EVALUATOR: OnceLock<NumberEvaluator> = OnceLock::new();
    EVALUATOR.get_or_init(|| evaluator(fast()))
}

pub fn exact(ctx: &ExecutionContext, numbers: &EncryptedArray) -> Vec<BigInt> {
    ctx.decrypt_exactly_vartime(numbers).unwrap().values().to_vec()
}

pub fn is_refused<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    match result {
        Err(Error::Magnitude { bits, limit, .. }) => bits >= limit,
        Ok(_) => false,
        Err(error) => panic!("{error}"),
    }
}
