//! Translates filters to SQL conditions.

use super::{Comparison, FacetTest, Filter, TagTest};
use crate::metadata::tag_name;
use rusqlite::types::Value;

impl Filter {
    /// Returns the condition on a row of `chunks`, and appends the values for its question marks to `values`.
    pub fn to_sql(&self, values: &mut Vec<Value>) -> String {
        match self {
            Self::All(list) => join(list, " AND ", "TRUE", values),
            Self::Any(list) => join(list, " OR ", "FALSE", values),
            Self::Tag(tag, test) => test.to_sql(tag_name(*tag), values),
            Self::Facets(test) => test.to_sql(values),
        }
    }
}

fn join(list: &[Filter], by: &str, none: &str, values: &mut Vec<Value>) -> String {
    let conditions: Vec<String> = list.iter().map(|filter| filter.to_sql(values)).collect();
    if conditions.is_empty() { none.to_owned() } else { format!("({})", conditions.join(by)) }
}

impl TagTest {
    fn to_sql(&self, tag: &str, values: &mut Vec<Value>) -> String {
        let mut push = |text: &String| values.push(Value::Text(text.clone()));
        match self {
            Self::Compare(comparison, text) => {
                push(text);
                let operator = match comparison {
                    Comparison::Equal => "=",
                    Comparison::NotEqual => "IS NOT",
                    Comparison::Greater => ">",
                    Comparison::GreaterOrEqual => ">=",
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                };
                format!("{tag} {operator} ?")
            }
            Self::BeginsWith(text) => {
                // The first half lets SQLite use an index.
                [text, text, text].into_iter().for_each(&mut push);
                format!("({tag} >= ? AND substr({tag}, 1, length(?)) = ?)")
            }
            Self::Contains(text) => {
                push(text);
                format!("instr({tag}, ?) > 0")
            }
            Self::In(list) => format!("{tag} IN {}", placeholders(list, values)),
            Self::NotIn(list) => format!("({tag} IS NULL OR {tag} NOT IN {})", placeholders(list, values)),
            Self::Exists(true) => format!("{tag} IS NOT NULL"),
            Self::Exists(false) => format!("{tag} IS NULL"),
        }
    }
}

impl FacetTest {
    fn to_sql(&self, values: &mut Vec<Value>) -> String {
        let among = |condition: &str| format!("EXISTS (SELECT 1 FROM json_each(facets) WHERE value {condition})");
        match self {
            Self::Any(list) => among(&format!("IN {}", placeholders(list, values))),
            Self::None(list) => format!("NOT {}", among(&format!("IN {}", placeholders(list, values)))),
            Self::Subset(list) => format!("NOT {}", among(&format!("NOT IN {}", placeholders(list, values)))),
            Self::All(list) => {
                // One pass over the facets. A test for each value would take one pass each.
                let mut list = list.clone();
                list.sort_unstable();
                list.dedup();
                let placeholders = placeholders(&list, values);
                let count = list.len();
                format!("(SELECT count(DISTINCT value) FROM json_each(facets) WHERE value IN {placeholders}) = {count}")
            }
            Self::Size(size) => {
                values.push(Value::Integer(i64::from(*size)));
                "coalesce(json_array_length(facets), 0) = ?".to_owned()
            }
            Self::Exists(true) => "facets IS NOT NULL".to_owned(),
            Self::Exists(false) => "facets IS NULL".to_owned(),
        }
    }
}

/// Returns a list of question marks for `list`, and appends its strings to `values`.
fn placeholders(list: &[String], values: &mut Vec<Value>) -> String {
    values.extend(list.iter().cloned().map(Value::Text));
    format!("({})", vec!["?"; list.len()].join(", "))
}
