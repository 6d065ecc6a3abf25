//! Filters on metadata, in MongoDB's syntax. They select the chunks that a request is about.
//!
//! Tags take a string or `$eq $ne $gt $gte $lt $lte $begins_with $in $nin $contains $exists`. Facets take a string or
//! `$any $all $subset $none $contains $size $exists`. Several operators on a field, and several fields, must all hold.
//! `$and` and `$or` nest. Strings compare by their bytes. A missing tag satisfies only `$ne`, `$nin` and
//! `$exists: false`.

mod sql;

use crate::error::{ApiError, ApiResult};
use crate::metadata::{check_text, tag_number};
use serde_json::{Map, Value};

/// The maximum nesting depth of `$and` and `$or`.
const MOST_LEVELS: usize = 16;
/// The maximum number of comparisons and strings in a filter.
const MOST_TERMS: usize = 512;
/// The maximum number of conditions on facets. Each of them reads all facets of a chunk.
const MOST_FACET_TESTS: usize = 32;

/// A condition on a chunk's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of them hold. An empty list always holds.
    All(Vec<Filter>),
    /// At least one of them holds.
    Any(Vec<Filter>),
    /// A condition on a tag, numbered from 0.
    Tag(usize, TagTest),
    /// A condition on the facets.
    Facets(FacetTest),
}

/// A condition on a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagTest {
    /// It compares to a string in this way.
    Compare(Comparison, String),
    /// It begins with a string.
    BeginsWith(String),
    /// It contains a string.
    Contains(String),
    /// It is one of these.
    In(Vec<String>),
    /// It is none of these.
    NotIn(Vec<String>),
    /// The chunk has the tag, or lacks it.
    Exists(bool),
}

/// How strings compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `≠`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// A condition on the facets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FacetTest {
    /// At least one of these is a facet.
    Any(Vec<String>),
    /// Each of these is a facet.
    All(Vec<String>),
    /// Every facet is one of these.
    Subset(Vec<String>),
    /// None of these is a facet.
    None(Vec<String>),
    /// The number of facets.
    Size(u32),
    /// The chunk has facets, or has none.
    Exists(bool),
}

impl Filter {
    /// Parses the filter of a request: an object, a list of objects that must all hold, or either as JSON text.
    pub fn parse(value: &Value) -> ApiResult<Self> {
        let parsed;
        let value = match value {
            Value::String(text) => {
                parsed = serde_json::from_str(text)
                    .map_err(|error| ApiError::invalid(format!("meta_filter is a string that is not JSON: {error}")))?;
                &parsed
            }
            value => value,
        };
        Parser { terms: 0, facet_tests: 0 }.condition(value, MOST_LEVELS)
    }
}

/// Counts the terms that it reads.
struct Parser {
    terms: usize,
    facet_tests: usize,
}

impl Parser {
    fn take(&mut self, terms: usize) -> ApiResult<()> {
        self.terms += terms;
        if self.terms > MOST_TERMS {
            return Err(ApiError::invalid(format!("meta_filter has more than {MOST_TERMS} comparisons and values")));
        }
        Ok(())
    }

    fn take_facet_test(&mut self) -> ApiResult<()> {
        self.facet_tests += 1;
        if self.facet_tests > MOST_FACET_TESTS {
            let message = format!(
                "meta_filter has more than {MOST_FACET_TESTS} conditions on facets; test several values at once with \
                 $any, $all or $none"
            );
            return Err(ApiError::invalid(message));
        }
        Ok(())
    }

    fn condition(&mut self, value: &Value, levels: usize) -> ApiResult<Filter> {
        let Some(levels) = levels.checked_sub(1) else {
            return Err(ApiError::invalid(format!("meta_filter nests deeper than {MOST_LEVELS} levels")));
        };
        match value {
            Value::Object(fields) => self.object(fields, levels),
            Value::Array(list) => Ok(Filter::All(self.conditions(list, levels)?)),
            _ => Err(ApiError::invalid("meta_filter must be an object like {\"tag1\": \"news\"}")),
        }
    }

    fn conditions(&mut self, list: &[Value], levels: usize) -> ApiResult<Vec<Filter>> {
        self.take(list.len())?;
        list.iter().map(|value| self.condition(value, levels)).collect()
    }

    fn object(&mut self, fields: &Map<String, Value>, levels: usize) -> ApiResult<Filter> {
        let mut all = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            self.take(1)?;
            match (name.as_str(), tag_number(name)) {
                ("$and" | "$or", _) => {
                    let list = value.as_array().filter(|list| !list.is_empty());
                    let list = list.ok_or_else(|| ApiError::invalid(format!("{name} must be a list of conditions")))?;
                    let list = self.conditions(list, levels)?;
                    all.push(if name == "$or" { Filter::Any(list) } else { Filter::All(list) });
                }
                ("facets", _) => self.facets(value, &mut all)?,
                (_, Some(tag)) => self.tag(name, tag, value, &mut all)?,
                _ => {
                    let message =
                        format!("meta_filter has the unknown field {name:?}; use tag1 to tag5, facets, $and or $or");
                    return Err(ApiError::invalid(message));
                }
            }
        }
        Ok(match <[Filter; 1]>::try_from(all) {
            Ok([only]) => only,
            Err(all) => Filter::All(all),
        })
    }

    fn tag(&mut self, name: &str, tag: usize, value: &Value, all: &mut Vec<Filter>) -> ApiResult<()> {
        let operators = match value {
            Value::String(text) => {
                let text = self.text(name, "a string", text)?;
                all.push(Filter::Tag(tag, TagTest::Compare(Comparison::Equal, text)));
                return Ok(());
            }
            Value::Object(operators) if !operators.is_empty() => operators,
            _ => {
                return Err(ApiError::invalid(format!(
                    "{name} must be compared with a string or by operators like $in"
                )));
            }
        };
        for (operator, value) in operators {
            let compare = |comparison| move |text| TagTest::Compare(comparison, text);
            let test = match operator.as_str() {
                "$eq" => self.string(name, operator, value).map(compare(Comparison::Equal)),
                "$ne" => self.string(name, operator, value).map(compare(Comparison::NotEqual)),
                "$gt" => self.string(name, operator, value).map(compare(Comparison::Greater)),
                "$gte" => self.string(name, operator, value).map(compare(Comparison::GreaterOrEqual)),
                "$lt" => self.string(name, operator, value).map(compare(Comparison::Less)),
                "$lte" => self.string(name, operator, value).map(compare(Comparison::LessOrEqual)),
                "$begins_with" => self.string(name, operator, value).map(TagTest::BeginsWith),
                "$contains" => self.string(name, operator, value).map(TagTest::Contains),
                "$in" => self.strings(name, operator, value).map(TagTest::In),
                "$nin" => self.strings(name, operator, value).map(TagTest::NotIn),
                "$exists" => boolean(name, value).map(TagTest::Exists),
                _ => Err(unknown(name, operator, "$eq $ne $gt $gte $lt $lte $begins_with $in $nin $contains $exists")),
            };
            all.push(Filter::Tag(tag, test?));
        }
        Ok(())
    }

    fn facets(&mut self, value: &Value, all: &mut Vec<Filter>) -> ApiResult<()> {
        let name = "facets";
        let operators = match value {
            Value::String(text) => {
                self.take_facet_test()?;
                let text = self.text(name, "a string", text)?;
                all.push(Filter::Facets(FacetTest::Any(vec![text])));
                return Ok(());
            }
            Value::Object(operators) if !operators.is_empty() => operators,
            _ => return Err(ApiError::invalid("facets must be compared with a string or by operators like $any")),
        };
        for (operator, value) in operators {
            self.take_facet_test()?;
            let test = match operator.as_str() {
                "$any" => self.strings(name, operator, value).map(FacetTest::Any),
                "$all" => self.strings(name, operator, value).map(FacetTest::All),
                "$subset" => self.strings(name, operator, value).map(FacetTest::Subset),
                "$none" => self.strings(name, operator, value).map(FacetTest::None),
                "$contains" => self.string(name, operator, value).map(|text| FacetTest::Any(vec![text])),
                "$size" => value
                    .as_u64()
                    .and_then(|size| u32::try_from(size).ok())
                    .map(FacetTest::Size)
                    .ok_or_else(|| ApiError::invalid("$size of facets must be an integer >= 0")),
                "$exists" => boolean(name, value).map(FacetTest::Exists),
                _ => Err(unknown(name, operator, "$any $all $subset $none $contains $size $exists")),
            };
            all.push(Filter::Facets(test?));
        }
        Ok(())
    }

    fn string(&mut self, name: &str, operator: &str, value: &Value) -> ApiResult<String> {
        let text = value.as_str().ok_or_else(|| ApiError::invalid(format!("{operator} of {name} must be a string")))?;
        self.text(name, operator, text)
    }

    fn strings(&mut self, name: &str, operator: &str, value: &Value) -> ApiResult<Vec<String>> {
        let wrong = || ApiError::invalid(format!("{operator} of {name} must be a list of strings"));
        let list = value.as_array().ok_or_else(wrong)?;
        list.iter().map(|text| self.text(name, operator, text.as_str().ok_or_else(wrong)?)).collect()
    }

    fn text(&mut self, name: &str, operator: &str, text: &str) -> ApiResult<String> {
        self.take(1)?;
        check_text(&format!("{operator} for {name}"), text)?;
        Ok(text.to_owned())
    }
}

fn boolean(name: &str, value: &Value) -> ApiResult<bool> {
    value.as_bool().ok_or_else(|| ApiError::invalid(format!("$exists of {name} must be true or false")))
}

fn unknown(name: &str, operator: &str, known: &str) -> ApiError {
    ApiError::invalid(format!("{name} has no operator {operator:?}; use one of {known}"))
}

#[cfg(test)]
mod tests;
