//! No look-up of the library goes through a table that grows, however empty it was when the plan was made.
//!
//! The statements are the files below `sql/query`, each as the library declares and plans it: a new one is looked at without being named here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use postgres::{Client, SimpleQueryMessage};
use serde_json::Value;
use vpd_tests::{Database, Result};

/// What goes through a table all the same, or through the part of one that an index keeps apart: the statement, tables and indexes, and why.
const ALLOWED: &str = "
access/any: audit_policy: whether there is any: the first row answers
access/conditions: audit_policy: the report of an administrator
access/parts: audit_policy: audit policies are few
access/tables_with: audit_policy pg_attribute pg_type: a command on a domain, which goes through tables
access/policies: audit_policy: audit policies are few: each is told to the auditor
explain/audits: audit_policy: audit policies are few, and an administrator asks
audit/missing_triggers: protected_action tracked_table: without a table it asks for all of them
authz/entitlements: role_detail_parametric_idx: the rules of all parametric roles are asked
authz/flatten: authority_version: a table of one row
authz/flatten: role_detail_parametric_idx: the rules of all parametric roles are asked
authz/marked_unit_rules: sod_rule: when a unit is moved, and rules of units are few
authz/raise_version: authority_version: a table of one row
authz/exchange_sources: defined_source: sources are few
authz/unit_use: sod_rule: a unit is dropped, and rules of units are few
authz/version: authority_version: a table of one row
context/clear_globals: global_context_pkey: all values of a context go
exemption/end_stale: exemption_role_idx exemption: each is looked at when something was dropped
exemption/protected_tables: protected_table: without a table it asks for all of them
exemption/roles: exemption: exemptions are few: each is told to the auditor
explain/exempt: exemption pg_authid: whoever is exempt, of all roles
hierarchy/close_orphans: data_group_node_node_idx: after nodes went, what data groups have is looked at once
hierarchy/drop: hierarchy_exemption hierarchy_node_parent_idx: all of it goes
hierarchy/protected_by: hierarchy_protection: when a hierarchy is dropped or changed
hierarchy/raise_access_version: hierarchy: without a name it means all of them
hierarchy/raise_version: hierarchy: without a name it means all of them
hierarchy/version: hierarchy_node_parent_idx: whether there is any: the first row answers
hierarchy/who_can_see: authority_name_idx: the rule of a parametric role is asked of everybody
hierarchy/who_can_see: session: a role that logins can bring is in any live session
hierarchy/write: hierarchy_node_parent_idx: those that are not among the nodes go, when that is asked for
load/define_groups: authority_name_idx: a file of groups is compared with all groups
load/find_sources: defined_source: sources are few
load/update_accounts: authority_name_idx: a file of users is compared with all users
mask/any: mask policy: whether there is any: the first row answers
mask/key: mask_key: a table of one row
policy/forget_dropped: audit_policy driving_context mask policy policy_group policy_shadow policy_version protected_table: each is looked at when a table was dropped
policy/unprotect: protected_table: without a table it means all of them
personal/person_column: person_column: tables about persons are few
personal/reseal_moved: person_column: tables about persons are few
purge/left_behind/authorities: authority_version: a table of one row
sealing/destroy_persons: sealed_person_pkey: the keys of all persons go
segregation/concerned: role_detail_parametric_idx sod_rule: after a change of attributes: all parametric roles, all rules of units
segregation/drop_rule: sod_existing_pkey: what was accepted under the rule goes
segregation/held_by_users: role_detail_parametric_idx: the rules of all parametric roles are asked
segregation/holding_items: authority_name_idx role_detail_parametric_idx: whoever it is: rules of parametric roles are asked of everybody
segregation/is_any: sod_rule: whether there is any
segregation/narrow_existing: sod_existing_pkey: what was accepted under a rule that is defined anew
segregation/rules: sod_rule: without a list it asks for all of them
signing/discard: signing_secret: a table of one row
store/template_nodes: hierarchy_node_parent_idx: a template is for all nodes of a level
trail/last_checkpoint: audit_checkpoint_pkey: the newest: the first row answers
trail/set_retention: audit_state: a table of one row
trail/set_state: audit_state: a table of one row
trail/state: audit_state: a table of one row
trail/stub: audit_checkpoint_pkey: the newest, of those that stand for what was dropped
trust/forget_own_name: own_issuer: a table of one row
trust/own_name: own_issuer: a table of one row";

/// Where the texts are, and where they are declared.
const TEXTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/query");
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../pg_extension/src");

/// The function is in debug builds of the library only, and in no script.
const DECLARE: &str = "
CREATE FUNCTION pg_temp.own_plan(statement text, parameters integer, is_scan boolean) RETURNS text
    LANGUAGE c STRICT AS '$libdir/pg_vpd', 'own_plan_wrapper'";

/// The indexes of the library, each with the columns by which little is found: those whose `n_distinct` does not say that they have few values.
const COLUMNS: &str = "
SELECT c.relname::text,
       coalesce(array_agg(a.attname::text) FILTER (WHERE array_to_string(a.attoptions, ',') NOT LIKE '%n_distinct=%'
                                                      OR a.attoptions IS NULL), '{}')
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
 CROSS JOIN unnest(i.indkey) k (number)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
 WHERE c.relnamespace = 'vpd_private'::regnamespace
   AND 0 <> ALL (i.indkey::smallint[])
 GROUP BY c.relname";

struct Statement {
    file: String,
    text: String,
    is_scan: bool,
}

impl Statement {
    fn parameters(&self) -> usize {
        (1..)
            .take_while(|number| self.text.contains(&format!("${number}")))
            .count()
    }

    /// As the library plans it.
    fn own_plan(&self, client: &mut Client) -> Result<Value> {
        let parameters = i32::try_from(self.parameters())?;
        let plan: Option<String> = client
            .query_one(
                "SELECT pg_temp.own_plan($1, $2, $3)",
                &[&self.text, &parameters, &self.is_scan],
            )
            .map_err(|error| format!("{}: {error:?}", self.file))?
            .get(0);
        Ok(serde_json::from_str(&plan.unwrap_or_default())?)
    }

    /// As anybody's statement is planned.
    fn plain_plan(&self, client: &mut Client) -> Result<Value> {
        let values = match self.parameters() {
            0 => String::new(),
            count => format!("({})", vec!["NULL"; count].join(", ")),
        };
        client.batch_execute(&format!("PREPARE shown AS {}", self.text))?;
        let plan = client.simple_query(&format!("EXPLAIN (FORMAT JSON) EXECUTE shown{values}"))?;
        client.batch_execute("DEALLOCATE shown")?;
        let lines = plan.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(serde_json::from_str(&lines.collect::<String>())?)
    }
}

/// Every look-up: every file below `sql/query` that is declared as one.
fn look_ups() -> Result<Vec<Statement>> {
    let source: String = files(Path::new(SOURCE), "rs")?
        .iter()
        .map(fs::read_to_string)
        .collect::<std::io::Result<_>>()?;
    let mut found = Vec::new();
    for path in files(Path::new(TEXTS), "sql")? {
        let file = path.strip_prefix(TEXTS)?.to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?;
        let shapes: BTreeSet<bool> = source
            .match_indices(&format!("{file}\""))
            .map(|(place, _)| source[..place].ends_with("scanning \""))
            .collect();
        assert!(!shapes.is_empty(), "nobody declares sql/query/{file}");
        if shapes.contains(&false) {
            found.push(Statement {
                file: file.trim_end_matches(".sql").to_owned(),
                text: text.trim_end().trim_end_matches(';').to_owned(),
                is_scan: false,
            });
        }
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

/// What a plan may be looked up by.
struct Indexes(BTreeMap<String, Vec<String>>);

impl Indexes {
    fn read(client: &mut Client) -> Result<Self> {
        let rows = client.query(COLUMNS, &[])?;
        Ok(Self(rows.iter().map(|row| (row.get(0), row.get(1))).collect()))
    }

    /// The tables and indexes through which a plan goes from one end to the other, or through all that one of a few values has.
    fn gone_through(&self, plan: &Value) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.look(plan, &mut found);
        found
    }

    fn look(&self, plan: &Value, found: &mut BTreeSet<String>) {
        match plan {
            Value::Array(parts) => parts.iter().for_each(|part| self.look(part, found)),
            Value::Object(node) => {
                let text = |key: &str| node.get(key).and_then(Value::as_str);
                match (text("Node Type"), text("Index Name")) {
                    (Some("Seq Scan"), _) => found.extend(text("Relation Name").map(str::to_owned)),
                    (Some("Index Scan" | "Index Only Scan" | "Bitmap Index Scan"), Some(index))
                        if !self.finds_little(index, text("Index Cond").unwrap_or_default()) =>
                    {
                        found.insert(index.to_owned());
                    }
                    _ => (),
                }
                node.values().for_each(|part| self.look(part, found));
            }
            _ => (),
        }
    }

    /// True for a condition on a column that has more than a few values; the server writes the column first.
    fn finds_little(&self, index: &str, condition: &str) -> bool {
        match self.0.get(index) {
            None => !condition.is_empty(),
            Some(columns) => columns.iter().any(|column| {
                condition.contains(&format!("({column} ")) || condition.contains(&format!("({column})::"))
            }),
        }
    }
}

/// What a statement may go through.
fn allowed(file: &str) -> BTreeSet<&'static str> {
    ALLOWED
        .lines()
        .filter_map(|line| line.strip_prefix(file)?.strip_prefix(": ")?.split_once(": "))
        .flat_map(|(allowed, _)| allowed.split(' '))
        .collect()
}

fn scene() -> Result<(Database<'static>, Client)> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute("VACUUM ANALYZE")?;
    admin.batch_execute(DECLARE)?;
    admin.batch_execute("SET plan_cache_mode = force_generic_plan; SET search_path = pg_catalog")?;
    Ok((database, admin))
}

#[test]
fn no_look_up_goes_through_a_table_that_grows() -> Result<()> {
    let (_database, mut admin) = scene()?;
    let indexes = Indexes::read(&mut admin)?;
    let (mut faults, mut is_control) = (Vec::new(), 0);
    for statement in look_ups()? {
        let allowed = allowed(&statement.file);
        let gone_through = |plan: &Value| -> Vec<String> {
            let found = indexes.gone_through(plan);
            found
                .into_iter()
                .filter(|what| !allowed.contains(what.as_str()))
                .collect()
        };
        for what in gone_through(&statement.own_plan(&mut admin)?) {
            faults.push(format!("{}: {what}", statement.file));
        }
        // control: planned as anybody's, for what is in the tables now
        is_control += i32::from(!gone_through(&statement.plain_plan(&mut admin)?).is_empty());
    }
    assert!(is_control > 100, "{is_control}");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    Ok(())
}

/// control: what has no key, or one that finds much, is found.
#[test]
fn a_look_up_without_a_key_is_told() -> Result<()> {
    let (_database, mut admin) = scene()?;
    let indexes = Indexes::read(&mut admin)?;
    for (text, what) in [
        ("SELECT FROM vpd_private.session WHERE language = $1", "session"),
        ("SELECT id FROM vpd_private.session ORDER BY id", "session_pkey"),
        (
            "SELECT name FROM vpd_private.authority WHERE kind = 'user' AND dropped_at IS NULL ORDER BY name",
            "authority_name_idx",
        ),
    ] {
        let statement = Statement {
            file: text.to_owned(),
            text: text.to_owned(),
            is_scan: false,
        };
        let found = indexes.gone_through(&statement.own_plan(&mut admin)?);
        assert_eq!(found, BTreeSet::from([what.to_owned()]), "{text}");
    }
    Ok(())
}

/// Settings of the planner, each with the value that changes most, as anybody may set them.
const HOSTILE: [(&str, &str); 3] = [
    ("bool", "CASE setting WHEN 'on' THEN 'off' ELSE 'on' END"),
    (
        "least",
        "CASE vartype WHEN 'enum' THEN enumvals[1] ELSE min_val END",
    ),
    (
        "most",
        "CASE vartype WHEN 'enum' THEN enumvals[cardinality(enumvals)] ELSE max_val END",
    ),
];

#[test]
fn no_setting_of_the_planner_changes_a_plan() -> Result<()> {
    let (database, mut admin) = scene()?;
    let statements = look_ups()?;
    let mut plain = Vec::new();
    for statement in &statements {
        plain.push(statement.own_plan(&mut admin)?);
    }
    for (kind, value) in HOSTILE {
        let mut hostile = database.admin()?;
        hostile.batch_execute(DECLARE)?;
        let set = format!(
            "SELECT count(set_config(name, {value}, false)) FROM pg_settings
              WHERE (category LIKE 'Query Tuning%' OR name IN ('work_mem', 'hash_mem_multiplier')) AND context = 'user'
                AND (vartype = 'bool') = ('{kind}' = 'bool')"
        );
        let count: i64 = hostile.query_one(&set, &[])?.get(0);
        assert!(count > 15, "{kind}: {count}");
        let (mut faults, mut is_control) = (Vec::new(), 0);
        for (statement, plain) in statements.iter().zip(&plain) {
            if statement.own_plan(&mut hostile)? != *plain {
                faults.push(statement.file.as_str());
            }
            // control: anybody's statement is planned otherwise, or at a cost that is no number
            let (theirs, plain) = (
                statement.plain_plan(&mut hostile),
                statement.plain_plan(&mut admin),
            );
            is_control += i32::from(theirs.ok() != plain.ok());
        }
        assert!(is_control > 100, "{kind}: {is_control}");
        assert!(faults.is_empty(), "{kind}: {faults:?}");
    }
    Ok(())
}
