//! No look-up of the library goes through a table that grows, however empty it was when the plan was made.
//!
//! The statements are the files below `sql/query`, each as the library declares and plans it: a new one is looked at without being named here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use postgres::{Client, SimpleQueryMessage};
use serde_json::Value;
use vpd_tests::{Database, Result};

/// What goes through a whole table of definitions, or through a part of one that its index keeps apart.
const ALLOWED: [(&str, &str, &str); 0] = [];

/// Where the texts are, and where they are declared.
const TEXTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/query");
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../pg_extension/src");

/// The library plans a statement; the server makes it a generic plan, for all values.
const DECLARE: &str = "
CREATE FUNCTION pg_temp.own_plan(statement text, parameters integer, is_scan boolean) RETURNS text
    LANGUAGE c STRICT AS '$libdir/pg_vpd', 'own_plan_wrapper'";

struct Statement {
    file: String,
    text: String,
    is_scan: bool,
}

impl Statement {
    fn parameters(&self) -> i32 {
        (1..)
            .take_while(|number| self.text.contains(&format!("${number}")))
            .last()
            .unwrap_or(0)
    }

    /// As the library plans it.
    fn own_plan(&self, client: &mut Client) -> Result<Value> {
        let plan: Option<String> = client
            .query_one(
                "SELECT pg_temp.own_plan($1, $2, $3)",
                &[&self.text, &self.parameters(), &self.is_scan],
            )
            .map_err(|error| format!("{}: {error:?}", self.file))?
            .get(0);
        Ok(serde_json::from_str(&plan.unwrap_or_default())?)
    }

    /// As anybody's statement is planned.
    fn plain_plan(&self, client: &mut Client) -> Result<Value> {
        let values = vec!["NULL"; usize::try_from(self.parameters())?].join(", ");
        let values = if values.is_empty() { values } else { format!("({values})") };
        client.batch_execute(&format!("PREPARE shown AS {}", self.text))?;
        let plan: Vec<_> = client.simple_query(&format!("EXPLAIN (FORMAT JSON) EXECUTE shown{values}"))?;
        client.batch_execute("DEALLOCATE shown")?;
        let lines = plan.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(serde_json::from_str(&lines.collect::<String>())?)
    }
}

/// Every file below `sql/query`, with each of the ways in which it is declared.
fn statements() -> Result<Vec<Statement>> {
    let source: String = files(Path::new(SOURCE), "rs")?
        .iter()
        .map(fs::read_to_string)
        .collect::<std::io::Result<_>>()?;
    let mut found = Vec::new();
    for path in files(Path::new(TEXTS), "sql")? {
        let file = path.strip_prefix(TEXTS)?.to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?.trim_end().trim_end_matches(';').to_owned();
        let shapes: BTreeSet<bool> = source
            .match_indices(&format!("{file}\""))
            .map(|(place, _)| source[..place].ends_with("scanning \""))
            .collect();
        assert!(!shapes.is_empty(), "nobody declares sql/query/{file}");
        found.extend(shapes.into_iter().map(|is_scan| Statement {
            file: file.clone(),
            text: text.clone(),
            is_scan,
        }));
    }
    Ok(found)
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|given| given == extension) {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The tables through which a plan goes from one end to the other.
fn gone_through(plan: &Value, found: &mut BTreeSet<String>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| gone_through(part, found)),
        Value::Object(node) => {
            let text = |key: &str| node.get(key).and_then(Value::as_str);
            match text("Node Type") {
                Some("Seq Scan") => found.extend(text("Relation Name").map(str::to_owned)),
                Some("Index Scan" | "Index Only Scan" | "Bitmap Index Scan") if !node.contains_key("Index Cond") => {
                    found.extend(text("Index Name").map(str::to_owned));
                }
                _ => (),
            }
            node.values().for_each(|part| gone_through(part, found));
        }
        _ => (),
    }
}

#[test]
fn no_look_up_goes_through_a_table_that_grows() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute("VACUUM ANALYZE")?;
    admin.batch_execute(DECLARE)?;
    let mut faults = Vec::new();
    for statement in statements()?.iter().filter(|statement| !statement.is_scan) {
        let mut found = BTreeSet::new();
        match statement.own_plan(&mut admin) {
            Ok(plan) => gone_through(&plan, &mut found),
            Err(error) => faults.push(format!("{}: {error}", statement.file)),
        }
        faults.extend(found.iter().map(|what| format!("{}: {what}", statement.file)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let _ = (ALLOWED, Statement::plain_plan);
    Ok(())
}
