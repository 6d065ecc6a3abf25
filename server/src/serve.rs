//! Accepts connections, and stops the server.

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
use watched::{ReplyBody, RequestBody, Stream};

/// How long a client may go without reading from a reply.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Buffer size of a connection: enough for the longest URL and the headers.
const HEAD_BYTES: usize = 96 << 10;
/// Connections that may wait to be accepted. A client that finds the queue full retries after a second.
const BACKLOG: u32 = 4096;
/// Open files reserved for the database and the segments.
const FILES: usize = 256;

/// A server that listens but does not serve yet.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: App,
    connections: Arc<Connections>,
    grace: Duration,
}

impl Server {
    /// Opens the data and listens. If the organisation was created, its admin key is passed to `announce`. A lost admin
    /// key cannot be recovered.
    ///
    /// # Errors
    /// If the data cannot be opened, or the address or the certificate cannot be used.
    pub async fn open(options: &Options, announce: impl FnOnce(&str)) -> Result<Self, String> {
        let tls = match (&options.tls_cert, &options.tls_key) {
            (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
            _ => None,
        };
        let listen = options.listen;
        let listener = bind(listen).map_err(|error| {
            format!("cannot listen on {listen}: {error}; give another address or port with --listen")
        })?;
        let opened = options.clone();
        let (store, admin_key) =
            tokio::task::spawn_blocking(move || open_store(&opened)).await.map_err(|error| error.to_string())??;
        if let Some(key) = admin_key {
            announce(&key);
        }
        let app = App::new(store, options.limits());
        let most = options.max_connections.min(files_for_connections());
        if most < options.max_connections {
            tracing::warn!(
                "serving at most {most} connections: the limit on open files is too low for more (ulimit -n)"
            );
        }
        let connections = Connections::new(most, options.max_connections_per_address);
        Ok(Self { listener, tls, app, connections, grace: Duration::from_secs(options.grace) })
    }

    /// Returns the address that the server listens on.
    ///
    /// # Errors
    /// None in practice.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns whether the server uses TLS.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `stop` is ready, then gives running requests the grace period to finish.
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
                            Ok(Err(error)) => tracing::debug!("TLS handshake failed: {error}"),
                            Err(_) => tracing::debug!("TLS handshake timed out"),
                        },
                    }
                };
                tokio::select! {
                    () = served => {}
                    () = connection.closed() => tracing::debug!("closed a connection that was waiting for its client"),
                }
                drop(place);
            });
        }
        app.stop();
        drop(listener);
        tracing::info!("stopping: running requests have {} s to finish", grace.as_secs());
        if timeout(grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not finish in time and were aborted");
        }
        overdue.abort();
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // `TcpListener::bind` sets this too.
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
                tracing::debug!("refused a connection: its address has reached --max-connections-per-address");
            }
            Some((stream, place?))
        }
        Err(error) => {
            // For example, too many open files.
            tracing::warn!("cannot accept a connection: {error}");
            connections.close_one();
            tokio::time::sleep(Duration::from_millis(20)).await;
            None
        }
    }
}

/// Returns how many open files connections may use. The rest is for the database and the segments.
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
            let request = request.map(|body| axum::body::Body::new(RequestBody::new(body, connection.clone())));
            let response = hyper::service::Service::call(&service, request).await;
            response.map(|response| response.map(|body| ReplyBody::new(body, connection)))
        }
    });
    // `Connections::watch` closes connections whose request heads take too long.
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(served).await {
        tracing::debug!("connection ended early: {error}");
    }
}

/// Opens the data and returns the application as a router, to embed in another server. Also returns the admin key of
/// the organisation if it was created. A lost admin key cannot be recovered.
///
/// # Errors
/// If the device or the data cannot be opened.
pub fn router(options: &Options) -> Result<(Router, Option<String>), String> {
    let (store, admin_key) = open_store(options)?;
    Ok((App::new(store, options.limits()).router(), admin_key))
}

/// Replaces the admin key of an organisation and returns the new one.
fn rotate_admin_key(options: &Options) -> Result<String, String> {
    if !options.data.join("hushvec.db").exists() {
        return Err(format!("{} has no server data; give the folder of a server with --data", options.data.display()));
    }
    let device = OpenDevice::open(Device::Cpu, NonZeroUsize::new(1)).map_err(|error| error.to_string())?;
    let query_time = Duration::from_secs(options.query_timeout);
    let store = Store::open(&options.data, device, options.refuse_weak, options.quota(), query_time)?;
    let key = store.replace_admin_key(&options.org).map_err(|error| error.to_string())?;
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
    let key = store.create_organisation(&options.org).map_err(|error| error.to_string())?;
    Ok((store, key))
}

/// Serves until Ctrl-C or SIGTERM. With `rotate_admin_key`, replaces the admin key and returns.
///
/// # Errors
/// If the server cannot start, or the admin key cannot be replaced.
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
            tracing::warn!(
                "API keys and queries travel unencrypted; give --tls-cert and --tls-key, or use a TLS proxy"
            );
        }
        tracing::info!("listening on {scheme}://{address}");
        server.run(stop_signal()).await;
        Ok(())
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

/// Waits for Ctrl-C or SIGTERM.
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
