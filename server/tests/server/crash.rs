//! Acknowledged writes survive kill -9 and a full disk.

#![cfg(unix)]

use crate::context::{CONTEXT, Chance, context_id, distance, encrypt};
use crate::process::Server;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

/// Vectors, as bits and as ciphertexts.
static VECTORS: LazyLock<(Vec<Vec<u8>>, Vec<String>)> = LazyLock::new(|| {
    let bits = Chance(7).vectors(64);
    let wires = encrypt(&CONTEXT.0, &bits);
    (bits, wires)
});

fn kills() -> usize {
    if std::env::var_os("HUSHVEC_LONG_TESTS").is_some_and(|value| value == "1") { 200 } else { 12 }
}

/// Returns the number of a chunk's vector, the second word of its name. A third word may be filling.
fn number(name: &str) -> usize {
    name.split(' ').nth(1).unwrap().parse().unwrap()
}

fn with_vectors(names: &[String]) -> Vec<(String, &'static String)> {
    names.iter().map(|name| (name.clone(), &VECTORS.1[number(name)])).collect()
}

/// Returns the name of each chunk, by its id.
fn everything(server: &Server, base: &str) -> BTreeMap<u64, String> {
    let selection = json!({ "kb_id": base, "context_id": context_id(), "sort_order": "asc", "return_content": true });
    let page = server.ok("POST", "/v1/chunk/meta/page/default", &selection);
    assert_eq!(page["has_more"], false);
    let found = page["results"].as_array().unwrap().iter().map(|one| {
        assert_eq!(one["name"], one["chunk_content"]);
        (one["chunk_id"].as_u64().unwrap(), one["name"].as_str().unwrap().to_owned())
    });
    found.collect()
}

/// Returns the distances that a search for a vector must find.
fn expected(stored: &BTreeMap<u64, String>, query: usize) -> BTreeMap<u64, u32> {
    let bits = &VECTORS.0;
    stored.iter().map(|(id, name)| (*id, distance(&bits[query], &bits[number(name)]))).collect()
}

fn ids(reply: &Value) -> Vec<u64> {
    reply["chunk_ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect()
}

/// A client that stores and deletes until its server ends.
struct Client {
    chance: Chance,
    next: usize,
    /// The acknowledged chunks.
    stored: BTreeMap<u64, String>,
    /// The call that was not answered.
    sent: Option<Sent>,
}

enum Sent {
    Names(Vec<String>),
    Deletion(u64),
}

impl Client {
    fn work(&mut self, server: &Server, base: &str) -> std::io::Result<()> {
        loop {
            let count = [1, 1, 2, 7, 40][self.chance.index(5)];
            let of = VECTORS.0.len();
            let names: Vec<String> = (self.next..self.next + count).map(|at| format!("{at} {}", at % of)).collect();
            self.next += count;
            self.sent = Some(Sent::Names(names.clone()));
            let (status, reply) = server.try_insert(base, &with_vectors(&names))?;
            assert_eq!(status, 200, "{reply}");
            self.stored.extend(ids(&reply).into_iter().zip(names));
            self.sent = None;
            if self.chance.below(10) < 3 {
                let gone = *self.stored.keys().nth(self.chance.index(self.stored.len())).unwrap();
                self.sent = Some(Sent::Deletion(gone));
                let path = format!("/v1/chunk/default?kb_id={base}&chunk_ids={gone}");
                let (status, reply) = server.try_call("DELETE", &path, &Value::Null)?;
                assert_eq!((status, &reply["deleted_count"]), (200, &json!(1)));
                self.stored.remove(&gone);
                self.sent = None;
            }
        }
    }

    /// Compares the chunks after a crash with the acknowledged ones. Returns whether the interrupted call was
    /// completed.
    fn compare(&mut self, found: BTreeMap<u64, String>) -> bool {
        let new: Vec<&String> =
            found.iter().filter(|(id, _)| !self.stored.contains_key(id)).map(|(_, name)| name).collect();
        let lost: Vec<&u64> = self.stored.keys().filter(|id| !found.contains_key(id)).collect();
        // The interrupted call took effect completely or not at all.
        match &self.sent {
            Some(Sent::Names(names)) => {
                assert!(new.is_empty() || new.into_iter().eq(names), "{found:?}");
                assert_eq!(lost, [&0; 0]);
            }
            Some(Sent::Deletion(gone)) => {
                assert_eq!(new, [""; 0]);
                assert!(lost.is_empty() || lost == [gone], "{lost:?} is gone, and not only {gone}");
            }
            None => assert_eq!((new.len(), lost.len()), (0, 0)),
        }
        for (id, name) in &self.stored {
            assert!(found.get(id).is_none_or(|found| found == name), "chunk {id}");
        }
        let done = found.len() != self.stored.len();
        self.stored = found;
        done
    }
}

#[test]
fn kills_lose_no_acknowledged_writes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start(&data, &[]);
    let base = server.prepare();
    let mut client = Client { chance: Chance(3), next: 0, stored: BTreeMap::new(), sent: None };
    let (mut waits, mut unanswered) = (Chance(4), 0);
    for _ in 0..kills() {
        client.sent = None;
        std::thread::scope(|scope| {
            let working = scope.spawn(|| client.work(&server, &base));
            std::thread::sleep(Duration::from_millis(5 + waits.below(400)));
            server.signal("KILL");
            assert!(working.join().unwrap().is_err());
        });
        server.ended();
        server = server.restarted();
        unanswered += usize::from(client.compare(everything(&server, &base)));
    }
    println!("{} kills, {} chunks, {unanswered} calls completed but not answered", kills(), client.stored.len());
    assert!(!client.stored.is_empty());
    assert_eq!(server.distances(&base, &VECTORS.1[5]), expected(&client.stored, 5));
    // Uncommitted writes leave no files behind, only rows without references.
    for entry in std::fs::read_dir(&data).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            ["hushvec.db", "hushvec.db-wal", "hushvec.db-shm", "segments", "lock"].contains(&name.as_str()),
            "{name}"
        );
    }
    assert!(server.stop().status.success());
}

/// The database records a segment before its file exists. After a crash, the file may be missing or incomplete.
#[test]
fn an_incomplete_segment_is_created_again() {
    for left in [None, Some(b"".as_slice()), Some(b"HVX")] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(folder.path(), &[]);
        let base = server.prepare();
        let (bits, wires) = &*VECTORS;
        let insert = |server: &Server, names: &[(String, &String)]| {
            let (status, reply) = server.try_insert(&base, names).unwrap();
            assert_eq!(status, 200, "{reply}");
            ids(&reply)
        };
        insert(&server, &[("a".to_owned(), &wires[0])]);
        server.ok("DELETE", &format!("/v1/chunk/default?kb_id={base}&chunk_ids=1"), &Value::Null);
        server.signal("KILL");
        server.ended();
        let segments: Vec<_> = std::fs::read_dir(folder.path().join("segments")).unwrap().collect();
        assert_eq!(segments.len(), 1);
        let segment = segments[0].as_ref().unwrap().path();
        std::fs::remove_file(&segment).unwrap();
        if let Some(left) = left {
            std::fs::write(&segment, left).unwrap();
        }
        let server = server.restarted();
        assert_eq!(insert(&server, &[("b".to_owned(), &wires[1]), ("c".to_owned(), &wires[2])]), [2, 3]);
        let expected = [(2, distance(&bits[5], &bits[1])), (3, distance(&bits[5], &bits[2]))];
        assert_eq!(server.distances(&base, &wires[5]), BTreeMap::from(expected));
    }
}

/// Returns a wrapper that runs a command with a small disk mounted on a folder; `None` if mounting is not allowed.
#[cfg(target_os = "linux")]
fn small_disk(folder: &std::path::Path, mebibytes: usize) -> Option<std::process::Command> {
    use std::process::{Command, Stdio};
    std::fs::create_dir(folder).unwrap();
    let script = format!("mount -t tmpfs -o size={mebibytes}m none '{}' && exec \"$@\"", folder.display());
    // Root needs no user namespace, and may not create one in some containers.
    ["-m", "-rm"].into_iter().find_map(|flags| {
        let command = || {
            let mut command = Command::new("unshare");
            command.args([flags, "sh", "-c", &script, "sh"]);
            command
        };
        let works = command().arg("true").stdout(Stdio::null()).stderr(Stdio::null()).status();
        works.is_ok_and(|status| status.success()).then(command)
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_no_acknowledged_writes() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    let Some(wrapper) = small_disk(&disk, 3) else {
        let required = std::env::var_os("HUSHVEC_REQUIRE_SDK").is_some_and(|value| value == "1");
        assert!(!required, "no file system can be mounted here in a namespace");
        println!("skipped: no file system can be mounted here in a namespace");
        return;
    };
    let server = Server::start_within(wrapper, &disk.join("data"));
    let base = server.prepare();
    let (mut stored, mut refused) = (BTreeMap::new(), 0);
    for first in 0..1000 {
        let name = |(at, filling): (usize, usize)| {
            format!("{first} {} {}", (first + at) % VECTORS.0.len(), "x".repeat(filling))
        };
        let names: Vec<String> = [0, 300, 900].into_iter().enumerate().map(name).collect();
        let (status, reply) = server.try_insert(&base, &with_vectors(&names)).unwrap();
        if status == 200 {
            stored.extend(ids(&reply).into_iter().zip(names));
            continue;
        }
        assert_eq!(status, 507, "{reply}");
        assert!(reply["message"].as_str().unwrap().contains("disk is full"), "{reply}");
        refused += 1;
        assert_eq!(server.distances(&base, &VECTORS.1[5]), expected(&stored, 5));
        assert_eq!(everything(&server, &base), stored);
        if refused == 3 {
            break;
        }
    }
    assert!(refused == 3 && stored.len() > 100, "{refused} refused, {} stored", stored.len());
    server.ok("GET", "/ready", &Value::Null);
}
