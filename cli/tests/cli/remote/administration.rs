//! Administration of knowledge bases and API keys. Refused requests are tested in `mistakes/servers.rs`.

use super::{Client, KINDS, Notes};
use assert_cmd::Command;
use predicates::boolean::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::{Value, json};

/// A client with the admin key and no API key.
struct Admin<'a>(Client<'a>);

impl Admin<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.command(arguments);
        command.env_remove("HUSHVEC_API_KEY").env("HUSHVEC_ADMIN_KEY", self.0.key);
        command
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).assert().success().get_output().stdout.clone();
        String::from_utf8(output).unwrap().trim().to_owned()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn refused(&self, arguments: &[&str], what: &str) {
        self.command(arguments).assert().code(1).stderr(contains(what));
    }
}

#[test]
fn keys_are_granted_withdrawn_and_revoked() {
    let notes = Notes::new(KINDS[0]);
    let admin = Admin(notes.client());
    admin.text(&["key", "create", "reader", "--grant", "notes:read", "-o", "reader.key"]);
    let path = notes.workspace.path("reader.key");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777, 0o600);
    let key = std::fs::read_to_string(path).unwrap().trim().to_owned();
    let reader = Client { key: &key, ..notes.client() };
    assert_eq!(admin.text(&["key", "list"]).matches(" active ").count(), 1);
    let shown = admin.json(&["key", "show", "reader"]);
    assert_eq!(shown["permissions"], json!([{ "kb_id": notes.kb(), "permission": "read" }]));
    assert_eq!(shown["status"], "active");

    let search = |base| ["search", "ctx.json", "query.npy", "--kb", base];
    reader.text(&search("notes"));
    admin.text(&["kb", "create", "more"]);
    notes.client().text(&["push", "ctx.json", "index.hvx", "--kb", "more"]);
    let more = admin.json(&["kb", "show", "more"])["id"].as_str().unwrap().to_owned();
    reader.refused(&search("more"), 1, "no knowledge base \"more\"; this key has access to notes");
    admin.text(&["key", "grant", "reader", "more", "read"]);
    reader.text(&search("more"));
    admin.text(&["key", "withdraw", "reader", "more"]);
    admin.refused(&["key", "withdraw", "reader", "more"], "404");
    reader.refused(&search(&more), 1, "403");
    admin.text(&["key", "revoke", "reader"]);
    reader.refused(&["kb", "list"], 1, "401");
    admin.refused(&["key", "revoke", "reader"], "no API key with the hash or the name");
    assert_eq!(admin.json(&["key", "list"])[0]["status"], "revoked");
}

#[test]
fn knowledge_bases_are_made_listed_and_deleted() {
    let notes = Notes::new(KINDS[0]);
    let admin = Admin(notes.client());
    let base = admin.text(&["kb", "create", "letters", "--description", "what for"]);
    let key = admin.text(&["key", "create", "writer"]);
    let writer = Client { key: &key, ..notes.client() };
    admin.text(&["key", "grant", "writer", "letters", "read"]);

    // The API key of a push that creates a knowledge base may use it; other keys may not.
    let push = ["push", "ctx.json", "index.hvx", "--create-kb", "more", "--list", "writer.pushed"];
    writer
        .command(&push)
        .env("HUSHVEC_ADMIN_KEY", &notes.server.key)
        .assert()
        .success()
        .stderr(contains("stored 39 new vectors in more"));
    assert_eq!(writer.found(&["ctx.json", "query.npy", "--kb", "more", "--list", "writer.pushed"]).len(), 2);
    let listed = writer.command(&["kb", "list"]).assert().success();
    listed.stdout(contains(&base).and(contains("what for")).and(contains("more")).and(contains("notes").not()));
    let names = |bases: &Value| bases.as_array().unwrap().iter().map(|base| base["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&admin.json(&["kb", "list"])), ["notes", "letters", "more"]);
    let shown = admin.json(&["kb", "show", "more"]);
    assert_eq!((&shown["number_of_vectors"], &shown["context_ids"]), (&json!(39), &json!([notes.context_id()])));

    admin.command(&["kb", "delete", "more"]).assert().code(2).stderr(contains("39 vectors; give --yes to delete"));
    writer.refused(&["kb", "delete", "more", "--yes"], 1, "403");
    assert_eq!(admin.json(&["kb", "show", "more"])["number_of_vectors"], 39);
    admin.text(&["kb", "delete", "more", "--yes"]);
    admin.refused(&["kb", "show", "more"], "there is no knowledge base");
    assert_eq!(names(&admin.json(&["kb", "list"])), ["notes", "letters"]);
}
