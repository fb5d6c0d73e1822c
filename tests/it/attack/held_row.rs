//! Whoever ends one session in a transaction that he leaves open holds up nobody who ends others with it, nor the purge.

use std::time::Duration;

use postgres::Client;
use vpd_tests::{Database, Result, Subject, attach, issue, redeem, role};

/// What is ended while another session of the same user is being ended in an open transaction.
const ENDERS: [(&str, &str); 4] = [
    (role::SECURITY, "SELECT vpd.end_user_sessions('victim')"),
    (role::SECURITY, "SELECT vpd.disable_user('victim')"),
    (role::SECURITY, "SELECT vpd.end_all_sessions()"),
    (role::SECURITY, "SELECT vpd.drop_app('portal')"),
];

/// A transaction that has ended a session and is left open.
fn holding(database: &Database<'_>, token: &str) -> Result<Client> {
    let mut bridge = database.connect(role::BRIDGE)?;
    bridge.batch_execute("BEGIN")?;
    bridge.execute("SELECT vpd.end_session($1)", &[&token])?;
    Ok(bridge)
}

fn is_live(database: &Database<'_>, token: &str) -> Result<bool> {
    Ok(attach(&mut database.connect(role::USER)?, token).is_ok())
}

#[test]
fn an_end_that_is_left_open_holds_up_no_other() -> Result<()> {
    for (role, ender) in ENDERS {
        let database = Database::create()?;
        database
            .admin()?
            .batch_execute("SELECT vpd.define_user('victim')")?;
        let live = Subject::new("victim").log_in(&database)?;
        let held = Subject::new("victim").log_in(&database)?;
        // control: it lives, and its row is held
        assert!(is_live(&database, &live)?);
        let mut bridge = holding(&database, &held)?;
        let wait = "SELECT FROM vpd_private.session WHERE user_name = 'victim' FOR UPDATE NOWAIT";
        assert!(
            database.admin()?.batch_execute(wait).is_err(),
            "the control holds no row"
        );
        let mut security = database.connect(role)?;
        security.batch_execute("SET statement_timeout = '20s'")?;
        security.batch_execute(ender)?;
        assert!(!is_live(&database, &live)?, "{ender}");
        assert!(!is_live(&database, &held)?, "{ender}");
        bridge.batch_execute("ROLLBACK")?;
        assert!(!is_live(&database, &held)?, "{ender}");
    }
    Ok(())
}

#[test]
fn the_purge_waits_for_nobody_who_holds_a_session_below_one_that_is_over() -> Result<()> {
    for age in ["13 hours", "3 days"] {
        let database = Database::create()?;
        let mut admin = database.admin()?;
        let mut bridge = database.connect(role::BRIDGE)?;
        let token = Subject::new("victim").log_in(&database)?;
        let ticket = issue(&mut bridge, &token, "ledger")?;
        let below = redeem(&mut bridge, &ticket, "ledger")?.ok_or("refused")?;
        let other = Subject::new("other").log_in(&database)?;
        let mut holder = holding(&database, &below)?;
        // The login is over; what comes out of it is held.
        admin.batch_execute(&format!(
            "UPDATE vpd_private.session SET last_access_at = last_access_at - interval '{age}', expires_at = expires_at - interval '{age}'
              WHERE parent_id IS NULL"
        ))?;
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute("SET statement_timeout = '20s'")?;
        let ended: i64 = security.query_one("SELECT vpd.purge()", &[])?.get(0);
        assert!(ended > 0, "{age}");
        holder.batch_execute("ROLLBACK")?;
        for token in [&token, &below, &other] {
            assert!(!is_live(&database, token)?, "{age}");
        }
        // What was passed over is found by a later one.
        std::iter::repeat_with(|| {
            security
                .query_one("SELECT vpd.purge()", &[])
                .map(|row| row.get::<_, i64>(0))
        })
        .take_while(|count| !matches!(count, Ok(0)))
        .collect::<std::result::Result<Vec<i64>, _>>()?;
        let open = "SELECT count(*) FROM vpd_private.session WHERE ended_at IS NULL";
        assert_eq!(admin.query_one(open, &[])?.get::<_, i64>(0), 0, "{age}");
    }
    Ok(())
}

#[test]
fn purges_and_ends_at_once_end_everything_and_fail_nobody() -> Result<()> {
    const USERS: usize = 300;
    let database = Database::create()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    for user in 0..USERS {
        let token = Subject::new(&format!("user {user}")).log_in_with(&mut bridge)?;
        let ticket = issue(&mut bridge, &token, "ledger")?;
        redeem(&mut bridge, &ticket, "ledger")?.ok_or("refused")?;
    }
    database.admin()?.batch_execute(
        "UPDATE vpd_private.session SET last_access_at = last_access_at - interval '1 hour' - random() * interval '1 hour' WHERE parent_id IS NULL",
    )?;
    std::thread::scope(|scope| -> Result<()> {
        let ender = |step: usize| {
            let database = &database;
            scope.spawn(move || -> std::result::Result<(), String> {
                let told = |error: Box<dyn std::error::Error + Send + Sync>| error.to_string();
                let mut security = database
                    .connect(role::SECURITY)
                    .map_err(|error| error.to_string())?;
                for number in 0..USERS {
                    let user = format!("user {}", number * step % USERS);
                    security
                        .execute("SELECT vpd.end_user_sessions($1)", &[&user])
                        .map_err(|error| told(error.into()))?;
                }
                Ok(())
            })
        };
        let enders = [ender(1), ender(7)];
        let mut security = database.connect(role::SECURITY)?;
        while security.query_one("SELECT vpd.purge(50)", &[])?.get::<_, i64>(0) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        for ender in enders {
            ender.join().map_err(|_| "an ender fell")??;
        }
        Ok(())
    })
}
