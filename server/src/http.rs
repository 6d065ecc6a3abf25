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

/// Limits on what clients can ask of a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest body of a request, in bytes.
    pub body: usize,
    /// The most chunks of a request.
    pub chunks: usize,
    /// Searches at a time. Others wait.
    pub searches: usize,
    /// Requests that wait or are being done, apart from searches that send already.
    pub requests: usize,
    /// The largest reply of chunks, in bytes.
    pub reply: usize,
    /// What all requests and replies may take in memory, in bytes.
    pub memory: usize,
    /// How long the body of a request may take to arrive.
    pub body_time: Duration,
    /// How long a request waits for a permit.
    pub wait: Duration,
}

/// How many requests work on chunks or write at a time: two a core, within these bounds. There are 64 threads, so that the
/// check of an API key always finds one.
const WORKERS: [usize; 2] = [4, 32];

/// What handlers share.
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
    /// Threads that write JSON of searches.
    writers: Arc<Semaphore>,
    metrics: Metrics,
    is_stopping: AtomicBool,
}

impl App {
    /// An application over a store.
    pub fn new(store: Store, limits: Limits) -> Self {
        let (searches, requests) = (Shares::new(limits.searches), Shares::new(limits.requests));
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let workers = Shares::new((2 * cores).clamp(WORKERS[0], WORKERS[1]));
        // A body counts twice: as it is, and parsed.
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

    /// What the request holds that this task answers.
    fn held(&self) -> Held {
        Held::current(&self.inner.memory)
    }

    /// An empty reply of the request that this task answers.
    fn reply(&self) -> Reply {
        Reply::new(self.limits().reply, self.held())
    }

    fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// From now on it says that it is not ready.
    pub fn stop(&self) {
        self.inner.is_stopping.store(true, Ordering::Relaxed);
    }

    fn is_stopping(&self) -> bool {
        self.inner.is_stopping.load(Ordering::Relaxed)
    }

    /// Reads chunks or writes for an organisation, on a thread that may block. No organisation gets all of these threads. If the
    /// client goes away, queries of the database end.
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
        let permit = permit.map_err(|_| ApiError::busy("the server has too much to do; try again"))??;
        let waiting = Waiting::default();
        let waited_for = waiting.work();
        self.with_store(move |store| {
            // Held until the work has ended, even if the client has gone.
            let _permit = permit;
            waited_for.run(|| work(store))
        })
        .await
    }

    /// Reads something small from the store, on a thread that may block. Nothing here waits for other requests: what writes
    /// or reads chunks takes [`App::with_permit`].
    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        // What the request holds is not given back before its work has ended, even if nobody waits for it.
        let (app, held) = (self.clone(), self.held());
        let result = tokio::task::spawn_blocking(move || {
            let _held = held;
            work(&app.inner.store)
        })
        .await;
        result.map_err(|error| ApiError::internal(&error))?
    }

    /// The routes, each with its method, as the OpenAPI description has them.
    pub fn router(self) -> Router {
        let mut router = Router::new();
        for (path, methods) in routes() {
            router = router.route(path, methods);
        }
        router
            .fallback(async |uri: Uri| ApiError::not_found(format!("there is nothing at {}", uri.path())))
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
