//! Writes the one statement that reads what a query asks for. Names come from the allow-list, values are
//! bound: no text that a client sent stands in the SQL but aliases, which are letters, digits and `_`.

use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    headers::Shape,
    query::{Condition, Filter, Query, Test},
    tables::{Column, Type},
};

/// What of a table is read.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'q> {
    /// What the conditions select.
    Asked {
        /// Rows at most.
        limit: u32,
        /// Rows to pass over.
        offset: u32,
        /// Whether to count all that there are.
        count: bool,
    },
    /// Those that were just written.
    Written {
        /// Which, in the order of the answer unless the query names one.
        ids: &'q [Uuid],
        /// By id, what `notification_channels` is to show this once instead of what is stored.
        shown_once: Option<&'q Value>,
    },
}

/// One statement that answers `body` (a JSON array, made by Postgres), `rows` (how many are in it) and
/// `total` (how many there are, where that is to be counted).
#[must_use]
pub fn read<'q>(query: &'q Query, shape: Shape, rows: Rows<'q>) -> QueryBuilder<'q, Postgres> {
    let mut sql = QueryBuilder::new("select ");
    // Rows with their star: a bare name is first of all that of a column, and an alias may be any.
    sql.push(if shape.nulls_stripped {
        "json_strip_nulls(coalesce(json_agg(page.*), '[]'))::text as body"
    } else {
        "coalesce(json_agg(page.*), '[]')::text as body"
    });
    sql.push(", count(*) as rows, ");
    if let Rows::Asked { count: true, .. } = rows {
        sql.push("(select count(*)");
        push_from(&mut sql, query);
        push_where(&mut sql, query);
        sql.push(") as total");
    } else {
        sql.push("null::bigint as total");
    }
    sql.push(" from (select ");
    push_columns(&mut sql, query, &rows);
    push_from(&mut sql, query);
    match rows {
        Rows::Asked { limit, offset, .. } => {
            push_where(&mut sql, query);
            push_order(&mut sql, query);
            // As numbers in the text, so that Postgres plans for few rows where few are asked for.
            sql.push(format_args!(" limit {limit}"));
            if offset > 0 {
                sql.push(format_args!(" offset {offset}"));
            }
        }
        Rows::Written { ids, .. } => {
            sql.push(" where t.id = any(").push_bind(ids).push(")");
            if query.order.is_empty() {
                sql.push(" order by array_position(").push_bind(ids).push(", t.id)");
            } else {
                push_order(&mut sql, query);
            }
        }
    }
    sql.push(") as page");
    sql
}

/// Locks the rows that the conditions select and answers their ids, at most `limit`; in one order for all, so
/// that two writes wait for each other instead of blocking one another.
#[must_use]
pub fn lock(query: &Query, limit: u32) -> QueryBuilder<'_, Postgres> {
    let mut sql = QueryBuilder::new("select t.id");
    push_from(&mut sql, query);
    push_where(&mut sql, query);
    sql.push(format_args!(" order by t.id limit {limit} for update"));
    sql
}

/// Everything is asked for by the table's short name, so that an alias in `select` never takes a column's place.
fn push_from(sql: &mut QueryBuilder<'_, Postgres>, query: &Query) {
    sql.push(" from ").push(query.table.name).push(" as t");
}

/// A column as it may be seen, in the answer and by what is asked of it alike: without the secrets of a rule that came
/// by SQL and is not sealed yet, which a condition or an order would tell bit by bit.
fn push_column(sql: &mut QueryBuilder<'_, Postgres>, column: &Column) {
    match column.name {
        "notification_channels" => {
            sql.push("shown_channels(t.notification_channels, t.sealed_channels is not null)");
        }
        name => {
            sql.push("t.").push(name);
        }
    }
}

fn push_columns<'q>(sql: &mut QueryBuilder<'q, Postgres>, query: &Query, rows: &Rows<'q>) {
    for (place, selected) in query.select.iter().enumerate() {
        if place > 0 {
            sql.push(", ");
        }
        match (selected.column.name, rows) {
            ("notification_channels", Rows::Written { shown_once: Some(shown), .. }) => {
                sql.push("coalesce(").push_bind(*shown).push(" -> t.id::text, ");
                push_column(sql, selected.column);
                sql.push(")");
            }
            _ => push_column(sql, selected.column),
        }
        if let Some(cast) = selected.cast {
            sql.push("::").push(cast);
        }
        // The parser lets letters, digits and `_` through, nothing that could end the quotes.
        sql.push(" as \"").push(selected.name()).push("\"");
    }
}

fn push_order(sql: &mut QueryBuilder<'_, Postgres>, query: &Query) {
    for (place, order) in query.order.iter().enumerate() {
        sql.push(if place == 0 { " order by " } else { ", " });
        push_column(sql, order.column);
        sql.push(if order.descending { " desc" } else { " asc" });
        match order.nulls_first {
            Some(true) => sql.push(" nulls first"),
            Some(false) => sql.push(" nulls last"),
            None => &mut *sql,
        };
    }
}

/// The conditions, and that a row is one's own where row-level security lets somebody see more.
fn push_where<'q>(sql: &mut QueryBuilder<'q, Postgres>, query: &'q Query) {
    let mut word = " where ";
    if query.table.only_own {
        sql.push(" where t.user_id = (select mooring_user_id())");
        word = " and ";
    }
    if !query.conditions.is_empty() {
        sql.push(word);
        push_all(sql, &query.conditions, " and ");
    }
}

fn push_all<'q>(sql: &mut QueryBuilder<'q, Postgres>, conditions: &'q [Condition], between: &'static str) {
    for (place, condition) in conditions.iter().enumerate() {
        if place > 0 {
            sql.push(between);
        }
        match condition {
            Condition::One(filter) => push_filter(sql, filter),
            Condition::Group(group) => {
                sql.push(if group.negated { "not (" } else { "(" });
                push_all(sql, &group.conditions, if group.any { " or " } else { " and " });
                sql.push(")");
            }
        }
    }
}

fn push_filter<'q>(sql: &mut QueryBuilder<'q, Postgres>, filter: &'q Filter) {
    let kind = filter.column.kind;
    sql.push(if filter.negated { "not (" } else { "(" });
    push_column(sql, filter.column);
    match &filter.test {
        Test::Compare(comparison, value) => {
            sql.push(" ").push(comparison.sql()).push(" ");
            push_value(sql, value, kind);
        }
        Test::Like { ignore_case, pattern } => {
            if kind != Type::Text {
                sql.push("::text");
            }
            sql.push(if *ignore_case { " ilike " } else { " like " }).push_bind(pattern.replace('*', "%"));
        }
        Test::In(values) => {
            sql.push(" = any(").push_bind(values.as_slice()).push("::text[]");
            if kind != Type::Text {
                sql.push("::").push(kind.sql()).push("[]");
            }
            sql.push(")");
        }
        Test::Is(truth) => {
            sql.push(" is ").push(truth.sql());
        }
    }
    sql.push(")");
}

/// A bound text, cast to the column's type: what cannot be read as one is Postgres' error 22P02.
fn push_value<'q>(sql: &mut QueryBuilder<'q, Postgres>, value: &'q str, kind: Type) {
    sql.push_bind(value).push("::text");
    if kind != Type::Text {
        sql.push("::").push(kind.sql());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::server::wire::rest::tables::{TABLES, Table};

    const PLAIN: Shape = Shape { one: false, nulls_stripped: false };
    const ASKED: Rows<'static> = Rows::Asked { limit: 10, offset: 0, count: true };

    fn query(table: &str, raw: &str) -> Query {
        Query::parse(Table::find(table).expect("listed"), raw).expect("a query")
    }

    #[test]
    fn one_statement_with_names_and_places_for_values() {
        let query = query(
            "database_connection_health",
            "select=when:check_timestamp,ms:response_time_ms::text&credential_id=eq.x&or=(status.in.(down),not.and(attempts.gt.1,cause.not.is.null))&order=check_timestamp.desc.nullslast",
        );
        assert_eq!(
            read(&query, PLAIN, Rows::Asked { limit: 10, offset: 5, count: false }).sql(),
            "select coalesce(json_agg(page.*), '[]')::text as body, count(*) as rows, null::bigint as total \
             from (select t.check_timestamp as \"when\", t.response_time_ms::text as \"ms\" \
             from database_connection_health as t \
             where (t.credential_id = $1::text::uuid) \
             and ((t.status = any($2::text[])) or not ((t.attempts > $3::text::integer) and not (t.cause is null))) \
             order by t.check_timestamp desc nulls last limit 10 offset 5) as page"
        );
        assert_eq!(
            lock(&query, 7).sql().split(" where ").next(),
            Some("select t.id from database_connection_health as t")
        );
    }

    #[test]
    fn of_the_audit_log_ones_own_rows_are_asked_for_whoever_asks() {
        for (raw, wanted) in [
            ("select=id", " where t.user_id = (select mooring_user_id())"),
            (
                "select=id&or=(user_id.not.is.null,id.not.is.null)",
                " where t.user_id = (select mooring_user_id()) and (not (",
            ),
        ] {
            let query = query("database_audit_log", raw);
            let sql = read(&query, PLAIN, ASKED);
            // Of the rows and of their count.
            assert_eq!(sql.sql().matches(wanted).count(), 2, "{}", sql.sql());
        }
    }

    #[test]
    fn what_is_not_shown_of_a_column_is_not_asked_for_either() {
        const BARE: &str = "t.notification_channels";
        const SHOWN: &str = "shown_channels(t.notification_channels,";
        let query = query(
            "database_alert_config",
            "select=id&notification_channels=like.*whsec*&or=(notification_channels.neq.{},id.is.null)&order=notification_channels",
        );
        for (sql, times) in [(read(&query, PLAIN, ASKED), 5), (lock(&query, 1), 2)] {
            assert_eq!(sql.sql().matches(SHOWN).count(), times, "{}", sql.sql());
            assert_eq!(sql.sql().matches(BARE).count(), times, "{}", sql.sql());
        }
    }

    /// Every byte percent-encoded.
    fn encoded(text: &str) -> String {
        text.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"))
    }

    proptest! {
        /// A mark that cannot be part of our own SQL comes in every place of a value and in none of the statement.
        #[test]
        fn no_value_stands_in_the_statement(
            table in 0..TABLES.len(),
            column in any::<proptest::sample::Index>(),
            start in "[^\0]{0,8}",
            end in "[^\0]{0,8}",
        ) {
            const MARK: &str = "\u{1F6A2}mark";
            let table = &TABLES[table];
            let columns: Vec<_> = table.shown().filter(|column| column.kind != Type::TextArray).collect();
            let name = columns[column.index(columns.len())].name;
            let text = format!("{start}{MARK}{end}");
            let value = encoded(&text);
            let quoted = encoded(&text.replace('\\', "\\\\").replace('"', "\\\""));
            for raw in [
                format!("{name}=eq.{value}"),
                format!("{name}=not.like.{value}"),
                format!("{name}=in.(%22{quoted}%22)"),
                format!("or=({name}.lt.%22{quoted}%22,{name}.ilike.%22{quoted}%22)"),
            ] {
                let query = Query::parse(table, &raw).map_err(|error| TestCaseError::fail(format!("{raw}: {error}")))?;
                for sql in [read(&query, PLAIN, ASKED), lock(&query, 1)] {
                    prop_assert!(!sql.sql().contains(MARK), "{}", sql.sql());
                    prop_assert!(sql.sql().is_ascii(), "{}", sql.sql());
                }
            }
        }

        /// Whatever is asked in the place of a name, the statement has no quote or semicolon that we did not write.
        #[test]
        fn no_name_ends_the_statement(raw in "(select|order|[a-z_]{1,10})=.{0,40}") {
            if let Ok(query) = Query::parse(&TABLES[2], &raw) {
                let sql = read(&query, PLAIN, ASKED);
                prop_assert!(!sql.sql().contains([';', '\\', '\0']) && !sql.sql().contains("--"), "{}", sql.sql());
                prop_assert_eq!(sql.sql().matches('\'').count(), 2, "{}", sql.sql());
            }
        }
    }
}
