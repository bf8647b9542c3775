//! Rules about the sources themselves that no lint knows. A failure names the file, the line and the rule.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines of code that a file may have before it has to become a folder; its tests are not counted.
const LONGEST_FILE: usize = 800;

/// Who may take the pool as it is: `auth` before there is a caller, and what is nobody's request.
const MAY_TAKE_THE_POOL: [&str; 9] = [
    "src/auth/server",
    "src/server/commands",
    "src/server/db.rs",
    "src/server/jobs",
    "src/server/live.rs",
    "src/server/metrics.rs",
    "src/server/startup.rs",
    "src/server/vault",
    "src/tests",
];

/// A source file: its path from the root and its lines.
struct Source {
    path: String,
    lines: Vec<String>,
}

impl Source {
    /// Whether the file is a test from top to bottom.
    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// The lines of code with their numbers: without comments, and without what is built for tests alone.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        // The indentation of the item for tests that is being skipped.
        let mut skipped: Option<usize> = None;
        let mut is_marked = false;
        (1..).zip(self.lines.iter().map(String::as_str)).filter(move |(_, line)| {
            let text = line.trim();
            let depth = line.len() - line.trim_start().len();
            if let Some(outer) = skipped {
                if depth == outer && text == "}" {
                    skipped = None;
                }
                return false;
            }
            if text == "#[cfg(test)]" {
                is_marked = true;
                return false;
            }
            // Further attributes stand between the mark and its item.
            if is_marked && !text.starts_with('#') {
                is_marked = false;
                if text.ends_with('{') {
                    skipped = Some(depth);
                }
                return false;
            }
            !is_marked && !text.starts_with("//")
        })
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, extension: &str) -> Vec<Source> {
    let mut folders = vec![root().join(folder)];
    let mut found: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("read a folder of the repository") {
            let path = entry.expect("read a folder's entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "there are no .{extension} files in {folder}");
    found
        .into_iter()
        .map(|path| Source {
            lines: fs::read_to_string(&path).expect("read a source file").lines().map(str::to_owned).collect(),
            path: path.strip_prefix(root()).expect("a path in the repository").to_string_lossy().into_owned(),
        })
        .collect()
}

fn sources() -> Vec<Source> {
    files("src", "rs")
}

fn report(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

/// The places outside tests where one of `needles` stands in code.
fn places<'s>(sources: impl Iterator<Item = &'s Source>, needles: &[&str]) -> Vec<String> {
    sources
        .filter(|source| !source.is_test())
        .flat_map(|source| {
            source
                .code()
                .filter(|(_, line)| needles.iter().any(|needle| line.contains(needle)))
                .map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn features_are_chosen_on_mod_lines_only() {
    let mut found = Vec::new();
    for source in sources() {
        if matches!(source.path.as_str(), "src/lib.rs" | "src/main.rs" | "src/tests/tidy.rs") {
            continue;
        }
        for (index, line) in source.lines.iter().enumerate() {
            let chooses = line.contains("cfg") && line.contains("feature = \"");
            let declared =
                source.lines[index + 1..].iter().map(|line| line.trim()).find(|line| !line.starts_with("#["));
            let on_mod = declared.is_some_and(|line| {
                line.trim_start_matches("pub ").trim_start_matches("pub(crate) ").starts_with("mod ")
            });
            if chooses && !(line.trim_start().starts_with("#[cfg(") && on_mod) {
                found.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    report("cfg(feature = …) stands on mod lines, in main.rs and in lib.rs", &found);
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    let found: Vec<_> = sources()
        .iter()
        .filter(|source| source.path != "src/tests/tidy.rs")
        .flat_map(|source| {
            (1..)
                .zip(&source.lines)
                .filter(|(_, line)| line.contains("#[allow(") || line.contains("#![allow("))
                .map(|(number, _)| format!("{}:{number}", source.path))
                .collect::<Vec<_>>()
        })
        .collect();
    report("a lint is judged in Cargo.toml, or expected with a reason", &found);
}

#[test]
fn files_are_named_for_what_they_hold() {
    let found: Vec<_> = sources()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| {
            Path::new(path).components().any(|part| {
                let name = part.as_os_str().to_string_lossy();
                matches!(name.trim_end_matches(".rs"), "utils" | "util" | "helpers" | "helper" | "common" | "misc")
            })
        })
        .collect();
    report("a name says what is inside", &found);
}

#[test]
fn the_pool_is_taken_in_few_places() {
    let sources = sources();
    let elsewhere =
        sources.iter().filter(|source| !MAY_TAKE_THE_POOL.iter().any(|place| source.path.starts_with(place)));
    report("a Caller opens transactions; the pool itself is for auth and start-up", &places(elsewhere, &[".pool()"]));
}

#[test]
fn nothing_panics_outside_tests() {
    let sources = sources();
    let needles = [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err(", "panic!(", "unreachable!("];
    report("errors are values outside tests", &places(sources.iter(), &needles));
}

#[test]
fn modules_say_what_they_are_for() {
    let found: Vec<_> = sources()
        .into_iter()
        // Unit tests in a file of their own have the module's doc above them.
        .filter(|source| !source.path.ends_with("/tests.rs"))
        .filter(|source| !source.lines.first().is_some_and(|line| line.starts_with("//! ")))
        .map(|source| source.path)
        .collect();
    report("a file begins with the doc of its module", &found);
}

#[test]
fn files_stay_readable() {
    let found: Vec<_> = sources()
        .iter()
        .map(|source| (source, source.code().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(source, lines)| format!("{}: {lines} lines", source.path))
        .collect();
    report("a file that outgrows this becomes a folder of files named by operation", &found);
}

#[test]
fn constraints_have_names() {
    let mut found = Vec::new();
    for migration in files("migrations", "sql") {
        let text = migration
            .lines
            .iter()
            .map(|line| line.split("--").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n")
            .to_lowercase();
        for statement in text.split(';').map(str::trim) {
            if !statement.starts_with("create table") && !statement.starts_with("alter table") {
                continue;
            }
            for item in items(statement) {
                let words: Vec<_> =
                    item.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
                let restricts = words.iter().any(|word| matches!(*word, "check" | "unique" | "exclude"));
                if restricts && !words.contains(&"constraint") {
                    found.push(format!(
                        "{}: {}",
                        migration.path,
                        item.split_whitespace().collect::<Vec<_>>().join(" ")
                    ));
                }
            }
        }
    }
    report("violations are mapped to fields by the constraint's name, so it is given", &found);
}

/// The comma-separated items of a statement's outermost parentheses: columns and constraints.
fn items(statement: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0_u32;
    for character in statement.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth <= 1 => {
                items.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(item) = items.last_mut() {
            item.push(character);
        }
    }
    items
}

#[test]
fn code_goes_on_behind_what_is_for_tests() {
    let text = "mod a;\n#[cfg(test)]\nmod tests;\nfn b() {}\n    #[cfg(test)]\n    #[must_use]\n    fn c() {\n        d();\n    }\nfn e() {}\n// f\n#[cfg(test)]\nmod more {\n    g();\n}\nh();";
    let source = Source { path: String::new(), lines: text.lines().map(str::to_owned).collect() };
    let code: Vec<_> = source.code().collect();
    assert_eq!(code, [(1, "mod a;"), (4, "fn b() {}"), (10, "fn e() {}"), (16, "h();")]);
}
