//! JSON types with bounded memory use, for untrusted request bodies.
//!
//! A string needs about as much memory as it takes in the body. A list can need far more: each empty object takes three
//! bytes in the body and hundreds in memory. Lists therefore keep elements up to a limit and only count the rest.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

/// The maximum number of values in a [`SmallValue`], nested ones included.
const MOST_VALUES: usize = 4096;

thread_local! {
    static MOST_ELEMENTS: Cell<usize> = const { Cell::new(0) };
}

/// Runs `parse` on this thread. Each [`Many`] that it reads keeps at most `most` elements.
pub fn with_most<T>(most: usize, parse: impl FnOnce() -> T) -> T {
    let before = MOST_ELEMENTS.replace(most);
    let parsed = parse();
    MOST_ELEMENTS.set(before);
    parsed
}

/// A list that keeps at most the number of elements given to [`with_most`], and counts the others.
#[derive(Debug)]
pub struct Many<T> {
    kept: Vec<T>,
    count: usize,
}

impl<T> Many<T> {
    /// Returns the number of elements that were sent.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the elements that were kept.
    pub fn into_vec(self) -> Vec<T> {
        self.kept
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor { most: MOST_ELEMENTS.get(), element: PhantomData })
    }
}

/// A list that keeps its first element and counts the others.
#[derive(Debug)]
pub struct First<T> {
    list: Many<T>,
}

impl<T> First<T> {
    /// Returns the number of elements that were sent.
    pub fn count(&self) -> usize {
        self.list.count
    }

    /// Returns the element if it is the only one.
    pub fn only(&self) -> Option<&T> {
        self.list.kept.first().filter(|_| self.list.count == 1)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { list: deserializer.deserialize_seq(ListVisitor { most: 1, element: PhantomData })? })
    }
}

struct ListVisitor<T> {
    most: usize,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Many<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Many<T>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < self.most {
            match list.next_element()? {
                Some(element) => kept.push(element),
                None => return Ok(Many { count: kept.len(), kept }),
            }
        }
        let mut count = kept.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Many { kept, count })
    }
}

/// Any JSON with at most 4096 values.
#[derive(Debug, Clone)]
pub struct SmallValue(pub Value);

impl<'de> Deserialize<'de> for SmallValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut left = MOST_VALUES;
        Counted { left: &mut left }.deserialize(deserializer).map(Self)
    }
}

/// Reads a value and subtracts the number of values in it from `left`.
struct Counted<'a> {
    left: &'a mut usize,
}

impl Counted<'_> {
    fn reborrow(&mut self) -> Counted<'_> {
        Counted { left: self.left }
    }
}

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let more = || D::Error::custom(format!("more than {MOST_VALUES} values"));
        *self.left = self.left.checked_sub(1).ok_or_else(more)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self.reborrow())? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(de::Error::custom(format!("duplicate field {name:?}")));
            }
            let value = fields.next_value_seed(self.reborrow())?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'a, T: Deserialize<'a>>(text: &'a str, most: usize) -> Result<T, serde_json::Error> {
        with_most(most, || serde_json::from_str(text))
    }

    #[test]
    fn lists_keep_up_to_the_limit_and_count_the_rest() {
        for (most, kept) in [(0, 0), (2, 2), (3, 3), (5, 3)] {
            let list: Many<String> = parse(r#"["a", "b", "c"]"#, most).unwrap();
            assert_eq!((list.count(), list.into_vec().len()), (3, kept));
        }
        let first: First<String> = parse(r#"["a"]"#, 0).unwrap();
        assert_eq!(first.only().map(String::as_str), Some("a"));
        let first: First<String> = parse(r#"["a", "b"]"#, 0).unwrap();
        assert_eq!((first.only(), first.count()), (None, 2));
        assert!(parse::<Many<String>>("[1]", 2).is_err());
    }

    #[test]
    fn small_values_parse_as_plain_json() {
        let text = r#"{"a":[1,-2,3.5,null,true],"b":{"c":"d"}}"#;
        let value: SmallValue = parse(text, 0).unwrap();
        assert_eq!(value.0, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn large_values_and_duplicate_fields_are_refused() {
        let list = |len: usize| format!("[{}]", vec!["{}"; len].join(","));
        assert!(parse::<SmallValue>(&list(MOST_VALUES - 1), 0).is_ok());
        let error = parse::<SmallValue>(&list(MOST_VALUES), 0).unwrap_err();
        assert!(error.to_string().contains("more than 4096 values"), "{error}");
        let error = parse::<SmallValue>(r#"{"a": 1, "a": 2}"#, 0).unwrap_err();
        assert!(error.to_string().contains("duplicate field"), "{error}");
    }
}
