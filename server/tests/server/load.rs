//! Many clients, slow clients, and clients that disconnect.

#![cfg(target_os = "linux")]

use crate::chunks::rows;
use crate::context::{CONTEXT, Chance, DIMENSIONS, decode, distance, encrypt};
use crate::http::Reply;
use crate::process::Server;
use std::io::{BufReader, Read};
use std::net::TcpStream;
use std::time::Duration;

/// More vectors than fit into the buffers of a connection.
const COUNT: usize = 40_000;
const UNIQUE: usize = 50;
/// The size of a ciphertext, in bytes.
const CIPHERTEXT: usize = 512;

/// A server with stored vectors.
struct Filled {
    server: Server,
    base: String,
    bits: Vec<Vec<u8>>,
    wires: Vec<String>,
    _folder: tempfile::TempDir,
}

/// Runs several checks in sequence, because they read the server's counters, and in one test, because storing the
/// vectors takes longest.
#[test]
fn many_clients() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &["--max-chunks", "5000"]);
    let base = server.prepare();
    let bits = Chance(9).vectors(UNIQUE);
    let wires = encrypt(&CONTEXT.0, &bits);
    server.fill(&base, &wires, COUNT);
    let filled = Filled { server, base, bits, wires, _folder: folder };
    searches_share_reads(&filled);
    slow_clients_do_not_delay_others(&filled);
    nothing_is_computed_for_disconnected_clients(&filled);
    memory_does_not_grow_with_the_vectors(&filled);
}

impl Filled {
    fn begin(&self, query: usize) -> TcpStream {
        self.server.begin_search(&self.base, &self.wires[query])
    }

    /// Opens a connection that has read only the beginning of an answer.
    fn slow(&self) -> (TcpStream, [u8; 10]) {
        let mut stream = self.begin(0);
        let mut begin = [0; 10];
        stream.read_exact(&mut begin).unwrap();
        (stream, begin)
    }

    fn answers(&self, threads: usize, searches: usize) -> Vec<Vec<u8>> {
        let one = |query: usize| finish(self.begin(query), &[]);
        std::thread::scope(|scope| {
            let worker =
                |first: usize| scope.spawn(move || (first..searches).step_by(threads).map(one).collect::<Vec<_>>());
            let workers: Vec<_> = (0..threads).map(worker).collect();
            let mut answers: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap().into_iter()).collect();
            (0..searches).map(|search| answers[search % threads].next().unwrap()).collect()
        })
    }
}

/// Reads the rest of a reply whose beginning was read already. Returns the body.
fn finish(stream: TcpStream, begin: &[u8]) -> Vec<u8> {
    let reply = Reply::read(&mut BufReader::new(begin.chain(stream))).unwrap();
    assert_eq!(reply.status, 200);
    reply.body
}

/// Parses an answer about all vectors.
fn all_rows(body: &[u8]) -> (Vec<u64>, Vec<Vec<u8>>) {
    let (ids, ciphertexts) = rows(body);
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(1..=COUNT as u64));
    (ids, ciphertexts)
}

fn searches_share_reads(filled: &Filled) {
    let counts = || ["wanted_blocks", "blocks"].map(|name| filled.server.metric(name));
    let before = counts();
    let bodies = filled.answers(8, 8);
    let after = counts();
    assert!(after[0] - before[0] > after[1] - before[1], "{before:?} {after:?}");
    for (query, body) in bodies.iter().enumerate() {
        // Searches that join later start in the middle.
        let (ids, ciphertexts) = all_rows(body);
        let mut chance = Chance(query as u64 + 1);
        let some: Vec<usize> = (0..200).map(|_| chance.index(COUNT)).collect();
        let sample: Vec<Vec<u8>> = some.iter().map(|row| ciphertexts[*row].clone()).collect();
        let expected = some.iter().map(|row| {
            let stored = usize::try_from(ids[*row] - 1).unwrap() % UNIQUE;
            distance(&filled.bits[query], &filled.bits[stored])
        });
        assert!(decode(&CONTEXT.0, &sample).into_iter().eq(expected));
    }
}

fn slow_clients_do_not_delay_others(filled: &Filled) {
    let mut slow: Vec<_> = (0..4).map(|_| filled.slow()).collect();
    for query in 0..3 {
        assert!(finish(filled.begin(query), &[]).len() > COUNT * CIPHERTEXT);
    }
    // A slow client receives its complete answer later.
    let (stream, begin) = slow.remove(0);
    all_rows(&finish(stream, &begin));
}

fn nothing_is_computed_for_disconnected_clients(filled: &Filled) {
    let before = filled.server.metric("distances");
    for _ in 0..10 {
        drop(filled.slow());
    }
    // Computing stops.
    std::thread::sleep(Duration::from_secs(1));
    let after = filled.server.metric("distances");
    std::thread::sleep(Duration::from_millis(500));
    assert!((filled.server.metric("distances") - after).abs() < 0.5);
    assert!(after - before < 10.0 * COUNT as f64, "{}", after - before);
}

fn memory_does_not_grow_with_the_vectors(filled: &Filled) {
    let _slow: Vec<_> = (0..8).map(|_| filled.slow()).collect();
    filled.answers(4, 12);
    let status = std::fs::read_to_string(format!("/proc/{}/status", filled.server.pid())).unwrap();
    let anonymous = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kilobytes: usize = anonymous.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    println!("{kilobytes} kB");
    // Twelve answers and eight unread ones are 410 MB. Only a few blocks of each are in memory.
    assert!(kilobytes < 200_000, "{kilobytes} kB");
}

#[test]
fn the_server_finishes_searches_before_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    let base = server.prepare();
    let wires = encrypt(&CONTEXT.0, &[vec![0; DIMENSIONS]]);
    server.fill(&base, &wires, COUNT);
    let mut slow = server.begin_search(&base, &wires[0]);
    let mut begin = [0; 10];
    slow.read_exact(&mut begin).unwrap();
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.is_running());
    assert!(server.request("GET", "/health", &[], b"").is_err());
    all_rows(&finish(slow, &begin));
    assert!(server.ended().status.success());
}
