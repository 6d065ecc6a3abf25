use super::*;
use crate::filter::Filter;
use crate::metadata::Metadata;
use crate::store::{MetadataChange, NewChunk, Quota};
use hushvec::{BitMatrix, Device, ExecutionContext, HomomorphicClient, OpenDevice, PassphraseKeyProvider, Scheme};
use serde_json::{Value, json};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// A store with a knowledge base of chunks tagged `a`, numbered from 1.
struct Filled {
    _folder: TempDir,
    store: Store,
    principal: Principal,
    base: String,
}

impl Filled {
    fn new(chunks: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let quota = Quota { bytes: 1 << 30, chunks: 1000, contexts: 1 };
        let device = OpenDevice::open(Device::Cpu, None).unwrap();
        let store = Store::open(folder.path(), device, false, quota, Duration::from_secs(60)).unwrap();
        let key = store.create_organisation("default").unwrap().unwrap();
        let principal = store.authenticate(&key).unwrap().unwrap();
        let context = ExecutionContext::builder()
            .scheme(Scheme::PaillierSubgroup)
            .embedding_length(16)
            .create(PassphraseKeyProvider::new("pass").unwrap())
            .unwrap();
        let document = serde_json::to_value(context.to_dict_enc().unwrap()).unwrap();
        store.store_context(&principal, "one", &document).unwrap();
        let base = serde_json::to_value(store.create_knowledge_base(&principal, "base", "").unwrap()).unwrap();
        let base = base["id"].as_str().unwrap().to_owned();
        let vectors = context.encrypt_vec_batch(&BitMatrix::from_rows(16, vec![[1u8; 16]; chunks]).unwrap()).unwrap();
        let chunk = || NewChunk { content: String::new(), embedding: None, name: None, metadata: Some(tagged("a")) };
        let chunks: Vec<NewChunk> = std::iter::repeat_with(chunk).take(chunks).collect();
        store.insert(&principal, (&base, "one"), chunks, &vectors, None).unwrap();
        Self { _folder: folder, store, principal, base }
    }

    fn tag(&self, chunk: u64, tag: &str) {
        let metadata = Some(MetadataChange::Replace(tagged(tag)));
        let change = Change { metadata, ..Change::default() };
        let evaluator = self.store.evaluator_for(&self.principal, &self.base, "one", Permission::Write).unwrap();
        let none = evaluator.import(&[]).unwrap();
        self.store.update(&self.principal, &self.base, "one", &[(chunk, change)], &none).unwrap();
    }

    fn selection<'a>(&'a self, filter: &'a Filter) -> Selection<'a> {
        Selection { base: &self.base, context: "one", filter }
    }
}

fn tagged(tag: &str) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.tags[0] = Some(tag.to_owned());
    metadata
}

fn filter(value: &Value) -> Filter {
    Filter::parse(value).unwrap()
}

#[test]
fn dry_runs_do_not_wait_for_the_writer() {
    let filled = Filled::new(3);
    let filter = filter(&json!({ "tag1": "a" }));
    let (to, counted) = mpsc::channel();
    std::thread::scope(|scope| {
        let writer = filled.store.database.writer();
        scope.spawn(|| {
            let (selection, change) = (filled.selection(&filter), Change::default());
            to.send(filled.store.delete_selected(&filled.principal, &selection, true).unwrap()).unwrap();
            to.send(filled.store.patch_selected(&filled.principal, &selection, &change, true).unwrap()).unwrap();
        });
        let wait = Duration::from_secs(60);
        let counts = [counted.recv_timeout(wait), counted.recv_timeout(wait)];
        drop(writer);
        assert_eq!(counts, [Ok(3), Ok(3)]);
    });
}

#[test]
fn the_filter_is_checked_again_at_the_change() {
    let filled = Filled::new(5);
    let filter = filter(&json!({ "tag1": { "$in": ["a", "b"] } }));
    let selection = filled.selection(&filter);
    let seen = filled.store.find_seen(&filled.principal, &selection, Permission::Delete).unwrap();
    // Times have a resolution of one millisecond.
    std::thread::sleep(Duration::from_millis(2));
    filled.tag(2, "b");
    filled.tag(3, "c");
    filled.store.delete(&filled.principal, &filled.base, &[4]).unwrap();
    let writer = filled.store.database.writer();
    let found = find(&writer, &filled.principal, &selection, Permission::Delete, &seen).unwrap();
    let ids: Vec<u64> = found.iter().map(|chunk| chunk.id).collect();
    assert_eq!((seen.len(), ids), (5, vec![1, 2, 5]));
    drop(writer);
    assert_eq!(filled.store.delete_selected(&filled.principal, &selection, false).unwrap(), 3);
    assert_eq!(filled.store.selected_ids(&filled.principal, &filled.selection(&Filter::All(Vec::new()))).unwrap(), [3]);
}

#[test]
fn patches_change_the_chunks_that_match() {
    let filled = Filled::new(4);
    filled.tag(2, "b");
    let change = || Change { metadata: Some(MetadataChange::Replace(tagged("c"))), ..Change::default() };
    let of = |tag: &str| filter(&json!({ "tag1": tag }));
    let (a, c) = (of("a"), of("c"));
    let patched = filled.store.patch_selected(&filled.principal, &filled.selection(&a), &change(), false).unwrap();
    let mut ids = filled.store.selected_ids(&filled.principal, &filled.selection(&c)).unwrap();
    ids.sort_unstable();
    assert_eq!((patched, ids), (3, vec![1, 3, 4]));
}
