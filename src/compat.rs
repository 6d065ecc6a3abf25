//! Foreign formats, one module each. They know schemes and contexts, which know nothing of them.

pub mod xtrace;
