//! Prometheus metrics.

use crate::store::Counts;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: String,
    path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    method: String,
    path: String,
    status: u16,
}

/// Counters since the server started.
pub struct Metrics {
    registry: Registry,
    requests: Family<Outcome, Counter>,
    seconds: Family<Call, Histogram>,
    searches: Counter,
    selected: Counter,
    blocks: Counter,
    wanted: Counter,
    distances: Counter,
    computing: Counter<f64, AtomicU64>,
    /// The counts of searches that have been added to the counters.
    counted: Mutex<Counts>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("hushvec");
        let requests = Family::default();
        registry.register("requests", "Requests answered", requests.clone());
        let seconds =
            Family::new_with_constructor((|| Histogram::new(exponential_buckets(0.001, 4.0, 9))) as fn() -> Histogram);
        registry.register("request_seconds", "Seconds from the request to the start of its reply", seconds.clone());
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let searches = counter("searches", "Searches started");
        let selected = counter("selected_chunks", "Chunks selected by searches");
        let blocks = counter("blocks", "Blocks of ciphertexts read for searches");
        let wanted = counter("wanted_blocks", "Blocks that searches would have read without sharing them");
        let distances = counter("distances", "Encrypted distances computed");
        let computing = Counter::<f64, AtomicU64>::default();
        registry.register("computing_seconds", "Seconds spent computing distances", computing.clone());
        let counted = Mutex::default();
        Self { registry, requests, seconds, searches, selected, blocks, wanted, distances, computing, counted }
    }
}

impl Metrics {
    /// Counts a request.
    pub fn count_request(&self, method: &str, path: &str, status: u16, seconds: f64) {
        let (method, path) = (method.to_owned(), path.to_owned());
        self.seconds.get_or_create(&Call { method: method.clone(), path: path.clone() }).observe(seconds);
        self.requests.get_or_create(&Outcome { method, path, status }).inc();
    }

    /// Counts a search.
    pub fn count_search(&self, selected: u64) {
        self.searches.inc();
        self.selected.inc_by(selected);
    }

    /// Returns all metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// None in practice.
    pub fn text(&self, counts: &Counts) -> Result<String, std::fmt::Error> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        self.blocks.inc_by(counts.blocks.saturating_sub(counted.blocks));
        self.wanted.inc_by(counts.wanted.saturating_sub(counted.wanted));
        self.distances.inc_by(counts.distances.saturating_sub(counted.distances));
        self.computing.inc_by(counts.computing.saturating_sub(counted.computing).as_secs_f64());
        *counted = *counts;
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
