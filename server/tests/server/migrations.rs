//! Databases of older versions are upgraded. Files of other applications are refused and not changed.
//!
//! `data/stored` has the data of servers of versions 1 and 2: the database as text, and its segments. The context opens
//! with the passphrase "correct horse". Vector i of a knowledge base begins with i ones, and vector i of `drafts` with
//! 6 + i ones.

use crate::chunks::rows;
use crate::context::{decode, encrypt};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use hushvec::{ExecutionContext, PassphraseKeyProvider};
use hushvec_server::{Options, router};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

const ADMIN: &str = "hvk_AMsCjWT0ntZZS9GZ4-jCmKsPleS2ckY3fYonTdg2S-U";
const WRITER: &str = "ooEJBn6dG0AwEcqEGN1afMtwdWiNNSQ-D3BnWNkP22Q";
const READER: &str = "tgI8nyP4XASBrdNW7hpHDmCn142HyyeCum8Sm6PJBGA";
const REVOKED: &str = "bccSO45A1VZESgvKDzDNRRMZgGxw4d2d3sxiaF_S0jw";
const ACME: &str = "hvk_4vE2j6c0MJ9JwFlyNO0bgdwcEIvT-DmmOAwhQn3RWzM";
const NOTES: &str = "ca79cf91-7a26-425c-9984-34c3a537b9a9";
const DRAFTS: &str = "813f8a14-d7dc-4b9a-89e9-c37f29272b53";
const THEIR_NOTES: &str = "5b259fb2-2746-49e4-a373-3b16354a7dfd";
const WRITER_HASH: &str = "a5afa49690af3c191667fc2cf9f30467";
/// The newest version.
const NEWEST: i64 = 3;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stored")
}

/// Creates the data folder of a server of an older version.
fn left_by(version: i64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sql = std::fs::read_to_string(data().join(format!("version-{version}.sql"))).unwrap();
    database(folder.path()).execute_batch(&sql).unwrap();
    std::fs::create_dir(folder.path().join("segments")).unwrap();
    for name in ["1.hvx", "2.hvx", "3.hvx"] {
        std::fs::copy(data().join("segments").join(name), folder.path().join("segments").join(name)).unwrap();
    }
    folder
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("hushvec.db")).unwrap()
}

fn open(folder: &Path) -> Result<(Router, Option<String>), String> {
    router(&Options { device: hushvec::Device::Cpu, ..Options::new(folder) })
}

fn number(database: &Connection, sql: &str) -> i64 {
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Returns the definitions of tables, indexes and triggers, without comments and spaces, and the columns of tables.
fn schema(database: &Connection) -> BTreeMap<String, String> {
    let mut statement = database.prepare("SELECT name, type, coalesce(sql, '') FROM sqlite_schema").unwrap();
    let entries = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let mut found = BTreeMap::new();
    for entry in entries {
        let (name, kind, sql): (String, String, String) = entry.unwrap();
        let lines = sql.lines().map(|line| line.split("--").next().unwrap_or(line));
        let mut text: String = lines.flat_map(str::chars).filter(|c| !c.is_whitespace() && *c != '"').collect();
        if kind == "table" {
            let sql = "SELECT group_concat(concat_ws(' ', cid, name, type, \"notnull\", dflt_value, pk), ';') FROM pragma_table_info(?)";
            let columns: String = database.query_row(sql, [&name], |row| row.get(0)).unwrap();
            text = format!("{text}\n{columns}");
        }
        found.insert(format!("{kind} {name}"), text);
    }
    found
}

/// Returns a database as text: schema, version and all rows.
fn dump(database: &Connection) -> String {
    let mut text = format!("{} {:?}\n", number(database, "PRAGMA user_version"), schema(database));
    let tables: Vec<String> =
        schema(database).keys().filter_map(|name| name.strip_prefix("table ").map(str::to_owned)).collect();
    for table in tables {
        let mut statement = database.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<_> = (0..columns).map(|column| row.get_ref(column).unwrap()).collect();
            text += &format!("{table} {values:?}\n");
        }
    }
    text
}

/// A server on a folder.
struct Server {
    runtime: Runtime,
    router: Router,
}

impl Server {
    fn bytes(&self, (organisation, key): (&str, &str), method: &str, path: &str, body: &Value) -> (u16, Vec<u8>) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("x-api-key", key)
            .header("x-xtrace-org-id", organisation);
        if key.starts_with("hvk_") {
            request = request.header("x-xtrace-key", key);
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        self.runtime.block_on(async {
            let reply = self.router.clone().oneshot(request).await.unwrap();
            let status = reply.status().as_u16();
            (status, to_bytes(reply.into_body(), usize::MAX).await.unwrap().to_vec())
        })
    }

    fn call(&self, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let organisation = if key == ACME { "acme" } else { "default" };
        let (status, bytes) = self.bytes((organisation, key), method, path, body);
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    fn ok(&self, key: &str, method: &str, path: &str, body: &Value) -> Value {
        let (status, reply) = self.call(key, method, path, body);
        assert_eq!(status, 200, "{method} {path}: {reply}");
        reply
    }

    fn get(&self, key: &str, path: &str) -> Value {
        self.ok(key, "GET", path, &Value::Null)
    }

    /// Searches for the zero vector. Returns the distance of each vector, which is its number of ones.
    fn distances(
        &self,
        context: &ExecutionContext,
        organisation: (&str, &str),
        base: &str,
        id: &str,
    ) -> Vec<(u64, u32)> {
        let query = encrypt(context, &[vec![0; 16]]);
        let path = format!("/v1/compute_hamming/{}", organisation.0);
        let body = json!({ "kb_id": base, "context_id": id, "query": query });
        let (status, body) = self.bytes(organisation, "POST", &path, &body);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let (ids, ciphertexts) = rows(&body);
        let mut found: Vec<_> = ids.into_iter().zip(decode(context, &ciphertexts)).collect();
        found.sort_unstable();
        found
    }
}

#[test]
fn data_of_older_servers_is_usable() {
    for version in [1, 2] {
        let folder = left_by(version);
        let (router, new_key) = open(folder.path()).unwrap();
        assert_eq!(new_key, None);
        let server = Server { runtime: Runtime::new().unwrap(), router };

        // Organisations, knowledge bases, keys, permissions and contexts.
        let bases = server.get(ADMIN, "/v1/kbs");
        let names = bases
            .as_array()
            .unwrap()
            .iter()
            .map(|base| (&base["name"], &base["description"], &base["numberOfVectors"]));
        let expected =
            [json!(["notes", "what I think, größtenteils", 5]), json!(["drafts", "", 2]), json!(["empty", "", 0])];
        let mut names: Vec<Value> =
            names.map(|(name, description, vectors)| json!([name, description, vectors])).collect();
        names.sort_by_key(|name| expected.iter().position(|one| one == name));
        assert_eq!(names, expected);
        let keys = server.get(ADMIN, "/v1/keys");
        let mut keys: Vec<_> = keys.as_array().unwrap().iter().map(|key| json!([key["name"], key["status"]])).collect();
        keys.sort_by_key(Value::to_string);
        assert_eq!(json!(keys), json!([["lost laptop", "revoked"], ["reader", "active"], ["writer", "active"]]));
        assert_eq!(server.call(REVOKED, "GET", &format!("/v1/kbs/{NOTES}"), &Value::Null).0, 401);
        assert_eq!(server.get(READER, "/v1/kbs").as_array().unwrap().len(), 1);
        let permissions = server.get(ADMIN, &format!("/v1/keys/{WRITER_HASH}/permissions"));
        let mut given: Vec<_> = permissions.as_array().unwrap().iter().map(|one| one["permission"].as_u64()).collect();
        given.sort_unstable();
        assert_eq!(given, [Some(3), Some(7)]);
        let mut contexts = server.get(ADMIN, "/v1/exec_context/default")["contexts"].as_array().unwrap().clone();
        contexts.sort_by_key(Value::to_string);
        assert_eq!(contexts, ["ctx", "ctx-2"]);

        // The context opens and decrypts distances to the stored vectors.
        let document = server.get(READER, "/v1/exec_context/default/ctx");
        let document = document.get("data").unwrap_or(&document);
        let provider = PassphraseKeyProvider::new("correct horse").unwrap();
        let context = ExecutionContext::loader().from_dict(document.clone(), &provider).unwrap();
        let default = ("default", ADMIN);
        let notes = [(1, 1), (2, 2), (4, 4), (5, 5), (6, 6)];
        assert_eq!(server.distances(&context, default, NOTES, "ctx"), notes);
        assert_eq!(server.distances(&context, default, DRAFTS, "ctx-2"), [(1, 7), (2, 8)]);
        assert_eq!(server.distances(&context, ("acme", ACME), THEIR_NOTES, "ctx"), [(1, 9)]);

        // Names, metadata, contents, and embeddings, which exist since version 2.
        let fields = "projection=chunk_content&projection=meta_data&projection=sealed_embedding&projection=name";
        let found = server.get(READER, &format!("/v1/chunk/default?kb_id={NOTES}&chunk_ids=1&{fields}"));
        assert_eq!((&found[0]["name"], &found[0]["chunk_content"]), (&json!("note 1"), &json!("sealed note 1")));
        assert_eq!(found[0]["meta_data"], json!({ "tag1": "home", "tag2": "2024", "facets": ["a", "ä"] }));
        let embedding = if version == 1 { Value::Null } else { json!("sealed embedding 1") };
        assert_eq!(found[0]["sealed_embedding"], embedding);
        let filter = json!({ "kb_id": NOTES, "context_id": "ctx", "meta_filter": { "tag1": "home", "facets": "a" } });
        let filtered = server.ok(READER, "POST", "/v1/chunk/meta/default", &filter);
        let ids: Vec<_> = filtered.as_array().unwrap().iter().map(|chunk| chunk["chunk_id"].as_u64()).collect();
        assert_eq!(ids, [Some(1), Some(5)]);

        // New data continues the old: ids are not reused, and names identify the same chunks.
        let wire = encrypt(&context, &[vec![1; 16]]).remove(0);
        let chunk =
            |name: &str| json!({ "name": name, "chunk_content": "new", "index": [wire], "sealed_embedding": "e" });
        let chunks = [chunk("note 2"), chunk("new")];
        let body = json!({ "kb_id": NOTES, "context_id": "ctx", "chunks": chunks, "on_conflict": "replace" });
        let stored = server.ok(WRITER, "POST", "/v1/chunk/default", &body);
        assert_eq!(stored["chunk_ids"], json!([2, 7]));
        let notes = [(1, 1), (2, 16), (4, 4), (5, 5), (6, 6), (7, 16)];
        assert_eq!(server.distances(&context, default, NOTES, "ctx"), notes);
        assert_eq!(server.call(READER, "POST", "/v1/chunk/default", &body).0, 403);
        server.ok(WRITER, "DELETE", &format!("/v1/chunk/default?kb_id={NOTES}&chunk_ids=1"), &Value::Null);

        // The usage counts equal the actual usage.
        let database = database(folder.path());
        let counted = |organisation: i64| {
            number(&database, &format!("SELECT bytes FROM usage WHERE organisation = {organisation}"))
        };
        let actual = |organisation: i64| {
            let of = format!(
                "FROM chunks c JOIN contents d ON d.chunk = c.key JOIN knowledge_bases k ON k.key = c.knowledge_base WHERE k.organisation = {organisation}"
            );
            let chunks = "octet_length(concat(content, embedding, c.name, tag1, tag2, tag3, tag4, tag5, facets))";
            let documents =
                format!("SELECT sum(octet_length(document)) FROM contexts WHERE organisation = {organisation}");
            number(&database, &format!("SELECT (SELECT sum({chunks}) {of}) + ({documents})"))
        };
        assert_eq!([counted(1), counted(2)], [actual(1), actual(2)]);
        assert_eq!(number(&database, "SELECT chunks FROM usage WHERE organisation = 1"), 7);
        server.ok(ADMIN, "DELETE", &format!("/v1/kbs/{DRAFTS}"), &Value::Null);
        assert_eq!(number(&database, "SELECT chunks FROM usage WHERE organisation = 1"), 5);
        assert_eq!(counted(1), actual(1));
    }
}

#[test]
fn upgraded_databases_have_the_schema_of_new_ones() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let fresh = database(folder.path());
    let application = number(&fresh, "PRAGMA application_id");
    assert_eq!((number(&fresh, "PRAGMA user_version"), application), (NEWEST, i64::from(i32::from_be_bytes(*b"hvec"))));
    for version in [1, 2] {
        let folder = left_by(version);
        assert_eq!(number(&database(folder.path()), "PRAGMA user_version"), version);
        // Versions 2 and 3 differ only in the header.
        assert_eq!(schema(&database(folder.path())) == schema(&fresh), version == 2);
        drop(open(folder.path()).unwrap());
        let upgraded = database(folder.path());
        assert_eq!(schema(&upgraded), schema(&fresh), "from version {version}");
        assert_eq!(number(&upgraded, "PRAGMA user_version"), NEWEST);
        assert_eq!(number(&upgraded, "PRAGMA application_id"), application);
        // Opening it again changes nothing.
        let before = dump(&upgraded);
        drop(open(folder.path()).unwrap());
        assert_eq!(dump(&database(folder.path())), before);
    }
}

#[test]
fn a_failed_migration_does_not_change_the_file() {
    let missing = "PRAGMA foreign_keys = off; DELETE FROM segments WHERE key = 3";
    for (version, damage, message, repair) in [
        // A failure in the first step, and one in the last, after successful ones.
        (
            1,
            "CREATE INDEX chunks_by_name ON chunks (name)",
            "the upgrade to version 2 failed",
            "DROP INDEX chunks_by_name",
        ),
        (1, "DROP TABLE usage; CREATE VIEW usage AS SELECT 1", "the upgrade to version 3 failed", "DROP VIEW usage"),
        (2, missing, "rows of chunks refer to missing rows of segments", "INSERT INTO segments VALUES (3, 3, 0)"),
    ] {
        let folder = left_by(version);
        database(folder.path()).execute_batch(damage).unwrap();
        let before = dump(&database(folder.path()));
        let error = open(folder.path()).err().unwrap();
        assert!(
            error.contains("hushvec.db") && error.contains(message) && error.contains("the file was not changed"),
            "{error}"
        );
        assert_eq!(dump(&database(folder.path())), before, "{damage}");
        // The server that wrote it can use it, and so can this one after the repair.
        database(folder.path()).execute_batch(repair).unwrap();
        drop(open(folder.path()).unwrap());
        assert_eq!(number(&database(folder.path()), "PRAGMA user_version"), NEWEST);
    }
}

#[test]
fn other_files_are_refused_and_not_changed() {
    let foreign = "CREATE TABLE notes (text TEXT)";
    for (what, message, advice) in [
        (
            "PRAGMA user_version = 99",
            "it has version 99, but this server reads versions up to 3",
            "start a newer server",
        ),
        ("PRAGMA application_id = 252006674", "another application", "--data"),
        ("PRAGMA user_version = 0", "another application", "--data"),
        ("PRAGMA user_version = -1", "another application", "--data"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()).unwrap());
        database(folder.path()).execute_batch(what).unwrap();
        refused(folder.path(), message, advice);
    }
    for version in [0, 2] {
        let folder = tempfile::tempdir().unwrap();
        database(folder.path()).execute_batch(&format!("{foreign}; PRAGMA user_version = {version}")).unwrap();
        refused(folder.path(), "another application", "--data");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hushvec.db"), "no database\n".repeat(1000)).unwrap();
    refused(folder.path(), "not a SQLite database", "--data");
}

fn refused(folder: &Path, message: &str, advice: &str) {
    let path = folder.join("hushvec.db");
    let before = std::fs::read(&path).unwrap();
    let error = open(folder).err().unwrap();
    let named = error.contains(path.to_str().unwrap());
    assert!(named && error.contains(message) && error.contains(advice), "{error}");
    assert!(std::fs::read(&path).unwrap() == before, "{message}: the file was changed");
}
