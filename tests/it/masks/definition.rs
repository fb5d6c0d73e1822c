//! What masks can be defined, on what, and what becomes of them when the table changes.

use super::scene::{NUMBER, add_mask, bare_staff, is_revealing, masked_staff, nobody, told_in};
use vpd_tests::{Database, Result, assert_all_refused, assert_refused, attach, fresh_ids, ids, role};

#[test]
fn built_in_masks_do_what_they_say() -> Result<()> {
    let database = Database::create()?;
    let mut user = database.connect(role::USER)?;
    for (call, expected) in [
        ("vpd.mask_partial('123-45-6789')", "XXX-XX-6789"),
        ("vpd.mask_partial('123-45-6789', 2, '*')", "***-**-**89"),
        ("vpd.mask_partial('6789')", "XXXX"),
        ("vpd.mask_partial('89', 4)", "XX"),
        ("vpd.mask_partial('6789', 0)", "XXXX"),
        ("vpd.mask_partial('6789', -1)", "XXXX"),
        ("vpd.mask_partial('')", ""),
        ("vpd.mask_partial('Zoë Müller', 3, '#')", "### ###ler"),
        ("coalesce(vpd.mask_partial(NULL), 'nothing')", "nothing"),
        ("vpd.mask_year(date '1980-05-17')::text", "1980-01-01"),
        (
            "vpd.mask_year(timestamp '1980-05-17 10:11')::text",
            "1980-01-01 00:00:00",
        ),
        (
            "(vpd.mask_year(timestamptz '1980-05-17 10:11+00') = timestamptz '1980-01-01 00:00+00')::text",
            "true",
        ),
        ("vpd.mask_bucket(47, 10)::text", "40"),
        ("vpd.mask_bucket(-7, 10)::text", "-10"),
        (
            "vpd.mask_bucket(9007199254740993::bigint, 2::bigint)::text",
            "9007199254740992",
        ),
        ("vpd.mask_bucket(47.9::numeric, 2.5)::text", "47.5"),
        ("vpd.mask_bucket(47.9::float8, 10)::text", "40"),
        (
            "coalesce(vpd.mask_bucket(NULL::integer, 10)::text, 'nothing')",
            "nothing",
        ),
        ("length(vpd.mask_hash('x'))::text", "64"),
        ("(vpd.mask_hash('x') = vpd.mask_hash('x'))::text", "true"),
        ("(vpd.mask_hash('x') = vpd.mask_hash('y'))::text", "false"),
        ("(vpd.mask_hash('x') = encode(sha256('x'), 'hex'))::text", "false"),
        ("coalesce(vpd.mask_hash(NULL), 'nothing')", "nothing"),
    ] {
        let row = user.query_one(&format!("SELECT {call}"), &[])?;
        assert_eq!(row.get::<_, &str>(0), expected, "{call}");
    }
    let other = Database::create()?;
    let hash = "SELECT vpd.mask_hash('x')";
    assert_ne!(
        user.query_one(hash, &[])?.get::<_, String>(0),
        other
            .connect(role::USER)?
            .query_one(hash, &[])?
            .get::<_, String>(0)
    );
    Ok(())
}

#[test]
fn a_mask_must_fit_its_column() -> Result<()> {
    let database = bare_staff()?;
    let mut security = database.connect(role::SECURITY)?;
    assert_all_refused(
        &mut security,
        "SELECT vpd.add_mask('shop.staff', {})",
        "
         42804 mask_type         'salary', '''x''::text', 'false'
         42804 mask_type         'salary', 'current_date', 'false'
         22023 mask_invalid      'salary', '''x''', 'false'
         22023 mask_invalid      'ssn', '''much too long for it''', 'false'
         42601 mask_invalid      'salary', '1, 2', 'false'
         42601 mask_invalid      'salary', '1; SELECT 2', 'false'
         42601 mask_invalid      'salary', '1 FROM pg_class', 'false'
         42601 mask_invalid      'salary', '*', 'false'
         42601 mask_invalid      'salary', '', 'false'
         22023 mask_invalid      'salary', 'shoe_size', 'false'
         22023 mask_invalid      'salary', 'max(salary)', 'false'
         22023 mask_invalid      'salary', 'generate_series(1, 2)', 'false'
         22023 mask_invalid      'salary', '$1', 'false'
         22023 predicate_invalid 'salary', '0', '1'
         42601 predicate_invalid 'salary', '0', 'true; SELECT'
         42704 column_not_found  'shoe_size', '0', 'false'
         42704 column_not_found  'ctid', 'NULL', 'false'
         42704 column_not_found  'retired', 'NULL', 'false'",
    );
    for column in ["note", "name"] {
        add_mask(&database, column, "NULL", "false")?;
    }
    assert_all_refused(
        &mut security,
        "SELECT vpd.{}",
        "
         42710 mask_exists      add_mask('shop.staff', 'note')
         42704 mask_not_found   drop_mask('shop.staff', 'salary')
         42704 mask_not_found   alter_mask('shop.staff', 'salary')
         42704 mask_not_found   enable_mask('shop.staff', 'salary')
         22023 argument_invalid add_mask('shop.staff', NULL)",
    );
    Ok(())
}

#[test]
fn only_tables_can_have_masks() -> Result<()> {
    let database = bare_staff()?;
    database.admin()?.batch_execute(
        "CREATE VIEW shop.seen AS SELECT * FROM shop.staff;
         CREATE MATERIALIZED VIEW shop.stored AS SELECT * FROM shop.staff;
         CREATE TABLE shop.parent (id integer) PARTITION BY LIST (id);
         CREATE TABLE shop.piece PARTITION OF shop.parent DEFAULT",
    )?;
    let mut security = database.connect(role::SECURITY)?;
    for relation in ["shop.seen", "shop.stored", "shop.piece", "pg_catalog.pg_class"] {
        let call = format!("SELECT vpd.add_mask('{relation}', 'id')");
        assert_refused(security.execute(&call, &[]), "42809", "relation_unsupported");
    }
    let mut user = database.connect(role::USER)?;
    assert!(
        user.execute("SELECT vpd.add_mask('shop.staff', 'note')", &[])
            .is_err()
    );
    Ok(())
}

#[test]
fn the_last_mask_gives_the_table_back_as_it_was() -> Result<()> {
    let database = bare_staff()?;
    let flags = "SELECT relrowsecurity AND relforcerowsecurity,
                        (SELECT count(*)::integer FROM pg_policy WHERE polrelid = c.oid)
                   FROM pg_class c WHERE oid = 'shop.staff'::regclass";
    let mut admin = database.admin()?;
    let mut protected = || -> Result<(bool, i32)> {
        let row = admin.query_one(flags, &[])?;
        Ok((row.get(0), row.get(1)))
    };
    let mut security = database.connect(role::SECURITY)?;
    assert_eq!(protected()?, (false, 0));
    add_mask(&database, "salary", "0", "false")?;
    assert_eq!(protected()?, (true, 1));
    vpd_tests::add_policy(&mut security, "shop.staff", "all", "true")?;
    security.execute("SELECT vpd.drop_mask('shop.staff', 'salary')", &[])?;
    assert_eq!(protected()?, (true, 1), "a policy is left");
    add_mask(&database, "salary", "0", "false")?;
    security.execute("SELECT vpd.drop_policy('shop.staff', 'all')", &[])?;
    assert_eq!(protected()?, (true, 1), "a mask is left");
    security.execute("SELECT vpd.drop_mask('shop.staff', 'salary')", &[])?;
    assert_eq!(protected()?, (false, 0));
    assert_eq!(fresh_ids(&database, None, "SELECT id FROM shop.staff")?.len(), 8);
    Ok(())
}

#[test]
fn names_and_numbers_of_columns_may_change() -> Result<()> {
    let database = bare_staff()?;
    add_mask(&database, "salary", "0", "vpd.user_in_role('hr')")?;
    let token = nobody(&database)?;
    let mut admin = database.admin()?;
    let mut user = database.connect(role::USER)?;
    let mut revealed = |query: &str| -> Result<bool> {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        let text = told_in(&mut session, query)?;
        session.commit()?;
        Ok(is_revealing(&text.replace(NUMBER, "")))
    };
    assert!(!revealed("TABLE shop.staff")?);
    admin.batch_execute("ALTER TABLE shop.staff RENAME salary TO pay")?;
    assert!(!revealed("TABLE shop.staff")?);
    // Two names change places; the mask stays with the values.
    admin.batch_execute(
        "BEGIN; ALTER TABLE shop.staff ADD salary integer DEFAULT 5;
         ALTER TABLE shop.staff RENAME pay TO x; ALTER TABLE shop.staff RENAME salary TO pay;
         ALTER TABLE shop.staff RENAME x TO salary; COMMIT",
    )?;
    assert!(!revealed("TABLE shop.staff")?);
    assert_eq!(
        ids(
            &mut admin,
            "SELECT count(*)::integer FROM vpd.masks WHERE column_name = 'salary'"
        )?,
        [1]
    );
    admin.batch_execute("ALTER TABLE shop.staff ALTER salary TYPE bigint")?;
    assert!(!revealed("TABLE shop.staff")?);
    admin.batch_execute("ALTER TABLE shop.staff RENAME TO people")?;
    assert!(!revealed("TABLE shop.people")?);
    admin.batch_execute("ALTER TABLE shop.people DROP salary")?;
    assert_eq!(ids(&mut admin, "SELECT count(*)::integer FROM vpd.masks")?, [0]);
    Ok(())
}

#[test]
fn a_mask_that_no_longer_fits_stops_every_reader() -> Result<()> {
    let database = bare_staff()?;
    add_mask(
        &database,
        "salary",
        "0",
        "region = vpd.attribute('app', 'region')",
    )?;
    let token = nobody(&database)?;
    database
        .admin()?
        .batch_execute("ALTER TABLE shop.staff RENAME region TO area")?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_refused(
        session.query("SELECT id FROM shop.staff", &[]),
        "22023",
        "mask_invalid",
    );
    Ok(())
}

#[test]
fn the_list_of_masks_fits_a_terminal() -> Result<()> {
    let database = masked_staff()?;
    let mut auditor = database.connect(role::AUDITOR)?;
    let width: i64 = auditor
        .query_one(
            "SELECT sum(width + 3)::bigint FROM (
                SELECT greatest(length(key), max(length(value))) AS width
                  FROM vpd.masks m, jsonb_each_text(to_jsonb(m)) GROUP BY key) columns",
            &[],
        )?
        .get(0);
    assert!(width <= 120, "{width}");
    let row = auditor.query_one(
        "SELECT visible_when, created_by FROM vpd.mask_definitions WHERE column_name = 'ssn'",
        &[],
    )?;
    assert_eq!(row.get::<_, &str>(0), "region = vpd.attribute('app', 'region')");
    assert_eq!(row.get::<_, &str>(1), role::SECURITY);
    Ok(())
}
