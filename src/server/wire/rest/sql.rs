//! Writes one statement from a typed query. Names come from the allow-list, values are bound.

use sqlx::{Postgres, QueryBuilder};

use super::{
    query::{Filter, ReadQuery, Selected, Test},
    tables::{Table, Type},
};

/// One statement that answers `body` (a JSON array, made by Postgres), `rows` (how many are in it) and
/// `total` (how many there are, where `count` asks).
#[must_use]
pub fn read<'q>(table: &'static Table, query: &'q ReadQuery, count: bool) -> QueryBuilder<'q, Postgres> {
    let mut sql = QueryBuilder::new("select coalesce(json_agg(page), '[]')::text as body, count(*) as rows, ");
    if count {
        sql.push("(select count(*) from ").push(table.name);
        push_filters(&mut sql, &query.filters);
        sql.push(") as total");
    } else {
        sql.push("null::bigint as total");
    }
    sql.push(" from (select ");
    push_columns(&mut sql, &query.select);
    sql.push(" from ").push(table.name);
    push_filters(&mut sql, &query.filters);
    for (place, order) in query.order.iter().enumerate() {
        sql.push(if place == 0 { " order by " } else { ", " });
        sql.push(order.column.name);
        sql.push(if order.descending { " desc" } else { " asc" });
        match order.nulls_first {
            Some(true) => sql.push(" nulls first"),
            Some(false) => sql.push(" nulls last"),
            None => &mut sql,
        };
    }
    sql.push(" limit ").push_bind(i64::from(query.limit));
    sql.push(" offset ").push_bind(i64::from(query.offset));
    sql.push(") as page");
    sql
}

fn push_columns(sql: &mut QueryBuilder<'_, Postgres>, select: &[Selected]) {
    for (place, selected) in select.iter().enumerate() {
        if place > 0 {
            sql.push(", ");
        }
        sql.push(selected.column.name);
        if let Some(alias) = &selected.alias {
            // The parser lets letters, digits and `_` through, nothing that could end the quotes.
            sql.push(" as \"").push(alias).push("\"");
        }
    }
}

fn push_filters<'q>(sql: &mut QueryBuilder<'q, Postgres>, filters: &'q [Filter]) {
    for (place, filter) in filters.iter().enumerate() {
        sql.push(if place == 0 { " where " } else { " and " });
        if filter.negated {
            sql.push("not ");
        }
        let (name, kind) = (filter.column.name, filter.column.kind);
        sql.push("(").push(name);
        match &filter.test {
            Test::Compare(operator, value) => {
                sql.push(" ").push(operator).push(" ");
                push_value(sql, value, kind);
            }
            Test::Like(operator, pattern) => {
                sql.push("::text ").push(operator).push(" ").push_bind(pattern.as_str());
            }
            Test::In(values) => {
                sql.push(" = any(").push_bind(values.as_slice()).push("::text[]::").push(kind.sql()).push("[])");
            }
            Test::Is(what) => {
                sql.push(" is ").push(what);
            }
        }
        sql.push(")");
    }
}

/// A bound text, cast to the column's type: what cannot be read as one is Postgres' error 22P02.
fn push_value<'q>(sql: &mut QueryBuilder<'q, Postgres>, value: &'q str, kind: Type) {
    sql.push_bind(value).push("::text::").push(kind.sql());
}
