//! Decoding the scores of a response.

use super::block::{BlockHeader, check_parameters};
use super::encrypt::block_secret;
use super::encrypt_query::QuerySecret;
use super::parameters::{DEGREE, Metric, basis};
use super::response::{self, Response, block_words};
use super::secret_key::SecretKey;
use crate::bignum::secrecy::declassify;
use crate::device::cpu::Run;
use crate::device::isa::Isa;
use crate::device::open_device::OpenDevice;
use crate::device::words::compiled_for_each_isa;
use crate::error::Error;
use crate::ring::modulus::{Broadcast, Modulus, low};
use crate::ring::pointwise;
use zeroize::Zeroizing;

/// The greatest root mean square of residues, the distances of phases from scores in units of a score. Right answers
/// have up to 0.14 by the formula of the noise; with a wrong secret, residues are uniform, which gives 0.29.
const MOST_RESIDUE: f64 = 0.2;

/// Why it may be public whether a response is valid.
const REFUSED: &str = "a response is refused as a whole, after all blocks were decoded";

impl SecretKey {
    /// Decodes the scores of all vectors of some blocks, in order: Hamming distances, or inner products of the scaled
    /// vectors.
    ///
    /// # Errors
    /// [`Error::Context`] if a block or the response has other parameters; [`Error::WrongQuery`] if the response is to
    /// another query; [`Error::Format`] if an answer is not one to this key and these blocks. That takes as long as
    /// decoding, wherever the error is.
    pub fn decode(
        &self,
        device: &OpenDevice,
        query: &QuerySecret,
        blocks: &[&BlockHeader],
        response: &Response,
    ) -> Result<Vec<i32>, Error> {
        check_parameters("the response", &self.parameters, &response.parameters)?;
        blocks.iter().try_for_each(|block| check_parameters("a block", &self.parameters, &block.parameters))?;
        if response.id != query.id {
            let (expected, actual) = (query.id.to_string(), response.id.to_string());
            return Err(Error::WrongQuery { expected, actual });
        }
        if response.blocks() != blocks.len() {
            let (expected, actual) = (blocks.len(), response.blocks());
            return Err(Error::Format { reason: format!("the response has {actual} blocks, expected {expected}") });
        }
        let (cpu, isa) = (device.cpu(), device.cpu().isa());
        let common = self.common_mask(isa, &response.shared);
        let width = block_words(&self.parameters);
        let mut scores: Vec<Result<Zeroizing<Vec<i32>>, Error>> = blocks.iter().map(|_| Err(Error::Unseal)).collect();
        cpu.for_each_run(&mut scores, 1, Run::new(1, 8), |first, scores| {
            for (i, scores) in (first..).zip(scores) {
                let answer = &response.words[i * width..(i + 1) * width];
                let decoded = self.decode_block(isa, query, blocks[i], &common, answer);
                *scores = decoded.and_then(|decoded| self.checked(decoded));
            }
        });
        let mut all = Vec::with_capacity(blocks.iter().map(|block| block.rows).sum());
        for (i, (scores, block)) in scores.into_iter().zip(blocks).enumerate() {
            let scores = scores.map_err(|error| match error {
                Error::Format { reason } => Error::Format { reason: format!("block {i} of the response: {reason}") },
                other => other,
            })?;
            all.extend_from_slice(&scores[..block.rows.min(DEGREE)]);
        }
        Ok(all)
    }

    /// Returns the values of A0 + A1·s modulo q0: what is multiplied with the secret of a block.
    pub(super) fn common_mask(&self, isa: Isa, shared: &[u32]) -> Zeroizing<Vec<u32>> {
        let ring = &basis().rings()[0];
        let [mut a0, mut a1] = [0, 1].map(|half| {
            let mut values = Zeroizing::new(shared[half * DEGREE..(half + 1) * DEGREE].to_vec());
            from_fractions(isa, ring.modulus(), 32, &mut values);
            ring.forward(isa, &mut values);
            values
        });
        pointwise::mul_mont(isa, ring.modulus(), &mut a1, &self.values[..DEGREE]);
        pointwise::add(isa, ring.modulus(), &mut a0, &a1);
        a0
    }

    /// Decodes a block: phase = d0 + d1·s + (A0 + A1·s)·s_block.
    pub(super) fn decode_block(
        &self,
        isa: Isa,
        query: &QuerySecret,
        block: &BlockHeader,
        common: &[u32],
        answer: &[u32],
    ) -> Result<Decoded, Error> {
        let ring = &basis().rings()[0];
        let secret = block_secret(isa, &self.block_seed(&block.nonce), 1)?;
        let [d0, mut phase] = response::unround(&self.parameters, answer);
        // A product modulo q0 is enough: its fraction of q0 is what the product's fraction of Q is, up to rounding.
        from_fractions(isa, ring.modulus(), self.parameters.response_bits()[1], &mut phase);
        ring.forward(isa, &mut phase);
        pointwise::mul_mont(isa, ring.modulus(), &mut phase, &self.values[..DEGREE]);
        pointwise::mul_add_mont(isa, ring.modulus(), &mut phase, common, &secret);
        ring.inverse(isa, &mut phase);

        let mut residues = Zeroizing::new(vec![0u32; DEGREE]);
        let mut scores = Zeroizing::new(vec![0u32; DEGREE]);
        let constants = Constants {
            factor: response::fraction_factor(ring.modulus()),
            offset: *query.offset,
            base: low(self.parameters.base()),
            least: query.least.cast_unsigned(),
        };
        write_scores(isa, constants, &phase, &d0, &mut scores, &mut residues);
        Ok(Decoded { scores, residues })
    }

    /// Refuses answers that are noise, which a wrong key or block gives.
    fn checked(&self, Decoded { scores, residues }: Decoded) -> Result<Zeroizing<Vec<i32>>, Error> {
        let scores = Zeroizing::new(scores.iter().map(|score| score.cast_signed()).collect::<Vec<_>>());
        let valid = match self.parameters.metric() {
            Metric::Hamming => {
                let square = |residue: &u32| ((f64::from(*residue) - 2f64.powi(31)) / 2f64.powi(32)).powi(2);
                let mean = residues.iter().map(square).sum::<f64>() / residues.len() as f64;
                mean <= MOST_RESIDUE * MOST_RESIDUE
            }
            // One score in nine of a uniform phase is out of range.
            Metric::InnerProduct { .. } => {
                let most = self.parameters.most_score();
                scores.iter().fold(0, |outside, score| outside | (most - score) | (most + score)) >= 0
            }
        };
        if declassify(valid, REFUSED) {
            return Ok(scores);
        }
        let reason = "not an answer to this query and this block: it was damaged, changed or mixed up".to_owned();
        Err(Error::Format { reason })
    }
}

/// The scores of a block, and how far each phase is above the least one of its score: a fraction of 2^32.
pub(super) struct Decoded {
    pub(super) scores: Zeroizing<Vec<u32>>,
    pub(super) residues: Zeroizing<Vec<u32>>,
}

/// The constants of [`write_scores`].
#[derive(Clone, Copy)]
struct Constants {
    /// Of [`response::fraction`].
    factor: u32,
    offset: u32,
    base: u32,
    least: u32,
}

compiled_for_each_isa! {
    /// Converts fractions of `bits` bits to residues: out ← round(out·q / 2^bits).
    fn from_fractions<W>(isa; modulus: Modulus, bits: u32, out: &mut [u32]) {
        let m: Broadcast<W> = modulus.broadcast(isa);
        let half = W::splat(isa, 1 << 31).mul_wide(W::splat(isa, 1));
        for out in bytemuck::cast_slice_mut::<u32, W::Array>(out) {
            let product = W::load(isa, out).shl(32 - bits).mul_wide(m.q);
            m.reduce_once(W::upper(W::add_wide(product, half))).store(out);
        }
    }

    /// Writes the highest digit of d0 plus phase/q plus the offset, and the fraction that is left of it.
    fn write_scores<W>(
        isa; constants: Constants, phase: &[u32], d0: &[u32], scores: &mut [u32], residues: &mut [u32],
    ) {
        let Constants { factor, offset, base, least } = constants;
        let [factor, offset, base, least] = [factor, offset, base, least].map(|x| W::splat(isa, x));
        let [phase, d0]: [&[W::Array]; 2] = [phase, d0].map(bytemuck::cast_slice);
        let [scores, residues]: [&mut [W::Array]; 2] = [scores, residues].map(bytemuck::cast_slice_mut);
        for (((score, residue), phase), d0) in scores.iter_mut().zip(residues).zip(phase).zip(d0) {
            let fraction = response::fraction(W::load(isa, phase), factor);
            let fraction = fraction.add(W::load(isa, d0)).add(offset);
            fraction.mul_high(base).add(least).store(score);
            fraction.mul_low(base).store(residue);
        }
    }
}
