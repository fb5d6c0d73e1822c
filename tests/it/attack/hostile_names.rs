//! Whoever owns a table, a column, a schema or a function gives it a name. The posture report looks names up in texts: a name that means something in a pattern blinds
//! neither the report nor what it would find.

use vpd_tests::{BY_REGION, Cluster, Extension, Library, Result};

const NAMES: &[&str] = &[
    "plain",
    "x)",
    "(",
    "a%b_c\\",
    "\\",
    "\\M",
    "[",
    "[[:alpha:]",
    "{2,1}",
    "*",
    "+?",
    "|",
    "^a$",
    "\"",
    "a\"b",
    "'",
    "a''b",
    "$1",
    "$$",
    "%s",
    "%I%1$L",
    "new\nline",
    ".*",
    ".",
    "a.b",
    "***:(",
    "***=x",
    "(?q)x",
    "Grüße",
    "x y",
    "a:b",
    "/*",
    "--",
];

/// Everything that has a name bears this one.
const SCENE: &str = "
DO $do$
DECLARE
    h text := current_setting('scene.name');
BEGIN
    EXECUTE format('CREATE ROLE %1$I; CREATE SCHEMA %1$I; GRANT USAGE, CREATE ON SCHEMA %1$I TO %1$I', h);
    EXECUTE format('CREATE TABLE %1$I.%1$I (id integer PRIMARY KEY, %1$I text, region text)', h);
    EXECUTE format('INSERT INTO %1$I.%1$I SELECT n FROM generate_series(1, 2000) n; ANALYZE %1$I.%1$I', h);
    EXECUTE format('CREATE VIEW %1$I.view AS SELECT %1$I FROM %1$I.%1$I', h);
    EXECUTE format('CREATE FUNCTION %1$I.definer() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS %2$L', h,
                   format('BEGIN RETURN (SELECT count(*) FROM %1$I.%1$I); END', h));
    EXECUTE format('CREATE FUNCTION %1$I.%1$I(text, text) RETURNS text LANGUAGE plpgsql PARALLEL SAFE AS %2$L', h,
                   format('BEGIN RETURN (SELECT %1$I FROM %1$I.%1$I LIMIT 1); END', h));
    EXECUTE format('ALTER FUNCTION %1$I.%1$I(text, text) OWNER TO %1$I; ALTER TABLE %1$I.%1$I OWNER TO %1$I', h);
    EXECUTE format('ALTER ROLE %I SET vpd.null_predicate = %L', h, 'all_rows');
END $do$";

const DEFENCE: &str = "
DO $do$
DECLARE
    h text := current_setting('scene.name');
    t regclass := format('%1$I.%1$I', h);
BEGIN
    PERFORM vpd.add_policy(t::text, 'p', predicate => format('%I = %L', h, 'a'));
    PERFORM vpd.add_policy(t::text, 'f', policy_function => format('%1$I.%1$I', h)::regproc);
    PERFORM vpd.add_mask(t::text, h, '''none''');
    PERFORM vpd.grant_exempt(quote_ident(h)::regrole, 'an inquiry', t);
END $do$";

#[test]
fn no_name_blinds_the_posture_report() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let mut admin = cluster.connect("postgres", "postgres")?;
    admin.batch_execute(
        "CREATE EXTENSION pg_vpd CASCADE; CREATE SCHEMA sound; CREATE TABLE sound.orders (id integer PRIMARY KEY, region text)",
    )?;
    vpd_tests::add_policy(&mut admin, "sound.orders", "by_region", BY_REGION)?;
    let mut wrong = Vec::new();
    for name in NAMES {
        admin.execute("SELECT set_config('scene.name', $1, false)", &[name])?;
        admin
            .batch_execute(SCENE)
            .and_then(|()| admin.batch_execute(DEFENCE))
            .map_err(|error| format!("{name:?}: {error:?}"))?;
        let rows = admin.query("SELECT finding, object, detail FROM vpd.posture()", &[])?;
        let found: Vec<[String; 3]> = rows
            .iter()
            .map(|row| std::array::from_fn(|column| row.get(column)))
            .collect();
        for failed in found.iter().filter(|row| row[0] == "check_failed") {
            wrong.push(format!("{name:?}: {failed:?}"));
        }
        let quoted: String = admin.query_one("SELECT quote_ident($1::text)", &[name])?.get(0);
        for (finding, object) in [
            ("view_above_policies", format!("{quoted}.view")),
            ("definer_function", format!("{quoted}.definer()")),
            ("parallel_safe_function", format!("{quoted}.{quoted}(text, text)")),
            ("policy_function_owner", format!("{quoted}.{quoted}(text, text)")),
            ("predicate_without_index", format!("p on {quoted}.{quoted}")),
            ("null_predicate_all_rows", format!("role {quoted}")),
        ] {
            if !found.iter().any(|row| row[0] == finding && row[1] == object) {
                wrong.push(format!("{name:?}: no {finding} for {object}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// The control: put into a pattern as they are, many of these names are none, or mean something else.
#[test]
fn names_are_no_patterns() -> Result<()> {
    let database = vpd_tests::Database::create()?;
    let mut admin = database.admin()?;
    let mut misread = 0;
    for name in NAMES {
        let source = format!("SELECT FROM \"{}\"", name.replace('"', "\"\""));
        let naive = admin.query_one("SELECT $1 ~* ('\\m' || $2 || '\\M')", &[&source, name]);
        misread += i32::from(!naive.is_ok_and(|row| row.get(0)));
        let (has, has_not): (bool, bool) = {
            let row = admin.query_one(
                "SELECT vpd_private.mentions($1, $2), vpd_private.mentions('SELECT FROM other', $2)",
                &[&source, name],
            )?;
            (row.get(0), row.get(1))
        };
        assert!(has && !has_not, "{name:?}");
    }
    assert!(misread > 10, "{misread}");
    Ok(())
}
