//! Logs and counts each request. Nothing that the client sent is logged, except for the pattern of its path.

use super::App;
use super::extract::check_count;
use super::memory::Held;
use super::organisation::Organisation;
use crate::error::ApiError;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;

/// Methods that are counted by name. Clients can invent any number of others.
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Logs a request and counts it.
pub async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = METHODS.into_iter().find(|method| *method == request.method().as_str()).unwrap_or("other");
    let path = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let organisation = Organisation::default();
    request.extensions_mut().insert(organisation.clone());
    let response = Held::new(app.inner.memory.clone()).scope(next.run(request)).await;
    let (status, seconds) = (response.status().as_u16(), started.elapsed().as_secs_f64());
    app.metrics().count_request(method, &path, status, seconds);
    let organisation = organisation.get();
    let milliseconds = 1e3 * seconds;
    tracing::info!(method, path, status, milliseconds, organisation, "{method} {path} {status} {milliseconds:.1} ms");
    response
}

impl App {
    /// Checks the number of chunks in a request.
    ///
    /// # Errors
    /// If there are too many.
    pub(super) fn check_chunks(&self, count: usize) -> Result<(), ApiError> {
        check_count(count, self.limits().chunks)
    }
}
