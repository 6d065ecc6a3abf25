//! The HTTP interface.

mod admin;
mod body;
mod by_metadata;
mod chunks;
mod contexts;
mod extract;
mod memory;
mod observe;
mod operation;
mod organisation;
mod reply;
mod search;
mod shares;

use crate::error::{ApiError, ApiResult};
use crate::interrupt::Waiting;
use crate::metrics::Metrics;
use crate::store::Store;
use axum::middleware;
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use axum::{Router, http::Uri};
use memory::{Held, Memory};
use reply::{PIECE, Reply};
use shares::Shares;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Limits on requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The maximum size of a request body, in bytes.
    pub body: usize,
    /// The maximum number of chunks in a request.
    pub chunks: usize,
    /// The maximum number of concurrent searches. Others wait.
    pub searches: usize,
    /// The maximum number of requests that wait or run, not counting searches that are sending results.
    pub requests: usize,
    /// The maximum size of a reply of chunks, in bytes.
    pub reply: usize,
    /// The maximum memory of all requests and replies together, in bytes.
    pub memory: usize,
    /// The time within which a request body must arrive.
    pub body_time: Duration,
    /// How long a request waits for a permit.
    pub wait: Duration,
}

/// Bounds on the number of requests that read chunks or write at the same time, which is two per core. There are 64
/// threads, so the check of an API key always finds a free one.
const WORKERS: [usize; 2] = [4, 32];

/// The state that handlers share.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    limits: Limits,
    searches: Shares,
    requests: Shares,
    workers: Shares,
    memory: Arc<Memory>,
    /// Permits for threads that write search results as JSON.
    writers: Arc<Semaphore>,
    metrics: Metrics,
    is_stopping: AtomicBool,
}

impl App {
    /// Creates an application over a store.
    pub fn new(store: Store, limits: Limits) -> Self {
        let (searches, requests) = (Shares::new(limits.searches), Shares::new(limits.requests));
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let workers = Shares::new((2 * cores).clamp(WORKERS[0], WORKERS[1]));
        // A body counts twice: its bytes, and the values parsed from them.
        let memory = Memory::new(limits.memory, limits.body.saturating_mul(2).max(limits.reply + PIECE));
        let writers = Arc::new(Semaphore::new(cores));
        let (metrics, is_stopping) = (Metrics::default(), AtomicBool::new(false));
        Self {
            inner: Arc::new(Inner {
                store,
                limits,
                searches,
                requests,
                workers,
                memory,
                writers,
                metrics,
                is_stopping,
            }),
        }
    }

    fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Returns the memory held by the request that this task answers.
    fn held(&self) -> Held {
        Held::current(&self.inner.memory)
    }

    /// Creates an empty reply to the request that this task answers.
    fn reply(&self) -> Reply {
        Reply::new(self.limits().reply, self.held())
    }

    fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Makes `/ready` report that the server is stopping.
    pub fn stop(&self) {
        self.inner.is_stopping.store(true, Ordering::Relaxed);
    }

    fn is_stopping(&self) -> bool {
        self.inner.is_stopping.load(Ordering::Relaxed)
    }

    /// Runs work that reads chunks or writes for an organisation, on a thread that may block. No organisation gets all
    /// of these threads. If the client disconnects, database queries are interrupted.
    async fn with_permit<T: Send + 'static>(
        &self,
        organisation: i64,
        work: impl FnOnce(&Store) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let permit = async {
            let request = self.inner.requests.acquire(organisation).await?;
            Ok::<_, ApiError>([request, self.inner.workers.acquire(organisation).await?])
        };
        let permit = timeout(self.limits().wait, permit).await;
        let permit = permit.map_err(|_| ApiError::busy("the server is overloaded; try again later"))??;
        let waiting = Waiting::default();
        let waited_for = waiting.work();
        self.with_store(move |store| {
            // Held until the work ends, even if the client has disconnected.
            let _permit = permit;
            waited_for.run(|| work(store))
        })
        .await
    }

    /// Runs a small read of the store on a thread that may block. It does not wait for other requests. Work that writes
    /// or reads chunks uses [`App::with_permit`].
    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        // The request's memory is released when its work ends, even if the client has disconnected.
        let (app, held) = (self.clone(), self.held());
        let result = tokio::task::spawn_blocking(move || {
            let _held = held;
            work(&app.inner.store)
        })
        .await;
        result.map_err(|error| ApiError::internal(&error))?
    }

    /// Returns the router. Its routes and methods are those of the OpenAPI description.
    pub fn router(self) -> Router {
        let mut router = Router::new();
        for (path, methods) in routes() {
            router = router.route(path, methods);
        }
        router
            .fallback(async |uri: Uri| ApiError::not_found(format!("unknown path {}; see /openapi.json", uri.path())))
            .method_not_allowed_fallback(async || ApiError::method_not_allowed())
            .layer(middleware::from_fn_with_state(self.clone(), observe::observe))
            .with_state(self)
    }
}

fn routes() -> [(&'static str, MethodRouter<App>); 19] {
    [
        (
            "/v1/chunk/{organisation}",
            post(chunks::insert).get(chunks::get).put(chunks::update).patch(chunks::patch).delete(chunks::delete),
        ),
        ("/v1/chunk/meta/{organisation}", post(by_metadata::select)),
        ("/v1/chunk/meta/page/{organisation}", post(by_metadata::page)),
        ("/v1/chunk/by-meta/{organisation}", delete(by_metadata::delete).patch(by_metadata::patch)),
        ("/v1/compute_hamming/{organisation}", post(search::compute_hamming)),
        ("/v1/exec_context/{organisation}", post(contexts::store).get(contexts::list)),
        ("/v1/exec_context/{organisation}/{id}", get(contexts::get).delete(contexts::delete)),
        ("/v1/exec_context/{organisation}/{id}/context", get(contexts::contexts_of)),
        ("/v1/exec_context/{organisation}/{id}/kb", get(contexts::knowledge_bases_of)),
        ("/v1/exec_context/{organisation}/{id}/bind/{context}", post(contexts::bind)),
        ("/v1/kbs", get(admin::knowledge_bases).post(admin::create_knowledge_base)),
        ("/v1/kbs/{id}", get(admin::knowledge_base).delete(admin::delete_knowledge_base)),
        ("/v1/keys", get(admin::keys).post(admin::create_key)),
        ("/v1/keys/{hash}/permissions", get(admin::permissions)),
        ("/v1/keys/{hash}/permissions/{id}", put(admin::set_permission).delete(admin::withdraw_permission)),
        ("/v1/keys/{hash}/status/revoke", patch(admin::revoke_key)),
        ("/v1/admin-key/rotate", post(admin::rotate_admin_key)),
        ("/{file}", get(operation::file)),
        ("/", get(operation::root)),
    ]
}

#[cfg(test)]
mod tests;
