//! Interleaved runs of everything that is compared, so that a temporary slowdown of the machine affects all
//! candidates. Reports medians, and medians of the ratios of rounds.

#![allow(dead_code, reason = "each bench uses a part")]

use serde_json::json;
use std::time::Instant;

/// A candidate: its name, the number of operations per call, and the call.
pub struct Row<'a> {
    /// Rows of the same group do the same operation.
    pub group: String,
    name: String,
    operations: usize,
    call: Box<dyn FnMut() + 'a>,
}

impl<'a> Row<'a> {
    pub fn new(group: &str, name: &str, operations: usize, call: impl FnMut() + 'a) -> Self {
        Self { group: group.to_owned(), name: name.to_owned(), operations, call: Box::new(call) }
    }

    /// Runs one call. Returns the seconds per operation.
    fn time(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most a few hundred thousand operations per call")]
        (seconds(&mut self.call).0 / self.operations as f64)
    }
}

/// The times of a candidate.
pub struct Measured {
    group: String,
    name: String,
    operations: usize,
    /// Seconds per operation, by round.
    times: Vec<f64>,
}

impl Measured {
    /// Returns the median of the seconds per operation.
    pub fn seconds(&self) -> f64 {
        median(self.times.clone())
    }

    /// Returns how many times faster than `other` this is: the median of the ratios of rounds.
    pub fn ratio(&self, other: &Self) -> f64 {
        median(other.times.iter().zip(&self.times).map(|(other, own)| other / own).collect())
    }

    /// Returns the ratios to the yardsticks that are in the same group.
    fn ratios<'y>(&self, measured: &[Self], yardsticks: &[&'y str]) -> Vec<(&'y str, f64)> {
        let named = |name: &str| measured.iter().find(|other| other.group == self.group && other.name == name);
        yardsticks.iter().filter_map(|name| Some((*name, self.ratio(named(name)?)))).collect()
    }
}

/// Returns whether to check only that everything runs, without meaningful figures. As in criterion: true unless run by
/// `cargo bench`.
pub fn is_test() -> bool {
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    given("--test") || !given("--bench")
}

/// Returns the seconds that a call takes, and its result.
pub fn seconds<T>(call: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let returned = call();
    (start.elapsed().as_secs_f64(), returned)
}

pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Runs all rows once per round, in order.
pub fn run(rows: Vec<Row<'_>>, rounds: usize) -> Vec<Measured> {
    let mut times = vec![Vec::with_capacity(rounds); rows.len()];
    let mut rows = rows;
    for _ in 0..rounds {
        rows.iter_mut().zip(&mut times).for_each(|(row, times)| times.push(row.time()));
    }
    let measured = |(row, times): (Row<'_>, Vec<f64>)| Measured {
        group: row.group,
        name: row.name,
        operations: row.operations,
        times,
    };
    rows.into_iter().zip(times).map(measured).collect()
}

/// Prints rows by group, with their ratios to the yardsticks of the group.
pub fn print(measured: &[Measured], yardsticks: &[&str]) {
    let mut last = "";
    for row in measured {
        if row.group != last {
            println!("\n{}", row.group);
            last = &row.group;
        }
        let ratios = row.ratios(measured, yardsticks);
        let ratios: String = ratios.iter().map(|(name, ratio)| format!("{ratio:>9.2} × {name}")).collect();
        let time = row.seconds();
        let (scaled, unit) = if time < 1e-6 { (time * 1e9, "ns") } else { (time * 1e6, "µs") };
        println!("  {:18} {scaled:>12.2} {unit} {:>12.0}/s {ratios}", row.name, 1.0 / time);
    }
}

/// Returns rows as JSON, with the same figures.
pub fn to_json(measured: &[Measured], yardsticks: &[&str]) -> Vec<serde_json::Value> {
    let of_row = |row: &Measured| {
        let ratios = row.ratios(measured, yardsticks).into_iter().map(|(name, ratio)| (name.to_owned(), json!(ratio)));
        json!({
            "group": row.group,
            "name": row.name,
            "operations": row.operations,
            "per_second": 1.0 / row.seconds(),
            "ratios": ratios.collect::<serde_json::Map<_, _>>(),
        })
    };
    measured.iter().map(of_row).collect()
}
