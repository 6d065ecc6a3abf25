//! The report: a line per kernel, shape and GPU family.

use crate::assembly::{RowLoop, row_loops, whole};
use crate::mesa::Compiled;
use crate::shapes::{Job, Work};
use hushvec::hazmat::Shape;

/// The result for one kernel, shape and family.
pub struct Line {
    pub job: String,
    pub work: Work,
    head: [String; 3],
    pub outcome: Result<Figures, String>,
}

/// The driver's statistics, and counts from its assembly.
pub struct Figures {
    driver: String,
    pub vgprs: u64,
    sgprs: u64,
    /// Spilled vector and scalar registers.
    pub spills: u64,
    /// Bytes of private memory, per subgroup or per invocation depending on the driver.
    pub scratch: u64,
    lds: u64,
    code: u64,
    /// Subgroups per SIMD unit.
    waves: u64,
    pub rows: Vec<Row>,
}

/// A loop over the words of an operand, or another piece of work.
pub struct Row {
    /// Word multiply-adds per pass; butterflies or products of residues of a lattice kernel.
    pub macs: f64,
    pub row_loop: RowLoop,
}

impl Row {
    fn new(row_loop: RowLoop, shape: Shape) -> Option<Self> {
        let words = f64::from(shape.words_written_out());
        let per_mac = if shape.wide { 2.0 } else { 4.0 };
        // Rounding excludes the multiplications for the digits of the quotient.
        let macs = (row_loop.multiplications / per_mac / words).round() * words;
        (macs >= 2.0 * words).then_some(Self { macs, row_loop })
    }

    pub fn cycles_per_mac(&self) -> f64 {
        self.row_loop.cycles / self.macs
    }
}

/// Returns the pieces of a kernel that take nearly all of its time.
fn rows(assembly: &str, work: Work) -> Vec<Row> {
    let loops = row_loops(assembly).into_iter();
    match work {
        Work::Rows(shape) => loops.filter_map(|row| Row::new(row, shape)).collect(),
        Work::Butterflies(count) => vec![Row { macs: count.into(), row_loop: whole(assembly) }],
        Work::ScanProducts(count) | Work::KeyProducts(count) => {
            let longest = loops.max_by(|a, b| a.multiplications.total_cmp(&b.multiplications));
            longest.into_iter().map(|row_loop| Row { macs: count.into(), row_loop }).collect()
        }
    }
}

impl Line {
    pub fn new(job: &Job, outcome: Result<Compiled, String>) -> Self {
        let work = job.work;
        let head = [job.family.clone(), job.kernel.clone(), job.size.clone()];
        Self { job: job.name(), work, head, outcome: outcome.map(|compiled| Figures::new(&compiled, work)) }
    }
}

impl Figures {
    fn new(compiled: &Compiled, work: Work) -> Self {
        let get = |name: &str| *compiled.statistics.get(name).unwrap_or_else(|| panic!("the driver reports no {name}"));
        Self {
            driver: compiled.driver.clone(),
            vgprs: get("VGPRs"),
            sgprs: get("SGPRs"),
            spills: get("Spilled VGPRs") + get("Spilled SGPRs"),
            scratch: get("Scratch size"),
            lds: get("LDS size"),
            code: get("Code size"),
            waves: get("Subgroups per SIMD"),
            rows: rows(&compiled.assembly, work),
        }
    }

    /// Returns the maximum of a figure over all row loops.
    pub fn most(&self, of: impl Fn(&Row) -> f64) -> f64 {
        self.rows.iter().map(of).fold(0.0, f64::max)
    }
}

/// Prints a table. Figures of row loops are maxima over all row loops of a kernel.
pub fn print(lines: &[Line]) {
    if let Some(figures) = lines.iter().find_map(|line| line.outcome.as_ref().ok()) {
        println!("{}\n", figures.driver);
    }
    println!(
        "family    kernel              shape   VGPR SGPR spills scratch   LDS   code waves | row loops cyc/mac branches  LDS waits scalar loads memory"
    );
    for Line { head: [family, kernel, shape], outcome, .. } in lines {
        let start = format!("{family:9} {kernel:19} {shape:7}");
        let figures = match outcome {
            Ok(figures) => figures,
            Err(error) => {
                println!("{start} {error}");
                continue;
            }
        };
        let Figures { vgprs, sgprs, spills, scratch, lds, code, waves, rows, .. } = figures;
        let most = |of: &dyn Fn(&RowLoop) -> f64| figures.most(|row| of(&row.row_loop));
        println!(
            "{start} {vgprs:4} {sgprs:4} {spills:6} {scratch:7} {lds:5} {code:6} {waves:5} | {:9} {:7.1} {:8} {:4.0} {:5.0} {:6.0} {:5.0} {:6.0}",
            rows.len(),
            figures.most(Row::cycles_per_mac),
            most(&|row| row.branches.into()),
            most(&|row| row.lds),
            most(&|row| row.waits),
            most(&|row| row.scalar),
            most(&|row| row.scalar_loads),
            most(&|row| row.memory),
        );
    }
}
