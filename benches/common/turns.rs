//! Takes turns among what is to be compared, and reports medians and ratios, as text and as JSON.

use crate::gmp::Gmp;
use crate::peers::Peer;
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Turns that everything takes.
const ROUNDS: usize = 15;

/// What is timed: a name, how many operations a call does, and the call.
pub struct Row<'a> {
    /// Rows of one group do the same.
    pub group: String,
    who: String,
    operations: usize,
    call: Box<dyn FnMut() + 'a>,
}

impl<'a> Row<'a> {
    pub fn new(group: &str, who: &str, operations: usize, call: impl FnMut() + 'a) -> Self {
        Self { group: group.to_owned(), who: who.to_owned(), operations, call: Box::new(call) }
    }

    /// A row for each of them.
    pub fn peers(group: &str, peers: Vec<Peer<'a>>) -> impl Iterator<Item = Self> {
        peers.into_iter().map(move |Peer { name, operations, call }| Self {
            group: group.to_owned(),
            who: name.to_owned(),
            operations,
            call,
        })
    }

    /// Seconds an operation.
    fn time(&mut self) -> f64 {
        let start = Instant::now();
        (self.call)();
        #[expect(clippy::cast_precision_loss, reason = "at most a few hundred thousand operations a call")]
        (start.elapsed().as_secs_f64() / self.operations as f64)
    }
}

/// What turns took.
pub struct Measured {
    group: String,
    who: String,
    operations: usize,
    /// Seconds an operation, by turn.
    times: Vec<f64>,
}

impl Measured {
    /// How many times faster than another: the median of the turns' ratios.
    fn ratio(&self, other: &Self) -> f64 {
        median(other.times.iter().zip(&self.times).map(|(other, own)| other / own).collect())
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Turns round after round, those of a group one after the other.
pub fn take(rows: Vec<Row<'_>>) -> Vec<Measured> {
    let mut times = vec![Vec::with_capacity(ROUNDS); rows.len()];
    let mut rows = rows;
    for _ in 0..ROUNDS {
        rows.iter_mut().zip(&mut times).for_each(|(row, times)| times.push(row.time()));
    }
    let measured = |(row, times): (Row<'_>, Vec<f64>)| Measured {
        group: row.group,
        who: row.who,
        operations: row.operations,
        times,
    };
    rows.into_iter().zip(times).map(measured).collect()
}

/// Who of a row's group is a GMP of this name.
fn yardstick<'m>(measured: &'m [Measured], row: &Measured, gmp: &Gmp) -> Option<&'m Measured> {
    measured.iter().find(|other| other.group == row.group && other.who == gmp.name)
}

pub fn print(measured: &[Measured], gmps: &[Gmp]) {
    let mut last = "";
    for row in measured {
        if row.group != last {
            println!("\n{}", row.group);
            last = &row.group;
        }
        let ratios = gmps.iter().filter_map(|gmp| Some((gmp.name, row.ratio(yardstick(measured, row, gmp)?))));
        let ratios: String = ratios.map(|(name, ratio)| format!("{ratio:>9.2} × {name}")).collect();
        let time = median(row.times.clone());
        println!("  {:18} {:>12.2} µs {:>12.0}/s {ratios}", row.who, time * 1e6, 1.0 / time);
    }
}

/// Writes what was measured, where, and beside which GMPs.
pub fn write_json(path: &Path, machine: &serde_json::Value, measured: &[Measured], gmps: &[Gmp]) {
    let rows: Vec<_> = measured
        .iter()
        .map(|row| {
            let ratios = gmps.iter().filter_map(|gmp| Some((gmp.name, row.ratio(yardstick(measured, row, gmp)?))));
            json!({
                "group": row.group,
                "who": row.who,
                "operations": row.operations,
                "per_second": 1.0 / median(row.times.clone()),
                "ratios": ratios.map(|(name, ratio)| (name.to_owned(), json!(ratio))).collect::<serde_json::Map<_, _>>(),
            })
        })
        .collect();
    let gmps: Vec<_> = gmps.iter().map(|gmp| json!({ "name": gmp.name, "description": gmp.description() })).collect();
    let report = json!({ "machine": machine, "gmps": gmps, "rows": rows });
    let mut file = std::fs::File::create(path).unwrap();
    writeln!(file, "{report}").unwrap();
}
