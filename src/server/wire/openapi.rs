//! The documentation of the API as OpenAPI 3.1, made from what serves it: the list of tables, the types of the
//! functions.

use std::mem;

use serde_json::{Value, json};
use utoipa::{
    OpenApi as _,
    openapi::{
        Components, ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OneOf, OpenApi, OpenApiBuilder,
        PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Schema, ServerBuilder, Type as JsonType,
        path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItemBuilder},
        request_body::{RequestBody, RequestBodyBuilder},
        schema::{AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use super::{
    WireError,
    functions::types,
    rest::{
        MAX_ROWS, rpc,
        tables::{Access, Column, TABLES, Table, Type, Writes},
    },
};
use crate::{config_check::Validation, diagnosis::Analysed};

mod examples;

use examples::SOME_ID;

const TOKEN: &str = "token";
const JSON: &str = "application/json";
const ERROR: &str = "Error";

/// The types of the functions, with all that they are made of.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(
    WireError,
    types::AnalyzeRequest,
    Analysed,
    types::ValidateRequest,
    Validation,
    types::DocsRequest,
    types::DocsResponse,
    types::MonitorRequest,
    types::MonitorResponse,
    types::LearnRequest,
    types::LearnResponse,
    types::RetryRequest,
    types::RetryResponse,
)))]
struct Types;

/// The whole document. `server` is the origin that it is served under; `/` where that is not known.
#[must_use]
pub fn document(server: &str) -> OpenApi {
    let mut components = Types::openapi().components.unwrap_or_default();
    adjust(&mut components);
    components.add_security_scheme(TOKEN, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let mut components = ComponentsBuilder::from(components);
    let mut paths = PathsBuilder::new();
    for table in TABLES {
        components = components.schema(table.name, row_schema(table));
        paths = paths.path(format!("/rest/v1/{}", table.name), table_item(table));
    }
    paths = paths.path(format!("/rest/v1/rpc/{}", rpc::UPTIME), uptime_item());
    for function in FUNCTIONS {
        paths = paths.path(format!("/functions/v1/{}", function.name), function.item());
    }
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Mooring")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "What other programs may rely on, as supabase-js calls it: `createClient(url, token)`. A token goes \
                     into `Authorization: Bearer` or `apikey`. Errors have one body.",
                ))
                .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).identifier(Some(env!("CARGO_PKG_LICENSE"))).build()))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url(server).build()]))
        .components(Some(components.build()))
        .paths(paths.build())
        .build()
}

/// What cannot be said where the types are declared: an empty text says nothing where an id or a provider may be left
/// out, the data of a search may be left out, and an answer of `learn_from_error` has all that one of
/// `update_confidence` has.
fn adjust(components: &mut Components) {
    for name in TAKES_NOTHING {
        if let Some(RefOr::T(Schema::Object(request))) = components.schemas.get_mut(name) {
            request.properties.values_mut().for_each(take_nothing);
        }
    }
    if let Some(RefOr::T(Schema::OneOf(actions))) = components.schemas.get_mut("LearnRequest") {
        for action in &mut actions.items {
            let RefOr::T(Schema::Object(object)) = action else { continue };
            if object.properties.get("data").is_some_and(is_nullable) {
                object.required.retain(|name| name != "data");
            }
        }
    }
    if let Some(RefOr::T(schema)) = components.schemas.get_mut("LearnResponse")
        && let Schema::OneOf(answers) = schema
    {
        let any = AnyOfBuilder::new().description(answers.description.take());
        *schema = mem::take(&mut answers.items).into_iter().fold(any, AnyOfBuilder::item).into();
    }
}

/// What is sent with ids or a provider that may be left out, null or empty.
const TAKES_NOTHING: [&str; 4] = ["AnalyzeRequest", "MonitorRequest", "RetryRequest", "LearnFromError"];

/// Lets a uuid or a choice that may be null be the empty text as well.
fn take_nothing(property: &mut RefOr<Schema>) {
    let nothing = || ObjectBuilder::new().schema_type(JsonType::String).enum_values(Some([""]));
    let RefOr::T(schema) = property else { return };
    match schema {
        Schema::Object(id)
            if id.format == Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))
                && id.schema_type == SchemaType::Array(vec![JsonType::String, JsonType::Null]) =>
        {
            let description = id.description.take();
            id.schema_type = JsonType::String.into();
            let choices = AnyOfBuilder::new().description(description).item(mem::take(id)).item(nothing());
            *schema = choices.item(ObjectBuilder::new().schema_type(JsonType::Null)).into();
        }
        Schema::OneOf(choices) if has_null(choices) => choices.items.push(nothing().into()),
        _ => {}
    }
}

/// Whether the schema is a choice between something and `null`.
fn is_nullable(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::OneOf(choices)) if has_null(choices))
}

fn has_null(choices: &OneOf) -> bool {
    choices.items.iter().any(|choice| matches!(choice, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(JsonType::Null)))
}

fn schema_ref(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}

fn token_needed() -> SecurityRequirement {
    SecurityRequirement::new(TOKEN, Vec::<String>::new())
}

/// What every operation may answer.
const ALWAYS: [(u16, &str); 6] = [
    (400, "The input cannot be used; it is named"),
    (401, "No token, or one that does not count"),
    (403, "The token's scope is too small, or the row is not yours"),
    (429, "Too many; Retry-After says when again"),
    (500, "Our own fault"),
    (503, "Our own database is away, or it took too long"),
];
/// What one that takes a body may answer besides.
const OF_BODIES: [(u16, &str); 3] =
    [(408, "The body did not arrive within 20 s"), (413, "Too large"), (415, "Not JSON")];

/// An operation with the errors that every one may answer and its own.
fn operation(tag: &str, id: String, summary: &str, own: &[(u16, &str)]) -> OperationBuilder {
    let builder = OperationBuilder::new().tag(tag).operation_id(Some(id)).summary(Some(summary));
    errors(errors(builder, &ALWAYS), own)
}

/// The operation with its body.
fn taking(builder: OperationBuilder, body: RequestBody) -> OperationBuilder {
    errors(builder.request_body(Some(body)), &OF_BODIES)
}

fn errors(builder: OperationBuilder, errors: &[(u16, &str)]) -> OperationBuilder {
    errors.iter().fold(builder, |builder, (status, description)| {
        let content = ContentBuilder::new().schema(Some(schema_ref(ERROR))).build();
        let response = ResponseBuilder::new().description(*description).content(JSON, content).build();
        builder.response(status.to_string(), response)
    })
}

fn answer(description: &str, schema: impl Into<RefOr<Schema>>, example: Value) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
    ResponseBuilder::new().description(description).content(JSON, content).build().into()
}

fn body(schema: impl Into<RefOr<Schema>>, required: Required, example: Value) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
    RequestBodyBuilder::new().required(Some(required)).content(JSON, content).build()
}

fn parameter(name: &str, place: ParameterIn, kind: JsonType, description: &str, example: Option<Value>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(kind)))
        .example(example)
        .build()
}

/// A column's JSON.
fn column_schema(column: &Column) -> Schema {
    let (kind, format) = match column.kind {
        Type::Uuid => (JsonType::String, Some(KnownFormat::Uuid)),
        Type::Text => (JsonType::String, None),
        Type::Boolean => (JsonType::Boolean, None),
        Type::Integer => (JsonType::Integer, Some(KnownFormat::Int32)),
        Type::Numeric => (JsonType::Number, None),
        Type::Date => (JsonType::String, Some(KnownFormat::Date)),
        Type::Timestamp => (JsonType::String, Some(KnownFormat::DateTime)),
        // Any JSON.
        Type::Json => return ObjectBuilder::new().schema_type(SchemaType::AnyValue).write_only(sealed(column)).into(),
        Type::TextArray => (JsonType::Array, None),
    };
    if kind == JsonType::Array {
        return ArrayBuilder::new().items(ObjectBuilder::new().schema_type(JsonType::String)).into();
    }
    let kind = if column.nullable { SchemaType::Array(vec![kind, JsonType::Null]) } else { SchemaType::Type(kind) };
    ObjectBuilder::new()
        .schema_type(kind)
        .format(format.map(SchemaFormat::KnownFormat))
        .read_only((column.access == Access::Kept).then_some(true))
        .write_only(sealed(column))
        .into()
}

fn sealed(column: &Column) -> Option<bool> {
    (column.access == Access::Sealed).then_some(true)
}

/// A row; `select` chooses columns, so none is required.
fn row_schema(table: &Table) -> Schema {
    let row = ObjectBuilder::new().description(Some(table.about));
    table.columns.iter().fold(row, |row, column| row.property(column.name, column_schema(column))).into()
}

fn rows_schema(table: &Table) -> ArrayBuilder {
    ArrayBuilder::new().items(schema_ref(table.name))
}

/// Rows as they are answered.
fn rows(description: &str, table: &Table) -> RefOr<utoipa::openapi::Response> {
    answer(description, rows_schema(table), json!([examples::row(table)]))
}

/// `select`, and each column as a condition.
fn conditions(table: &Table) -> Vec<Parameter> {
    let text = |name, description, example: &str| {
        parameter(name, ParameterIn::Query, JsonType::String, description, Some(json!(example)))
    };
    let mut parameters =
        vec![text("select", "The columns of the answer, with aliases (`a:column`) and casts (`column::text`).", "*")];
    parameters.extend(table.shown().map(|column| {
        text(column.name, "A condition: `eq neq gt gte lt lte like ilike in is`, perhaps after `not.`.", "not.is.null")
    }));
    parameters.push(text(
        "or",
        "Conditions of which one holds; `and` and `not.or` likewise.",
        "(id.not.is.null,id.is.null)",
    ));
    parameters
}

fn prefer(example: &str) -> Parameter {
    let description =
        "`count=exact`, `return=minimal|representation`, `missing=default`, `handling=strict`, `max-affected=…`";
    parameter("Prefer", ParameterIn::Header, JsonType::String, description, Some(json!(example)))
}

fn table_item(table: &Table) -> PathItem {
    let name = table.name;
    let whole = |name, description, example| {
        let schema = ObjectBuilder::new().schema_type(JsonType::Integer).minimum(Some(0)).maximum(Some(u32::MAX));
        ParameterBuilder::from(parameter(
            name,
            ParameterIn::Query,
            JsonType::Integer,
            description,
            Some(json!(example)),
        ))
        .schema(Some(schema))
        .build()
    };
    let read = operation(
        name,
        format!("read_{name}"),
        table.about,
        &[(404, "No such table"), (406, "Not one row, or no such media type"), (416, "Beyond the last row")],
    )
    .security(token_needed())
    .parameters(Some(conditions(table)))
    .parameter(parameter(
        "order",
        ParameterIn::Query,
        JsonType::String,
        "`column.asc|desc.nullsfirst|nullslast`, several with commas",
        Some(json!(format!("{}.desc", newest(table)))),
    ))
    .parameter(whole("limit", "Rows at most; never more than 1,000.", 10))
    .parameter(whole("offset", "Rows to pass over.", 0))
    .parameter(prefer("count=exact"))
    .response("200", rows("The rows", table))
    .response("206", rows("The rows, where `count=exact` says that there are more", table));
    let mut item = PathItemBuilder::new().operation(HttpMethod::Get, read.build());
    if table.writes != Writes::None {
        item = item
            .operation(HttpMethod::Post, insert(table))
            .operation(HttpMethod::Patch, update(table))
            .operation(HttpMethod::Delete, delete(table));
    }
    item.build()
}

/// The column by which the newest rows come first.
fn newest(table: &Table) -> &'static str {
    let times = ["check_timestamp", "attempted_at", "metric_date", "confidence_score", "created_at"];
    times.into_iter().find(|name| table.column(name).is_some()).unwrap_or("id")
}

const WRITTEN: [(u16, &str); 3] = [
    (404, "No such table"),
    (406, "Not one row, where one is asked for"),
    (409, "A name that is taken, or a row that somebody else is changing"),
];

fn insert(table: &Table) -> Operation {
    let one_or_many = OneOfBuilder::new()
        .item(schema_ref(table.name))
        .item(Schema::from(rows_schema(table).max_items(Some(MAX_ROWS as usize))));
    let insert =
        operation(table.name, format!("insert_{}", table.name), "Inserts one row or many, all or none.", &WRITTEN)
            .security(token_needed())
            .parameter(parameter(
                "select",
                ParameterIn::Query,
                JsonType::String,
                "The columns of the answer.",
                Some(json!("*")),
            ))
            .parameter(prefer("return=representation"))
            // Without a schema, since the body is empty unless asked for.
            .response(
                "201",
                ResponseBuilder::new().description(match table.writes {
                    Writes::AlertRules => {
                        "Inserted; with `return=representation` the rows, as a read answers them, and this once the secrets \
                         that were made for webhooks. To have one made anew, leave the webhook out once, or send your own."
                    }
                    Writes::Connections | Writes::None => {
                        "Inserted; with `return=representation` the rows, as a read answers them"
                    }
                }),
            );
    taking(insert, body(one_or_many, Required::True, examples::new_row(table))).build()
}

fn update(table: &Table) -> Operation {
    let about = "Changes the rows that the conditions select.";
    let update = operation(table.name, format!("update_{}", table.name), about, &WRITTEN)
        .security(token_needed())
        .parameters(Some(conditions(table)))
        .parameter(prefer("return=representation"))
        .response("200", rows("Changed, with `return=representation`", table))
        .response("204", ResponseBuilder::new().description("Changed"));
    taking(update, body(schema_ref(table.name), Required::True, examples::new_row(table))).build()
}

fn delete(table: &Table) -> Operation {
    operation(table.name, format!("delete_{}", table.name), "Deletes the rows that the conditions select.", &WRITTEN)
        .security(token_needed())
        .parameters(Some(conditions(table)))
        .parameter(prefer("return=representation"))
        .response("200", rows("Deleted, with `return=representation`", table))
        .response("204", ResponseBuilder::new().description("Deleted"))
        .build()
}

fn uptime_item() -> PathItem {
    let [id, hours] = rpc::ARGUMENTS;
    let about = "The share of time in which the connection answered, in percent; null where nothing is known.";
    let percent = || {
        ObjectBuilder::new()
            .schema_type(SchemaType::Array(vec![JsonType::Number, JsonType::Null]))
            .minimum(Some(0))
            .maximum(Some(100))
    };
    let uuid = || {
        ObjectBuilder::new().schema_type(JsonType::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
    };
    let whole = |kind: SchemaType| {
        ObjectBuilder::new().schema_type(kind).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
    };
    let errors = [(404, "No such function"), (406, "No such schema")];
    // `null` means the hours that are meant where none are given.
    let or_null = SchemaType::Array(vec![JsonType::Integer, JsonType::Null]);
    let arguments = ObjectBuilder::new().property(id, uuid()).property(hours, whole(or_null)).required(id);
    let called = |way: &str| {
        operation("rpc", format!("{way}_{}", rpc::UPTIME), about, &errors)
            .security(token_needed())
            .response("200", answer("Percent", percent(), json!(99.87)))
    };
    let by_query = called("get")
        .parameter(
            ParameterBuilder::new()
                .name(id)
                .parameter_in(ParameterIn::Query)
                .required(Required::True)
                .schema(Some(uuid()))
                .example(Some(json!(SOME_ID))),
        )
        .parameter(
            ParameterBuilder::new()
                .name(hours)
                .parameter_in(ParameterIn::Query)
                .description(Some(
                    "Hours to look back, 24 unless given; less than 1 counts as 1, more than 87,600 as that.",
                ))
                .schema(Some(whole(JsonType::Integer.into())))
                .example(Some(json!(24))),
        );
    let by_body = taking(called("post"), body(arguments, Required::True, json!({id: SOME_ID, hours: 24})));
    PathItemBuilder::new()
        .operation(HttpMethod::Get, by_query.build())
        .operation(HttpMethod::Post, by_body.build())
        .build()
}

/// One of the documented operations.
struct Function {
    name: &'static str,
    about: &'static str,
    request: &'static str,
    response: &'static str,
    /// Whether a token may be left out.
    public: bool,
    /// What may be sent.
    example: fn() -> Value,
    /// What may be answered.
    answer: fn() -> Value,
}

const FUNCTIONS: [Function; 6] = [
    Function {
        name: "analyze-database-error",
        about: "Says why a connection failed, from the error, a staged probe and what was learnt.",
        request: "AnalyzeRequest",
        response: "AnalyzeResponse",
        public: false,
        example: || json!({"errorMessage": "Connection refused", "provider": "postgresql", "credentials": {"host": "127.0.0.1", "port": 5432, "database": "shop"}}),
        answer: examples::analysis,
    },
    Function {
        name: "validate-database-config",
        about: "Judges settings: what cannot work, what is weak, what has worked elsewhere.",
        request: "ValidateRequest",
        response: "ValidateResponse",
        public: false,
        example: || json!({"provider": "mysql", "credentials": {"host": "db.example.org", "port": 3306, "ssl": true, "database": "shop"}}),
        answer: examples::validation,
    },
    Function {
        name: "fetch-provider-docs",
        about: "A provider's guide, from its own pages where they can be reached.",
        request: "DocsRequest",
        response: "DocsResponse",
        public: true,
        example: || json!({"provider": "postgresql"}),
        answer: examples::documentation,
    },
    Function {
        name: "proactive-health-monitor",
        about: "Checks what is due; with a `full` token, one's own connections now.",
        request: "MonitorRequest",
        response: "MonitorResponse",
        public: true,
        example: || json!({}),
        answer: examples::sweep,
    },
    Function {
        name: "learn-connection-knowledge",
        about: "Takes in what worked or did not, and finds what was learnt.",
        request: "LearnRequest",
        response: "LearnResponse",
        public: true,
        example: || json!({"action": "search_knowledge", "data": {"provider": "postgresql", "category": "error_resolution"}}),
        answer: examples::knowledge,
    },
    Function {
        name: "intelligent-retry-connection",
        about: "Tries a connection until it works or trying again cannot help.",
        request: "RetryRequest",
        response: "RetryResponse",
        public: false,
        example: || json!({"credentialId": SOME_ID, "provider": "postgresql"}),
        answer: examples::retry,
    },
];

impl Function {
    fn item(&self) -> PathItem {
        // An empty body counts as `{}`.
        let required = if (self.example)() == json!({}) { Required::False } else { Required::True };
        let errors = [(404, "Not there, or not yours"), (409, "It contradicts what is stored")];
        let post = operation("functions", self.name.to_owned(), self.about, &errors)
            .response("200", answer("It ran", schema_ref(self.response), (self.answer)()))
            .security(token_needed());
        let mut post = taking(post, body(schema_ref(self.request), required, (self.example)()));
        if self.public {
            post = post.security(SecurityRequirement::default());
        }
        PathItemBuilder::new().operation(HttpMethod::Post, post.build()).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Value {
        serde_json::to_value(document("https://mooring.example.org")).expect("JSON")
    }

    #[test]
    fn it_is_openapi_3_1_and_names_every_route() {
        let document = written();
        assert!(
            document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")),
            "{}",
            document["openapi"]
        );
        assert_eq!(document["servers"][0]["url"], "https://mooring.example.org");
        for table in TABLES {
            let item = &document["paths"][format!("/rest/v1/{}", table.name)];
            assert!(item["get"].is_object());
            assert_eq!(item["post"].is_object(), table.writes != Writes::None, "{}", table.name);
        }
        for function in &FUNCTIONS {
            let post = &document["paths"][format!("/functions/v1/{}", function.name)]["post"];
            // An empty requirement among them: the token may be left out.
            let public = post["security"].as_array().expect("a list").contains(&json!({}));
            assert_eq!(public, function.public, "{}", function.name);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(list) => list.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = written();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50);
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_examples_are_what_the_types_read() {
        let read = |name: &str| {
            let value = FUNCTIONS.iter().find(|function| function.name == name).map(|function| (function.example)());
            value.unwrap_or_else(|| panic!("{name}"))
        };
        serde_json::from_value::<types::AnalyzeRequest>(read("analyze-database-error")).map(drop).expect("analyze");
        serde_json::from_value::<types::ValidateRequest>(read("validate-database-config")).map(drop).expect("validate");
        serde_json::from_value::<types::DocsRequest>(read("fetch-provider-docs")).map(drop).expect("docs");
        serde_json::from_value::<types::MonitorRequest>(read("proactive-health-monitor")).map(drop).expect("monitor");
        serde_json::from_value::<types::LearnRequest>(read("learn-connection-knowledge")).map(drop).expect("learn");
        serde_json::from_value::<types::RetryRequest>(read("intelligent-retry-connection")).map(drop).expect("retry");
    }

    /// What does not hold of `value` by `schema`: as much of JSON Schema as the document is written in, and stricter,
    /// since what is not listed is not there.
    fn faults(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let schema = document.pointer(reference.trim_start_matches('#')).expect("a schema");
            return faults(document, schema, value, place);
        }
        if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
            let mut found: Vec<_> = choices.iter().map(|choice| faults(document, choice, value, place)).collect();
            found.sort_by_key(Vec::len);
            return found.swap_remove(0);
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let is_known = |kind: &str| kinds.contains(&kind) || (kind == "integer" && kinds.contains(&"number"));
        let text = value.as_str().unwrap_or_default();
        let is_formed = match schema["format"].as_str() {
            Some("uuid") => text.parse::<uuid::Uuid>().is_ok(),
            Some("date-time") => text.contains('T') && text.ends_with(['Z', '0']),
            Some("date") => text.len() == 10,
            _ => true,
        };
        let is_allowed = schema["enum"].as_array().is_none_or(|allowed| allowed.contains(value));
        let mut found = Vec::new();
        if !(kinds.is_empty() || is_known(kind)) || !(value.is_null() || is_formed) || !is_allowed {
            found.push(format!("{place}: {value} by {schema}"));
        }
        for item in value.as_array().into_iter().flatten() {
            found.extend(faults(document, &schema["items"], item, &format!("{place}[]")));
        }
        if let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            found.extend(required.filter(|name| !object.contains_key(*name)).map(|name| format!("{place}: no {name}")));
            for (name, value) in object {
                let place = format!("{place}.{name}");
                match properties.get(name) {
                    Some(schema) => found.extend(faults(document, schema, value, &place)),
                    None => found.push(format!("{place} is not documented")),
                }
            }
        }
        found
    }

    #[test]
    fn every_body_has_an_example_and_each_is_what_its_schema_says() {
        let document = written();
        let mut found = Vec::new();
        let mut examples = 0;
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let answers = operation["responses"].as_object().expect("answers").iter();
                let bodies = answers
                    .map(|(status, answer)| (status.as_str(), &answer["content"][JSON]))
                    .chain([("sent", &operation["requestBody"]["content"][JSON])])
                    .chain(operation["parameters"].as_array().into_iter().flatten().map(|it| ("parameter", it)));
                for (what, body) in bodies.filter(|(_, body)| body.is_object()) {
                    let place = format!("{method} {path} {what}");
                    // Errors have the one of their schema.
                    let example = if what.starts_with(['4', '5']) {
                        document.pointer("/components/schemas/Error/example")
                    } else {
                        body.get("example")
                    };
                    let example = example.unwrap_or_else(|| panic!("{place} has no example"));
                    found.extend(faults(&document, &body["schema"], example, &place));
                    examples += 1;
                }
            }
        }
        assert_eq!(found, Vec::<String>::new());
        assert!(examples > 300, "{examples}");
        for table in TABLES {
            let row = examples::row(table);
            let names: Vec<&str> = row.as_object().expect("a row").keys().map(String::as_str).collect();
            assert_eq!(names.len(), table.shown().count(), "{}", table.name);
            assert!(table.shown().all(|column| names.contains(&column.name)), "{}: {names:?}", table.name);
        }
    }

    #[test]
    fn what_is_wrong_with_an_example_is_found() {
        let document = written();
        let schema = json!({"$ref": "#/components/schemas/RetryResponse"});
        assert_eq!(faults(&document, &schema, &examples::retry(), "it"), Vec::<String>::new());
        for (place, wrong) in [
            ("/success", json!("yes")),
            ("/totalAttempts", json!(1.5)),
            ("/stoppedBecause", json!("bored")),
            ("/attempts/0/cause", json!("nothing")),
            ("/circuitBreaker/openUntil", json!("soon")),
            ("/circuitBreaker", json!({"state": "closed"})),
            ("/attempts/1", json!({"else": 1})),
        ] {
            let mut example = examples::retry();
            *example.pointer_mut(place).expect(place) = wrong;
            assert!(!faults(&document, &schema, &example, "it").is_empty(), "{place}");
        }
    }

    /// A body that comes too slowly is answered where one is read, and a method that is not taken where none is listed.
    #[test]
    fn errors_are_documented_where_they_are_answered() {
        let document = written();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let reads = operation["requestBody"].is_object();
                for status in ["408", "413", "415"] {
                    assert_eq!(operation["responses"][status].is_object(), reads, "{method} {path} {status}");
                }
                assert!(operation["responses"]["405"].is_null(), "{method} {path}");
            }
        }
    }

    /// What the server takes for an id or a provider that was left out is documented to be taken, and nothing else.
    #[test]
    fn an_empty_text_is_documented_where_it_says_nothing() {
        fn taken<T: serde::de::DeserializeOwned>(body: &Value) -> bool {
            serde_json::from_value::<T>(body.clone()).is_ok()
        }
        type Taken = fn(&Value) -> bool;
        let document = written();
        let failure = json!({"provider": "mysql", "errorMessage": "x"});
        for (name, start, taken, fields) in [
            (
                "AnalyzeRequest",
                json!({"errorMessage": "x"}),
                taken::<types::AnalyzeRequest> as Taken,
                &["credentialId", "provider"][..],
            ),
            ("MonitorRequest", json!({}), taken::<types::MonitorRequest>, &["credentialId"]),
            ("RetryRequest", json!({}), taken::<types::RetryRequest>, &["credentialId", "userId", "provider"]),
            ("LearnFromError", failure, taken::<types::LearnFromError>, &["errorId"]),
        ] {
            let schema = json!({"$ref": format!("#/components/schemas/{name}")});
            for field in fields {
                let fits = if *field == "provider" { json!("mysql") } else { json!(SOME_ID) };
                for (sent, is_taken) in [(json!(""), true), (json!(null), true), (fits, true), (json!("x"), false)] {
                    let mut body = start.clone();
                    body[field] = sent;
                    assert_eq!(taken(&body), is_taken, "{name}: {body}");
                    assert_eq!(faults(&document, &schema, &body, name).is_empty(), is_taken, "{name}: {body}");
                }
                let property = &document["components"]["schemas"][name]["properties"][field];
                assert!(property["description"].is_string() || property["oneOf"].is_array(), "{property}");
            }
        }
    }

    #[test]
    fn no_answer_is_documented_to_hold_credentials() {
        let document = written();
        let row = &document["components"]["schemas"]["database_credentials"]["properties"];
        assert_eq!(row["credentials"]["writeOnly"], true);
        assert_eq!(row["id"]["readOnly"], true);
    }
}
