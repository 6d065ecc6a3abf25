//! Files of both versions of the format, written by older builds.

use hushvec::{
    Device, Evaluator, ExecutionContext, IdKind, Ids, Index, IndexWriter, NumberEvaluator, PassphraseKeyProvider,
    Progress, Response, Shard,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder)
}

/// Loads the context of all files in `tests/data/version_1` and `version_2`.
fn stored_context() -> ExecutionContext {
    let provider = PassphraseKeyProvider::new("version1").unwrap();
    ExecutionContext::load_from_disk(&data("version_1").join("context.json"), &provider).unwrap()
}

#[test]
fn version_1_is_still_read() {
    let (data, context) = (data("version_1"), stored_context());
    let evaluator = Evaluator::open(&context.public_context(), Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::copy(data.join("index.hvx"), path("index")).unwrap();
    let version = |path: &Path| u32::from_le_bytes(std::fs::read(path).unwrap()[8..12].try_into().unwrap());
    let expected = |response: &Path| {
        let mut found = Vec::new();
        let response = Response::open(response).unwrap();
        response
            .for_each_distance(&context, &Progress::new(), |query, id, distance| {
                found.push((query, id.number().unwrap(), distance));
            })
            .unwrap();
        found.sort_unstable();
        let ids = [(0, [7, 4]), (1, [1, 6]), (3, [9, 8]), (7, [7, 8]), (10, [9, 2])];
        let all = [0, 1].into_iter().flat_map(|query| ids.map(|(id, distances)| (query, id, distances[query])));
        assert_eq!(found, all.collect::<Vec<_>>());
    };
    let (query, index) = (evaluator.load_query(&data.join("query.hvq")).unwrap(), Index::open(&path("index")).unwrap());
    assert_eq!((query.id(), version(&data.join("query.hvq"))), (None, 1));
    let old = Response::open(&data.join("response.hvr")).unwrap();
    old.check_query(&query).unwrap();
    expected(&data.join("response.hvr"));
    query.save(&path("query"), context.public_key()).unwrap();
    assert_eq!((evaluator.load_query(&path("query")).unwrap().id(), version(&path("query"))), (None, 1));
    evaluator.aggregate(&query, &index, &path("response"), &Progress::new()).unwrap();
    expected(&path("response"));
    assert_eq!(version(&path("response")), 2);
    // An index keeps its version, because its header is never rewritten.
    let (mut writer, _) = IndexWriter::append_to(&path("index"), Arc::clone(context.public_key())).unwrap();
    writer.append(query.vectors(), None).unwrap();
    drop(writer);
    assert_eq!((Index::open(&path("index")).unwrap().len(), version(&path("index"))), (7, 1));
    Index::compact(&path("index"), &Progress::new()).unwrap();
    assert_eq!((Index::open(&path("index")).unwrap().len(), version(&path("index"))), (7, 1));
    evaluator.verify(&Index::open(&path("index")).unwrap(), true, &Progress::new()).unwrap();
}

/// Files written by this build are byte-identical to those written when version 2 of the format was introduced.
#[test]
fn version_2_stays_as_it_is() {
    let (data, context) = (data("version_2"), stored_context());
    let (key, evaluator) = (context.public_key(), Evaluator::open(&context.public_context(), Device::Cpu).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let same = |name: &str| {
        let [written, stored] = [path(name), data.join(name)].map(|path| std::fs::read(path).unwrap());
        assert!(written == stored, "{name} differs from the stored file");
    };
    // Ciphertexts are random, so they are read from the stored file, at the offsets of docs/formats.md.
    let records = |name: &str, (at, count): (usize, usize)| {
        let bytes = std::fs::read(data.join(name)).unwrap();
        let integers = bytes[at..at + 512 * count].chunks_exact(512).map(|pair| {
            let [low, high] = [0, 256].map(|at| num_bigint::BigUint::from_bytes_le(&pair[at..at + 256]));
            let mut integer = (low + high * key.n()).to_bytes_le();
            integer.resize(512, 0);
            integer
        });
        evaluator.import(&integers.flatten().collect::<Vec<_>>()).unwrap()
    };
    let strings = |ids: &[&str]| Ids::parse(IdKind::Strings, ids).unwrap();

    let shard = Shard::new(1, 3).unwrap();
    let mut writer = IndexWriter::create_shard(&path("index.hvx"), Arc::clone(key), shard).unwrap();
    writer.append(&records("index.hvx", (192, 3)), None).unwrap();
    writer.append(&records("index.hvx", (1856, 2)), Some(&Ids::from(vec![10, 7]))).unwrap();
    writer.delete(&Ids::from(vec![10, 1])).unwrap();
    writer.append(&records("index.hvx", (3072, 1)), None).unwrap();
    writer.sync().unwrap();
    same("index.hvx");

    let mut writer = IndexWriter::create(&path("names.hvx"), Arc::clone(key)).unwrap();
    writer.append(&records("names.hvx", (256, 2)), Some(&strings(&["ls(1)", "Ämter"]))).unwrap();
    writer.delete(&strings(&["ls(1)"])).unwrap();
    writer.sync().unwrap();
    same("names.hvx");

    let query = evaluator.load_query(&data.join("query.hvq")).unwrap();
    query.save(&path("query.hvq"), key).unwrap();
    same("query.hvq");
    let index = Index::open(&path("index.hvx")).unwrap();
    evaluator.aggregate(&query, &index, &path("response.hvr"), &Progress::new()).unwrap();
    same("response.hvr");

    // The distances are those of the plaintexts: the bits of the numbers 4369 r + 77.
    let bits = |row: u32| 4369 * row + 77;
    let mut found = Vec::new();
    Response::open(&data.join("response.hvr"))
        .unwrap()
        .for_each_distance(&context, &Progress::new(), |query, id, distance| {
            found.push((query, id.number().unwrap(), distance));
        })
        .unwrap();
    found.sort_unstable();
    let rows = [(0, 0), (2, 2), (7, 4), (11, 5)];
    let expected = [5, 6]
        .into_iter()
        .enumerate()
        .flat_map(|(query, row)| rows.map(|(id, stored)| (query, id, (bits(row) ^ bits(stored)).count_ones())));
    assert_eq!(found, expected.collect::<Vec<_>>());
}

/// Encrypted numbers without a scheme are read, and name their scheme when they are written again. Other schemes are
/// refused by an error that names them.
#[test]
fn encrypted_numbers_name_their_scheme() {
    let (context, path) = (stored_context(), data("version_1").join("numbers.hvn"));
    let evaluator = NumberEvaluator::with_threads(&context.public_context(), Device::Cpu, None).unwrap();
    let array = evaluator.load_numbers(&path).unwrap();
    assert_eq!(context.decrypt_numbers(&array).unwrap(), [1.5, -2.0]);
    let (old, new) = (std::fs::read(&path).unwrap(), array.to_bytes(context.public_key()).unwrap());
    assert_eq!((&old[8..12], &new[8..12]), (&[1, 0, 0, 0][..], &[2, 0, 0, 0][..]));
    assert_eq!((&old[12..88], &old[128..]), (&new[12..88], &new[128..]));
    assert_eq!(evaluator.numbers_from_bytes(&new).unwrap(), array);
    let refused = |bytes: &[u8], at: usize, value: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + value.len()].copy_from_slice(value);
        let checksum = crc32fast::hash(&bytes[..124]).to_le_bytes();
        bytes[124..128].copy_from_slice(&checksum);
        evaluator.numbers_from_bytes(&bytes).unwrap_err().to_string()
    };
    let other = if new[88] == 1 { 2 } else { 1 };
    for (at, value, says) in [
        (88, 9, "unknown scheme number 9: this build supports 1 (paillier)"),
        (88, other, "another scheme than the key has"),
        (68, 1, "bytes that version 2 of the format reserves"),
        (87, 1, "bytes that version 2 of the format reserves"),
        (92, 1, "bytes that version 2 of the format reserves"),
        (123, 1, "bytes that version 2 of the format reserves"),
        (12, 1, "a hushvec file of kind 1, expected encrypted numbers (kind 4)"),
        (8, 3, "version 3 of the format; this build reads versions 1 to 2"),
    ] {
        let text = refused(&new, at, &[value]);
        assert!(text.contains(says), "byte {at}: {text}");
    }
    let text = refused(&old, 88, &[1]);
    assert!(text.contains("bytes that version 1 of the format reserves"), "{text}");
}

/// A context of another version is refused with an error about the version, whatever fields it has. A context of this
/// version with an unknown field is refused with an error about the field.
#[test]
fn contexts_are_refused_by_their_version() {
    use hushvec::PublicContext;
    let context = stored_context();
    let (native, public) = (context.serialize_exec_context().unwrap(), context.public_context().to_json().unwrap());
    let provider = PassphraseKeyProvider::new("version1").unwrap();
    let load_native = |text: &str| ExecutionContext::from_serialized(text, &provider, None).unwrap_err().to_string();
    let load_public = |text: &str| PublicContext::from_json(text, true).unwrap_err().to_string();
    for (text, load) in [(&native, &load_native as &dyn Fn(&str) -> String), (&public, &load_public)] {
        let changed = |from: &str, to: &str| {
            assert!(text.contains(from));
            load(&text.replacen(from, to, 1))
        };
        let version = "\"version\": 1,";
        let error = changed(version, "\"version\": 2, \"new\": {},");
        assert!(error.contains("version 2; this build reads hushvec-"), "{error}");
        let error = changed(version, "\"version\": 1, \"new\": {},");
        assert!(error.contains("unknown field `new`"), "{error}");
        let error = changed("hushvec-", "hushvec-other-");
        assert!(error.contains("hushvec-other-"), "{error}");
        let scheme = context.scheme().name();
        let error = changed(&format!("\"{scheme}\""), "\"packed\"");
        assert!(error.contains("packed"), "{error}");
    }
}
