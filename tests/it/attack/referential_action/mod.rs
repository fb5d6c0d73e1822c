//! The server runs the queries of foreign keys past forced row security. Code of others that runs inside them must not.
//!
//! The cells are made from tables: what starts such a query × what runs inside it × who reads, and how. Temporary tables and
//! functions of a plain role suffice.

mod cell;
mod event;
mod kept;
mod legitimate;
mod other_state;
mod rule;

use vpd_tests::{Database, Result, Subject, add_policy, attach, create_orders, expected_ids, role};

/// A view and a function of the owner, and a role that is a member of his: ways to read a table as its owner.
fn open_ways(database: &Database<'_>) -> Result<String> {
    let kin = format!("{}_kin", database.name());
    database.admin()?.batch_execute(&format!(
        "SET ROLE app_owner;
         CREATE VIEW shop.all_orders AS SELECT * FROM shop.orders;
         CREATE VIEW shop.over_view AS SELECT * FROM shop.all_orders;
         CREATE FUNCTION shop.every_order() RETURNS SETOF shop.orders LANGUAGE plpgsql SECURITY DEFINER
             AS $$BEGIN RETURN QUERY EXECUTE 'SELECT * FROM shop.orders'; END$$;
         GRANT SELECT ON shop.all_orders, shop.over_view TO app_user;
         RESET ROLE;
         CREATE TYPE shop.level AS ENUM ('1', '2', '3');
         CREATE FUNCTION shop.same(shop.level, shop.level) RETURNS boolean LANGUAGE plpgsql
             AS 'BEGIN PERFORM pg_temp.probe(); RETURN $1::text = $2::text; END';
         CREATE FUNCTION shop.compared(shop.level, shop.level) RETURNS integer LANGUAGE plpgsql IMMUTABLE
             AS 'BEGIN PERFORM pg_temp.probe(); RETURN enum_cmp($1, $2); END';
         CREATE OPERATOR shop.=== (LEFTARG = shop.level, RIGHTARG = shop.level, FUNCTION = shop.same);
         CREATE OPERATOR CLASS shop.level_ops FOR TYPE shop.level USING btree AS
             OPERATOR 3 shop.===, FUNCTION 1 shop.compared(shop.level, shop.level);
         CREATE ROLE {kin} LOGIN IN ROLE app_owner;"
    ))?;
    Ok(kin)
}

/// The table under a native policy that hides every row, forced, in a database without the extension.
fn bare() -> Result<(Database<'static>, String)> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database.admin()?.batch_execute(
        "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY none ON shop.orders USING (false)",
    )?;
    let kin = open_ways(&database)?;
    Ok((database, kin))
}

/// The table under a policy and a mask of ours.
fn protected() -> Result<(Database<'static>, String)> {
    let database = Database::create()?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.orders", "by_region", vpd_tests::BY_REGION)?;
    security.execute(
        "SELECT vpd.add_mask('shop.orders', 'amount', '0', 'vpd.user_in_role(''hr'')')",
        &[],
    )?;
    let kin = open_ways(&database)?;
    database.admin()?.execute(
        "SELECT vpd.grant_profile('runtime', $1::text::regrole), vpd.grant_profile('runtime', 'app_owner')",
        &[&kin],
    )?;
    Ok((database, kin))
}

/// Ids and amounts as a probe prints them.
fn printed(ids: &[i32], amount: impl Fn(i32) -> i32) -> String {
    let rows: Vec<String> = ids.iter().map(|id| format!("[{id}, {}]", amount(*id))).collect();
    format!("[{}]", rows.join(", "))
}

fn everything() -> String {
    printed(&(1..=40).collect::<Vec<_>>(), |id| id * 10)
}

#[test]
fn control_code_inside_a_foreign_key_reads_past_forced_row_security() -> Result<()> {
    let (database, kin) = bare()?;
    for (cell, seen) in cell::read(&database, &kin, None)? {
        let expected = if cell.is_inside() {
            everything()
        } else {
            "[]".to_owned()
        };
        assert_eq!(seen, expected, "{cell:?}");
    }
    Ok(())
}

#[test]
fn code_inside_a_foreign_key_is_under_policy_and_mask() -> Result<()> {
    let (database, kin) = protected()?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let east = printed(&expected_ids("East"), |_| 0);
    for (token, expected) in [(None, "[]"), (Some(token.as_str()), east.as_str())] {
        for (cell, seen) in cell::read(&database, &kin, token)? {
            assert_eq!(seen, expected, "{cell:?}, with a session: {}", token.is_some());
        }
    }
    Ok(())
}

/// What a transaction of the role begins with.
fn begin(client: &mut postgres::Client, token: Option<&str>) -> Result<()> {
    client.batch_execute("BEGIN")?;
    if let Some(token) = token {
        attach(client, token)?;
    }
    Ok(())
}
