//! Compares filters in SQL with filters over plain structs.

use super::{Comparison, FacetTest, Filter, TagTest};
use crate::metadata::Metadata;
use proptest::prelude::*;
use rusqlite::{Connection, params, params_from_iter};
use serde_json::{Value, json};

/// The oracle: evaluates a filter on a struct.
fn holds(filter: &Filter, metadata: &Metadata) -> bool {
    match filter {
        Filter::All(list) => list.iter().all(|filter| holds(filter, metadata)),
        Filter::Any(list) => list.iter().any(|filter| holds(filter, metadata)),
        Filter::Tag(tag, test) => tag_holds(test, metadata.tags[*tag].as_deref()),
        Filter::Facets(test) => facets_hold(test, &metadata.facets),
    }
}

fn tag_holds(test: &TagTest, tag: Option<&str>) -> bool {
    match test {
        TagTest::Compare(Comparison::NotEqual, text) => tag != Some(text.as_str()),
        TagTest::NotIn(list) => tag.is_none_or(|tag| !list.iter().any(|text| text == tag)),
        TagTest::Exists(exists) => tag.is_some() == *exists,
        test => tag.is_some_and(|tag| match test {
            TagTest::Compare(Comparison::Equal, text) => tag == text,
            TagTest::Compare(Comparison::Greater, text) => tag.as_bytes() > text.as_bytes(),
            TagTest::Compare(Comparison::GreaterOrEqual, text) => tag.as_bytes() >= text.as_bytes(),
            TagTest::Compare(Comparison::Less, text) => tag.as_bytes() < text.as_bytes(),
            TagTest::Compare(Comparison::LessOrEqual, text) => tag.as_bytes() <= text.as_bytes(),
            TagTest::BeginsWith(text) => tag.starts_with(text),
            TagTest::Contains(text) => tag.contains(text),
            TagTest::In(list) => list.iter().any(|text| text == tag),
            _ => unreachable!(),
        }),
    }
}

fn facets_hold(test: &FacetTest, facets: &[String]) -> bool {
    match test {
        FacetTest::Any(list) => list.iter().any(|text| facets.contains(text)),
        FacetTest::All(list) => list.iter().all(|text| facets.contains(text)),
        FacetTest::Subset(list) => facets.iter().all(|facet| list.contains(facet)),
        FacetTest::None(list) => !list.iter().any(|text| facets.contains(text)),
        FacetTest::Size(size) => facets.len() == *size as usize,
        FacetTest::Exists(exists) => facets.is_empty() != *exists,
    }
}

/// Short words over few letters, so that equal ones are frequent. Some have multi-byte letters, some SQL's and JSON's
/// special characters.
fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{0,3}", "[aäß€😀'\"%_\\\\]{0,2}"]
}

fn words() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(word(), 0..4)
}

fn metadata() -> impl Strategy<Value = Metadata> {
    (prop::array::uniform5(prop::option::of(word())), words()).prop_map(|(tags, facets)| Metadata { tags, facets })
}

/// Conditions as clients send them.
fn condition() -> impl Strategy<Value = Value> {
    let tag = (1..=5usize).prop_map(|number| format!("tag{number}"));
    let text = prop::sample::select(vec!["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$begins_with", "$contains"]);
    let operator = prop_oneof![
        (text, word()).prop_map(|(operator, word)| json!({ operator: word })),
        (prop::sample::select(vec!["$in", "$nin"]), words()).prop_map(|(operator, words)| json!({ operator: words })),
        any::<bool>().prop_map(|exists| json!({ "$exists": exists })),
        (word(), word()).prop_map(|(low, high)| json!({ "$gte": low, "$lt": high })),
    ];
    let facets = prop_oneof![
        word().prop_map(Value::from),
        (prop::sample::select(vec!["$any", "$all", "$subset", "$none"]), words())
            .prop_map(|(operator, words)| json!({ operator: words })),
        word().prop_map(|word| json!({ "$contains": word })),
        (0..4u32).prop_map(|size| json!({ "$size": size })),
        any::<bool>().prop_map(|exists| json!({ "$exists": exists })),
    ];
    let leaf = prop_oneof![
        Just(json!({})),
        (tag.clone(), word()).prop_map(|(tag, word)| json!({ tag: word })),
        (tag, operator).prop_map(|(tag, operator)| json!({ tag: operator })),
        facets.prop_map(|test| json!({ "facets": test })),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let list = prop::collection::vec(inner, 1..4);
        (prop::sample::select(vec!["$and", "$or"]), list).prop_map(|(name, list)| json!({ name: list }))
    })
}

proptest! {
    #[test]
    fn sql_selects_what_the_filter_means(
        filter in condition(),
        chunks in prop::collection::vec(metadata(), 1..12),
        as_text in any::<bool>(),
    ) {
        let sent = if as_text { Value::from(filter.to_string()) } else { filter };
        let filter = Filter::parse(&sent).unwrap();
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE chunks(id, tag1 TEXT, tag2 TEXT, tag3 TEXT, tag4 TEXT, tag5 TEXT, facets TEXT)").unwrap();
        for (id, chunk) in chunks.iter().enumerate() {
            let [a, b, c, d, e] = &chunk.tags;
            let row = params![id as i64, a, b, c, d, e, chunk.stored_facets()];
            db.execute("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)", row).unwrap();
        }
        let mut values = Vec::new();
        let sql = format!("SELECT id FROM chunks WHERE {} ORDER BY id", filter.to_sql(&mut values));
        let mut statement = db.prepare(&sql).unwrap();
        let found: Vec<i64> = statement.query_map(params_from_iter(values), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let expected: Vec<i64> = (0..).zip(&chunks).filter(|(_, chunk)| holds(&filter, chunk)).map(|(id, _)| id).collect();
        prop_assert_eq!(found, expected, "{}", sql);
    }

    /// Parsing any input returns a filter or an error; it never panics.
    #[test]
    fn parsing_never_panics(text in "\\PC{0,60}", name in "\\$?[a-z0-9_]{0,12}") {
        for value in [json!(text), json!([text]), json!({ &name: text }), json!({ "tag1": { &name: text } }), json!({ "facets": { &name: [text] } })] {
            let _ = Filter::parse(&value);
        }
    }
}

#[test]
fn errors_name_the_problem() {
    for (filter, part) in [
        (json!("{"), "not JSON"),
        (json!(7), "must be an object"),
        (json!({ "author": "x" }), "author"),
        (json!({ "tag1": 7 }), "tag1 must be compared"),
        (json!({ "tag1": {} }), "tag1 must be compared"),
        (json!({ "tag6": "x" }), "tag6"),
        (json!({ "tag2": { "$regex": "x" } }), "$begins_with"),
        (json!({ "tag2": { "$in": "x" } }), "$in of tag2 must be a list"),
        (json!({ "facets": { "$size": -1 } }), "$size"),
        (json!({ "facets": { "$in": ["x"] } }), "$subset"),
        (json!({ "$or": [] }), "$or must be a list"),
        (json!({ "tag1": "a\0b" }), "zero character"),
        (json!({ "tag1": "a".repeat(1025) }), "1025 bytes"),
        (json!({ "tag1": { "$in": vec!["x"; 600] } }), "512"),
        (json!(vec![json!({}); 2000]), "512"),
        (json!({ "$and": vec![json!({}); 2000] }), "512"),
    ] {
        let error = Filter::parse(&filter).map_err(|error| format!("{error:?}")).unwrap_err();
        assert!(error.contains(part), "{filter}: {error}");
    }
    let deep = (0..20).fold(json!({}), |inner, _| json!({ "$and": [inner] }));
    assert!(format!("{:?}", Filter::parse(&deep).unwrap_err()).contains("16 levels"));
}
