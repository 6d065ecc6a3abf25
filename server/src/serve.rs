//! Accepting connections, and stopping.

mod tls;

use crate::http::App;
use crate::options::Options;
use crate::store::Store;
use axum::Router;
use hushvec::OpenDevice;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// How long the headers of a request may take, from when the connection is idle.
const HEADER_TIME: Duration = Duration::from_secs(75);
/// How long a client may take nothing of a reply.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// A server that is listening and not serving yet.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: App,
    connections: usize,
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
        let listener =
            TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        let opened = options.clone();
        let (store, admin_key) =
            tokio::task::spawn_blocking(move || open_store(&opened)).await.map_err(|error| error.to_string())??;
        if let Some(key) = admin_key {
            announce(&key);
        }
        let app = App::new(store, options.limits());
        Ok(Self { listener, tls, app, connections: options.max_connections, grace: Duration::from_secs(options.grace) })
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
        let (graceful, connections) = (GracefulShutdown::new(), Arc::new(Semaphore::new(connections)));
        let router = app.clone().router();
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&listener, &connections) => accepted,
            };
            let Some((stream, permit)) = accepted else { continue };
            let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
            tokio::spawn(async move {
                let _permit = permit;
                let _ = stream.set_nodelay(true);
                match tls {
                    None => serve(stream, router, watcher).await,
                    Some(tls) => match timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
                        Ok(Ok(stream)) => serve(stream, router, watcher).await,
                        Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
                        Err(_) => tracing::debug!("a TLS handshake took too long"),
                    },
                }
            });
        }
        app.stop();
        drop(listener);
        tracing::info!("stopping: requests have {} s to end", grace.as_secs());
        if timeout(grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut off");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = connections.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            // Such as too many open files: others may close some.
            tracing::warn!("a connection could not be accepted: {error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn serve<S>(stream: S, router: Router, watcher: hyper_util::server::graceful::Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIME));
    let service = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let service = service.clone();
        async move { hyper::service::Service::call(&service, request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    if let Err(error) = watcher.watch(connection).await {
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

fn open_store(options: &Options) -> Result<(Store, Option<String>), String> {
    let device = OpenDevice::open(options.device.clone(), options.threads).map_err(|error| error.to_string())?;
    let store = Store::open(&options.data, device, options.refuse_weak)?;
    let key = store.create_organisation(&options.org).map_err(|error| format!("{error:?}"))?;
    Ok((store, key))
}

/// Serves until the process is told to stop, by Ctrl-C or SIGTERM.
///
/// # Errors
/// Why it cannot start.
pub fn serve_until_stopped(options: &Options) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    let result = runtime.block_on(async {
        let server = Server::open(options, |key| {
            let mut out = std::io::stdout();
            let _ = writeln!(out, "admin key: {key}");
            let _ = out.flush();
        })
        .await?;
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
