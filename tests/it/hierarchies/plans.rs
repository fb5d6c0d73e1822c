//! Which plans filtered queries get, and that every plan shows the same rows.

use super::scene::{data_group, member, plan, reader};
use vpd_tests::{Database, Result, ids, role};

/// A hundred thousand rows over a tree of ten departments with a hundred classes of twenty items each.
fn warehouse(columns: &str, key: &str) -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(&format!(
        "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC;
         CREATE TABLE shop.node (key text, above text);
         INSERT INTO shop.node SELECT 'd' || d, NULL FROM generate_series(0, 9) d;
         INSERT INTO shop.node SELECT 'c' || c, 'd' || c / 10 FROM generate_series(0, 99) c;
         INSERT INTO shop.node SELECT ({key})::text, 'c' || i / 20 FROM generate_series(0, 1999) i;
         GRANT SELECT ON shop.node TO sec_admin;
         CREATE TABLE shop.stock ({columns});
         INSERT INTO shop.stock SELECT n, {key}, n FROM generate_series(0, 19999) n, LATERAL (SELECT n % 2000 AS i) x;
         GRANT SELECT, UPDATE ON shop.stock TO app_user"
    ))?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.define_hierarchy('goods', '{department,class,item}');
         SELECT vpd.load_nodes('goods', 'shop.node', 'key', 'above');
         SELECT vpd.protect_by_hierarchy('shop.stock', 'goods', 'item')",
    )?;
    data_group(&database, "one", "goods", &["c3"])?;
    data_group(&database, "half", "goods", &["d0", "d1", "d2", "d3", "d4"])?;
    Ok(database)
}

const TYPES: [(&str, &str); 8] = [
    ("text", "'i' || i"),
    ("varchar(20)", "'i' || i"),
    ("char(12)", "'i' || i"),
    ("smallint", "i"),
    ("integer", "i"),
    ("bigint", "i * 1000000000::bigint"),
    ("uuid", "md5(i::text)::uuid"),
    ("text COLLATE \"C\"", "'i' || i"),
];

/// The stock a member of the class sees.
fn of_class(class: i32) -> Vec<i32> {
    (0..20_000).filter(|n| n % 2_000 / 20 == class).collect()
}

#[test]
fn an_index_is_used_for_few_nodes_and_not_for_many_on_columns_of_each_type() -> Result<()> {
    for (kind, key) in TYPES {
        let database = warehouse(
            &format!("id integer PRIMARY KEY, item {kind}, amount integer"),
            key,
        )?;
        database
            .admin()?
            .batch_execute("CREATE INDEX ON shop.stock (item); ANALYZE shop.stock")?;
        let all = "SELECT id FROM shop.stock";
        let one = member(&database, "anna", &["one"])?;
        let mut user = reader(&database, &one)?;
        let few = plan(&mut user, all)?;
        assert!(
            few.contains("Index Cond") && few.contains("visible_keys"),
            "{kind}: {few}"
        );
        assert!(
            few.contains("sees_node"),
            "{kind}: what the index finds is looked at"
        );
        assert_eq!(ids(&mut user, all)?, of_class(3), "{kind}");
        user.batch_execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")?;
        assert_eq!(
            ids(&mut user, all)?,
            of_class(3),
            "{kind}: by a scan of the table"
        );
        let half = member(&database, "bert", &["half"])?;
        let mut user = reader(&database, &half)?;
        let many = plan(&mut user, all)?;
        assert!(!many.contains("Index Cond"), "{kind}: {many}");
        assert_eq!(ids(&mut user, all)?.len(), 10_000, "{kind}");
        let mut user = reader(&database, &one)?;
        let by_key = plan(&mut user, "SELECT id FROM shop.stock WHERE id = 65")?;
        assert!(by_key.contains("Index Cond: (id = 65)"), "{kind}: {by_key}");
        assert!(!by_key.contains("visible_keys"), "{kind}: {by_key}");
        assert_eq!(
            user.execute("UPDATE shop.stock SET amount = 0", &[])?,
            200,
            "{kind}"
        );
    }
    Ok(())
}

#[test]
fn one_prepared_plan_serves_every_session() -> Result<()> {
    let database = warehouse("id integer, item text, amount integer", "'i' || i")?;
    database
        .admin()?
        .batch_execute("CREATE INDEX ON shop.stock (item); ANALYZE shop.stock")?;
    data_group(&database, "single", "goods", &["i7"])?;
    let tokens = [
        (member(&database, "anna", &["one"])?, 200),
        (member(&database, "bert", &["half"])?, 10_000),
        (member(&database, "carl", &[])?, 0),
        (member(&database, "dora", &["single"])?, 10),
    ];
    for first in 0..tokens.len() {
        let mut user = database.connect(role::USER)?;
        let statement = user.prepare("SELECT count(*) FROM shop.stock WHERE amount >= $1")?;
        for turn in 0..tokens.len() * 3 {
            let (token, expected) = &tokens[(first + turn) % tokens.len()];
            let mut transaction = user.transaction()?;
            vpd_tests::attach(&mut transaction, token)?;
            for _ in 0..7 {
                let seen: i64 = transaction.query_one(&statement, &[&0])?.get(0);
                assert_eq!(seen, *expected, "first {first}, turn {turn}");
            }
            transaction.commit()?;
        }
        let without: i64 = user.query_one(&statement, &[&0])?.get(0);
        assert_eq!(without, 0);
    }
    Ok(())
}

#[test]
fn a_plan_made_for_few_nodes_is_made_again_for_many_and_back() -> Result<()> {
    let database = warehouse("id integer, item text, amount integer", "'i' || i")?;
    database
        .admin()?
        .batch_execute("CREATE INDEX ON shop.stock (item); ANALYZE shop.stock")?;
    let few = member(&database, "anna", &["one"])?;
    let many = member(&database, "bert", &["half"])?;
    let mut user = database.connect(role::USER)?;
    user.batch_execute(
        "SET plan_cache_mode = force_generic_plan; PREPARE stock AS SELECT count(*) FROM shop.stock WHERE amount >= $1",
    )?;
    let mut planned = |token: &str| -> Result<(bool, i64)> {
        let mut transaction = user.transaction()?;
        vpd_tests::attach(&mut transaction, token)?;
        let seen = transaction.query_one("EXECUTE stock(0)", &[])?.get(0);
        let plan = plan(&mut transaction, "EXECUTE stock(0)")?;
        transaction.commit()?;
        Ok((plan.contains("visible_keys"), seen))
    };
    for _ in 0..3 {
        assert_eq!(planned(&few)?, (true, 200));
        assert_eq!(planned(&few)?, (true, 200));
        assert_eq!(planned(&many)?, (false, 10_000));
        assert_eq!(planned(&many)?, (false, 10_000));
    }
    Ok(())
}

#[test]
fn plans_made_for_an_index_do_not_outlive_closed_mode() -> Result<()> {
    let database = warehouse("id integer, item text, amount integer", "'i' || i")?;
    database.admin()?.batch_execute(
        "CREATE INDEX ON shop.stock (item); INSERT INTO shop.stock VALUES (-1, NULL, 0), (-2, 'unknown', 0); ANALYZE shop.stock",
    )?;
    let anna = member(&database, "anna", &["one"])?;
    let carl = member(&database, "carl", &[])?;
    let mut security = database.connect(role::SECURITY)?;
    let mut user = database.connect(role::USER)?;
    let statement = user.prepare("SELECT count(*) FROM shop.stock")?;
    let mut count = |token: &str| -> Result<i64> {
        let mut transaction = user.transaction()?;
        vpd_tests::attach(&mut transaction, token)?;
        let count = transaction.query_one(&statement, &[])?.get(0);
        transaction.commit()?;
        Ok(count)
    };
    for _ in 0..7 {
        assert_eq!((count(&anna)?, count(&carl)?), (200, 0));
    }
    security.batch_execute("SELECT vpd.set_hierarchy_mode('goods', 'open', 'test')")?;
    assert_eq!((count(&carl)?, count(&anna)?), (20_002, 200));
    security.batch_execute("SELECT vpd.set_hierarchy_mode('goods', 'closed', 'test')")?;
    for _ in 0..7 {
        assert_eq!((count(&anna)?, count(&carl)?), (200, 0));
    }
    security.batch_execute("SELECT vpd.exempt_app('portal', 'test', 'goods')")?;
    assert_eq!((count(&carl)?, count(&anna)?), (20_002, 20_002));
    security.batch_execute("SELECT vpd.revoke_app_exemption('portal', 'test', 'goods')")?;
    assert_eq!((count(&anna)?, count(&carl)?), (200, 0));
    Ok(())
}

#[test]
fn partitions_joins_and_order_are_right_with_an_index() -> Result<()> {
    let database = warehouse("id integer, item integer, amount integer", "i")?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.parted (id integer, item integer, amount integer) PARTITION BY RANGE (id);
         CREATE TABLE shop.parted_low PARTITION OF shop.parted FOR VALUES FROM (0) TO (10000);
         CREATE TABLE shop.parted_high PARTITION OF shop.parted FOR VALUES FROM (10000) TO (20000);
         INSERT INTO shop.parted SELECT * FROM shop.stock;
         CREATE INDEX ON shop.parted (item, id);
         CREATE INDEX ON shop.stock (amount, item);
         GRANT SELECT ON shop.parted TO app_user; ANALYZE shop.parted; ANALYZE shop.stock",
    )?;
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.protect_by_hierarchy('shop.parted', 'goods', 'item')")?;
    let anna = member(&database, "anna", &["one"])?;
    let mut user = reader(&database, &anna)?;
    let query = "SELECT id FROM shop.parted";
    let text = plan(&mut user, query)?;
    assert_eq!(text.matches("visible_keys").count(), 2, "{text}");
    assert_eq!(ids(&mut user, query)?, of_class(3));
    let ordered = user.query("SELECT item, id FROM shop.parted ORDER BY item, id", &[])?;
    let ordered: Vec<(i32, i32)> = ordered.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert!(ordered.is_sorted() && ordered.len() == 200);
    // A list of keys for the second column of an index would spoil the order that the planner counts on.
    for query in [
        "SELECT amount, item FROM shop.stock WHERE amount BETWEEN 0 AND 4000 ORDER BY amount, item",
        "SELECT s.amount, s.item FROM shop.stock s JOIN shop.parted p USING (id) ORDER BY s.amount, s.item",
    ] {
        user.batch_execute("SET LOCAL enable_sort = off")?;
        let rows = user.query(query, &[])?;
        let rows: Vec<(i32, i32)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert!(rows.is_sorted() && !rows.is_empty(), "{query}");
    }
    Ok(())
}

#[test]
fn an_index_with_another_equality_is_left_alone() -> Result<()> {
    let database = warehouse("id integer, item text, amount integer", "'i' || i")?;
    let mut admin = database.admin()?;
    let has_icu = admin
        .batch_execute(
            "CREATE COLLATION shop.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        )
        .is_ok();
    let indices = [
        "CREATE INDEX ON shop.stock USING hash (item)",
        "CREATE INDEX ON shop.stock (amount, item)",
        "CREATE INDEX ON shop.stock (lower(item))",
        "CREATE INDEX ON shop.stock (item COLLATE shop.loose)",
    ];
    let anna = member(&database, "anna", &["one"])?;
    for index in &indices[..if has_icu { 4 } else { 3 }] {
        admin.batch_execute(&format!("{index}; ANALYZE shop.stock"))?;
        let mut user = reader(&database, &anna)?;
        user.batch_execute("SET LOCAL enable_seqscan = off")?;
        let text = plan(&mut user, "SELECT id FROM shop.stock")?;
        assert!(!text.contains("visible_keys"), "{index}: {text}");
        assert_eq!(
            ids(&mut user, "SELECT id FROM shop.stock")?,
            of_class(3),
            "{index}"
        );
    }
    // One by bytes serves as well.
    admin.batch_execute("CREATE INDEX ON shop.stock (item text_pattern_ops); ANALYZE shop.stock")?;
    let mut user = reader(&database, &anna)?;
    let text = plan(&mut user, "SELECT id FROM shop.stock")?;
    assert!(text.contains("visible_keys"), "{text}");
    assert_eq!(ids(&mut user, "SELECT id FROM shop.stock")?, of_class(3));
    Ok(())
}

#[test]
fn a_hundred_thousand_granted_nodes_are_served() -> Result<()> {
    let database = Database::create()?;
    database.admin()?.batch_execute(
        "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC;
         CREATE TABLE shop.node AS SELECT 'i' || n AS key FROM generate_series(1, 120000) n;
         GRANT SELECT ON shop.node TO sec_admin;
         CREATE TABLE shop.stock AS SELECT n AS id, 'i' || n AS item FROM generate_series(1, 150000) n;
         ALTER TABLE shop.stock ADD PRIMARY KEY (id);
         CREATE INDEX ON shop.stock (item);
         GRANT SELECT ON shop.stock TO app_user; ANALYZE shop.stock",
    )?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.define_hierarchy('goods', '{item}'); SELECT vpd.load_nodes('goods', 'shop.node', 'key');
         SELECT vpd.protect_by_hierarchy('shop.stock', 'goods', 'item')",
    )?;
    data_group(&database, "many", "goods", &[])?;
    // Every second one: nothing can be put together.
    database.admin()?.batch_execute(
        "INSERT INTO vpd_private.data_group_node (data_group_id, hierarchy, node, granted_by)
         SELECT a.id, 'goods', 'i' || n, 'test' FROM vpd_private.authority a, generate_series(2, 120000, 2) n
          WHERE a.kind = 'data_group' AND a.name = 'many'",
    )?;
    let token = member(&database, "anna", &["many"])?;
    let mut user = reader(&database, &token)?;
    let count: i64 = user.query_one("SELECT count(*) FROM shop.stock", &[])?.get(0);
    assert_eq!(count, 60_000);
    assert_eq!(
        ids(&mut user, "SELECT id FROM shop.stock WHERE id IN (7, 8)")?,
        [8]
    );
    Ok(())
}
