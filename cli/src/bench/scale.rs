//! Logarithmic scales of charts, and their labels.

/// The width of a digit in a label, and of the gap between labels, in pixels.
const DIGIT: f64 = 7.0;
const GAP: f64 = 8.0;
/// The minimum and maximum number of labels on a scale of rates. A scale that needs more is labelled at powers of ten.
const FEWEST_LABELS: usize = 3;
const MOST_LABELS: usize = 8;

/// The ends of a scale, and the values with lines and labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    pub least: f64,
    pub most: f64,
    pub labels: Vec<f64>,
}

impl Scale {
    /// Creates a scale of batch sizes, labelled at the measured sizes as far as they fit in `pixels`.
    pub fn of_batches(batches: impl Iterator<Item = f64>, pixels: f64) -> Self {
        let mut batches: Vec<f64> = batches.collect();
        batches.sort_by(f64::total_cmp);
        batches.dedup();
        let (first, last) = (batches.first().copied().unwrap_or(1.0), batches.last().copied().unwrap_or(1.0));
        let (least, most) = (first * 0.8, last * 1.25);
        let pixels_each = pixels / (most / least).ln();
        let mut labels: Vec<f64> = Vec::new();
        for batch in batches {
            let half = |value: f64| DIGIT * (value.log10().floor() + 1.0) / 2.0;
            let room = |before: f64| (batch / before).ln() * pixels_each >= half(batch) + half(before) + GAP;
            if labels.last().copied().is_none_or(room) {
                labels.push(batch);
            }
        }
        Self { least, most, labels }
    }

    /// Creates a scale of rates. Its ends and labels are 1, 2 or 5 times powers of ten, or only powers of ten.
    pub fn of_rates(rates: impl Iterator<Item = f64> + Clone) -> Self {
        let (slowest, fastest) = (rates.clone().fold(f64::MAX, f64::min) * 0.9, rates.fold(0.0, f64::max) * 1.1);
        let round = || (-9..30).flat_map(|decade| [1.0, 2.0, 5.0].map(|first| first * 10f64.powi(decade)));
        let mut least = round().take_while(|value| *value <= slowest).last().unwrap_or(slowest);
        let most = round().find(|value| *value >= fastest).unwrap_or(fastest);
        let between = |least: f64| round().filter(|value| (least..=most).contains(value)).collect::<Vec<f64>>();
        if between(least).len() < FEWEST_LABELS {
            least = round().take_while(|value| *value < least).last().unwrap_or(least);
        }
        let labels = between(least);
        if labels.len() <= MOST_LABELS {
            return Self { least, most, labels };
        }
        let decades: Vec<f64> = (-9..30).map(|decade| 10f64.powi(decade)).collect();
        let least = decades.iter().copied().rfind(|value| *value <= slowest).unwrap_or(least);
        let most = decades.iter().copied().find(|value| *value >= fastest).unwrap_or(most);
        let labels = decades.into_iter().filter(|value| (least..=most).contains(value)).collect();
        Self { least, most, labels }
    }

    /// Returns the value at a position on the scale: 0 is the start, 1 the end.
    pub fn at(&self, share: f64) -> f64 {
        self.least * (self.most / self.least).powf(share)
    }
}

/// Formats a rate as a label: 0.5, 500, 20 k, 1 M.
pub fn rate(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 1e9 => (value / 1e9, " G"),
        value if value >= 1e6 => (value / 1e6, " M"),
        value if value >= 1e4 => (value / 1e3, " k"),
        value => (value, ""),
    };
    // Labels are 1, 2 and 5 times powers of ten.
    let decimals = if value < 1.0 { 3 } else { 0 };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_labelled_where_there_is_room() {
        let labels = |batches: &[f64], pixels| Scale::of_batches(batches.iter().copied(), pixels).labels;
        assert_eq!(labels(&[1024.0, 16.0, 64.0, 16.0], 370.0), [16.0, 64.0, 1024.0]);
        assert_eq!(labels(&[1000.0, 1024.0, 4096.0], 370.0), [1000.0, 4096.0]);
        assert_eq!(labels(&[7.0], 370.0), [7.0]);
        let one = Scale::of_batches([7.0].into_iter(), 370.0);
        assert!(one.least < 7.0 && one.most > 7.0);
    }

    #[test]
    fn rates_have_three_labels_at_least_and_few_at_most() {
        let scale = |rates: &[f64]| Scale::of_rates(rates.iter().copied());
        assert_eq!(scale(&[1200.0, 1900.0]).labels, [1000.0, 2000.0, 5000.0]);
        assert_eq!(scale(&[1200.0]).labels, [500.0, 1000.0, 2000.0]);
        assert_eq!(scale(&[600.0, 22_000.0]).labels, [500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4]);
        assert_eq!(scale(&[3.0, 2e6]).labels, [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7]);
        for rates in [&[0.002, 0.002][..], &[1.0], &[9.99e5, 1e6], &[1e-3, 1e9]] {
            let Scale { least, most, labels } = scale(rates);
            assert!(labels.len() >= 3 && labels.len() <= 15, "{labels:?}");
            assert!(rates.iter().all(|rate| least < *rate && *rate < most), "{rates:?}: {least} to {most}");
        }
    }

    #[test]
    fn rates_as_text() {
        let shown = [0.005, 0.5, 1.0, 500.0, 5000.0, 1e4, 2e5, 1e6, 5e7, 2e9].map(rate);
        assert_eq!(shown, ["0.005", "0.5", "1", "500", "5000", "10 k", "200 k", "1 M", "50 M", "2 G"]);
    }
}
