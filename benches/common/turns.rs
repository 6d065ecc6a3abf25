//! Takes turns among what is to be compared, so that a machine that is faster or slower for a while is so for all of them:
//! medians, and medians of the turns' ratios.

#![allow(dead_code, reason = "each bench uses a part")]

use serde_json::json;
use std::time::Instant;

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

    /// Seconds an operation.
    fn time(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most a few hundred thousand operations a call")]
        (seconds(&mut self.call).0 / self.operations as f64)
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
    /// Seconds an operation: the median.
    pub fn seconds(&self) -> f64 {
        median(self.times.clone())
    }

    /// How many times faster than another: the median of the turns' ratios.
    pub fn ratio(&self, other: &Self) -> f64 {
        median(other.times.iter().zip(&self.times).map(|(other, own)| other / own).collect())
    }

    /// The same for those of its group that have these names.
    fn ratios<'y>(&self, measured: &[Self], yardsticks: &[&'y str]) -> Vec<(&'y str, f64)> {
        let named = |name: &str| measured.iter().find(|other| other.group == self.group && other.who == name);
        yardsticks.iter().filter_map(|name| Some((*name, self.ratio(named(name)?)))).collect()
    }
}

/// Whether to check that everything runs, without figures that mean something: as criterion has it, unless it is `cargo bench`
/// that asks.
pub fn is_test() -> bool {
    let given = |flag: &str| std::env::args().any(|argument| argument == flag);
    given("--test") || !given("--bench")
}

/// What a call takes, and what it returns.
pub fn seconds<T>(call: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let returned = call();
    (start.elapsed().as_secs_f64(), returned)
}

pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Turns round after round, those of a group one after the other.
pub fn take(rows: Vec<Row<'_>>, rounds: usize) -> Vec<Measured> {
    let mut times = vec![Vec::with_capacity(rounds); rows.len()];
    let mut rows = rows;
    for _ in 0..rounds {
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

/// Prints groups of rows, with their ratios to the yardsticks in their group.
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
        println!("  {:18} {:>12.2} µs {:>12.0}/s {ratios}", row.who, time * 1e6, 1.0 / time);
    }
}

/// The same for programs.
pub fn to_json(measured: &[Measured], yardsticks: &[&str]) -> Vec<serde_json::Value> {
    let of_row = |row: &Measured| {
        let ratios = row.ratios(measured, yardsticks).into_iter().map(|(name, ratio)| (name.to_owned(), json!(ratio)));
        json!({
            "group": row.group,
            "who": row.who,
            "operations": row.operations,
            "per_second": 1.0 / row.seconds(),
            "ratios": ratios.collect::<serde_json::Map<_, _>>(),
        })
    };
    measured.iter().map(of_row).collect()
}
