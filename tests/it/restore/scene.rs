//! One database with one of everything, and what can be told of it: definitions, defences, and the rows of each session.

use std::collections::BTreeMap;

use vpd_tests::{Database, Outcome, Result, Subject, attach, outcome, role};

const TABLES: &str = "
CREATE SCHEMA shop AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
SET ROLE app_owner;
CREATE TABLE shop.regions (region text PRIMARY KEY);
INSERT INTO shop.regions VALUES ('North'), ('East'), ('South'), ('West');
-- The numbers of its columns are others in a copy.
CREATE TABLE shop.orders (gone text, id integer PRIMARY KEY, region text NOT NULL REFERENCES shop.regions ON DELETE CASCADE,
    amount integer NOT NULL, state text NOT NULL DEFAULT 'open');
ALTER TABLE shop.orders DROP COLUMN gone;
CREATE TABLE shop.lines (id integer PRIMARY KEY, order_id integer NOT NULL REFERENCES shop.orders, region text NOT NULL);
CREATE TABLE shop.sales (id integer, region text, price integer, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE shop.sales_east PARTITION OF shop.sales FOR VALUES IN ('East');
CREATE TABLE shop.sales_rest PARTITION OF shop.sales DEFAULT;
CREATE TABLE shop.notes (gone integer, id integer PRIMARY KEY, region text, body text);
ALTER TABLE shop.notes DROP COLUMN gone;
CREATE TABLE shop.notes_old () INHERITS (shop.notes);
CREATE TABLE shop.people (id integer PRIMARY KEY, region text, salary integer);
CREATE TABLE shop.counts (id integer PRIMARY KEY, store text);
CREATE TABLE shop.grouped (id integer PRIMARY KEY, region text);
CREATE TABLE shop.native (id integer PRIMARY KEY, region text);
ALTER TABLE shop.native ENABLE ROW LEVEL SECURITY;
CREATE POLICY low ON shop.native USING (id <= 20);
CREATE TABLE shop.open (id integer PRIMARY KEY);
CREATE VIEW shop.east WITH (security_invoker) AS SELECT id, region FROM shop.orders WHERE region = 'East';
CREATE FUNCTION shop.by_region(object_schema text, object_name text) RETURNS text LANGUAGE sql
    AS $$ SELECT 'region = vpd.attribute(''app'', ''region'')' $$;
CREATE PROCEDURE shop.enter(who text) LANGUAGE plpgsql AS $$BEGIN CALL dbms_session.set_context('ctx', 'who', who); END$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO app_user;
GRANT SELECT ON shop.orders TO app_stranger;
RESET ROLE;
SELECT vpd.create_context('ctx', 'shop.enter');
";

const DEFINITIONS: &str = "
SELECT vpd.define_resource('order', 'table', 'Orders');
SELECT vpd.define_privilege('order:approve'), vpd.define_privilege('order:submit');
SELECT vpd.define_role('Approver', 'job'), vpd.define_role('Clerk', 'job');
SELECT vpd.grant_authority('privilege:order:approve', 'role:Approver');
SELECT vpd.define_user('alice'), vpd.define_user('max'), vpd.define_user('ann');
SELECT vpd.grant_authority('role:Approver', 'user:max'), vpd.grant_authority('role:Clerk', 'user:alice');
SELECT vpd.grant_delegation('user:ann', 'user:alice', true);
SELECT vpd.define_sod_rule('apart', '{privilege:order:submit,privilege:order:approve}', scope => 'object');
SELECT vpd.define_task_type('approval'), vpd.define_task_action('approval', 'approve', '{assignee}');
SELECT vpd.install_hierarchies(), vpd.define_hierarchy('places', '{half,store}');
SELECT vpd.define_node('places', 'upper'), vpd.define_node('places', 'S1', 'upper'), vpd.define_node('places', 'S2', 'upper');
SELECT vpd.define_data_role_template('per store', 'Clerk', 'places', 'store');
SELECT vpd.generate_data_roles('per store');
SELECT vpd.grant_authority('role:Clerk:S2', 'user:ann');
SELECT vpd.exempt_app('ledger', 'sums up everything', 'places');
SELECT vpd.track_changes('shop.orders', identity => 'pseudonym'), vpd.track_changes('shop.notes');
SELECT vpd.track_changes('shop.sales');
SELECT vpd.protect_action('shop.orders', 'created_by', 'order:approve', 'state', 'approved');
-- The unit above is written after the one below it.
SELECT vpd.define_unit('below'), vpd.define_unit('above');
SELECT vpd.define_unit('below', 'above'), vpd.define_unit('above', NULL, 'described later');
";

const POLICIES: &str = "
SELECT vpd.add_policy('shop.' || name, 'by_region', $$region = vpd.attribute('app', 'region')$$)
  FROM unnest('{orders,lines,sales,notes,native}'::text[]) name;
SELECT vpd.alter_policy('shop.lines', 'by_region', statement_types => '{select,update,delete}');
SELECT vpd.shadow_policy('shop.orders', 'by_region', 'region IS NOT NULL');
SELECT vpd.add_policy('shop.people', 'known', 'vpd.is_authenticated()');
SELECT vpd.add_mask('shop.people', 'salary', '0', $$vpd.user_in_role('hr')$$);
SELECT vpd.protect_by_hierarchy('shop.counts', 'places', 'store');
SELECT dbms_rls.create_policy_group('shop', 'grouped', 'buying'), dbms_rls.add_policy_context('shop', 'grouped', 'app', 'mode');
SELECT dbms_rls.add_grouped_policy('shop', 'grouped', 'buying', 'region', 'shop', 'by_region');
SELECT vpd.grant_exempt('app_stranger', 'an inquiry', 'shop.orders');
";

/// Tables with their rows; those whose rows nobody sees without a session come first.
pub const CLOSED: [&str; 11] = [
    "orders",
    "lines",
    "sales",
    "sales_east",
    "sales_rest",
    "notes",
    "notes_old",
    "people",
    "counts",
    "grouped",
    "native",
];
const OTHERS: [&str; 3] = ["regions", "open", "east"];

/// The database, with rows that sessions made.
pub fn everything() -> Result<Database<'static>> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(TABLES)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(DEFINITIONS)?;
    let regions = "(ARRAY['North', 'East', 'South', 'West'])[1 + n % 4]";
    let mut user = database.connect(role::USER)?;
    as_session(
        &mut user,
        &alice().log_in(&database)?,
        &format!(
            "INSERT INTO shop.orders (id, region, amount) SELECT n, {regions}, n FROM generate_series(1, 40) n;
             INSERT INTO shop.notes (id, region, body) SELECT n, {regions}, 'note ' || n FROM generate_series(1, 40) n;
             INSERT INTO shop.notes_old (id, region, body) SELECT n, {regions}, 'old ' || n FROM generate_series(41, 60) n;
             INSERT INTO shop.sales (id, region, price) SELECT n, {regions}, n FROM generate_series(1, 40) n"
        ),
    )?;
    let max = Subject::new("max").log_in(&database)?;
    as_session(
        &mut user,
        &max,
        "UPDATE shop.orders SET state = 'approved' WHERE id <= 8",
    )?;
    admin.batch_execute(&format!(
        "INSERT INTO shop.lines SELECT n, n, {regions} FROM generate_series(1, 40) n;
         INSERT INTO shop.people SELECT n, {regions}, 1000 + n FROM generate_series(1, 40) n;
         INSERT INTO shop.counts SELECT n, CASE n % 2 WHEN 0 THEN 'S1' ELSE 'S2' END FROM generate_series(1, 40) n;
         INSERT INTO shop.grouped SELECT n, {regions} FROM generate_series(1, 40) n;
         INSERT INTO shop.native SELECT n, {regions} FROM generate_series(1, 40) n;
         INSERT INTO shop.open SELECT generate_series(1, 40)"
    ))?;
    security.batch_execute(POLICIES)?;
    Ok(database)
}

fn alice() -> Subject {
    Subject::in_region("alice", "East")
}

/// Who looks: name, how to log in.
fn subjects() -> [(&'static str, Subject); 4] {
    let grouped = serde_json::json!({ "app": { "region": "West", "mode": "buying" } });
    [
        ("alice", alice()),
        ("bob", Subject::new("bob").role("hr").attributes(grouped)),
        ("ann", Subject::new("ann")),
        ("ledger", Subject::in_region("max", "North").app("ledger")),
    ]
}

fn as_session(user: &mut postgres::Client, token: &str, statements: &str) -> Result<()> {
    let mut session = user.transaction()?;
    attach(&mut session, token)?;
    session.batch_execute(statements)?;
    Ok(session.commit()?)
}

/// What a connection sees of a table; authors and moments of rows are columns like others.
pub fn rows(client: &mut impl postgres::GenericClient, table: &str) -> Outcome<Vec<String>> {
    let query = format!("SELECT t::text FROM shop.{table} t ORDER BY 1");
    Ok(outcome(client.query(&query, &[]))?
        .iter()
        .map(|row| row.get(0))
        .collect())
}

/// The rows of each session and of each role without one, by who and where.
pub type Seen = BTreeMap<(String, String), Outcome<Vec<String>>>;

/// What everybody sees; each statement in a transaction of its own.
pub fn seen(database: &Database<'_>) -> Result<Seen> {
    let mut seen = Seen::new();
    let tables = || CLOSED.into_iter().chain(OTHERS);
    for role in [role::USER, role::OWNER, role::STRANGER] {
        let mut client = database.connect(role)?;
        for table in tables() {
            seen.insert((role.to_owned(), table.to_owned()), rows(&mut client, table));
        }
    }
    let mut user = database.connect(role::USER)?;
    for (name, subject) in subjects() {
        let token = subject.log_in(database)?;
        for table in tables() {
            let mut session = user.transaction()?;
            attach(&mut session, &token)?;
            seen.insert((name.to_owned(), table.to_owned()), rows(&mut session, table));
        }
    }
    Ok(seen)
}

/// Definitions and defences, a line each.
pub fn facts(database: &Database<'_>) -> Result<Vec<String>> {
    let mut admin = database.admin()?;
    // Roles of the cluster belong to other tests as well; what is said of indexes depends on statistics, which no dump carries.
    let rows = admin.query(
        "SELECT concat_ws(' ', severity, finding, object) FROM vpd.posture() WHERE object LIKE '%shop.%' AND finding <> 'predicate_without_index'
          UNION ALL SELECT concat_ws(' ', 'defended', relation, is_row_security_enabled, is_forced, has_guard) FROM vpd.protected_tables
          UNION ALL SELECT concat_ws(' ', 'exempt', role_name, relation, reason, is_active) FROM vpd.exemptions
          UNION ALL SELECT concat_ws(' ', 'policy', polrelid::regclass, polname, polpermissive) FROM pg_policy
          UNION ALL SELECT concat_ws(' ', 'trigger', tgrelid::regclass, tgname, tgenabled, tgfoid::regproc) FROM pg_trigger t
                     WHERE NOT tgisinternal AND EXISTS (SELECT FROM pg_class c WHERE c.oid = tgrelid AND c.relnamespace = 'shop'::regnamespace)
          UNION ALL SELECT 'shadow ' || s::text FROM (SELECT relation, policy_name, predicate FROM vpd.policy_shadows) s
          UNION ALL SELECT 'pseudonym ' || pseudonym || coalesce(user_name, '') FROM vpd_private.pseudonym
          UNION ALL SELECT 'action ' || concat_ws(' ', object, action, persons) FROM vpd.action_records
          UNION ALL SELECT 'definition ' || d.key || ' ' || d.value FROM jsonb_each(vpd.export_definitions(true, true)) d
           ORDER BY 1",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
