//! The tables of the matrix: one per kind of policy, with everything that keeps a plan on it.

use postgres::Client;
use vpd_tests::{Database, Result, Subject, role};

/// Kinds of policy; each has its own table.
pub const KINDS: [&str; 6] = [
    "static",
    "context_sensitive",
    "dynamic",
    "group",
    "relevant",
    "mask",
];

/// The region of the session; the regions of its groups; everything for a role.
const PREDICATE: &str = "region = vpd.attribute('app', 'region')
    OR region = ANY (vpd.attribute_list('app', 'groups'))
    OR vpd.user_in_role('overseer')";

/// The same as text made for each session.
const FUNCTION: &str = "
CREATE FUNCTION m.by_region(text, text) RETURNS text LANGUAGE sql STABLE RETURN CASE
    WHEN vpd.user_in_role('overseer') THEN 'true'
    ELSE format('region = %L OR region = ANY (%L)', vpd.attribute('app', 'region'), vpd.attribute_list('app', 'groups'))
END";

/// A database with all tables, and the sessions of two users.
pub struct Scene {
    pub database: Database<'static>,
    pub east: String,
    pub west: String,
}

/// Ids of the rows of a region; every table has the same.
pub fn of(region: &str) -> Vec<i32> {
    vpd_tests::expected_ids(region)
}

const TABLES: &str = "
CREATE TABLE m.t_KIND (id integer, region text);
CREATE TABLE m.p_KIND (id integer, region text) PARTITION BY RANGE (id);
CREATE TABLE m.p_KIND_low PARTITION OF m.p_KIND FOR VALUES FROM (0) TO (20);
CREATE TABLE m.p_KIND_high PARTITION OF m.p_KIND FOR VALUES FROM (20) TO (100);
INSERT INTO m.t_KIND SELECT n, (ARRAY['North', 'East', 'South', 'West'])[1 + n % 4] FROM generate_series(1, 40) n;
INSERT INTO m.p_KIND TABLE m.t_KIND;
CREATE VIEW m.view_KIND AS SELECT id FROM m.t_KIND;
CREATE VIEW m.invoker_KIND WITH (security_invoker) AS SELECT id FROM m.t_KIND;
CREATE FUNCTION m.spi_KIND(low integer) RETURNS integer[] LANGUAGE plpgsql AS $$
    DECLARE found integer[];
    BEGIN EXECUTE 'SELECT array_agg(id) FROM m.t_KIND WHERE id > $1' INTO found USING low; RETURN found; END $$;
CREATE FUNCTION m.plpgsql_KIND(low integer) RETURNS integer[] LANGUAGE plpgsql AS $$
    DECLARE found integer[];
    BEGIN SELECT array_agg(id) INTO found FROM m.t_KIND WHERE id > low; RETURN found; END $$;
CREATE FUNCTION m.expression_KIND(low integer) RETURNS integer[] LANGUAGE plpgsql AS $$
    BEGIN RETURN ARRAY(SELECT id FROM m.t_KIND WHERE id > low); END $$;
CREATE FUNCTION m.sql_KIND(low integer) RETURNS SETOF integer LANGUAGE sql VOLATILE AS
    $$ SELECT id FROM m.t_KIND WHERE id > low $$;
CREATE FUNCTION m.inlined_KIND(low integer) RETURNS SETOF integer LANGUAGE sql STABLE AS
    $$ SELECT id FROM m.t_KIND WHERE id > low $$;
";

fn create_tables(database: &Database<'_>, kinds: &[&str]) -> Result<()> {
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE SCHEMA m AUTHORIZATION app_owner; GRANT USAGE ON SCHEMA m TO PUBLIC; SET ROLE app_owner;
         CREATE TABLE m.numbers AS SELECT n FROM generate_series(1, 40) n",
    )?;
    for kind in kinds {
        admin.batch_execute(&TABLES.replace("KIND", kind))?;
    }
    admin.batch_execute("GRANT SELECT ON ALL TABLES IN SCHEMA m TO app_user; RESET ROLE")?;
    Ok(())
}

impl Scene {
    pub fn new() -> Result<Self> {
        let database = Database::create()?;
        create_tables(&database, &KINDS)?;
        database.admin()?.batch_execute(FUNCTION)?;
        let mut security = database.connect(role::SECURITY)?;
        for kind in KINDS {
            for table in ["t", "p"] {
                let relation = format!("m.{table}_{kind}");
                match kind {
                    "static" => add_policy(&mut security, &relation, Some(PREDICATE), None, kind)?,
                    "group" => add_groups(&mut security, &relation)?,
                    "relevant" => add_relevant(&mut security, &relation)?,
                    "mask" => add_mask(&mut security, &relation)?,
                    _ => add_policy(&mut security, &relation, None, Some("m.by_region"), kind)?,
                }
            }
        }
        Self::of_two_users(database)
    }

    fn of_two_users(database: Database<'static>) -> Result<Self> {
        let east = Subject::in_region("alice", "East").log_in(&database)?;
        let west = Subject::in_region("bob", "West").log_in(&database)?;
        Ok(Self { database, east, west })
    }

    /// Changes who may do what.
    pub fn define(&self, script: &str) -> Result<()> {
        Ok(self.database.connect(role::SECURITY)?.batch_execute(script)?)
    }

    /// Adds or drops a second policy on every table.
    pub fn edit_policies(&self, call: &str) -> Result<()> {
        let mut security = self.database.connect(role::SECURITY)?;
        for kind in KINDS {
            for table in ["t", "p"] {
                security.execute(&call.replace("RELATION", &format!("m.{table}_{kind}")), &[])?;
            }
        }
        Ok(())
    }
}

fn add_policy(
    security: &mut Client,
    relation: &str,
    predicate: Option<&str>,
    function: Option<&str>,
    kind: &str,
) -> Result<()> {
    security.execute(
        "SELECT vpd.add_policy($1::text::regclass, 'p', $2, $3::text::regproc, kind => $4)",
        &[&relation, &predicate, &function, &kind],
    )?;
    Ok(())
}

/// A group for each region, and the region of the session chooses: what applies changes, not only a value in it.
fn add_groups(security: &mut Client, relation: &str) -> Result<()> {
    for group in ["EAST", "WEST"] {
        let predicate = PREDICATE.replace("vpd.attribute('app', 'region')", &format!("initcap('{group}')"));
        security.batch_execute(&format!(
            "SELECT vpd.create_policy_group('{relation}', '{group}');
             SELECT vpd.add_policy('{relation}', 'p_{group}', $${predicate}$$, policy_group => '{group}')"
        ))?;
    }
    Ok(security.batch_execute(&format!(
        "SELECT vpd.add_policy_context('{relation}', 'app', 'region')"
    ))?)
}

/// A policy that applies because every form reads the column it is about.
fn add_relevant(security: &mut Client, relation: &str) -> Result<()> {
    Ok(security.batch_execute(&format!(
        "SELECT vpd.add_policy('{relation}', 'p', $${PREDICATE}$$, relevant_columns => '{{id}}')"
    ))?)
}

/// A mask over the column that every form compares, so that a row whose value is hidden answers to none. For a role the value is
/// shown in every row, which changes what plans rest on.
fn add_mask(security: &mut Client, relation: &str) -> Result<()> {
    Ok(security.batch_execute(&format!(
        "SELECT vpd.add_mask('{relation}', 'id', 'NULL', $${PREDICATE}$$)"
    ))?)
}

/// The same tables under a policy function that reads the session and is declared static, which says that it does not:
/// no plan is marked, and so none is made again.
pub fn unmarked_control() -> Result<Scene> {
    let database = Database::create()?;
    create_tables(&database, &["unmarked"])?;
    database.admin()?.batch_execute(FUNCTION)?;
    let mut security = database.connect(role::SECURITY)?;
    for relation in ["m.t_unmarked", "m.p_unmarked"] {
        add_policy(&mut security, relation, None, Some("m.by_region"), "static")?;
    }
    Scene::of_two_users(database)
}

/// The same tables under a native policy that lies about its function, as the control.
pub fn stale_control() -> Result<Database<'static>> {
    let database = Database::create_bare()?;
    create_tables(&database, &["stale"])?;
    database.admin()?.batch_execute(
        "CREATE FUNCTION m.region() RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT current_setting('app.region', true)$$;
         ALTER TABLE m.t_stale ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY p ON m.t_stale USING (region = m.region());
         ALTER TABLE m.p_stale ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY p ON m.p_stale USING (region = m.region())",
    )?;
    Ok(database)
}
