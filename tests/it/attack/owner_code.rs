//! Administrators ask about tables that others own. Whoever owns a table, a type or a view writes code that a careless question runs: checks of
//! domains, casts, expressions of indexes, functions in views. It must not run as the administrator, nor with somebody else's session attached.

use postgres::Client;
use serde_json::Value;
use vpd_tests::{Database, Notices, Result, Subject, assert_refused, refusal, role};

/// What owns the traps is plain; each tells as whom it ran, and for whom.
const SCENE: &str = "
CREATE SCHEMA trap AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
SET ROLE app_owner;
CREATE FUNCTION trap.spring(what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RAISE NOTICE 'sprung: % as % for %', what, current_user, coalesce(vpd.user_name(), 'nobody'); RETURN true; END$$;
CREATE FUNCTION trap.one(what text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN PERFORM trap.spring(what); RETURN 1; END$$;
CREATE DOMAIN trap.checked AS text CHECK (trap.spring('check of a domain'));
CREATE DOMAIN trap.number AS integer CHECK (trap.spring('check of a key''s domain'));
CREATE TYPE trap.pair AS (a integer, b text);
CREATE FUNCTION trap.pair_text(trap.pair) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN PERFORM trap.spring('cast to text'); RETURN ($1).b; END$$;
CREATE FUNCTION trap.pair_json(trap.pair) RETURNS json LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN PERFORM trap.spring('cast to json'); RETURN '1'::json; END$$;
CREATE FUNCTION trap.pair_equal(trap.pair, trap.pair) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RETURN trap.spring('operator'); END$$;
CREATE CAST (trap.pair AS text) WITH FUNCTION trap.pair_text AS IMPLICIT;
CREATE CAST (trap.pair AS json) WITH FUNCTION trap.pair_json AS IMPLICIT;
CREATE OPERATOR trap.= (LEFTARG = trap.pair, RIGHTARG = trap.pair, FUNCTION = trap.pair_equal);
CREATE TYPE trap.color AS ENUM ('red', 'green');
CREATE FUNCTION trap.color_json(trap.color) RETURNS json LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN PERFORM trap.spring('cast of an enumeration to json'); RETURN '1'::json; END$$;
CREATE CAST (trap.color AS json) WITH FUNCTION trap.color_json AS IMPLICIT;
CREATE TABLE trap.t (id integer PRIMARY KEY, region text, parent text);
INSERT INTO trap.t VALUES (1, 'East', NULL), (2, 'West', NULL);
GRANT SELECT ON ALL TABLES IN SCHEMA trap TO app_user, app_auditor, sec_admin;
ALTER DEFAULT PRIVILEGES IN SCHEMA trap GRANT SELECT ON TABLES TO app_user, app_auditor, sec_admin;
RESET ROLE;
";

/// How the owner prepares his table, and a statement that shows the trap when it is run without care.
const TRAPS: &[(&str, &str, &str)] = &[
    (
        "check of a domain",
        "ALTER TABLE trap.t ADD COLUMN x trap.checked",
        "SELECT jsonb_populate_record(NULL::trap.t, '{\"x\": \"a\"}')",
    ),
    (
        "check of a key's domain",
        "ALTER TABLE trap.t ALTER id TYPE trap.number",
        "SELECT jsonb_populate_record(NULL::trap.t, '{\"id\": 1}')",
    ),
    (
        "cast to text",
        "ALTER TABLE trap.t DROP CONSTRAINT t_pkey;
         ALTER TABLE trap.t ALTER id TYPE trap.pair USING ROW(id, region)::trap.pair; ALTER TABLE trap.t ADD PRIMARY KEY (id)",
        "SELECT id::text FROM trap.t",
    ),
    (
        "cast to json",
        "ALTER TABLE trap.t DROP CONSTRAINT t_pkey;
         ALTER TABLE trap.t ALTER id TYPE trap.pair USING ROW(id, region)::trap.pair; ALTER TABLE trap.t ADD PRIMARY KEY (id)",
        "SELECT id::json FROM trap.t",
    ),
    (
        "operator",
        "ALTER TABLE trap.t DROP CONSTRAINT t_pkey;
         ALTER TABLE trap.t ALTER id TYPE trap.pair USING ROW(id, region)::trap.pair; ALTER TABLE trap.t ADD PRIMARY KEY (id)",
        "SELECT id OPERATOR(trap.=) id FROM trap.t",
    ),
    (
        "cast of an enumeration to json",
        "ALTER TABLE trap.t DROP CONSTRAINT t_pkey;
         ALTER TABLE trap.t ALTER id TYPE trap.color USING (ARRAY['red', 'green'])[id]::trap.color; ALTER TABLE trap.t ADD PRIMARY KEY (id)",
        "SELECT jsonb_build_object('id', id) FROM trap.t",
    ),
    (
        "default",
        "ALTER TABLE trap.t ADD COLUMN x integer DEFAULT 1; ALTER TABLE trap.t ALTER x SET DEFAULT trap.one('default')",
        "INSERT INTO trap.t (id) VALUES (3)",
    ),
    (
        "generated column",
        "ALTER TABLE trap.t ADD COLUMN x integer GENERATED ALWAYS AS (id + trap.one('generated column')) STORED",
        "INSERT INTO trap.t (id) VALUES (3)",
    ),
    (
        "expression of an index",
        "CREATE INDEX ON trap.t ((id + trap.one('expression of an index')))",
        "EXPLAIN SELECT FROM trap.t WHERE id = 1",
    ),
    (
        "condition of an index",
        "CREATE INDEX ON trap.t (region) WHERE trap.spring('condition of an index')",
        "EXPLAIN SELECT FROM trap.t WHERE id = 1",
    ),
    (
        "expression of statistics",
        "CREATE STATISTICS trap.s ON (id + trap.one('expression of statistics')), region FROM trap.t",
        "EXPLAIN SELECT FROM trap.t WHERE id = 1",
    ),
];

/// A question of an administrator.
const QUESTIONS: &[&str] = &[
    "SELECT vpd.explain_access('alice', 'trap.t', '1'::text)",
    "SELECT vpd.explain_access_json('alice', 'trap.t', '{\"id\": 1}'::jsonb, command => 'update')",
    "SELECT vpd.explain_access('alice', 'trap.t', '(1,East)'::text)",
    "SELECT vpd.explain_access('alice', 'trap.t', 'red'::text)",
    "SELECT vpd.policy_diff('trap.t', 'alice')",
    "SELECT vpd.policy_diff('trap.t', 'alice', command => 'delete')",
    "SELECT vpd.load_nodes('places', 'trap.t', 'id')",
    "SELECT vpd.load_nodes('places', 'trap.t', 'region', 'parent', label_column => 'id')",
    "SELECT vpd.load_levels('places', 'trap.t', '{id}')",
    "SELECT vpd.policy_predicates((SELECT session_id FROM vpd.sessions WHERE user_name = 'alice'))",
    "SELECT * FROM vpd.posture()",
    "SELECT vpd.shadow_policy('trap.t', 'other', 'region = ''East''')",
    "SELECT vpd.add_mask('trap.t', 'region', '''none''')",
    "SELECT vpd.track_changes('trap.t')",
];

fn scene(trap: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SCENE)?;
    database.connect(role::OWNER)?.batch_execute(trap)?;
    database.admin()?.batch_execute(
        "SELECT vpd.add_policy('trap.t', 'p', 'region = vpd.attribute(''app'', ''region'')');
         SELECT vpd.shadow_policy('trap.t', 'p', 'true');
         SELECT vpd.define_hierarchy('places', '{place}')",
    )?;
    Subject::in_region("alice", "East").log_in(&database)?;
    Ok(database)
}

fn sprung(notices: &Notices) -> Vec<String> {
    let taken = notices.take();
    let told = taken
        .iter()
        .filter_map(|notice| notice.message().strip_prefix("sprung: "));
    told.map(str::to_owned).collect()
}

/// What ran as somebody else than the owner, or for somebody who is not the caller.
fn harmful(sprung: &[String]) -> Vec<&String> {
    sprung
        .iter()
        .filter(|one| !one.ends_with(" as app_owner for nobody"))
        .collect()
}

#[test]
fn control_each_trap_springs_when_a_superuser_asks_without_care() -> Result<()> {
    for (name, trap, careless) in TRAPS {
        let database = scene(trap)?;
        let (mut admin, notices) = database.connect_noticing("postgres")?;
        admin.batch_execute(careless)?;
        let sprung = sprung(&notices);
        let wanted = format!("{name} as postgres for nobody");
        assert!(sprung.contains(&wanted), "{name}: {sprung:?}");
    }
    Ok(())
}

#[test]
fn no_trap_springs_for_an_administrator_who_asks_the_library() -> Result<()> {
    for (name, trap, _) in TRAPS {
        let database = scene(trap)?;
        for role in ["postgres", role::AUDITOR, role::SECURITY] {
            let (mut client, notices) = database.connect_noticing(role)?;
            for question in QUESTIONS {
                // Refused or answered: what counts is what ran.
                client.batch_execute("BEGIN")?;
                let _answer = client.batch_execute(question);
                client.batch_execute("ROLLBACK")?;
                let sprung = sprung(&notices);
                assert!(
                    harmful(&sprung).is_empty(),
                    "{name}, {role}, {question}: {sprung:?}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn a_key_over_a_domain_is_looked_up_without_its_check() -> Result<()> {
    let database = scene("ALTER TABLE trap.t ALTER id TYPE trap.number")?;
    let (mut auditor, notices) = database.connect_noticing(role::AUDITOR)?;
    let answer: Value = auditor
        .query_one(
            "SELECT vpd.explain_access_json('alice', 'trap.t', '1'::text)",
            &[],
        )?
        .get(0);
    assert_eq!(answer["is_allowed"], true, "{answer}");
    assert!(sprung(&notices).is_empty());
    Ok(())
}

#[test]
fn keys_of_types_that_others_made_are_refused() -> Result<()> {
    for index in [2, 5] {
        let database = scene(TRAPS[index].1)?;
        let mut auditor = database.connect(role::AUDITOR)?;
        for key in ["red", "(1,East)", "1"] {
            let asked = auditor.query("SELECT vpd.explain_access('alice', 'trap.t', $1::text)", &[&key]);
            assert_refused(asked, "42804", "column_type");
        }
    }
    Ok(())
}

/// A view of the owner with one row a node.
const VIEW: &str = "CREATE VIEW trap.v AS SELECT 'North'::text AS key, CASE WHEN trap.spring('function of a view') THEN 'x' END AS label";

#[test]
fn a_view_with_nodes_is_read_as_its_owner() -> Result<()> {
    let database = scene(VIEW)?;
    for role in ["postgres", role::SECURITY] {
        let (mut client, notices) = database.connect_noticing(role)?;
        client.batch_execute("SELECT * FROM trap.v")?;
        let careless = sprung(&notices);
        assert_eq!(harmful(&careless).len(), careless.len(), "control: {careless:?}");
        for load in [
            "SELECT vpd.load_nodes('places', 'trap.v', 'key', label_column => 'label')",
            "SELECT vpd.load_levels('places', 'trap.v', '{key}')",
        ] {
            client.batch_execute(load)?;
            let sprung = sprung(&notices);
            assert!(harmful(&sprung).is_empty(), "{role}, {load}: {sprung:?}");
        }
    }
    let count: i64 = database
        .admin()?
        .query_one(
            "SELECT count(*) FROM vpd_private.hierarchy_node WHERE hierarchy = 'places'",
            &[],
        )?
        .get(0);
    assert_eq!(count, 1, "what the view says is loaded");
    Ok(())
}

#[test]
fn what_the_caller_may_not_read_is_not_loaded_for_him() -> Result<()> {
    let database = scene(VIEW)?;
    let mut admin = database.admin()?;
    admin.batch_execute("REVOKE SELECT ON trap.v FROM sec_admin")?;
    let load = "SELECT vpd.load_nodes('places', 'trap.v', 'key', label_column => 'label')";
    let mut security = database.connect(role::SECURITY)?;
    assert_refused(security.query(load, &[]), "42501", "privilege_missing");
    admin.batch_execute("GRANT SELECT (key) ON trap.v TO sec_admin")?;
    assert_refused(security.query(load, &[]), "42501", "privilege_missing");
    security.query("SELECT vpd.load_nodes('places', 'trap.v', 'key')", &[])?;
    Ok(())
}

/// The owner's code cannot become the superuser through a question of the superuser.
#[test]
fn a_superuser_who_asks_makes_nobody_superuser() -> Result<()> {
    let seize = "CREATE FUNCTION trap.seize(t text) RETURNS boolean LANGUAGE plpgsql AS
             $$BEGIN
                 BEGIN ALTER ROLE app_stranger SUPERUSER; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
                 RETURN true;
             END$$;
         CREATE DOMAIN trap.seizing AS text CHECK (trap.seize(VALUE));
         CREATE FUNCTION trap.condition(text, text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN PERFORM trap.seize(''); RETURN 'trap.seize(region)'; END$$;
         ALTER TABLE trap.t ADD COLUMN x trap.seizing";
    let database = scene(seize)?;
    let mut admin = database.admin()?;
    admin.batch_execute("SELECT vpd.add_policy('trap.t', 'f', policy_function => 'trap.condition')")?;
    let is_super = |client: &mut Client| -> Result<bool> {
        let row = client.query_one(
            "SELECT rolsuper FROM pg_roles WHERE rolname = 'app_stranger'",
            &[],
        )?;
        Ok(row.get(0))
    };
    admin.batch_execute("BEGIN; SELECT jsonb_populate_record(NULL::trap.t, '{\"x\": \"a\"}')")?;
    assert!(is_super(&mut admin)?, "control: run as a superuser it works");
    admin.batch_execute("ROLLBACK")?;
    for question in QUESTIONS {
        let _answer = admin.batch_execute(question);
        assert!(!is_super(&mut admin)?, "{question}");
    }
    Ok(())
}

/// Predicates and policy functions are meant to run: as whoever asks, and never as a superuser.
#[test]
fn predicates_run_as_the_documents_say() -> Result<()> {
    let database = scene(
        "CREATE FUNCTION trap.told(text, text) RETURNS text LANGUAGE plpgsql AS
             $$BEGIN PERFORM trap.spring('policy function'); RETURN 'trap.spring(''predicate'' || left(region, 0))'; END$$",
    )?;
    database
        .admin()?
        .batch_execute("SELECT vpd.add_policy('trap.t', 'f', policy_function => 'trap.told')")?;
    for (role, runs_as) in [
        ("postgres", "app_owner"),
        (role::AUDITOR, role::AUDITOR),
        (role::SECURITY, role::SECURITY),
    ] {
        let (mut client, notices) = database.connect_noticing(role)?;
        client.batch_execute("SELECT vpd.explain_access('alice', 'trap.t', '1'::text)")?;
        let told = sprung(&notices);
        let wanted = ["policy function", "predicate"].map(|what| format!("{what} as {runs_as} for alice"));
        assert!(
            !told.is_empty() && told.iter().all(|one| wanted.contains(one)),
            "{role}: {told:?}"
        );
        assert!(wanted.iter().all(|one| told.contains(one)), "{role}: {told:?}");
    }
    Ok(())
}

#[test]
fn nobody_guesses_values_with_a_key() -> Result<()> {
    let database = scene(
        "ALTER TABLE trap.t ADD COLUMN badge text, ADD COLUMN code integer, ADD COLUMN next integer;
         UPDATE trap.t SET badge = 'b' || id, code = id, next = id;
         CREATE UNIQUE INDEX ON trap.t (badge); CREATE UNIQUE INDEX ON trap.t (code) WHERE code > 0;
         CREATE UNIQUE INDEX ON trap.t ((next + 1))",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let ask = |client: &mut Client, key: &str| {
        client
            .query_one(
                "SELECT vpd.explain_access_json('alice', 'trap.t', $1::text)->'row_exists'",
                &[&key],
            )
            .map(|row| row.get::<_, Value>(0))
    };
    assert_eq!(ask(&mut security, r#"{"id": 1}"#)?, Value::Bool(true));
    assert_eq!(
        ask(&mut security, r#"{"badge": "b2"}"#)?,
        Value::Bool(true),
        "a unique key"
    );
    assert_eq!(ask(&mut security, r#"{"badge": "b3"}"#)?, Value::Bool(false));
    for key in [
        r#"{"region": "East"}"#,
        r#"{"id": 1, "region": "East"}"#,
        r#"{"code": 1}"#,
        r#"{"next": 1}"#,
        r#"{"ctid": "(0,1)"}"#,
    ] {
        assert_refused(ask(&mut security, key), "22023", "argument_invalid");
    }
    security.batch_execute("SELECT vpd.add_mask('trap.t', 'badge', '''none''')")?;
    assert_refused(
        ask(&mut security, r#"{"badge": "b2"}"#),
        "22023",
        "argument_invalid",
    );
    security.batch_execute("SELECT vpd.enable_mask('trap.t', 'badge', false)")?;
    assert_eq!(
        ask(&mut security, r#"{"badge": "b2"}"#)?,
        Value::Bool(true),
        "control: not masked"
    );
    security.batch_execute(
        "SELECT vpd.add_policy('trap.t', 'masking', 'false', relevant_columns => '{badge}', mask_columns => true)",
    )?;
    let refused = refusal(ask(&mut security, r#"{"badge": "b2"}"#));
    assert_eq!(refused.state.code(), "22023", "{refused:?}");
    Ok(())
}

/// What predicates may name of a row is there: the table by its name and schema, whole rows, the row's place.
#[test]
fn a_row_is_explained_with_all_that_predicates_can_name() -> Result<()> {
    let database = scene(
        "ALTER TABLE trap.t ADD COLUMN gone integer; ALTER TABLE trap.t DROP COLUMN gone; ALTER TABLE trap.t ADD COLUMN late integer DEFAULT 7;
         CREATE FUNCTION trap.of_row(r trap.t) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT r.late + r.id'",
    )?;
    let predicates = [
        "t.late = 7",
        "trap.t.id IN (1, 2)",
        "trap.of_row(t) = id + 7",
        "t.* IS NOT NULL OR parent IS NULL",
        "t.tableoid = 'trap.t'::regclass",
        "t.ctid IS NOT NULL",
        "EXISTS (SELECT FROM (VALUES (7)) v (n) WHERE v.n = t.late AND t.tableoid = 'trap.t'::regclass AND trap.of_row(t) > 7)",
        "id = (SELECT t.id)",
    ];
    let mut admin = database.admin()?;
    for (number, predicate) in predicates.iter().enumerate() {
        admin.execute(
            "SELECT vpd.add_policy('trap.t', $1, $2)",
            &[&format!("p{number}"), predicate],
        )?;
    }
    let mut auditor = database.connect(role::AUDITOR)?;
    for (key, is_allowed) in [("1", true), ("2", false)] {
        let answer: Value = auditor
            .query_one(
                "SELECT vpd.explain_access_json('alice', 'trap.t', $1::text)",
                &[&key],
            )?
            .get(0);
        assert_eq!(answer["is_allowed"], is_allowed, "{answer}");
        for policy in answer["policies"].as_array().into_iter().flatten() {
            assert!(policy["name"] == "p" || policy["truth"] == true, "{policy}");
        }
    }
    admin.batch_execute("SELECT vpd.shadow_policy('trap.t', 'p1', 't.ctid IS NULL')")?;
    let differing: Vec<String> = database
        .connect(role::SECURITY)?
        .query(
            "SELECT change || ' ' || (row_key ->> 'id') FROM vpd.policy_diff('trap.t', 'alice') ORDER BY 1",
            &[],
        )?
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(differing, ["lost 1"]);
    Ok(())
}
