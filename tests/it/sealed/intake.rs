//! Columns that are sealed where they are, and the way back.

use vpd_tests::{Database, Result, assert_denied_to_all_but, assert_refused, attach, refusal, role};

use super::scene::{manager, officer, people, seen, without_session};

/// A column of each type that can be sealed, with what a session then sees of its first row.
const COLUMNS: [(&str, &str, &str); 12] = [
    ("text", "'planted'", "planted"),
    ("varchar(20)", "'planted'", "planted"),
    ("char(9)", "'planted'", "planted"),
    (
        "uuid",
        "'00000000-0000-0000-0000-000000000001'",
        "00000000-0000-0000-0000-000000000001",
    ),
    ("smallint", "7", "7"),
    ("integer", "7", "7"),
    ("bigint", "7", "7"),
    ("numeric(8,2)", "7.50", "7.50"),
    ("date", "'1980-02-03'", "1980-02-03"),
    ("bytea", "'planted'", "\\x706c616e746564"),
    ("json", "'{\"a\": 1}'", "{\"a\": 1}"),
    ("jsonb", "'{\"a\": 1}'", "{\"a\": 1}"),
];

#[test]
fn a_column_of_every_type_is_sealed_and_unsealed_again() -> Result<()> {
    let database = people()?;
    let mut admin = database.admin()?;
    let manager = manager(&database)?;
    let mut security = officer(&database)?;
    for (number, (kind, value, seen_as)) in COLUMNS.into_iter().enumerate() {
        admin.batch_execute(&format!(
            "SET ROLE app_owner; CREATE TABLE shop.t{number} (id integer, c {kind} DEFAULT {value}); INSERT INTO shop.t{number} VALUES (1, {value}), (2, NULL); RESET ROLE;
             GRANT ALL ON shop.t{number} TO app_user"
        ))?;
        security.batch_execute(&format!("SELECT vpd.seal_column('shop.t{number}', 'c', 'pii')"))?;
        admin.batch_execute(&format!("INSERT INTO shop.t{number} (id) VALUES (3)"))?;
        let all = format!("SELECT c FROM shop.t{number} ORDER BY id");
        let open = format!("{seen_as}|\n(null)|\n{seen_as}|");
        assert_eq!(
            seen(&database, &manager, &all)?.as_deref(),
            Ok(open.as_str()),
            "{kind}"
        );
        let stored = without_session(&database, "postgres", &all)?.map_err(|refusal| refusal.text)?;
        assert_eq!(stored.matches("vpd:sealed:").count(), 2, "{kind}: {stored}");
        // The way back is for who may see the values.
        let back = format!("SELECT vpd.unseal_column('shop.t{number}', 'c')");
        assert_refused(security.batch_execute(&back), "42501", "unseal_refused");
        let mut session = security.transaction()?;
        attach(&mut session, &manager)?;
        session.batch_execute(&back)?;
        session.commit()?;
        let plain = without_session(&database, "postgres", &all)?.map_err(|refusal| refusal.text)?;
        assert_eq!(plain.trim_end_matches('\n'), open, "{kind}");
    }
    Ok(())
}

#[test]
fn indexes_and_uniqueness_come_along_as_tags() -> Result<()> {
    let database = people()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE INDEX mails ON shop.twins USING hash (email)")?;
    security.batch_execute("SELECT vpd.seal_column('shop.twins', 'ssn', 'pii'); SELECT vpd.seal_column('shop.twins', 'email', 'pii')")?;
    let manager = manager(&database)?;
    let plan =
        "SET LOCAL enable_seqscan = off; EXPLAIN (COSTS OFF) SELECT id FROM shop.twins WHERE ssn = '555-101'";
    let plan = seen(&database, &manager, plan)?.map_err(|refusal| refusal.text)?;
    assert!(plan.contains("twins_ssn_key"), "{plan}");
    assert_refused_unique(admin.batch_execute("INSERT INTO shop.twins (id, ssn) VALUES (9, '555-101')"));
    assert_eq!(
        seen(
            &database,
            &manager,
            "SELECT id FROM shop.twins WHERE email = 'person1@planted.example' ORDER BY id"
        )?
        .as_deref(),
        Ok("1|\n4|")
    );
    // A key that compares nothing makes no index.
    assert_refused(
        security.batch_execute("SELECT vpd.seal_column('shop.twins', 'id', 'pay')"),
        "0A000",
        "not_searchable",
    );
    Ok(())
}

#[track_caller]
fn assert_refused_unique(result: std::result::Result<(), postgres::Error>) {
    assert_eq!(refusal(result).state.code(), "23505");
}

#[test]
fn whatever_would_not_come_along_is_named() -> Result<()> {
    let database = people()?;
    let mut security = database.connect(role::SECURITY)?;
    for (number, (made, named)) in [
        ("CREATE VIEW shop.v AS SELECT c FROM {t}", "shop.v"),
        ("CREATE MATERIALIZED VIEW shop.m AS SELECT c FROM {t}", "shop.m"),
        ("ALTER TABLE {t} ADD g text GENERATED ALWAYS AS (c || 'x') STORED", "column g"),
        ("ALTER TABLE {t} ADD CONSTRAINT long_enough CHECK (length(c) > 1)", "long_enough"),
        ("CREATE INDEX lowered ON {t} (lower(c))", "lowered"),
        ("CREATE INDEX patterns ON {t} (c text_pattern_ops)", "patterns"),
        ("CREATE INDEX brins ON {t} USING brin (c)", "brins"),
        ("CREATE INDEX partials ON {t} (id) WHERE c > 'a'", "partials"),
        ("CREATE STATISTICS shop.stats ON id, c FROM {t}", "stats"),
        ("CREATE POLICY native ON {t} USING (c = 'x')", "native"),
        ("SELECT vpd.add_policy('{t}', 'ours', 'c = ''x''')", "ours"),
        (
            "CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER named BEFORE UPDATE OF c ON {t} FOR EACH ROW EXECUTE FUNCTION shop.f()",
            "named",
        ),
        ("ALTER TABLE {t} ADD UNIQUE (c); CREATE TABLE shop.child (c text REFERENCES {t} (c))", "child"),
    ]
    .into_iter()
    .enumerate()
    {
        let table = format!("shop.d{number}");
        database
            .admin()?
            .batch_execute(&format!("CREATE TABLE {table} (id integer, c text); {}", made.replace("{t}", &table)))?;
        let refused = assert_refused(
            security.batch_execute(&format!("SELECT vpd.seal_column('{table}', 'c', 'pii')")),
            "2BP01",
            "column_depended_on",
        );
        assert!(refused.text.contains(named), "{made}: {}", refused.text);
    }
    Ok(())
}

#[test]
fn bad_calls_are_refused_and_change_nothing() -> Result<()> {
    let database = people()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.parted (id integer, c text) PARTITION BY LIST (id); CREATE TABLE shop.part PARTITION OF shop.parted DEFAULT;
         CREATE TABLE shop.odd (a point, i integer GENERATED ALWAYS AS IDENTITY, f double precision, k text) PARTITION BY LIST (k);
         CREATE VIEW shop.v AS SELECT 1 AS c",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for (arguments, state, token) in [
        ("'shop.people', 'ssn', 'pii'", "42809", "relation_unsupported"),
        ("'shop.twins', 'nothing', 'pii'", "42704", "column_not_found"),
        (
            "'shop.twins', 'email', 'nothing'",
            "42704",
            "sealing_key_not_found",
        ),
        ("'shop.part', 'c', 'pii'", "42809", "relation_unsupported"),
        ("'shop.v', 'c', 'pii'", "42809", "relation_unsupported"),
        ("'shop.odd', 'a', 'pii'", "42804", "column_type"),
        ("'shop.odd', 'i', 'pii'", "42804", "column_type"),
        ("'shop.odd', 'f', 'pii'", "42804", "column_type"),
        ("'shop.odd', 'k', 'pii'", "2BP01", "column_depended_on"),
        ("NULL, 'c', 'pii'", "22023", "argument_invalid"),
        ("'shop.twins', NULL, 'pii'", "22023", "argument_invalid"),
        ("'shop.twins', 'email', NULL", "22023", "argument_invalid"),
    ] {
        let refused = security.batch_execute(&format!("SELECT vpd.seal_column({arguments})"));
        assert_refused(refused, state, token);
    }
    assert_refused(
        security.batch_execute("SELECT vpd.unseal_column('shop.twins', 'email')"),
        "42809",
        "relation_unsupported",
    );
    security.batch_execute("SELECT vpd.seal_column('shop.parted', 'c', 'pii')")?;
    assert_denied_to_all_but(
        &database,
        &[role::SECURITY],
        &[
            "SELECT vpd.seal_column('shop.twins', 'email', 'pii')",
            "SELECT vpd.unseal_column('shop.twins', 'email')",
        ],
    )?;
    Ok(())
}

#[test]
fn values_that_were_there_before_become_about_their_persons() -> Result<()> {
    let database = Database::create()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "SELECT vpd.create_key('person', 'pii:read', per_person => true);
         CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC; CREATE TABLE shop.c (id integer, email text); GRANT ALL ON shop.c TO app_user;
         INSERT INTO shop.c SELECT n, n || '@planted' FROM generate_series(1, 20) n;
         ",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    let seal = "SELECT vpd.seal_column('shop.c', 'email', 'person')";
    assert_refused(security.batch_execute(seal), "55000", "person_not_named");
    admin.batch_execute(
        "SELECT vpd.name_person('shop.c', 'id'); INSERT INTO shop.c VALUES (NULL, 'whose?')",
    )?;
    assert_refused(security.batch_execute(seal), "23502", "person_missing");
    admin.batch_execute("DELETE FROM shop.c WHERE id IS NULL")?;
    security.batch_execute(seal)?;
    security.batch_execute("SELECT vpd.forget_person('7')")?;
    let manager = manager(&database)?;
    assert_eq!(
        seen(
            &database,
            &manager,
            "SELECT email FROM shop.c WHERE id IN (7, 8) ORDER BY id"
        )?
        .as_deref(),
        Ok("•••|\n8@planted|")
    );
    Ok(())
}
