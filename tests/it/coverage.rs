//! The table of coverage names each behaviour once, and files and tests that are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use vpd_tests::Result;

/// Where the second column of the table begins its paths.
const ROOTS: [&str; 5] = ["", "pg_extension/src", "session_bridge/src", "tests", "tests/it"];

struct Row {
    id: String,
    behaviour: String,
    places: Vec<String>,
    tests: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rows with four columns.
fn rows() -> Result<Vec<Row>> {
    let text = fs::read_to_string(root().join("docs/reference/coverage.md"))?;
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split(" | ").collect();
        let [id, behaviour, places, tests] = cells[..] else {
            return None;
        };
        (id != "id").then(|| Row {
            id: id.to_owned(),
            behaviour: behaviour.to_owned(),
            places: quoted(places),
            tests: quoted(tests),
        })
    };
    Ok(text.lines().filter_map(row).collect())
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names of all functions in files of tests.
fn functions(folder: &Path, found: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            functions(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path)?;
            let name = |rest: &str| rest.split(['(', '<']).next().map(str::to_owned);
            found.extend(text.split("fn ").skip(1).filter_map(name));
        }
    }
    Ok(())
}

fn is_there(path: &str) -> bool {
    ROOTS.iter().any(|from| {
        let path = root().join(from).join(path);
        path.exists() || path.with_extension("rs").exists()
    })
}

#[test]
fn coverage_tells_each_behaviour_once() -> Result<()> {
    let rows = rows()?;
    assert!(rows.len() > 50, "the table is read");
    let mut told = BTreeSet::new();
    let repeated: Vec<_> = rows
        .iter()
        .filter(|row| !told.insert((&row.id, &row.behaviour)))
        .map(|row| format!("{}: {}", row.id, row.behaviour))
        .collect();
    assert!(repeated.is_empty(), "{repeated:#?}");
    Ok(())
}

#[test]
fn coverage_names_files_and_tests_that_are_there() -> Result<()> {
    let mut known = BTreeSet::new();
    for folder in ["tests", "session_bridge", "pg_extension"] {
        functions(&root().join(folder), &mut known)?;
    }
    let mut missing = Vec::new();
    for row in rows()? {
        let is_path = |place: &&String| place.contains('/') && !place.contains(' ') || place.ends_with(".rs");
        let places = row.places.iter().filter(is_path).filter(|path| !is_there(path));
        missing.extend(places.map(|path| format!("{}: {path}", row.id)));
        let is_known = |test: &&String| {
            // Scripts of Oracle's package are named by their numbers.
            test.contains("_0")
                || is_there(&test.replace("::", "/"))
                || known.contains(test.rsplit("::").next().unwrap_or_default())
                || test.contains(['.', ' '])
                || test.trim_start_matches("oracle_vpd::").starts_with('_')
        };
        missing.extend(
            row.tests
                .iter()
                .filter(|test| !is_known(test))
                .map(|test| format!("{}: {test}", row.id)),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
    Ok(())
}
