//! The chart of `hushvec bench --plot`: throughput against batch size, with a row of panels per scheme, a column per
//! operation and a line per device. All panels share the scale of batch sizes, and the panels of an operation share the
//! scale of rates.

use super::scale::{self, Scale};
use super::{Machine, Point};
use crate::failure::Failure;
use plotters::coord::Shift;
use plotters::prelude::*;

/// Width and height of a panel.
const PANEL: (u32, u32) = (460, 330);
/// The margin of a panel, and the room for labels below and to the left.
const MARGIN: u32 = 12;
const BELOW: u32 = 38;
const LEFT: u32 = 66;
/// The height of the title and of a line of the legend.
const TITLE: u32 = 34;
const LINE: u32 = 19;
/// The colours of lines. They also differ in lightness, for printers and colour-blind readers.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x00, 0x5a, 0x9c),
    RGBColor(0xd9, 0x5f, 0x02),
    RGBColor(0x1b, 0x7f, 0x4b),
    RGBColor(0x7b, 0x3f, 0x98),
    RGBColor(0xa6, 0x76, 0x1d),
    RGBColor(0x44, 0x44, 0x44),
];

/// Draws all measurements. Returns the text of an SVG file.
pub fn draw(machine: &Machine, points: &[Point]) -> Result<String, Failure> {
    let failed = |error: String| Failure::Other(format!("cannot draw the chart: {error}"));
    let schemes = distinct(points, |point| point.scheme);
    let operations = distinct(points, |point| point.operation);
    let devices = distinct(points, |point| point.device.as_str());
    let (columns, rows) = (operations.len().max(1), schemes.len().max(1));
    let notes = usize::from(points.iter().any(|point| point.gpu.is_some()));
    let heading = TITLE + LINE * count(devices.len() + notes);
    let size = (PANEL.0 * count(columns), heading + PANEL.1 * count(rows));
    let batches = Scale::of_batches(points.iter().map(batch), f64::from(PANEL.0 - LEFT - 2 * MARGIN));
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    root.fill(&WHITE).map_err(|error| failed(error.to_string()))?;
    let (heading, panels) = root.split_vertically(heading);
    head(&heading, machine, points, &devices).map_err(|error| failed(error.to_string()))?;
    for (panel, (scheme, operation)) in panels
        .split_evenly((rows, columns))
        .iter()
        .zip(schemes.iter().flat_map(|scheme| operations.iter().map(move |operation| (*scheme, *operation))))
    {
        let comparable = points.iter().filter(|point| point.operation == operation);
        let rates = Scale::of_rates(comparable.clone().flat_map(|point| [point.per_second, top(point)]));
        let here: Vec<&Point> = comparable.filter(|point| point.scheme == scheme).collect();
        if here.is_empty() {
            continue;
        }
        let title = format!("{operation}, {scheme}");
        chart(panel, &title, &devices, &here, (&batches, &rates)).map_err(|error| failed(error.to_string()))?;
    }
    root.present().map_err(|error| failed(error.to_string()))?;
    // The drawing areas write to `svg` when they are dropped.
    drop((panels, heading, root));
    Ok(svg)
}

fn distinct<'a, T: PartialEq>(points: &'a [Point], of: impl Fn(&'a Point) -> T) -> Vec<T> {
    points.iter().map(of).fold(Vec::new(), |mut seen, value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
        seen
    })
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// Draws the title and the legend.
fn head<'a>(area: &Area<'a>, machine: &Machine, points: &[Point], devices: &[&str]) -> Drawn<'a> {
    let cpu = &machine.cpu;
    let key_len =
        points.iter().find_map(|point| point.key_len).map_or(String::new(), |bits| format!("key_len {bits}, "));
    let dimensions = points.first().map_or(0, |point| point.embedding_length);
    area.draw(&Text::new(
        format!("hushvec {}: {key_len}{dimensions} dimensions, every result checked", machine.version),
        (14, 12),
        ("sans-serif", 17),
    ))?;
    let mut y = i32::try_from(TITLE).unwrap_or(0);
    for (device, colour) in devices.iter().zip(COLOURS.iter().cycle()) {
        let about = match machine.gpus.iter().find(|gpu| gpu.name == *device) {
            Some(gpu) => format!("{} ({}, {})", gpu.name, gpu.kind, gpu.driver),
            None => format!("{} ({} threads, {} kernels)", cpu.model, cpu.threads, cpu.isa),
        };
        area.draw(&Rectangle::new([(14, y + 5), (36, y + 9)], colour.filled()))?;
        area.draw(&Text::new(about, (42, y), ("sans-serif", 13)))?;
        y += i32::try_from(LINE).unwrap_or(0);
    }
    if points.iter().all(|point| point.gpu.is_none()) {
        return Ok(());
    }
    area.draw(&Text::new(
        "dotted: kernels only, by the GPU's clock; dashed: without waiting for checks; \
         vertical line: the GPU is faster to the right",
        (14, y),
        ("sans-serif", 12).into_font().color(&BLACK.mix(0.6)),
    ))
}

fn chart<'a>(
    area: &Area<'a>,
    title: &str,
    devices: &[&str],
    points: &[&Point],
    (batches, rates): (&Scale, &Scale),
) -> Drawn<'a> {
    let x = (batches.least..batches.most).log_scale().with_key_points(batches.labels.clone());
    let y = (rates.least..rates.most).log_scale().with_key_points(rates.labels.clone());
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15))
        .margin(MARGIN)
        .x_label_area_size(BELOW)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .x_desc("vectors per batch")
        .y_desc(if points.iter().all(|point| point.operation == "expand") {
            "queries per second"
        } else {
            "vectors per second"
        })
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.12))
        .x_label_formatter(&|batch| format!("{batch:.0}"))
        .y_label_formatter(&|rate| scale::rate(*rate))
        .draw()?;
    for (device, colour) in devices.iter().zip(COLOURS.iter().cycle()) {
        let line: Vec<&&Point> = points.iter().filter(|point| point.device == *device).collect();
        let whole = line.iter().map(|point| (batch(point), point.per_second));
        chart.draw_series(LineSeries::new(whole.clone(), colour.stroke_width(2)))?;
        chart.draw_series(whole.map(|at| Circle::new(at, 3, colour.filled())))?;
        let unchecked: Vec<(f64, f64)> =
            line.iter().filter_map(|point| Some((batch(point), unchecked(point)?))).collect();
        chart.draw_series(DashedLineSeries::new(unchecked, 7, 4, colour.stroke_width(1)))?;
        let kernels = line.iter().filter_map(|point| Some((batch(point), kernels(point)?)));
        chart.draw_series(DashedLineSeries::new(kernels, 2, 4, colour.stroke_width(1)))?;
    }
    if let Some(crossover) = crossover(points) {
        let ends = [(crossover, rates.least), (crossover, rates.most)];
        chart.draw_series(LineSeries::new(ends, BLACK.mix(0.5).stroke_width(1)))?;
        let at = (crossover * (batches.at(0.01) / batches.least), rates.at(0.06));
        chart.draw_series([Text::new(format!("{crossover:.0}"), at, ("sans-serif", 12))])?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a place on a chart")]
fn batch(point: &Point) -> f64 {
    point.batch as f64
}

/// Returns the throughput if only the kernels took time.
fn kernels(point: &Point) -> Option<f64> {
    point.gpu?.kernels.filter(|share| *share > 0.0).map(|share| point.per_second / share)
}

/// Returns the throughput without waiting for checks.
fn unchecked(point: &Point) -> Option<f64> {
    point.gpu.filter(|share| share.waiting < 1.0).map(|share| point.per_second / (1.0 - share.waiting))
}

fn top(point: &Point) -> f64 {
    kernels(point).into_iter().chain(unchecked(point)).fold(point.per_second, f64::max)
}

/// Returns the batch size from which the GPU is faster than the CPU, interpolated between two measured sizes.
fn crossover(points: &[&Point]) -> Option<f64> {
    let lead = |size: usize| -> Option<f64> {
        let rate = |gpu: bool| {
            let of_size = points.iter().filter(|point| point.batch == size && point.gpu.is_some() == gpu);
            of_size.map(|point| point.per_second).reduce(f64::max)
        };
        Some((rate(true)? / rate(false)?).ln())
    };
    let mut sizes: Vec<usize> = points.iter().map(|point| point.batch).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let leads: Vec<(f64, f64)> = sizes
        .iter()
        .filter_map(|size| {
            #[expect(clippy::cast_precision_loss, reason = "a place on a chart")]
            let x = (*size as f64).ln();
            Some((x, lead(*size)?))
        })
        .collect();
    leads.windows(2).find_map(|two| match two {
        [(x0, lead0), (x1, lead1)] if *lead0 < 0.0 && *lead1 >= 0.0 => {
            Some((x0 + (x1 - x0) * lead0 / (lead0 - lead1)).exp())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Share;

    fn point(batch: usize, per_second: f64, gpu: bool) -> Point {
        Point {
            operation: "decode",
            scheme: "paillier",
            device: if gpu { "a GPU" } else { "cpu" }.to_owned(),
            threads: 2,
            key_len: Some(1024),
            embedding_length: 512,
            batch,
            per_second,
            checked: true,
            gpu: gpu.then_some(Share {
                kernels: Some(0.5),
                away: 0.8,
                checking: 0.1,
                waiting: 0.05,
                batches_on_cpu: 0,
            }),
        }
    }

    #[test]
    fn the_crossover_lies_where_the_lines_cross() {
        let points =
            [point(10, 100.0, false), point(1000, 100.0, false), point(10, 10.0, true), point(1000, 1000.0, true)];
        let crossover = crossover(&points.iter().collect::<Vec<_>>()).unwrap();
        assert!((crossover - 100.0).abs() < 1e-6, "{crossover}");
        assert_eq!(super::crossover(&points.iter().take(3).collect::<Vec<_>>()), None);
    }
}
