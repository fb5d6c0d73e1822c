//! A connection of a pool lives for weeks. What it remembers of sessions and plans must not grow with every user.

use std::fs;

use vpd_tests::{Database, Result, Subject, attach, ids, protected_orders, role};

/// Memory of a server process that is its own, in KiB.
fn resident(pid: i32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .ok_or("no RssAnon")?;
    Ok(line.split_whitespace().nth(1).ok_or("no figure")?.parse()?)
}

#[test]
fn a_connection_that_serves_many_users_does_not_grow() -> Result<()> {
    let database = protected_orders()?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.other AS TABLE shop.orders; GRANT SELECT ON shop.other TO app_user;
         CREATE FUNCTION shop.by_region(text, text) RETURNS text LANGUAGE sql STABLE
             AS $$SELECT format('region = %L', vpd.attribute('app', 'region'))$$",
    )?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.add_policy('shop.other', 'f', policy_function => 'shop.by_region', kind => 'context_sensitive')",
    )?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut tokens = vec![];
    for number in 0..500 {
        tokens.push(Subject::in_region(&format!("user{number}"), "East").log_in_with(&mut bridge)?);
    }
    let mut user = database.connect(role::USER)?;
    let pid: i32 = user.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let (static_read, sensitive_read) = (
        user.prepare("SELECT id FROM shop.orders")?,
        user.prepare("SELECT id FROM shop.other")?,
    );
    let mut serve = |from: usize, to: usize| -> Result<u64> {
        for number in from..to {
            let mut session = user.transaction()?;
            attach(&mut session, &tokens[number % tokens.len()])?;
            assert_eq!(session.query(&static_read, &[])?.len(), 10);
            assert_eq!(session.query(&sensitive_read, &[])?.len(), 10);
            if number % 10 == 0 {
                assert_eq!(ids(&mut session, "SELECT id FROM shop.other")?.len(), 10);
            }
            session.commit()?;
        }
        resident(pid)
    };
    let warm = serve(0, 700)?;
    let later = serve(700, 2_100)?;
    assert!(
        later <= warm + 512,
        "{warm} KiB after 700 users, {later} KiB after 2 100"
    );
    Ok(())
}

/// 1 MB of users with 400 attributes each, whose names are long and whose values are short.
fn wide_users() -> String {
    let mut file = String::from("user_name");
    for attribute in 0..400 {
        file.push_str(&format!(",{attribute:0>140}"));
    }
    for user in 0..1_200 {
        file.push_str(&format!("\nuser{user}{}", ",1".repeat(400)));
    }
    file
}

#[test]
fn a_load_of_users_keeps_no_more_than_the_file() -> Result<()> {
    let database = Database::create()?;
    let mut security = database.connect(role::SECURITY)?;
    let pid: i32 = security.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let file = wide_users();
    // The first time every user is new, the second time known.
    for _ in 0..2 {
        let mut session = security.transaction()?;
        session.execute("SELECT vpd.begin_load('users')", &[])?;
        let before = resident(pid)?;
        for part in file.as_bytes().chunks(256 * 1024) {
            session.execute("SELECT vpd.load_part($1)", &[&part])?;
        }
        let kept = resident(pid)?.saturating_sub(before);
        assert!(
            kept < 24 * 1024,
            "{kept} KiB for a file of {} KiB",
            file.len() / 1024
        );
        assert!(session.query("SELECT FROM vpd.finish_load()", &[])?.is_empty());
        session.commit()?;
    }
    let whole: i64 = database
        .admin()?
        .query_one(
            "SELECT count(*) FROM vpd_private.user_account u
              WHERE (SELECT count(*) FROM jsonb_each_text(u.attributes) a WHERE a.value = '1') = 400",
            &[],
        )?
        .get(0);
    assert_eq!(whole, 1_200);
    Ok(())
}
