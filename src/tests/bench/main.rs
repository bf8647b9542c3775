//! `make bench`: measures the monitor, memory, the board page, the API and what a first visit loads, in one run on
//! one machine, and prints one table. `BENCH=rest make bench` measures the API alone.
//!
//! What is compared runs in alternating rounds, so that whatever else the machine does falls on both alike; the
//! ratio is the median of the rounds' ratios. Absolute numbers belong to the machine, ratios less so.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod support;

mod board;
mod checks;
mod first_load;
mod load;
mod rest;

use std::fmt::Write;

use support::cluster::TestDatabase;

/// How often what is compared alternates.
const ROUNDS: usize = 5;

/// One line of the table.
struct Line {
    what: String,
    mooring: String,
    bare: String,
    ratio: String,
    aim: &'static str,
}

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what this program is for")]
async fn main() {
    let only = std::env::var("BENCH").ok();
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut lines = Vec::new();
    if wanted("checks") {
        eprintln!("Checks of 1,000 connections to a real PostgreSQL …");
        lines.extend(checks::postgresql(TestDatabase::fresh().await).await);
        eprintln!("{}\nOf 1,000 to a real MariaDB …", table(&lines));
        lines.extend(checks::mariadb(TestDatabase::fresh().await).await);
        eprintln!("{}\nOf 200 to a server that speaks MongoDB's protocol …", table(&lines));
        lines.extend(checks::mongodb(TestDatabase::fresh().await).await);
    }
    if wanted("board") {
        eprintln!("{}\nThe board page …", table(&lines));
        lines.extend(board::measure(TestDatabase::fresh().await).await);
    }
    if wanted("rest") {
        eprintln!("{}\nThe API, with up to ten million checks (some minutes) …", table(&lines));
        lines.extend(rest::measure(TestDatabase::fresh().await).await);
    }
    if wanted("first_load") {
        eprintln!("{}\nA first visit …", table(&lines));
        lines.extend(first_load::measure(TestDatabase::fresh().await).await);
    }
    println!("{}", table(&lines));
}

fn table(lines: &[Line]) -> String {
    let mut table = "| Measured | Mooring | Bare | Ratio | Aim |\n| --- | ---: | ---: | ---: | ---: |\n".to_owned();
    for Line { what, mooring, bare, ratio, aim } in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {what} | {mooring} | {bare} | {ratio} | {aim} |");
    }
    table
}

/// The middle one; of an even number, the upper of the two.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
