//! The engine's calls on arrays without Python around them, for `benches/python.py`, which takes turns between them and its own: one call a line
//! of standard input.
//!
//! The first line is `CONTEXT PASSPHRASE VECTORS CIPHERTEXTS`: two files and the bytes of rows, one after the other. Each
//! line after it names an operation, and is answered with the seconds that it took.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark")]

#[path = "common/turns.rs"]
mod turns;

use hushvec::{BitMatrix, Device, Error, Evaluator, ExecutionContext, HomomorphicClient, PassphraseKeyProvider};
use std::io::BufRead;
use std::num::NonZeroUsize;
use std::path::Path;
use turns::seconds;

struct Calls {
    context: ExecutionContext,
    evaluator: Evaluator,
    vectors: Vec<u8>,
    ciphertexts: Vec<u8>,
}

impl Calls {
    fn new(first_line: &str) -> Self {
        let words: Vec<&str> = first_line.split_whitespace().collect();
        let &[context, passphrase, vectors, ciphertexts] = words.as_slice() else { panic!("four words, please") };
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

    /// From bytes to bytes, or to distances, as Python's calls: how many.
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
            _ => panic!("no operation {operation:?}"),
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
