//! `packed_scan` on a GPU.

use super::{SUMS, TILES, on_cpu};
use crate::device::cpu::Cpu;
use crate::device::gpu::GpuFailure;
use crate::device::gpu::buffer::{Buffer, Secrecy};
use crate::device::gpu::engine::{Engine, word};
use crate::device::gpu::readback::{Readback, copy};
use crate::device::gpu::shader::{Run, Shader};
use crate::device::offload::kernel::{Kernel, Launch};
use crate::device::offload::known_answer::are_same;
use crate::error::Error;
use crate::ring::kernels::gpu::sums;
use crate::rlwe::packed::kernels::combination::Combination;
use crate::rlwe::packed::parameters::{DEGREE, TILE, basis};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) const SHADER: Shader = Shader {
    name: "packed_scan",
    parts: &[
        include_str!("../../../../../shaders/ring/residues.wgsl"),
        include_str!("../../../../../shaders/ring/sums.wgsl"),
        include_str!("../../../../../shaders/rlwe/packed_scan.wgsl"),
    ],
};

/// Blocks of an invocation, which share what it loads of the query. Blocks beyond a multiple are computed one by
/// one.
const BLOCKS: usize = 4;
/// Tiles of a workgroup.
const GROUP_TILES: usize = 4;
/// The most blocks of a round. While one round is computed, the results of the one before it are checked.
const ROUND: usize = 64;

/// The sums of products of queries with blocks: one list per query, one row per block.
pub(crate) struct PackedScan<'a> {
    polynomials: usize,
    queries: &'a [&'a [u32]],
    blocks: &'a [&'a [u32]],
    /// The combination that checks the round whose results came last: all lists of a round share it.
    combination: Mutex<Option<(Range<usize>, Arc<Combination>)>>,
}

/// Queries on a device, each in parts of whole tiles.
pub(crate) struct DeviceQueries {
    queries: Vec<Vec<Buffer>>,
    /// Tiles of a part; the last part may have fewer.
    tiles: usize,
}

impl<'a> PackedScan<'a> {
    pub(crate) fn new(polynomials: usize, queries: &'a [&'a [u32]], blocks: &'a [&'a [u32]]) -> Self {
        Self { polynomials, queries, blocks, combination: Mutex::new(None) }
    }

    /// Words of a tile of a block. A tile of a query has twice as many.
    fn tile(&self) -> usize {
        self.polynomials * TILE
    }

    /// Products of a tile with a tile of a query.
    fn macs(&self) -> u64 {
        2 * self.tile() as u64
    }

    fn combination(&self, cpu: &Cpu, rows: Range<usize>) -> Result<Arc<Combination>, Error> {
        let mut last = self.combination.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, combination)) = last.as_ref().filter(|(of, _)| *of == rows) {
            return Ok(Arc::clone(combination));
        }
        let combination = Arc::new(Combination::new(cpu, self.polynomials, &self.blocks[rows.clone()])?);
        *last = Some((rows, Arc::clone(&combination)));
        Ok(combination)
    }

    /// Dispatches some tiles of a part of the blocks, with a query. `blocks` are those of the round.
    fn dispatch(
        &self,
        engine: &Engine,
        buffers: [&Buffer; 3],
        [part, tiles]: [Range<usize>; 2],
        blocks: Range<usize>,
        first_sum: usize,
    ) -> Result<(), GpuFailure> {
        let at_once = if blocks.len() >= BLOCKS { BLOCKS } else { 1 };
        let groups = blocks.len() / at_once;
        let numbers = [
            self.polynomials,
            part.start,
            part.len(),
            tiles.start,
            tiles.end,
            blocks.start,
            first_sum + blocks.start,
            groups,
        ];
        let mut params: [u32; 24] = [0; 24];
        let constants = basis().rings()[..2].iter().flat_map(|ring| sums::constants(ring.modulus()));
        params.iter_mut().zip(numbers.into_iter().map(word).chain(constants)).for_each(|(to, from)| *to = from);
        SHADER.run(
            engine,
            &Run {
                variant: [word(at_once), 0, 0],
                header: &|| header(at_once),
                params,
                buffers: &buffers,
                workgroups: word(tiles.len().div_ceil(GROUP_TILES) * groups),
                macs: (tiles.len() * groups * at_once) as u64 * self.macs(),
            },
        )
    }
}

impl Kernel for PackedScan<'_> {
    const NAME: &'static str = SHADER.name;
    type Element = u32;
    type Prepared = DeviceQueries;

    fn size(&self) -> usize {
        DEGREE
    }

    fn length(&self) -> usize {
        self.polynomials
    }

    fn suits_gpus(&self) -> bool {
        true
    }

    fn lists(&self) -> usize {
        self.queries.len()
    }

    fn rows(&self) -> usize {
        self.blocks.len()
    }

    fn width(&self) -> usize {
        SUMS
    }

    fn compute(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &mut [u32]) {
        on_cpu(cpu, self.polynomials, &self.queries[list..=list], &self.blocks[rows], out);
    }

    fn holds(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &[u32]) -> Result<bool, Error> {
        Ok(self.combination(cpu, rows)?.holds(cpu, self.queries[list], out))
    }

    fn prepare(&self, engine: &Arc<Engine>) -> Result<DeviceQueries, GpuFailure> {
        let tiles = engine.most_bytes() / (8 * self.tile().max(1)) as u64;
        let tiles = usize::try_from(tiles).unwrap_or(usize::MAX).clamp(1, 2 * TILES);
        let upload = |query: &&[u32]| {
            let parts = query.chunks((tiles * 2 * self.tile()).max(1));
            parts.map(|part| engine.upload(part, Secrecy::Public)).collect::<Result<Vec<Buffer>, _>>()
        };
        Ok(DeviceQueries { queries: self.queries.iter().map(upload).collect::<Result<_, _>>()?, tiles })
    }

    fn round(&self, engine: &Engine, device: &mut DeviceQueries, _: usize, most: usize) -> usize {
        let bytes = (4 * device.tiles * self.tile()).max(4 * SUMS * self.queries.len());
        let fit = usize::try_from(engine.most_bytes() / bytes.max(1) as u64).unwrap_or(usize::MAX);
        let affordable = engine.budget.pieces(self.macs() * GROUP_TILES as u64);
        let least_groups = usize::try_from(engine.most_workgroups()).unwrap_or(usize::MAX);
        let rows = fit.min(affordable).min(least_groups).min(most).min(ROUND);
        // Full groups, if there is a choice.
        if rows > BLOCKS { rows / BLOCKS * BLOCKS } else { rows }
    }

    fn launch(&self, engine: &Engine, device: &mut DeviceQueries, rows: Range<usize>) -> Result<Launch, GpuFailure> {
        let (count, tile) = (rows.len(), self.tile());
        let output = engine.buffer(4 * SUMS * count * self.queries.len(), Secrecy::Public)?;
        let grouped = count / BLOCKS * BLOCKS;
        for (i, first) in (0..2 * TILES).step_by(device.tiles).enumerate() {
            let part = first..(first + device.tiles).min(2 * TILES);
            let input = engine.buffer(4 * count * part.len() * tile, Secrecy::Public)?;
            for (row, block) in self.blocks[rows.clone()].iter().enumerate() {
                let words = &block[part.start * tile..part.end * tile];
                engine.write_at(&input, row * words.len(), words);
            }
            for (list, parts) in device.queries.iter().enumerate() {
                let Some(query) = parts.get(i) else { continue };
                for blocks in [0..grouped, grouped..count].into_iter().filter(|blocks| !blocks.is_empty()) {
                    let affordable = engine.budget.pieces(self.macs() * blocks.len() as u64);
                    let most = (engine.most_workgroups() as usize / blocks.len()).max(1) * GROUP_TILES;
                    let at_once = (affordable / GROUP_TILES * GROUP_TILES).clamp(GROUP_TILES, most);
                    for begin in (0..part.len()).step_by(at_once) {
                        let tiles = begin..(begin + at_once).min(part.len());
                        let buffers = [query, &input, &output];
                        self.dispatch(engine, buffers, [part.clone(), tiles], blocks.clone(), list * count)?;
                    }
                }
            }
        }
        let macs = (count * self.queries.len() * 2 * TILES) as u64 * self.macs();
        let readback = Readback::start(engine, &output, count * self.queries.len(), 4 * SUMS, Secrecy::Public)?;
        Ok(Launch { readback, macs: Some(macs) })
    }

    fn read(&self, bytes: &[u8], out: &mut [u32]) {
        copy(bytes, out);
    }

    /// Sums of two full chunks of products and a part of one, with the greatest residues and random ones, for a
    /// full group of blocks and a single one.
    fn known_answer(_: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
        const POLYNOMIALS: usize = 37;
        let mut state = 1u64;
        let mut words = |halves: usize, is_greatest: bool| {
            let words = 2 * DEGREE * halves * POLYNOMIALS;
            let residue = |i: usize| {
                let q = basis().rings()[2 * i / words].modulus().value();
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if is_greatest { q - 1 } else { word((state >> 33) as usize) % q }
            };
            (0..words).map(residue).collect::<Vec<u32>>()
        };
        let queries = [words(2, true), words(2, false)];
        let blocks = [true, false, false, true, false].map(|is_greatest| words(1, is_greatest));
        let (queries, blocks) = (queries.each_ref().map(Vec::as_slice), blocks.each_ref().map(Vec::as_slice));
        are_same(&PackedScan::new(POLYNOMIALS, &queries, &blocks), engine, cpu)
    }
}

/// The header of the shader, for invocations that compute `blocks` blocks: 1 to 4.
fn header(blocks: usize) -> String {
    let vector = if blocks == 1 { "u32".to_owned() } else { format!("vec{blocks}<u32>") };
    let loads: Vec<String> = (0..blocks).map(|i| format!("input[at + {i}u * step]")).collect();
    let store = |i: usize| {
        let lane = if blocks == 1 { "" } else { [".x", ".y", ".z", ".w"][i % 4] };
        format!("  output[at + {i}u * 4u * DEGREE] = x{lane};\n")
    };
    format!(
        "const DEGREE: u32 = {DEGREE}u;\nconst BLOCKS: u32 = {blocks}u;\nalias V = {vector};\n\
         fn load(at: u32, step: u32) -> V {{\n  return V({});\n}}\nfn store(at: u32, x: V) {{\n{}}}\n",
        loads.join(", "),
        (0..blocks).map(store).collect::<String>()
    )
}

/// The text of the shader for each number of blocks, with a name.
#[cfg(any(test, feature = "hazmat"))]
pub(crate) fn sources() -> Vec<(String, String)> {
    [BLOCKS, 1].map(|blocks| (format!("{}.{blocks}", SHADER.name), SHADER.source(&header(blocks)))).to_vec()
}
