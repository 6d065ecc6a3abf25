//! Foreign formats, one module each. They use schemes and contexts, which do not depend on them.

pub mod xtrace;
