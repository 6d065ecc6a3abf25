//! The engine's calls on arrays without Python, for `benches/python.py`, which interleaves them with its own calls.
//!
//! Reads lines from standard input. The first is `CONTEXT PASSPHRASE VECTORS CIPHERTEXTS`: the path of a context, its
//! passphrase, and the paths of two files with rows of bytes. Each following line names an operation. The reply is
//! the seconds that it took, and the number of results.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark")]

#[path = "common/interleaved.rs"]
mod interleaved;

use hushvec::{BitMatrix, Device, Error, Evaluator, ExecutionContext, HomomorphicClient, PassphraseKeyProvider};
use interleaved::seconds;
use std::io::BufRead;
use std::num::NonZeroUsize;
use std::path::Path;

struct Calls {
    context: ExecutionContext,
    evaluator: Evaluator,
    vectors: Vec<u8>,
    ciphertexts: Vec<u8>,
}

impl Calls {
    fn new(first_line: &str) -> Self {
        let words: Vec<&str> = first_line.split_whitespace().collect();
        let &[context, passphrase, vectors, ciphertexts] = words.as_slice() else {
            panic!("expected CONTEXT PASSPHRASE VECTORS CIPHERTEXTS in the first line")
        };
        let one = NonZeroUsize::MIN;
        let provider = PassphraseKeyProvider::new(passphrase).unwrap();
        let loader = ExecutionContext::loader().device(Device::Cpu).threads(Some(one));
        let context = loader.load_from_disk(Path::new(context), &provider).unwrap();
        let evaluator = Evaluator::with_threads(&context.public_context(), Device::Cpu, Some(one)).unwrap();
        Self {
            context,
            evaluator,
            vectors: std::fs::read(vectors).unwrap(),
            ciphertexts: std::fs::read(ciphertexts).unwrap(),
        }
    }

    /// Runs an operation from bytes to bytes or distances, as the calls from Python do. Returns the number of results.
    fn call(&self, operation: &str) -> Result<usize, Error> {
        let (context, evaluator) = (&self.context, &self.evaluator);
        let width = context.parameters().ciphertext_bytes();
        match operation {
            "encrypt" => {
                let rows = BitMatrix::from_rows(context.embed_len(), self.vectors.chunks(context.embed_len()))?;
                Ok(context.integers(&context.encrypt_vec_batch(&rows)?)?.len() / width)
            }
            "aggregate" => {
                let stored = evaluator.import(&self.ciphertexts)?;
                let query = stored.get(0).ok_or(Error::Missing("a ciphertext"))?;
                Ok(evaluator.integers(&evaluator.hamming_batch(&query, &stored)?)?.len() / width)
            }
            "decode" => Ok(context.decode_hamming_client_batch(&context.import(&self.ciphertexts)?)?.len()),
            _ => panic!("unknown operation {operation:?}"),
        }
    }
}

fn main() {
    let mut lines = std::io::stdin().lock().lines().map(Result::unwrap);
    let Some(calls) = lines.next().map(|line| Calls::new(&line)) else { return };
    for operation in lines {
        let (seconds, count) = seconds(|| calls.call(&operation).unwrap());
        println!("{seconds} {count}");
    }
}
