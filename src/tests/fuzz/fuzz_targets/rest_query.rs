//! A query string to any table: it is read or refused, and what was read is read again from what it is written
//! down as. The first byte chooses the table.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mooring::server::wire::rest::{query::Query, tables::TABLES};

fuzz_target!(|input: (u8, &str)| {
    let (choice, raw) = input;
    let table = &TABLES[usize::from(choice) % TABLES.len()];
    if let Ok(query) = Query::parse(table, raw) {
        assert_eq!(Query::parse(table, &query.to_string()), Ok(query));
    }
});
