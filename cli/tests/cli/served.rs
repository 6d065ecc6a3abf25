//! A real server for a test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `hushvec serve` on a port of its own, until this is dropped.
pub struct Served {
    process: Child,
    pub url: String,
    pub admin_key: String,
}

impl Served {
    /// Starts it on a folder that it makes.
    pub fn new(data: &Path) -> Self {
        let mut process = Command::new(assert_cmd::cargo::cargo_bin!("hushvec"))
            .args(["serve", "--listen", "127.0.0.1:0", "--device", "cpu", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let admin_key = said.next().unwrap().unwrap().trim_start_matches("admin key: ").to_owned();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening = log.find_map(|line| Some(line.unwrap().split_once("listening on ")?.1.to_owned()));
        // Whoever does not read its log stops it.
        std::thread::spawn(move || log.for_each(drop));
        Self { process, url: listening.unwrap(), admin_key }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
