//! Printing results as tables or JSON.

use crate::failure::Failure;
use hushvec::{DeviceReport, Neighbour, Recovery};
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Writes to standard output. Returns [`Failure::BrokenPipe`], which counts as success, if the reader is gone.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::BrokenPipe),
        Err(error) => Err(Failure::Other(format!("cannot write to standard output: {error}"))),
    }
}

/// Prints a value as one line of JSON.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::Other(error.to_string()))?;
    print(&(text + "\n"))
}

/// Formats lines of `name  value` with the values aligned.
pub fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    fields.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
}

/// Formats a table with aligned columns. The first row is the header.
#[cfg(feature = "client")]
pub fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Replaces control characters in text from a server, which could control the terminal.
#[cfg(feature = "client")]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Fails if the CPU computed batches in place of the GPU and `HUSHVEC_REQUIRE_GPU=1` is set.
pub fn require_gpu(device: &DeviceReport) -> Result<(), Failure> {
    let required = std::env::var_os("HUSHVEC_REQUIRE_GPU").is_some_and(|value| value == "1");
    if required && device.batches_on_cpu > 0 {
        return Err(Failure::Other(format!(
            "{}: the CPU computed {} in place of the GPU, and HUSHVEC_REQUIRE_GPU is set",
            device.used,
            if device.batches_on_cpu == 1 {
                "1 batch".to_owned()
            } else {
                format!("{} batches", device.batches_on_cpu)
            }
        )));
    }
    Ok(())
}

/// Prints the answers to queries as a table or as JSON.
pub fn answers(answers: &[Vec<Neighbour>], device: &DeviceReport, json: bool) -> Result<(), Failure> {
    require_gpu(device)?;
    if json {
        return print_json(&Answers::new(answers, device));
    }
    let row = |neighbour: &Neighbour| (neighbour.id.to_string(), neighbour.distance.to_string());
    let rows: Vec<Vec<_>> = answers.iter().map(|neighbours| neighbours.iter().map(row).collect()).collect();
    print(&ranking(&rows, "distance"))
}

/// Formats the ranked neighbours of each query: their ids and scores.
pub fn ranking(answers: &[Vec<(String, String)>], score: &str) -> String {
    let mut text = String::new();
    for (query, neighbours) in answers.iter().enumerate() {
        if answers.len() > 1 {
            text += &format!("query {query}\n");
        }
        let width = neighbours.iter().map(|(id, _)| id.chars().count()).max().unwrap_or(0).max(12);
        text += &format!("{:>6}  {:>width$}  {score:>8}\n", "rank", "id");
        for (rank, (id, score)) in (1..).zip(neighbours) {
            text += &format!("{rank:>6}  {id:>width$}  {score:>8}\n");
        }
    }
    text
}

/// Formats a cosine to the digits that its error leaves.
pub fn cosine(cosine: f64) -> String {
    format!("{cosine:.4}")
}

#[derive(Serialize)]
struct Answers<'a> {
    results: Vec<Answer<'a>>,
    device: &'a DeviceReport,
}

#[derive(Serialize)]
struct Answer<'a> {
    query: usize,
    neighbours: &'a [Neighbour],
}

impl<'a> Answers<'a> {
    fn new(answers: &'a [Vec<Neighbour>], device: &'a DeviceReport) -> Self {
        let results = answers.iter().enumerate().map(|(query, neighbours)| Answer { query, neighbours }).collect();
        Self { results, device }
    }
}

/// Warns about the remains of an interrupted append.
pub fn warn_if_unfinished(path: &Path, recovery: Option<Recovery>) {
    if let Some(recovery) = recovery {
        tracing::warn!(
            "{} ends in an unfinished block of {}; using the {} before it",
            path.display(),
            bytes(recovery.torn_bytes),
            count(recovery.kept, "vector")
        );
    }
}

/// Warns that a writer removed an unfinished block from the end of an index.
pub fn warn_recovery(path: &Path, recovery: Recovery) {
    tracing::warn!(
        "removed an unfinished block of {} from the end of {}; {} kept",
        bytes(recovery.torn_bytes),
        path.display(),
        count(recovery.kept, "vector"),
    );
}

/// Formats a size in bytes with a binary unit.
pub fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    #[expect(clippy::cast_precision_loss, reason = "rounded to three digits")]
    let mut size = count as f64;
    let mut unit = "bytes";
    for next in units {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    if unit == "bytes" { format!("{count} bytes") } else { format!("{size:.1} {unit}") }
}

/// Formats a count with its noun: `1 vector`, `2 vectors`.
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The maximum width of wrapped text, in columns.
const COLUMNS: usize = 110;

/// Wraps text after `head`, and indents the following lines to the width of `head`.
pub fn paragraph(head: &str, text: &str) -> String {
    let indent = head.chars().count();
    let (mut out, mut column) = (head.to_owned(), indent);
    for (i, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if i > 0 && column + 1 + length > COLUMNS {
            out += &format!("\n{:indent$}", "");
            column = indent;
        } else if i > 0 {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += length;
    }
    out + "\n"
}
