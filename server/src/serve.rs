//! Accepting connections, and stopping.

mod connections;
mod tls;
mod watched;

use crate::http::App;
use crate::options::Options;
use crate::store::Store;
use axum::Router;
use connections::{Connection, Connections, Place};
use hushvec::{Device, OpenDevice};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use watched::{Answered, Sent, Stream};

/// How long a client may take nothing of a reply.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// What a connection keeps of a request's head: room for the longest URL, and headers.
const HEAD_BYTES: usize = 96 << 10;
/// Connections that wait to be accepted. A client that finds this queue full tries again after a second.
const BACKLOG: u32 = 4096;
/// Files for everything but connections.
const FILES: usize = 256;

/// A server that is listening and not serving yet.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: App,
    connections: Arc<Connections>,
    grace: Duration,
}

impl Server {
    /// Opens the data and listens. The admin key of an organisation that was made is handed to `announce`; it cannot be
    /// had again.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn open(options: &Options, announce: impl FnOnce(&str)) -> Result<Self, String> {
        let tls = match (&options.tls_cert, &options.tls_key) {
            (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
            _ => None,
        };
        let listen = options.listen;
        let listener = bind(listen)
            .map_err(|error| format!("cannot listen on {listen}: {error}; --listen takes another address or port"))?;
        let opened = options.clone();
        let (store, admin_key) =
            tokio::task::spawn_blocking(move || open_store(&opened)).await.map_err(|error| error.to_string())??;
        if let Some(key) = admin_key {
            announce(&key);
        }
        let app = App::new(store, options.limits());
        let most = options.max_connections.min(files_for_connections());
        if most < options.max_connections {
            tracing::warn!("{most} connections at a time, as this process may open no more files (ulimit -n)");
        }
        let connections = Connections::new(most, options.max_connections_per_address);
        Ok(Self { listener, tls, app, connections, grace: Duration::from_secs(options.grace) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// None in practice.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether it speaks TLS.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `stop` is ready, and then lets requests end for a while.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { listener, tls, app, connections, grace } = self;
        let graceful = GracefulShutdown::new();
        let router = app.clone().router();
        let overdue = tokio::spawn({
            let connections = connections.clone();
            async move { connections.watch().await }
        });
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&listener, &connections) => accepted,
            };
            let Some((stream, place)) = accepted else { continue };
            let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
            tokio::spawn(async move {
                let connection = place.connection.clone();
                let served = async {
                    let _ = stream.set_nodelay(true);
                    match tls {
                        None => serve(stream, &connection, router, watcher).await,
                        Some(tls) => match timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
                            Ok(Ok(stream)) => serve(stream, &connection, router, watcher).await,
                            Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
                            Err(_) => tracing::debug!("a TLS handshake took too long"),
                        },
                    }
                };
                tokio::select! {
                    () = served => {}
                    () = connection.closed() => tracing::debug!("a connection that waited for its client was closed"),
                }
                drop(place);
            });
        }
        app.stop();
        drop(listener);
        tracing::info!("stopping: requests have {} s to end", grace.as_secs());
        if timeout(grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut off");
        }
        overdue.abort();
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As [`TcpListener::bind`] does.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: &TcpListener, connections: &Arc<Connections>) -> Option<(TcpStream, Place)> {
    match listener.accept().await {
        Ok((stream, address)) => {
            let place = connections.admit(address.ip()).await;
            if place.is_none() {
                tracing::debug!("a connection was refused: its address has as many as it may");
            }
            Some((stream, place?))
        }
        Err(error) => {
            // Such as too many open files.
            tracing::warn!("a connection could not be accepted: {error}");
            connections.close_one();
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        }
    }
}

/// How many of the files that this process may open are for connections; the rest is for the database and the segments.
fn files_for_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files = files.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    files.map_or(usize::MAX, |files| files.saturating_sub(FILES).max(files / 4).max(1))
}

async fn serve<S>(
    stream: S,
    connection: &Arc<Connection>,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIME));
    let stream = Stream { inner: Box::pin(stream), connection: connection.clone() };
    let service = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(|request: hyper::Request<Incoming>| {
        let (service, connection) = (service.clone(), connection.clone());
        async move {
            let request = request.map(|body| axum::body::Body::new(Sent::new(body, connection.clone())));
            let response = hyper::service::Service::call(&service, request).await;
            response.map(|response| response.map(|body| Answered::new(body, connection)))
        }
    });
    // [`Connections::watch`] closes those whose requests take too long to begin.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(served).await {
        tracing::debug!("a connection ended early: {error}");
    }
}

/// The application alone, for a server of one's own; and the admin key of the organisation if that was made, which cannot be
/// had again. Opens the data, listens to nothing.
///
/// # Errors
/// Why it cannot.
pub fn router(options: &Options) -> Result<(Router, Option<String>), String> {
    let (store, admin_key) = open_store(options)?;
    Ok((App::new(store, options.limits()).router(), admin_key))
}

/// Replaces the admin key of an organisation, and returns the new one.
fn rotate_admin_key(options: &Options) -> Result<String, String> {
    if !options.data.join("hushvec.db").exists() {
        return Err(format!("{} has no data of a server", options.data.display()));
    }
    let device = OpenDevice::open(Device::Cpu, NonZeroUsize::new(1)).map_err(|error| error.to_string())?;
    let query_time = Duration::from_secs(options.query_timeout);
    let store = Store::open(&options.data, device, options.refuse_weak, options.quota(), query_time)?;
    let key = store.replace_admin_key(&options.org).map_err(|error| format!("{error:?}"))?;
    key.ok_or_else(|| format!("{} has no organisation {:?}; name one with --org", options.data.display(), options.org))
}

fn announce(key: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "admin key: {key}");
    let _ = out.flush();
}

fn open_store(options: &Options) -> Result<(Store, Option<String>), String> {
    let device = OpenDevice::open(options.device.clone(), options.threads).map_err(|error| error.to_string())?;
    let query_time = Duration::from_secs(options.query_timeout);
    let store = Store::open(&options.data, device, options.refuse_weak, options.quota(), query_time)?;
    let key = store.create_organisation(&options.org).map_err(|error| format!("{error:?}"))?;
    Ok((store, key))
}

/// Serves until the process is told to stop, by Ctrl-C or SIGTERM. Or replaces an admin key, if the options say so.
///
/// # Errors
/// Why it cannot start.
pub fn serve_until_stopped(options: &Options) -> Result<(), String> {
    if options.rotate_admin_key {
        announce(&rotate_admin_key(options)?);
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    let result = runtime.block_on(async {
        let server = Server::open(options, announce).await?;
        let address = server.address().map_err(|error| error.to_string())?;
        let scheme = if server.is_encrypted() { "https" } else { "http" };
        if !server.is_encrypted() && !address.ip().is_loopback() {
            tracing::warn!("API keys and queries travel unencrypted; give --tls-cert and --tls-key, or put a proxy with TLS in front");
        }
        tracing::info!("listening on {scheme}://{address}");
        server.run(stop_signal()).await;
        Ok(())
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

/// Ready when the process is told to stop.
async fn stop_signal() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! { () = interrupted => {}, () = terminated => {} }
}
