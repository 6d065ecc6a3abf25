//! Contexts as they are stored, in whichever format: `context` knows the native one, `compat` the others.

mod public;
