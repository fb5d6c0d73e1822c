//! A look-up of the library's own is planned for large tables while they are empty: what it reads it finds in an index.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use postgres::Client;
use serde_json::Value;
use vpd_tests::{Cluster, Database, Result};

/// Types of parameters that the text does not tell.
const TYPES: [(&str, &str); 21] = [
    ("app/check.sql", "interval, interval, interval"),
    (
        "app/upsert.sql",
        "text, text, text[], interval, interval, interval, int",
    ),
    ("audit/add_column.sql", "oid, text, text"),
    ("authz/contains.sql", "int, int, timestamptz"),
    (
        "authz/define_account.sql",
        "int, text, text, jsonb, text, int, bool",
    ),
    ("authz/delegation_extent.sql", "text, text[], text, text[]"),
    ("authz/flatten.sql", "text, text[], text[], text[], bool"),
    ("context/userenv.sql", "text, text, text"),
    (
        "hierarchy/grant.sql",
        "int, text, text, timestamptz, timestamptz, text",
    ),
    ("hierarchy/insert_levels.sql", "text, text[]"),
    ("hierarchy/level_query.sql", "oid, text[]"),
    ("hierarchy/node_query.sql", "oid, text, text, text, text"),
    ("hierarchy/predicate.sql", "oid, text[], text[]"),
    ("hierarchy/raise_access_version.sql", "text"),
    ("hierarchy/raise_version.sql", "text"),
    ("hierarchy/register.sql", "oid, text, text[], text[]"),
    ("hierarchy/write.sql", "text, text[], text[], int[], text[], bool"),
    (
        "policy/update.sql",
        "oid, text, text, text, text, text, text[], bool, bool, text[], bool",
    ),
    ("segregation/held_by_users.sql", "int[], int, int, bool, int[]"),
    ("segregation/unit_members.sql", "int[], int[]"),
    (
        "session/derive.sql",
        "uuid, text, bytea, bytea, bool, text, bool, jsonb, bigint, bigint",
    ),
];

/// Tables of what somebody wrote one by one: to go through one costs little.
const DEFINITIONS: [&str; 22] = [
    "app",
    "authority_version",
    "data_role_template",
    "defined_source",
    "driving_context",
    "exemption",
    "hierarchy",
    "hierarchy_exemption",
    "hierarchy_level",
    "hierarchy_protection",
    "mask",
    "mask_key",
    "policy",
    "policy_group",
    "policy_shadow",
    "policy_version",
    "profile_privilege",
    "protected_action",
    "protected_table",
    "sod_rule",
    "sod_rule_item",
    "tracked_table",
];

/// Statements that go through a table when they are told to look at everybody, or when a claim stands for a node, and only then.
const AT_EVERYBODY: [&str; 2] = ["hierarchy/who_can_see.sql", "segregation/narrow_existing.sql"];

/// Statements that a file of many lines is written with: two lists are not compared item by item.
const OF_LOADS: &str = "load/";

/// The server, asked how it plans a statement of the library.
struct Planner {
    admin: Client,
    /// Indexes that find something without a condition: theirs is in their definition.
    partial: HashSet<String>,
}

impl Planner {
    fn of(database: &Database<'_>) -> Result<Self> {
        let mut admin = database.admin()?;
        admin.batch_execute(
            "CREATE FUNCTION pg_temp.explain(text, boolean) RETURNS text LANGUAGE c AS '$libdir/pg_vpd', 'explain_own_statement_wrapper';
             SET search_path = pg_catalog, pg_temp;
             SET plan_cache_mode = force_generic_plan",
        )?;
        let partial = "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indpred IS NOT NULL";
        let rows = admin.query(partial, &[])?;
        let partial = rows.iter().map(|row| row.get(0)).collect();
        Ok(Self { admin, partial })
    }

    /// What is wrong with the plan of a look-up.
    fn faults(&mut self, file: &str, text: &str) -> Result<Vec<String>> {
        let types = TYPES.iter().find(|(of, _)| *of == file);
        let types = types.map(|(_, types)| format!("({types})")).unwrap_or_default();
        self.admin
            .batch_execute(&format!("PREPARE look_up {types} AS {text}"))
            .map_err(|error| format!("{file}: {error:?}; TYPES may tell what its parameters are"))?;
        let count = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'look_up'";
        let count: i32 = self.admin.query_one(count, &[])?.get(0);
        let values = vec!["NULL"; usize::try_from(count)?].join(", ");
        let values = if values.is_empty() {
            values
        } else {
            format!("({values})")
        };
        let explain = format!("EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE look_up {values}");
        let plan: Option<String> = self
            .admin
            .query_one("SELECT pg_temp.explain($1, true)", &[&explain])?
            .get(0);
        self.admin.batch_execute("DEALLOCATE look_up")?;
        let plan: Value = serde_json::from_str(&plan.ok_or("no plan")?)?;
        let mut faults = Vec::new();
        self.walk(&plan[0]["Plan"], file, &mut faults);
        Ok(faults)
    }

    fn walk(&self, node: &Value, file: &str, faults: &mut Vec<String>) {
        let of = |key: &str| node[key].as_str().unwrap_or_default();
        let (kind, table, index) = (of("Node Type"), of("Relation Name"), of("Index Name"));
        let is_small = DEFINITIONS.contains(&table) || AT_EVERYBODY.contains(&file);
        let is_whole_table = kind == "Seq Scan" && of("Schema") == "vpd_private" && !is_small;
        let is_whole_index =
            !index.is_empty() && of("Index Cond").is_empty() && !is_small && !self.partial.contains(index);
        let is_item_by_item =
            file.starts_with(OF_LOADS) && kind == "Nested Loop" && !of("Join Filter").is_empty();
        if is_whole_table || is_whole_index || is_item_by_item {
            faults.push(format!("{file}: {kind} {table} {index}"));
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.walk(child, file, faults);
        }
    }
}

#[test]
fn a_look_up_finds_what_it_reads_in_an_index() -> Result<()> {
    let (_turn, cluster) = Cluster::quiet()?;
    let database = Database::create_in(cluster)?;
    let mut planner = Planner::of(&database)?;
    let mut faults = Vec::new();
    for file in look_ups()? {
        let text = fs::read_to_string(root().join("sql/query").join(&file))?;
        faults.extend(planner.faults(&file, &text)?);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    // Controls: what no index finds, what is read in the order of an index, and lists that are compared.
    let lists = "SELECT FROM unnest($1::int[]) AS a (i) JOIN unnest($2::int[]) AS b (i) ON a.i < b.i";
    for (file, text) in [
        (
            "control",
            "SELECT FROM vpd_private.session WHERE user_name || '' = $1",
        ),
        (
            "control",
            "SELECT id FROM vpd_private.authority ORDER BY id LIMIT 1",
        ),
        ("load/control", lists),
    ] {
        assert_eq!(planner.faults(file, text)?.len(), 1, "{text}");
    }
    Ok(())
}

/// The texts of the statements that are declared as look-ups: `NAME = "folder/file.sql";`.
fn look_ups() -> Result<BTreeSet<String>> {
    let mut folders = vec![root().join("pg_extension/src")];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let source = fs::read_to_string(path)?;
                found.extend(source.lines().filter_map(declared).map(str::to_owned));
            }
        }
    }
    assert!(found.len() > 200, "{}", found.len());
    Ok(found)
}

fn declared(line: &str) -> Option<&str> {
    let (name, file) = line.trim().strip_suffix("\";")?.split_once(" = \"")?;
    let is_name = name
        .chars()
        .all(|letter| letter.is_ascii_uppercase() || letter == '_');
    (is_name && file.ends_with(".sql")).then_some(file)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
