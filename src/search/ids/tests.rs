use super::*;
use crate::id::Id;
use proptest::prelude::*;

fn texts(texts: &[&str]) -> Ids {
    Ids::parse(IdKind::Strings, texts).unwrap()
}

#[test]
fn ids_are_of_one_kind() {
    let mut ids = texts(&["a", "7"]);
    assert_eq!((ids.kind(), ids.get(1), ids.len()), (Some(IdKind::Strings), Some(IdRef::Text("7")), 2));
    let error = ids.push(IdRef::Number(7)).unwrap_err().to_string();
    assert_eq!(error, "invalid id at position 2: 7 among strings; give ids of one kind");
    let mut ids = Ids::from(3..5);
    ids.push(IdRef::Number(9)).unwrap();
    assert_eq!(ids, Ids::from(vec![3, 4, 9]));
    assert!(ids.push(IdRef::Text("a")).unwrap_err().to_string().contains("\"a\" among integers"));
    assert_eq!((Ids::new().kind(), Ids::new().get(0), Ids::from(5..5).len()), (None, None, 0));
}

#[test]
fn invalid_texts_are_refused() {
    let long = "x".repeat(Id::MOST_BYTES);
    assert_eq!(texts(&[&long]).get(0), Some(IdRef::Text(&long)));
    let bad = [("", "it is empty"), ("a\nb", "control character '\\n'"), ("\u{7f}", "control"), ("\u{85}", "control")];
    for (text, reason) in bad {
        let error = Ids::parse(IdKind::Strings, ["fine", text]).unwrap_err().to_string();
        assert!(error.starts_with("invalid id at position 1: ") && error.contains(reason), "{error}");
    }
    let error = Ids::parse(IdKind::Strings, [long + "x"]).unwrap_err().to_string();
    assert!(error.contains("1025 bytes; the maximum is 1024") && error.len() < 200, "{error}");
}

#[test]
fn integers_are_parsed_strictly() {
    let max = u64::MAX.to_string();
    assert_eq!(Ids::parse(IdKind::Integers, ["0", &max]).unwrap(), Ids::from(vec![0, u64::MAX]));
    for text in ["", "-1", "1.0", " 1", "a", "18446744073709551616"] {
        assert!(matches!(Ids::parse(IdKind::Integers, ["5", text]), Err(Error::BadId { number: 1, .. })), "{text}");
    }
}

#[test]
fn runs_are_found() {
    assert_eq!(Ids::from(vec![5, 6, 7]).run(), Some(5));
    assert_eq!(Ids::from(7..9).run(), Some(7));
    assert_eq!((Ids::new().run(), Ids::from(7..7).run()), (None, None));
    for numbers in [vec![], vec![5, 7], vec![6, 5], vec![u64::MAX], vec![u64::MAX, 0]] {
        assert_eq!(Ids::from(numbers).run(), None);
    }
}

proptest! {
    #[test]
    fn slices_are_those_of_a_vector(all in prop::collection::vec("[a-zé]{1,5}", 0..30), a in 0usize..40, b in 0usize..40) {
        let (start, end) = (a.min(b), a.max(b));
        let part = Ids::parse(IdKind::Strings, &all).unwrap().slice(start..end);
        let want: Vec<&String> = all.iter().skip(start).take(end - start).collect();
        prop_assert_eq!(part.iter().map(|id| id.text().unwrap().to_owned()).collect::<Vec<_>>(), want.into_iter().cloned().collect::<Vec<_>>());
        let numbers: Vec<u64> = (100..100 + all.len() as u64).collect();
        prop_assert_eq!(Ids::from(numbers.clone()).slice(start..end), Ids::from(100..100 + all.len() as u64).slice(start..end));
    }
}
