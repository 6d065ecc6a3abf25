//! Runs a server in its own process.

use crate::http::{Reply, send};
use crate::program;
use serde_json::Value;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The maximum time to wait for a reply.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A running server. A thread reads its log.
pub struct Server {
    process: Child,
    folder: PathBuf,
    options: Vec<OsString>,
    /// `http://` or `https://`, and the address.
    pub url: String,
    /// The admin key of the organisation, printed when the organisation is created.
    pub key: String,
    log: Option<JoinHandle<String>>,
}

/// The exit status and log of a server.
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// The output on standard error.
    pub log: String,
}

impl Server {
    /// Starts a server on a folder and a free port.
    pub fn start(folder: &Path, options: &[&str]) -> Self {
        Self::try_start(folder, options).unwrap_or_else(|log| panic!("{log}"))
    }

    /// Starts a server. Returns its log if it does not start.
    pub fn try_start(folder: &Path, options: &[&str]) -> Result<Self, String> {
        let options = options.iter().map(OsString::from).collect();
        Self::spawn(program(), folder, options, None)
    }

    /// Starts a server through a wrapper command.
    #[cfg(target_os = "linux")]
    pub fn start_within(mut wrapper: Command, folder: &Path) -> Self {
        let program = program();
        wrapper.arg(program.get_program()).args(program.get_args());
        Self::spawn(wrapper, folder, Vec::new(), None).unwrap_or_else(|log| panic!("{log}"))
    }

    /// Starts a new server on the folder of this one, which has ended.
    pub fn restarted(mut self) -> Self {
        let (folder, options, key) = (self.folder.clone(), std::mem::take(&mut self.options), self.key.clone());
        Self::spawn(program(), &folder, options, Some(key)).unwrap_or_else(|log| panic!("{log}"))
    }

    fn spawn(mut command: Command, folder: &Path, options: Vec<OsString>, key: Option<String>) -> Result<Self, String> {
        command.args(["--listen", "127.0.0.1:0", "--device", "cpu", "--data"]).arg(folder).args(&options);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, mut err) = (process.stdout.take().unwrap(), BufReader::new(process.stderr.take().unwrap()));
        let mut log = String::new();
        let url = loop {
            let start = log.len();
            if err.read_line(&mut log).unwrap() == 0 {
                process.wait().unwrap();
                return Err(log);
            }
            if let Some((_, url)) = log[start..].split_once("listening on ") {
                break url.trim().to_owned();
            }
        };
        // Reads the log, because the server blocks when the pipe is full.
        let log = std::thread::spawn(move || {
            let mut rest = Vec::new();
            let _ = err.read_to_end(&mut rest);
            log + &String::from_utf8_lossy(&rest)
        });
        let key = key.unwrap_or_else(|| {
            let mut line = String::new();
            BufReader::new(out).read_line(&mut line).unwrap();
            line.trim().strip_prefix("admin key: ").unwrap().to_owned()
        });
        Ok(Self { process, folder: folder.to_owned(), options, url, key, log: Some(log) })
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Opens a connection.
    pub fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(stream)
    }

    /// Sends a request with exactly these headers.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Reply> {
        let mut stream = self.connect()?;
        // The server answers a body that is too large before it has read all of it.
        let sent = send(&mut stream, method, path, headers, body);
        Reply::read(&mut BufReader::new(stream)).map_err(|error| sent.err().unwrap_or(error))
    }

    /// Returns the headers of a request by an organisation's admin.
    pub fn admin<'a>(key: &'a str, organisation: &'a str) -> [(&'a str, &'a str); 5] {
        [
            ("x-api-key", key),
            ("x-xtrace-key", key),
            ("x-xtrace-org-id", organisation),
            ("content-type", "application/json"),
            ("accept", "application/json"),
        ]
    }

    /// Sends a request with the admin key. Returns status and reply, or an error if the server ends.
    pub fn try_call(&self, method: &str, path: &str, body: &Value) -> io::Result<(u16, Value)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.request(method, path, &Self::admin(&self.key, "default"), body.as_bytes())?;
        Ok((reply.status, reply.json()))
    }

    /// Sends a request with the admin key. Returns status and reply.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.try_call(method, path, body).unwrap()
    }

    /// Sends a request with the admin key that must succeed. Returns the reply.
    pub fn ok(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, reply) = self.call(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {reply}");
        reply
    }

    /// Returns the value of a counter in the metrics.
    pub fn metric(&self, name: &str) -> f64 {
        let reply = self.request("GET", "/metrics", &Self::admin(&self.key, "default"), b"").unwrap();
        let text = String::from_utf8(reply.body).unwrap();
        let prefix = format!("hushvec_{name}_total ");
        text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap().parse().unwrap()
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Stops the server with SIGTERM, and waits until it has ended.
    #[cfg(unix)]
    pub fn stop(&mut self) -> Ended {
        self.signal("TERM");
        self.ended()
    }

    /// Waits until the server has ended.
    pub fn ended(&mut self) -> Ended {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < TIMEOUT, "the server did not end in time");
            std::thread::sleep(Duration::from_millis(5));
        };
        Ended { status, log: self.log.take().unwrap().join().unwrap() }
    }

    /// Returns whether the server is still running.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
