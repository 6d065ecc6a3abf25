//! Encrypting vectors.

use super::block::{Block, BlockHeader};
use super::content::{COLUMN_WORDS, Columns, Vectors};
use super::parameters::{DEGREE, Parameters, TILE, basis};
use super::secret_key::{self, Purpose, SecretKey};
use crate::bignum::random::{OsRandom, RandomSource};
use crate::device::cpu::Run;
use crate::device::isa::Isa;
use crate::device::open_device::OpenDevice;
use crate::device::words::{Words, compiled_for_each_isa};
use crate::error::Error;
use crate::ring::modulus::{Broadcast, Modulus, Multiplier};
use crate::rlwe::prg::{Prg, SEED_BYTES};
use crate::rlwe::sampler::{self, ERROR_BYTES, LARGEST_ERROR};
use zeroize::Zeroizing;

/// Polynomials that are written together, so that each write is of 512 neighbouring bytes.
pub(super) const GROUP: usize = 8;

/// What the streams of a block's seed are for.
#[derive(Clone, Copy)]
enum Stream {
    Secret,
    Errors,
}

impl SecretKey {
    /// Encrypts vectors into blocks of up to 4,096, in order.
    ///
    /// Each block has a secret of its own, derived from new random bytes and the content. So no secret ever has two
    /// contents, even if the random numbers repeat, as in a cloned virtual machine.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Dimension`] or [`Error::NotANumber`] for vectors that do not suit the key;
    /// [`Error::Random`] if there are no random numbers.
    pub fn encrypt(&self, device: &OpenDevice, vectors: &Vectors<'_>) -> Result<Vec<Block>, Error> {
        self.encrypt_from(device, vectors, &|| OsRandom)
    }

    /// [`SecretKey::encrypt`] with another source of random numbers for each block.
    pub(crate) fn encrypt_from<R: RandomSource>(
        &self,
        device: &OpenDevice,
        vectors: &Vectors<'_>,
        random: &(impl Fn() -> R + Sync),
    ) -> Result<Vec<Block>, Error> {
        let rows = vectors.rows(&self.parameters)?;
        let mut blocks: Vec<Option<Result<Block, Error>>> = (0..rows.div_ceil(DEGREE)).map(|_| None).collect();
        let isa = device.cpu().isa();
        device.cpu().for_each_run(&mut blocks, 1, Run::new(1, 1), |first, blocks| {
            for (i, block) in blocks.iter_mut().enumerate() {
                let start = (first + i) * DEGREE;
                let columns = Columns::new(self, vectors, start..rows.min(start + DEGREE));
                let len = rows.min(start + DEGREE) - start;
                *block = Some(columns.and_then(|columns| self.encrypt_block(isa, &columns, len, &mut random())));
            }
        });
        blocks.into_iter().flatten().collect()
    }

    /// Encrypts the columns of a block.
    pub(super) fn encrypt_block(
        &self,
        isa: Isa,
        columns: &Columns,
        rows: usize,
        random: &mut impl RandomSource,
    ) -> Result<Block, Error> {
        let parameters = &self.parameters;
        let nonce = self.synthetic_nonce(Purpose::Block, &columns.digest(), random)?;
        let seed = self.block_seed(&nonce);
        let secret = block_secret(isa, &seed, 2)?;

        let polynomials = parameters.polynomials();
        let mut words = vec![0; parameters.block_words()];
        let mut stream = Prg::new(&seed, Stream::Errors as u64);
        let mut random_words = Zeroizing::new(vec![0u32; GROUP * ERROR_BYTES / 4 * DEGREE]);
        let mut buffer = Zeroizing::new(vec![0u32; GROUP * DEGREE]);
        for first in (0..polynomials).step_by(GROUP) {
            let group = GROUP.min(polynomials - first);
            stream.next(bytemuck::cast_slice_mut(&mut random_words[..group * ERROR_BYTES / 4 * DEGREE]));
            for (limb, words) in words.chunks_exact_mut(polynomials * DEGREE).enumerate() {
                let message = Message::new(parameters, limb);
                for i in 0..group {
                    let drawn = &random_words[i * ERROR_BYTES / 4 * DEGREE..][..ERROR_BYTES / 4 * DEGREE];
                    let out = &mut buffer[i * DEGREE..(i + 1) * DEGREE];
                    write_message(isa, &message, columns, (first + i) * parameters.digits(), drawn, out);
                    basis().rings()[limb].forward(isa, out);
                }
                let shared = &self.shared()[(limb * polynomials + first) * DEGREE..][..group * DEGREE];
                let secret = &secret[limb * DEGREE..(limb + 1) * DEGREE];
                let modulus = basis().rings()[limb].modulus();
                subtract_products(isa, modulus, &mut buffer[..group * DEGREE], shared, secret);
                for (tile, words) in words.chunks_exact_mut(polynomials * TILE).enumerate() {
                    for i in 0..group {
                        words[(first + i) * TILE..][..TILE]
                            .copy_from_slice(&buffer[i * DEGREE + tile * TILE..][..TILE]);
                    }
                }
            }
        }
        let header = BlockHeader { parameters: parameters.clone(), rows, nonce };
        Ok(Block { header, words })
    }
}

/// Returns the values of a block's secret modulo the first primes, in Montgomery form.
pub(super) fn block_secret(isa: Isa, seed: &[u8; SEED_BYTES], limbs: usize) -> Result<Zeroizing<Vec<u32>>, Error> {
    let mut secret = Zeroizing::new(vec![0; DEGREE]);
    sampler::ternary(&mut Prg::new(seed, Stream::Secret as u64), &mut secret)?;
    Ok(secret_key::values(isa, &secret, limbs))
}

compiled_for_each_isa! {
    /// out ← out − a·s, with s in Montgomery form; `out` and `a` hold several polynomials.
    fn subtract_products<W>(isa; modulus: Modulus, out: &mut [u32], a: &[u32], s: &[u32]) {
        let m: Broadcast<W> = modulus.broadcast(isa);
        let s: &[W::Array] = bytemuck::cast_slice(s);
        for (out, a) in out.chunks_exact_mut(DEGREE).zip(a.chunks_exact(DEGREE)) {
            let out: &mut [W::Array] = bytemuck::cast_slice_mut(out);
            let a: &[W::Array] = bytemuck::cast_slice(a);
            for ((out, a), s) in out.iter_mut().zip(a).zip(s) {
                let product = m.mul_mont(W::load(isa, a), W::load(isa, s));
                m.sub(W::load(isa, out), product).store(out);
            }
        }
    }

    /// Writes a polynomial with the dimensions from `first` and the errors of `random`, up to 2q − 1 per coefficient.
    fn write_message<W>(isa; message: &Message, columns: &Columns, first: usize, random: &[u32], out: &mut [u32]) {
        let m: Broadcast<W> = message.modulus.broadcast(isa);
        let dimensions = message.powers.len().min(message.dimensions - first);
        message.write_errors::<W>(isa, &m, message.excess[dimensions], random, out);
        let powers = message.powers[..dimensions].iter();
        match columns {
            Columns::Bits(columns) => {
                for (power, column) in powers.zip(columns.chunks_exact(COLUMN_WORDS).skip(first)) {
                    add_bits::<W>(isa, &m, column, power.value, out);
                }
            }
            Columns::Integers(columns) => {
                for (power, column) in powers.zip(columns.chunks_exact(DEGREE).skip(first)) {
                    add_integers::<W>(isa, &m, column, power.broadcast(isa), out);
                }
            }
        }
    }
}

/// The constants of messages X + t·e modulo one prime.
struct Message {
    modulus: Modulus,
    /// B^u, for each dimension of a coefficient.
    powers: Vec<Multiplier>,
    plaintext_modulus: Multiplier,
    /// What is too much in X + t·e when components and errors are counted from their minimum, negated: for each
    /// number of dimensions that a coefficient has, from none.
    excess: Vec<u32>,
    dimensions: usize,
}

impl Message {
    fn new(parameters: &Parameters, limb: usize) -> Self {
        let modulus = basis().rings()[limb].modulus();
        let residue = |x: u128| modulus.reduce_signed(x.cast_signed());
        let powers: Vec<u32> = parameters.powers().iter().map(|power| residue(*power)).collect();
        let plaintext_modulus = residue(parameters.plaintext_modulus());
        let offset = parameters.most_length().unwrap_or_default();
        let mut excess = vec![modulus.mul(plaintext_modulus, LARGEST_ERROR)];
        for power in &powers {
            let last = excess.last().copied().unwrap_or_default();
            excess.push(modulus.reduce(u64::from(last) + u64::from(modulus.mul(*power, offset))));
        }
        Self {
            powers: powers.iter().map(|power| modulus.multiplier(*power)).collect(),
            plaintext_modulus: modulus.multiplier(plaintext_modulus),
            excess: excess.iter().map(|x| modulus.value() - x).collect(),
            modulus,
            dimensions: parameters.dimensions(),
        }
    }

    /// out ← t·e, minus the excess.
    #[inline(always)]
    fn write_errors<W: Words>(&self, isa: W::Isa, m: &Broadcast<W>, excess: u32, random: &[u32], out: &mut [u32]) {
        let (plus, minus) = random.split_at(DEGREE);
        let [plus, minus]: [&[W::Array]; 2] = [plus, minus].map(bytemuck::cast_slice);
        let out: &mut [W::Array] = bytemuck::cast_slice_mut(out);
        let mask = W::splat(isa, (1 << LARGEST_ERROR) - 1);
        let (factor, excess) = (self.plaintext_modulus.broadcast(isa), W::splat(isa, excess));
        for ((out, plus), minus) in out.iter_mut().zip(plus).zip(minus) {
            // Σ plus + Σ (1 − minus) is the error plus the greatest error.
            let ones = [W::load(isa, plus).and(mask), mask.sub(W::load(isa, minus).and(mask))];
            let error = count_ones::<W>(isa, ones);
            m.reduce_double(m.mul_lazy(error, factor).add(excess)).store(out);
        }
    }
}

/// Counts the ones of two words in each lane.
#[inline(always)]
fn count_ones<W: Words>(isa: W::Isa, words: [W; 2]) -> W {
    let [twos, fours, eights] = [0x5555_5555, 0x3333_3333, 0x0f0f_0f0f].map(|mask| W::splat(isa, mask));
    let [x, y] = words.map(|x| {
        let x = x.sub(x.shr(1).and(twos));
        x.and(fours).add(x.shr(2).and(fours))
    });
    let sum = x.add(y);
    let bytes = sum.and(eights).add(sum.shr(4).and(eights));
    bytes.mul_low(W::splat(isa, 0x0101_0101)).shr(24)
}

/// out ← out + power, where the column has a one. Up to 2q − 1.
#[inline(always)]
fn add_bits<W: Words>(isa: W::Isa, m: &Broadcast<W>, column: &[u64], power: u32, out: &mut [u32]) {
    let out: &mut [W::Array] = bytemuck::cast_slice_mut(out);
    let (one, zero, power) = (W::splat(isa, 1), W::splat(isa, 0), W::splat(isa, power));
    // Each lane looks at one bit of a word with as many bits as lanes.
    let mut bits = <W::Array as bytemuck::Zeroable>::zeroed();
    bits.as_mut().iter_mut().enumerate().for_each(|(i, bit)| *bit = 1 << i);
    let bit = W::load(isa, &bits);
    for (word, out) in column.iter().zip(out.chunks_exact_mut(64 / W::LANES)) {
        for (i, out) in out.iter_mut().enumerate() {
            let word = W::splat(isa, (word >> (i * W::LANES) & 0xffff_ffff) as u32);
            let mask = zero.sub(word.and(bit).min(one));
            m.reduce_double(W::load(isa, out).add(mask.and(power))).store(out);
        }
    }
}

/// out ← out + x·power for the components x of a column. Up to 2q − 1.
#[inline(always)]
fn add_integers<W: Words>(isa: W::Isa, m: &Broadcast<W>, column: &[u16], power: [W; 2], out: &mut [u32]) {
    let out: &mut [W::Array] = bytemuck::cast_slice_mut(out);
    for (out, column) in out.iter_mut().zip(column.chunks_exact(W::LANES)) {
        let mut components = <W::Array as bytemuck::Zeroable>::zeroed();
        components.as_mut().iter_mut().zip(column).for_each(|(out, x)| *out = u32::from(*x));
        let product = m.mul_lazy(W::load(isa, &components), power);
        m.reduce_double(W::load(isa, out).add(product)).store(out);
    }
}
