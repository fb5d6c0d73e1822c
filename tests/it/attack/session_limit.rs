//! Limits are counted around: by several tokens of one session, by several pillars, by acting for somebody.

use std::sync::Barrier;
use std::thread;

use postgres::Client;
use vpd_tests::{
    Database, Result, Subject, act_for, assert_refused, create_orders, issue, outcome, redeem, role,
};

use crate::authority::define;

const LIMIT: i64 = 4;

const SCENE: &str = "
SELECT vpd.define_resource('session');
SELECT vpd.define_privilege('session:on_behalf'), vpd.define_role('Help Desk');
SELECT vpd.grant_authority('privilege:session:on_behalf', 'role:Help Desk');
SELECT vpd.define_user('henry'), vpd.grant_authority('role:Help Desk', 'user:henry');
SELECT vpd.define_user('user' || n) FROM generate_series(1, 20) n;
SELECT vpd.register_app(name, pillar, max_sessions_per_user => 4, when_full => 'refuse') FROM (VALUES ('portal', 'retail'), ('ledger', 'finance')) a (name, pillar);
";

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    define(&database, SCENE)?;
    Ok(database)
}

/// Lets sixteen connections do the same at once.
fn at_once(database: &Database<'_>, work: impl Fn(&mut Client, usize) + Sync) -> Result<()> {
    let mut clients = vec![];
    for _ in 0..16 {
        clients.push(database.connect(role::BRIDGE)?);
    }
    let start = Barrier::new(clients.len());
    thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(client, number);
            });
        }
    });
    Ok(())
}

/// Live sessions that henry holds through an application.
fn held(database: &Database<'_>, app: &str) -> Result<i64> {
    let count = "SELECT count(*)
                   FROM vpd.sessions s
                   JOIN vpd_private.session x ON x.id = s.session_id
                  WHERE s.is_live AND s.app = $1 AND (s.user_name = 'henry' OR 'henry' = ANY (x.actors))";
    Ok(database.admin()?.query_one(count, &[&app])?.get(0))
}

#[test]
fn control_who_counts_before_he_adds_adds_too_many() -> Result<()> {
    let database = Database::create_bare()?;
    create_orders(&database)?;
    database
        .admin()?
        .batch_execute("CREATE TABLE shop.ticket (session integer); GRANT ALL ON shop.ticket TO PUBLIC")?;
    at_once(&database, |client, _| {
        let add = "WITH few AS (SELECT FROM shop.ticket HAVING count(*) < 4), pause AS MATERIALIZED (SELECT pg_sleep(0.2) FROM few)
                   INSERT INTO shop.ticket SELECT 1 FROM pause";
        client.batch_execute(add).unwrap();
    })?;
    let count: i64 = database
        .admin()?
        .query_one("SELECT count(*) FROM shop.ticket", &[])?
        .get(0);
    assert!(count > LIMIT, "{count}");
    Ok(())
}

#[test]
fn the_tickets_of_a_session_are_counted_whichever_token_asks() -> Result<()> {
    let database = scene()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let mut tokens = vec![Subject::new("alice").log_in_with(&mut bridge)?];
    for _ in 0..15 {
        let ticket = issue(&mut bridge, &tokens[0], "floor")?;
        tokens.push(redeem(&mut bridge, &ticket, "floor")?.ok_or("not redeemed")?);
    }
    at_once(&database, |client, number| {
        for _ in 0..3 {
            // Those that come too late are refused.
            let _issued = outcome(issue(client, &tokens[number], "ledger"));
        }
    })?;
    let open: i64 = database
        .admin()?
        .query_one("SELECT count(*) FROM vpd_private.ticket", &[])?
        .get(0);
    assert_eq!(open, 10);
    Ok(())
}

#[test]
fn sessions_handed_to_another_pillar_are_counted_there() -> Result<()> {
    let database = scene()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let henry = Subject::new("henry").log_in_with(&mut bridge)?;
    for _ in 0..LIMIT {
        let ticket = issue(&mut bridge, &henry, "ledger")?;
        assert!(redeem(&mut bridge, &ticket, "ledger")?.is_some(), "control");
    }
    let ticket = issue(&mut bridge, &henry, "ledger")?;
    assert_refused(redeem(&mut bridge, &ticket, "ledger"), "53400", "limit_sessions");
    assert_eq!(held(&database, "ledger")?, LIMIT);
    assert_refused(
        Subject::new("henry").app("ledger").log_in_with(&mut bridge),
        "53400",
        "limit_sessions",
    );
    // Nobody else is in the way, and the ticket is good once there is room.
    Subject::new("user1").app("ledger").log_in_with(&mut bridge)?;
    let end = "SELECT vpd.end_session_by_id(min(session_id::text)::uuid) FROM vpd.sessions WHERE app = 'ledger' AND user_name = 'henry'";
    database.connect(role::SECURITY)?.query_one(end, &[])?;
    assert!(redeem(&mut bridge, &ticket, "ledger")?.is_some());
    Ok(())
}

#[test]
fn sessions_on_behalf_are_counted_for_whoever_opens_them() -> Result<()> {
    let database = scene()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let logins = [
        Subject::new("henry").log_in_with(&mut bridge)?,
        Subject::new("henry").log_in_with(&mut bridge)?,
    ];
    act_for(&mut bridge, &logins[0], "user1")?;
    act_for(&mut bridge, &logins[1], "user2")?;
    for login in &logins {
        let third = act_for(&mut bridge, login, "user3");
        assert_refused(third, "53400", "limit_sessions");
    }
    assert_eq!(held(&database, "portal")?, LIMIT);
    assert_refused(
        Subject::new("henry").log_in_with(&mut bridge),
        "53400",
        "limit_sessions",
    );
    // The user who is acted for is not locked out.
    for _ in 0..LIMIT {
        Subject::new("user1").log_in_with(&mut bridge)?;
    }
    Ok(())
}

#[test]
fn no_race_opens_more_than_one_may_hold() -> Result<()> {
    let database = scene()?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let login = Subject::new("henry").app("floor").log_in_with(&mut bridge)?;
    let mut tickets = vec![];
    for _ in 0..8 {
        tickets.push(issue(&mut bridge, &login, "ledger")?);
    }
    // In every way at once: logins, handoffs, on behalf of others.
    let acting = issue(&mut bridge, &login, "portal")?;
    let acting = redeem(&mut bridge, &acting, "portal")?.ok_or("not redeemed")?;
    at_once(&database, |client, number| {
        let user = format!("user{number}");
        for app in ["portal", "ledger"] {
            let _logged_in = outcome(Subject::new("henry").app(app).log_in_with(client));
        }
        if let Some(ticket) = tickets.get(number) {
            let _redeemed = outcome(redeem(client, ticket, "ledger"));
        }
        let create = "SELECT vpd.create_session_on_behalf($1, $2, app => 'portal')";
        let _acting = outcome(client.query_one(create, &[&acting, &user]));
    })?;
    for app in ["portal", "ledger"] {
        assert_eq!(held(&database, app)?, LIMIT, "{app}");
    }
    Ok(())
}
