//! Finds chunks by their ids and by their metadata.

use super::{COLUMNS, Projection, StoredChunk, Texts, Visit, stored};
use crate::error::{ApiError, ApiResult};
use crate::filter::Filter;
use crate::store::Store;
use crate::store::contexts;
use crate::store::database::optional;
use crate::store::knowledge_bases;
use crate::store::principal::{Permission, Principal, check_permission};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, Row, params, params_from_iter};

/// The chunks of a knowledge base and context that match a filter.
pub struct Selection<'a> {
    pub base: &'a str,
    pub context: &'a str,
    pub filter: &'a Filter,
}

/// The field that chunks are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    ChunkId,
    Name,
    Tag1,
    Tag2,
    Tag3,
    Tag4,
    Tag5,
    CreatedAt,
    UpdatedAt,
}

impl SortBy {
    fn column(self) -> &'static str {
        match self {
            Self::ChunkId => "c.id",
            Self::Name => "c.name",
            Self::Tag1 => "c.tag1",
            Self::Tag2 => "c.tag2",
            Self::Tag3 => "c.tag3",
            Self::Tag4 => "c.tag4",
            Self::Tag5 => "c.tag5",
            Self::CreatedAt => "c.created_at",
            Self::UpdatedAt => "c.updated_at",
        }
    }
}

/// The direction of sorting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    Asc,
    Desc,
}

/// The part of a selection to return, and its order.
pub struct Page {
    pub sort_by: SortBy,
    pub order: Order,
    pub offset: u32,
    pub limit: Option<u32>,
}

impl Page {
    /// All chunks, sorted by id.
    pub const ALL: Self = Self { sort_by: SortBy::ChunkId, order: Order::Asc, offset: 0, limit: None };
}

/// The SQL condition of a selection, and its values.
pub(super) struct Condition {
    pub(super) binding: i64,
    pub(super) sql: String,
    pub(super) values: Vec<SqlValue>,
}

impl Selection<'_> {
    /// Checks the names and the permission. Returns `None` if nothing was ever stored there.
    pub(super) fn condition(
        &self,
        connection: &Connection,
        principal: &Principal,
        needed: Permission,
    ) -> ApiResult<Option<Condition>> {
        let base = knowledge_bases::number(connection, principal, self.base)?;
        check_permission(connection, principal, base, needed)?;
        let context = contexts::number(connection, principal, self.context)?;
        let Some(binding) = contexts::binding(connection, base, context)? else { return Ok(None) };
        let mut values = vec![SqlValue::Integer(binding)];
        let filter = self.filter.to_sql(&mut values);
        Ok(Some(Condition { binding, sql: format!("binding = ? AND {filter}"), values }))
    }
}

impl Condition {
    /// Returns the ids of the chunks that match.
    pub(in crate::store) fn ids(&self, connection: &Connection) -> ApiResult<Vec<u64>> {
        let mut statement = connection.prepare(&format!("SELECT id FROM chunks WHERE {}", self.sql))?;
        let ids = statement.query_map(params_from_iter(&self.values), |row| row.get(0))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }
}

impl Store {
    /// Visits chunks by their ids, in the given order. Ids that do not exist are skipped.
    pub fn chunks(
        &self,
        principal: &Principal,
        base: &str,
        ids: &[u64],
        projection: Projection,
        visit: &mut Visit<'_>,
    ) -> ApiResult<()> {
        self.database.read(|connection| {
            let base = knowledge_bases::number(connection, principal, base)?;
            check_permission(connection, principal, base, Permission::Read)?;
            let sql = format!("SELECT {COLUMNS} FROM chunks c WHERE c.knowledge_base = ? AND c.id = ?");
            let mut statement = connection.prepare_cached(&sql)?;
            for id in ids {
                let Ok(id) = i64::try_from(*id) else { continue };
                let mut rows = statement.query([base, id])?;
                if let Some(row) = rows.next()? {
                    self.show(connection, &stored(row)?, projection, visit)?;
                }
            }
            Ok(())
        })
    }

    /// Visits chunks by their metadata. Returns the number of chunks visited, and the number on all pages.
    pub fn select(
        &self,
        principal: &Principal,
        selection: &Selection<'_>,
        page: &Page,
        projection: Projection,
        visit: &mut Visit<'_>,
    ) -> ApiResult<(u64, u64)> {
        self.database.query(|connection| {
            let Some(mut condition) = selection.condition(connection, principal, Permission::Read)? else {
                return Ok((0, 0));
            };
            let total = match page.limit {
                None if page.offset == 0 => None,
                _ => {
                    let sql = format!("SELECT count(*) FROM chunks WHERE {}", condition.sql);
                    Some(connection.query_row(&sql, params_from_iter(&condition.values), |row| row.get(0))?)
                }
            };
            let direction = if page.order == Order::Asc { "ASC" } else { "DESC" };
            let sql = format!(
                "SELECT {COLUMNS} FROM chunks c WHERE {} ORDER BY {} {direction}, c.id {direction} LIMIT ? OFFSET ?",
                condition.sql,
                page.sort_by.column(),
            );
            condition.values.push(page.limit.map_or(SqlValue::Integer(-1), |limit| i64::from(limit).into()));
            condition.values.push(i64::from(page.offset).into());
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query(params_from_iter(&condition.values))?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                self.show(connection, &stored(row)?, projection, visit)?;
                count += 1;
            }
            Ok((count, total.unwrap_or(count)))
        })
    }

    fn show(
        &self,
        connection: &Connection,
        chunk: &StoredChunk,
        projection: Projection,
        visit: &mut Visit<'_>,
    ) -> ApiResult<()> {
        let texts = match (projection.content, projection.embedding) {
            (false, false) => Texts::default(),
            (true, false) => {
                let mut statement = connection.prepare_cached("SELECT content FROM contents WHERE chunk = ?")?;
                Texts { content: optional(statement.query_row([chunk.key], |row| row.get(0)))?, embedding: None }
            }
            (_, true) => {
                let sql = "SELECT iif(?, content, NULL), embedding FROM contents WHERE chunk = ?";
                let texts = |row: &Row<'_>| Ok(Texts { content: row.get(0)?, embedding: row.get(1)? });
                let found = connection.prepare_cached(sql)?.query_row(params![projection.content, chunk.key], texts);
                optional(found)?.unwrap_or_default()
            }
        };
        let index = if projection.index {
            let collection = self.collection(connection, chunk.binding)?;
            // The row may have moved since the chunk was read.
            let place = connection
                .prepare_cached("SELECT segment, row FROM chunks WHERE key = ?")?
                .query_row([chunk.key], |row| {
                    Ok(crate::store::segment::Place { segment: row.get(0)?, row: row.get(1)? })
                });
            Some(collection.wire(optional(place)?.unwrap_or(chunk.place))?)
        } else {
            None
        };
        visit(&chunk.shown(projection, texts, index))
    }

    /// Returns the ids of the chunks in a selection.
    pub fn selected_ids(&self, principal: &Principal, selection: &Selection<'_>) -> ApiResult<Vec<u64>> {
        self.database.query(|connection| {
            let condition = selection.condition(connection, principal, Permission::Read)?;
            condition.map_or(Ok(Vec::new()), |condition| condition.ids(connection))
        })
    }
}

/// Returns the error for ids that do not exist.
pub(super) fn unknown(ids: &[u64]) -> ApiError {
    let some: Vec<String> = ids.iter().take(10).map(u64::to_string).collect();
    let more = if ids.len() > 10 { ", …" } else { "" };
    ApiError::not_found(format!("the knowledge base has no chunk {}{more}; nothing was changed", some.join(", ")))
}
