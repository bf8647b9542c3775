//! Reads a query string in `PostgREST`'s dialect. Pure, and total: whatever cannot be read is an error that
//! names it.

use super::{
    query::{Comparison, Condition, Filter, Group, Order, Query, QueryError, Selected, Test, Truth},
    tables::{Column, Table, Type},
};

/// The most conditions in one request.
const MAX_CONDITIONS: u32 = 50;
/// The most values in one `in.(…)`.
const MAX_VALUES: usize = 1_000;
/// Groups in groups.
const MAX_DEPTH: u32 = 5;
/// What may stand around the signs of a list of conditions.
const BLANKS: [char; 2] = [' ', '\t'];
/// Columns in one `select`; every column of the widest table under several names.
const MAX_SELECTED: usize = 100;
/// The types that `select` may cast to, as they are written.
const CASTS: [&str; 13] = [
    "text",
    "varchar",
    "integer",
    "int4",
    "bigint",
    "int8",
    "numeric",
    "float8",
    "boolean",
    "date",
    "timestamptz",
    "json",
    "jsonb",
];

impl Query {
    /// Reads the query string of a request for `table`.
    ///
    /// # Errors
    ///
    /// [`QueryError`], which names what cannot be read or served.
    pub fn parse(table: &'static Table, raw: &str) -> Result<Self, QueryError> {
        let mut parser = Parser { table, conditions: 0 };
        let mut query = Self {
            table,
            select: Vec::new(),
            conditions: Vec::new(),
            order: Vec::new(),
            limit: None,
            offset: 0,
            columns: None,
        };
        for (key, value) in pairs(raw)? {
            match key.as_str() {
                "select" => query.select = parser.select(&value)?,
                "order" => query.order = parser.order(&value)?,
                "limit" => query.limit = Some(count("limit", &value)?),
                "offset" => query.offset = count("offset", &value)?,
                "columns" => query.columns = Some(parser.columns(&value)?),
                "on_conflict" => {
                    return Err(unreadable(
                        "Upserts are not served: ids are made here, and rules and connections have no other key. \
                         Insert with POST, change with PATCH.",
                    ));
                }
                "and" | "or" | "not.and" | "not.or" => query.conditions.push(parser.top_group(&key, &value)?),
                name => query.conditions.push(Condition::One(parser.top_filter(name, &value)?)),
            }
        }
        if query.select.is_empty() {
            query.select = table.shown().map(Selected::plain).collect();
        }
        Ok(query)
    }
}

fn unreadable(message: impl Into<String>) -> QueryError {
    QueryError::Unreadable(message.into())
}

/// The pairs of a query string, percent-decoded, `+` as a space.
pub(super) fn pairs(raw: &str) -> Result<Vec<(String, String)>, QueryError> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, QueryError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.and_then(|d| char::from(d).to_digit(16)));
                let [Some(high), Some(low)] = digits else {
                    return Err(unreadable("A `%` in the query is not followed by two hexadecimal digits."));
                };
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            }
            byte => bytes.push(byte),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| unreadable("The query is not UTF-8."))?;
    if text.contains('\0') {
        return Err(unreadable("The query holds a zero byte, which no text in the database can hold."));
    }
    Ok(text)
}

fn count(name: &str, text: &str) -> Result<u32, QueryError> {
    text.trim().parse().map_err(|_| unreadable(format!("{name} is not a whole number from 0 to 4294967295.")))
}

/// A name without the quotes that supabase-js puts around it.
fn unquoted(name: &str) -> &str {
    name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(name)
}

fn is_alias(text: &str) -> bool {
    // What Postgres keeps of a name.
    (1..=63).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

struct Parser {
    table: &'static Table,
    /// Met so far, in groups or not.
    conditions: u32,
}

impl Parser {
    /// A column that may be answered and asked for.
    fn column(&self, name: &str) -> Result<&'static Column, QueryError> {
        match self.table.column(unquoted(name)) {
            Some(column) if column.is_shown() => Ok(column),
            Some(column) => Err(QueryError::Sealed(column.name)),
            None => {
                Err(QueryError::NoColumn { table: self.table.name, column: name.escape_default().take(100).collect() })
            }
        }
    }

    fn select(&self, text: &str) -> Result<Vec<Selected>, QueryError> {
        let mut selected: Vec<Selected> = Vec::new();
        for item in text.split(',').map(str::trim) {
            let items = match item {
                "*" => self.table.shown().map(Selected::plain).collect(),
                // `select=` is all columns too.
                "" if text.trim().is_empty() => Vec::new(),
                item => vec![self.selected(item)?],
            };
            for item in items {
                match selected.iter().find(|earlier| earlier.name() == item.name()) {
                    Some(earlier) if *earlier == item => {}
                    Some(_) => return Err(unreadable(format!("select gives two things the name {}.", item.name()))),
                    None => selected.push(item),
                }
            }
        }
        if selected.len() > MAX_SELECTED {
            return Err(unreadable(format!("select names more than {MAX_SELECTED} columns.")));
        }
        Ok(selected)
    }

    /// `column`, `alias:column`, `column::cast`, or all of it.
    fn selected(&self, item: &str) -> Result<Selected, QueryError> {
        if item.contains('(') || item.contains(')') || item.starts_with("...") {
            return Err(QueryError::Embedding { table: self.table.name });
        }
        if item.contains("->") {
            return Err(unreadable("select takes whole columns; paths into JSON are not served."));
        }
        let (item, cast) = match item.split_once("::") {
            Some((item, cast)) => {
                let known = CASTS.into_iter().find(|known| *known == cast);
                (item, Some(known.ok_or_else(|| unreadable(format!("select casts to {}.", CASTS.join(", "))))?))
            }
            None => (item, None),
        };
        let (alias, name) = match item.split_once(':') {
            Some((alias, name)) if is_alias(unquoted(alias)) => (Some(unquoted(alias).to_owned()), name),
            Some(_) => return Err(unreadable("A name before `:` in select is not made of letters, digits and `_`.")),
            None => (None, item),
        };
        Ok(Selected { column: self.column(name)?, alias, cast })
    }

    /// Names for a write; whether the body sets them rightly is for the write to say.
    fn columns(&self, text: &str) -> Result<Vec<&'static Column>, QueryError> {
        let mut columns = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let column = self.table.column(unquoted(name)).ok_or_else(|| QueryError::NothingToWrite {
                table: self.table.name,
                column: name.escape_default().take(100).collect(),
            })?;
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        Ok(columns)
    }

    fn order(&self, text: &str) -> Result<Vec<Order>, QueryError> {
        let mut orders: Vec<Order> = Vec::new();
        for item in text.split(',') {
            let mut parts = item.trim().split('.');
            let mut order =
                Order { column: self.column(parts.next().unwrap_or_default())?, descending: false, nulls_first: None };
            for part in parts {
                match part {
                    "asc" => order.descending = false,
                    "desc" => order.descending = true,
                    "nullsfirst" => order.nulls_first = Some(true),
                    "nullslast" => order.nulls_first = Some(false),
                    other => return Err(unreadable(format!("order does not know `{}`.", other.escape_default()))),
                }
            }
            // What comes later decides nothing.
            if orders.iter().all(|earlier| earlier.column != order.column) {
                orders.push(order);
            }
        }
        Ok(orders)
    }

    fn count_condition(&mut self) -> Result<(), QueryError> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(unreadable(format!("There are more than {MAX_CONDITIONS} conditions.")));
        }
        Ok(())
    }

    /// `column=operator.value`: the value goes on to the end.
    fn top_filter(&mut self, name: &str, text: &str) -> Result<Filter, QueryError> {
        let mut cursor = Cursor(text);
        let filter = self.filter(name, &mut cursor, false)?;
        if cursor.0.is_empty() { Ok(filter) } else { Err(after(name, cursor.0)) }
    }

    /// `or=(a.eq.1,b.eq.2)`
    fn top_group(&mut self, key: &str, text: &str) -> Result<Condition, QueryError> {
        let mut cursor = Cursor(text.trim());
        let (negated, word) = key.strip_prefix("not.").map_or((false, key), |word| (true, word));
        let group = self.group(word == "or", negated, &mut cursor, 1)?;
        if cursor.0.is_empty() { Ok(Condition::Group(group)) } else { Err(after(key, cursor.0)) }
    }

    /// `(condition,condition)`
    fn group(&mut self, any: bool, negated: bool, cursor: &mut Cursor<'_>, depth: u32) -> Result<Group, QueryError> {
        if depth > MAX_DEPTH {
            return Err(unreadable(format!("Conditions are nested more than {MAX_DEPTH} deep.")));
        }
        cursor.skip_blanks();
        cursor.skip('(')?;
        let mut conditions = Vec::new();
        loop {
            conditions.push(self.condition(cursor, depth)?);
            cursor.skip_blanks();
            match cursor.next() {
                Some(',') => {}
                Some(')') => return Ok(Group { negated, any, conditions }),
                _ => return Err(unreadable("A list of conditions does not end with `)`.")),
            }
        }
    }

    fn condition(&mut self, cursor: &mut Cursor<'_>, depth: u32) -> Result<Condition, QueryError> {
        cursor.skip_blanks();
        for (word, any, negated) in
            [("and", false, false), ("or", true, false), ("not.and", false, true), ("not.or", true, true)]
        {
            if let Some(rest) =
                cursor.0.strip_prefix(word).filter(|rest| rest.trim_start_matches(BLANKS).starts_with('('))
            {
                cursor.0 = rest;
                return self.group(any, negated, cursor, depth + 1).map(Condition::Group);
            }
        }
        let name = cursor.word()?;
        self.filter(name.trim_matches(BLANKS), cursor, true).map(Condition::One)
    }

    /// `operator.value`, perhaps after `not.`; in a group the value ends before `,` and `)` unless quoted.
    fn filter(&mut self, name: &str, cursor: &mut Cursor<'_>, grouped: bool) -> Result<Filter, QueryError> {
        self.count_condition()?;
        let column = self.column(name)?;
        let mut operator = cursor.word()?;
        let negated = operator == "not";
        if negated {
            operator = cursor.word()?;
        }
        let test = match operator.as_str() {
            "like" | "ilike" => Test::Like { ignore_case: operator == "ilike", pattern: cursor.value(grouped)? },
            "in" => Test::In(list(column, cursor)?),
            "is" => Test::Is(truth(column, cursor.value(grouped)?.trim_matches(BLANKS))?),
            word => match Comparison::of(word) {
                Some(comparison) => Test::Compare(comparison, cursor.value(grouped)?),
                None => {
                    return Err(unreadable(format!(
                        "The condition on {} has the operator `{}`; there are eq, neq, gt, gte, lt, lte, like, ilike, in, is, \
                         and not before each.",
                        column.name,
                        word.escape_default().take(50).collect::<String>()
                    )));
                }
            },
        };
        Ok(Filter { column, negated, test })
    }
}

fn after(name: &str, rest: &str) -> QueryError {
    unreadable(format!(
        "The condition on {} goes on after its end: `{}`.",
        name.escape_default().take(100).collect::<String>(),
        rest.escape_default().take(50).collect::<String>()
    ))
}

fn truth(column: &Column, text: &str) -> Result<Truth, QueryError> {
    let word = text.to_ascii_lowercase();
    let truth = Truth::ALL
        .into_iter()
        .find(|truth| truth.word() == word)
        .ok_or_else(|| unreadable(format!("`is` on {} takes null, not_null, true, false or unknown.", column.name)))?;
    if column.kind != Type::Boolean && !matches!(truth, Truth::Null | Truth::NotNull) {
        return Err(QueryError::Mistyped(format!(
            "argument of IS {} must be type boolean, not type {}",
            word.to_ascii_uppercase(),
            column.kind.sql()
        )));
    }
    Ok(truth)
}

/// `(a,b,"c,d")`
fn list(column: &Column, cursor: &mut Cursor<'_>) -> Result<Vec<String>, QueryError> {
    if column.kind == Type::TextArray {
        return Err(QueryError::Mistyped(format!("`in` does not fit {}, which is a list itself.", column.name)));
    }
    cursor.skip_blanks();
    cursor.skip('(')?;
    cursor.skip_blanks();
    let mut values = Vec::new();
    if cursor.0.starts_with(')') {
        cursor.next();
        return Ok(values);
    }
    loop {
        values.push(cursor.item()?);
        if values.len() > MAX_VALUES {
            return Err(unreadable(format!("`in` on {} lists more than {MAX_VALUES} values.", column.name)));
        }
        match cursor.next() {
            Some(',') => {}
            Some(')') => return Ok(values),
            _ => return Err(unreadable(format!("`in` on {} is not of the form `(a,b)`.", column.name))),
        }
    }
}

/// What is left of a text.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.0.chars();
        let next = chars.next();
        self.0 = chars.as_str();
        next
    }

    fn skip(&mut self, wanted: char) -> Result<(), QueryError> {
        if self.next() == Some(wanted) {
            Ok(())
        } else {
            Err(unreadable(format!("There is no `{wanted}` where one belongs.")))
        }
    }

    /// What stands before the next `.`, which goes with it.
    fn word(&mut self) -> Result<String, QueryError> {
        let (word, rest) = self
            .0
            .split_once('.')
            .filter(|(word, _)| !word.contains([',', '(', ')']))
            .ok_or_else(|| unreadable("A condition is not of the form `operator.value`, such as `eq.5`."))?;
        self.0 = rest;
        Ok(word.to_owned())
    }

    /// `PostgREST` passes them over around parentheses, commas and names, and takes them for a part of a value.
    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches(BLANKS);
    }

    /// The rest; in a group, what stands in braces with its commas, or one item.
    fn value(&mut self, grouped: bool) -> Result<String, QueryError> {
        let end = if grouped { braced(self.0) } else { Some(self.0.len()) };
        let Some(end) = end else { return self.item() };
        let (value, rest) = self.0.split_at(end);
        self.0 = rest;
        Ok(value.to_owned())
    }

    /// What is quoted, or what stands before the next `,` or `)`.
    fn item(&mut self) -> Result<String, QueryError> {
        if !self.0.starts_with('"') {
            let end = self.0.find([',', ')']).unwrap_or(self.0.len());
            let (value, rest) = self.0.split_at(end);
            self.0 = rest;
            return Ok(value.to_owned());
        }
        self.next();
        let mut value = String::new();
        loop {
            let escaped = match self.next() {
                Some('"') => return Ok(value),
                Some('\\') => self.next(),
                other => other,
            };
            value.push(escaped.ok_or_else(|| unreadable("A quoted value has no closing quote."))?);
        }
    }
}

/// Where the literal of an array (or an object of JSON) ends with which the text begins; none where it begins with
/// something else, or with what never ends.
fn braced(text: &str) -> Option<usize> {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_u32, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' if depth > 0 => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at + 1),
            '}' if depth > 1 => depth -= 1,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::server::wire::rest::tables::TABLES;

    fn health() -> &'static Table {
        Table::find("database_connection_health").expect("the table is listed")
    }

    fn parse(raw: &str) -> Result<Query, QueryError> {
        Query::parse(health(), raw)
    }

    fn first_test(raw: &str) -> Test {
        let query = parse(raw).unwrap_or_else(|error| panic!("{raw}: {error}"));
        match query.conditions.into_iter().next() {
            Some(Condition::One(filter)) => filter.test,
            other => panic!("{raw}: {other:?}"),
        }
    }

    #[test]
    fn reads_what_supabase_js_sends() {
        let query =
            parse("select=*&credential_id=eq.8d0f1e3e-0000-0000-0000-000000000001&order=check_timestamp.desc&limit=10")
                .expect("the document's own query");
        assert_eq!(query.select.len(), health().columns.len());
        assert_eq!(query.limit, Some(10));
        assert!(query.order.iter().all(|order| order.descending && order.nulls_first.is_none()));
        assert!(matches!(&query.conditions[..], [Condition::One(filter)] if filter.column.name == "credential_id"));
    }

    #[test]
    fn reads_every_operator() {
        let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        for (raw, test) in [
            ("status=eq.down", Test::Compare(Comparison::Equal, "down".to_owned())),
            ("status=neq.down", Test::Compare(Comparison::NotEqual, "down".to_owned())),
            ("response_time_ms=gt.1", Test::Compare(Comparison::Greater, "1".to_owned())),
            ("response_time_ms=gte.1", Test::Compare(Comparison::GreaterOrEqual, "1".to_owned())),
            ("response_time_ms=lt.1", Test::Compare(Comparison::Less, "1".to_owned())),
            ("response_time_ms=lte.1", Test::Compare(Comparison::LessOrEqual, "1".to_owned())),
            ("status=like.he*", Test::Like { ignore_case: false, pattern: "he*".to_owned() }),
            ("status=ilike.%25H", Test::Like { ignore_case: true, pattern: "%H".to_owned() }),
            ("status=in.(down,%22a,b%22,c)", Test::In(texts(&["down", "a,b", "c"]))),
            ("status=in.()", Test::In(Vec::new())),
            ("status=in.(%22%22)", Test::In(texts(&[""]))),
            ("status=in.(%22a%5C%22%5C%5C%22)", Test::In(texts(&["a\"\\"]))),
            ("cause=is.null", Test::Is(Truth::Null)),
            ("alerts_sent=is.TRUE", Test::Is(Truth::True)),
            ("status=eq.a.b,(c)", Test::Compare(Comparison::Equal, "a.b,(c)".to_owned())),
            ("status=eq.a+b", Test::Compare(Comparison::Equal, "a b".to_owned())),
            ("status=eq.", Test::Compare(Comparison::Equal, String::new())),
        ] {
            assert_eq!(first_test(raw), test, "{raw}");
        }
        let negated = parse("status=not.in.(down)").expect("a negation");
        assert!(matches!(&negated.conditions[..], [Condition::One(filter)] if filter.negated));
    }

    #[test]
    fn reads_groups_in_groups() {
        let query = parse("or=(status.eq.down,and(attempts.gt.1,cause.not.is.null),not.or(status.in.(a,%22b)%22)))")
            .expect("a group");
        let [Condition::Group(Group { any: true, negated: false, conditions })] = &query.conditions[..] else {
            panic!("{query:?}")
        };
        assert!(matches!(
            &conditions[..],
            [
                Condition::One(_),
                Condition::Group(Group { any: false, negated: false, .. }),
                Condition::Group(Group { any: true, negated: true, .. })
            ]
        ));
        assert!(parse("not.and=(status.eq.down)").is_ok());
    }

    #[test]
    fn blanks_around_the_signs_of_a_list_say_nothing() {
        let plain = parse("or=(status.eq.down,and(attempts.gt.1,cause.is.null),status.in.(a,b),attempts.lt.5)");
        assert!(plain.is_ok(), "{plain:?}");
        for raw in [
            "or=(status.eq.down,%20attempts.lt.5)",
            "or=+(+status.eq.down,%09attempts.lt.5)+",
            "or=(status+.eq.down,+%22attempts%22+.lt.5)",
        ] {
            assert_eq!(parse(raw), parse("or=(status.eq.down,attempts.lt.5)"), "{raw}");
        }
        for raw in [
            "or=(status.eq.down,+and+(+attempts.gt.1,+cause.is.null+)+,+status.in.(+a,b)+,+attempts.lt.5)",
            "or=+(status.eq.down,and(+attempts.gt.1,cause.is.null),status.in.+(a,b),+attempts.lt.5)",
        ] {
            assert_eq!(parse(raw), plain, "{raw}");
        }
        // Of a value they are a part.
        assert_eq!(first_test("status=in.(a,+b)"), Test::In(vec!["a".to_owned(), " b".to_owned()]));
        let query = parse("or=(status.eq.down+)").expect("a group");
        assert_eq!(query.to_string(), parse("or=(status.eq.%22down+%22)").expect("a group").to_string());
    }

    #[test]
    fn an_array_in_a_group_keeps_its_commas() {
        let table = Table::find("database_knowledge_base").expect("the table is listed");
        let parse = |raw: &str| Query::parse(table, raw).unwrap_or_else(|error| panic!("{raw}: {error}"));
        for literal in ["{a,b}", "{}", r#"{"a}b",c}"#, r#"{"a\"}",c}"#, "{{a,b},{c}}", r#"{"a":{"b":[1,2]}}"#] {
            for raw in [format!("or=(tags.eq.{literal},title.eq.x)"), format!("and=(title.eq.x,tags.not.eq.{literal})")]
            {
                let [Condition::Group(Group { conditions, .. })] = &parse(&raw).conditions[..] else { panic!("{raw}") };
                assert_eq!(conditions.len(), 2, "{raw}");
                let held = conditions.iter().any(|condition| {
                    matches!(condition, Condition::One(Filter { test: Test::Compare(_, value), .. }) if value == literal)
                });
                assert!(held, "{raw}: {conditions:?}");
            }
        }
        // Where no brace closes it, and in `in`, it ends as other values do.
        for raw in ["or=(title.eq.{a,tags.eq.b)", "or=(title.in.({a,b}),tags.eq.b)"] {
            let [Condition::Group(Group { conditions, .. })] = &parse(raw).conditions[..] else { panic!("{raw}") };
            assert_eq!(conditions.len(), 2, "{raw}");
        }
        assert!(Query::parse(table, "or=(tags.eq.{a,b}c)").is_err());
    }

    #[test]
    fn refuses_what_is_not_in_the_dialect() {
        let deep = format!("or=({}status.eq.a{})", "and(".repeat(9), ")".repeat(9));
        let many = "status=eq.a&".repeat(51);
        for raw in [
            "select=user_id",
            "select=status,status:cause",
            "select=*,database_credentials(*)",
            "select=a;b:status",
            "select=status::regclass",
            "select=note->x",
            "order=nothing.desc",
            "order=status.sideways",
            "order=",
            "limit=-1",
            "limit=many",
            "limit=99999999999",
            "status=down",
            "status=in.down",
            "status=in.(a",
            "status=in.(a)b",
            "status=in.(%22a)",
            "status=fts.a",
            "or=status.eq.down",
            "or=(status.eq.down",
            "or=(status.eq.down))",
            "or=()",
            "or=(,)",
            "on_conflict=id",
            "columns=nothing",
            "status%00=eq.a",
            "status=eq.%00",
            "status=eq.%FF",
            "status=eq.%4",
            "id;drop table users=eq.1",
            "cause=is.maybe",
            "cause=is.true",
            &deep,
            &many,
        ] {
            assert!(parse(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_sealed_column_is_not_asked_for() {
        let table = Table::find("database_credentials").expect("the table is listed");
        for raw in [
            "select=credentials",
            "select=a:credentials",
            "select=%22credentials%22",
            "credentials=eq.%7B%7D",
            "credentials=is.null",
            "order=credentials",
            "or=(credentials.is.null)",
        ] {
            assert_eq!(Query::parse(table, raw), Err(QueryError::Sealed("credentials")), "{raw}");
        }
        let all = Query::parse(table, "select=*").expect("all");
        assert!(all.select.iter().all(|selected| selected.column.name != "credentials"));
        assert!(Query::parse(table, "columns=%22credentials%22").is_ok());
    }

    fn name() -> impl Strategy<Value = &'static str> {
        let names: Vec<_> = health().columns.iter().map(|column| column.name).collect();
        proptest::sample::select(names)
    }

    fn test() -> impl Strategy<Value = Test> {
        let value = "[^\0]{0,12}";
        prop_oneof![
            (proptest::sample::select(Comparison::ALL.to_vec()), value).prop_map(|(c, v)| Test::Compare(c, v)),
            (any::<bool>(), value).prop_map(|(ignore_case, pattern)| Test::Like { ignore_case, pattern }),
            proptest::collection::vec(value, 0..4).prop_map(Test::In),
            proptest::sample::select(vec![Truth::Null, Truth::NotNull]).prop_map(Test::Is),
        ]
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let filter = (name(), any::<bool>(), test()).prop_map(|(name, negated, test)| {
            Condition::One(Filter { column: health().column(name).expect("listed"), negated, test })
        });
        filter.prop_recursive(2, 12, 4, |inner| {
            (any::<bool>(), any::<bool>(), proptest::collection::vec(inner, 1..4))
                .prop_map(|(negated, any, conditions)| Condition::Group(Group { negated, any, conditions }))
        })
    }

    prop_compose! {
        fn query()(
            select in proptest::collection::btree_map("[a-z_][a-z0-9_]{0,8}", (name(), proptest::option::of(0..CASTS.len())), 1..5),
            conditions in proptest::collection::vec(condition(), 0..3),
            order in proptest::collection::btree_map(name(), (any::<bool>(), any::<Option<bool>>()), 0..3),
            limit in any::<Option<u32>>(),
            offset in any::<u32>(),
        ) -> Query {
            let column = |name: &str| health().column(name).expect("listed");
            Query {
                table: health(),
                select: select.into_iter().map(|(alias, (name, cast))| Selected {
                    column: column(name), alias: Some(alias), cast: cast.map(|place| CASTS[place]),
                }).collect(),
                conditions,
                order: order.into_iter().map(|(name, (descending, nulls_first))| Order {
                    column: column(name), descending, nulls_first,
                }).collect(),
                limit,
                offset,
                columns: None,
            }
        }
    }

    proptest! {
        #[test]
        fn never_panics(raw in ".{0,200}", structured in "(and|or|not|id|status|eq|in|is|[().,=&\"*%\\\\]){0,60}", table in 0..TABLES.len()) {
            drop(Query::parse(&TABLES[table], &raw));
            drop(Query::parse(&TABLES[table], &structured));
        }

        #[test]
        fn what_is_written_down_is_read_back(query in query()) {
            let text = query.to_string();
            prop_assert_eq!(Query::parse(health(), &text), Ok(query), "{}", text);
        }
    }
}
