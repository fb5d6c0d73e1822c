//! What a call costs does not depend on when its plan was made: one that was made while the tables were empty is kept by a connection
//! for as long as it lives. Counted are rows and index entries that were read, not seconds.

use postgres::Client;
use postgres::types::ToSql;
use vpd_tests::{Cluster, Crowd, Database, Result, Subject, VERIFIER, attach, challenge, role, rows_read};

/// Sessions that are made while the connections are open.
const SESSIONS: i64 = 200_000;
/// What a call may read, whatever the size of the tables.
const BOUND: i64 = 150;

/// A connection of the bridge.
struct Caller(Client);

impl Caller {
    /// Every call of a session's life, from login to logout; what each of them read.
    fn call_all(&mut self) -> Result<Vec<(&'static str, i64)>> {
        let mut read = Vec::new();
        let mut call = |name, query, args: &[&str]| -> Result<String> {
            let (found, count) = self.call(query, args)?;
            read.push((name, count));
            Ok(found.unwrap_or_default())
        };
        let create = "SELECT vpd.create_session('alice', 'portal')";
        let portal = call("create_session", create, &[])?;
        call(
            "attach_session",
            "SELECT vpd.attach_session($1)::text",
            &[&portal],
        )?;
        let issue = "SELECT vpd.issue_ticket($1, 'floor', $2)";
        let ticket = call("issue_ticket", issue, &[&portal, &challenge(VERIFIER)])?;
        let redeem = "SELECT vpd.redeem_ticket($1, 'floor', $2)";
        let floor = call("redeem_ticket", redeem, &[&ticket, VERIFIER])?;
        let record = "SELECT vpd.record_message($1, 'portal')";
        let message = call("record_message", record, &[&floor])?;
        let validate = "SELECT vpd.validate_message($1, $2)::text";
        assert_eq!(call("validate_message", validate, &[&portal, &message])?, "true");
        call("validate_message, again", validate, &[&portal, &message])?;
        call("end_session", "SELECT vpd.end_session($1)::text", &[&floor])?;
        let browse = "SELECT count(*)::text FROM vpd.browse_queue($1)";
        call("browse_queue", browse, &[&portal])?;
        call("create_session", create, &[])?;
        let end = "SELECT vpd.end_user_sessions('alice')::text";
        call("end_user_sessions", end, &[])?;
        Ok(read)
    }

    fn call(&mut self, query: &str, args: &[&str]) -> Result<(Option<String>, i64)> {
        let args: Vec<&(dyn ToSql + Sync)> = args.iter().map(|arg| arg as _).collect();
        let mut transaction = self.0.transaction()?;
        let done = rows_read(&mut transaction, |transaction| {
            Ok(transaction.query_one(query, &args)?.get(0))
        })?;
        transaction.commit()?;
        Ok(done)
    }
}

#[test]
fn a_call_on_an_old_connection_costs_the_same_with_many_sessions() -> Result<()> {
    let (_turn, cluster) = Cluster::quiet()?;
    let database = Database::create_in(cluster)?;
    let mut admin = database.admin()?;
    for function in ["end_user_sessions", "attach_session"] {
        let grant = format!("GRANT EXECUTE ON FUNCTION vpd.{function} TO {}", role::BRIDGE);
        admin.batch_execute(&grant)?;
    }
    admin.batch_execute("VACUUM ANALYZE")?;
    let mut old = Caller(database.connect(role::BRIDGE)?);
    old.call_all()?;

    Subject::new("model").log_in(&database)?;
    let crowd = Crowd {
        model: "model",
        count: SESSIONS,
        age: "1 second",
    };
    crowd.gather(&mut admin)?;
    admin.batch_execute(
        "CREATE TEMP TABLE n AS SELECT id, sha256(convert_to(id::text, 'UTF8')) AS hash FROM crowd;
         INSERT INTO vpd_private.ticket (ticket_hash, session_id, source_app, target_app, challenge, issued_at, expires_at, made_in)
         SELECT n.hash, n.id, 'portal', 'floor', n.hash, now(), now() + interval '2 minutes', 0 FROM n;
         INSERT INTO vpd_private.message (message_hash, root_id, source_app, target_app, recorded_at, expires_at)
         SELECT n.hash, n.id, 'floor', 'portal', now(), now() + interval '1 minute' FROM n;
         INSERT INTO vpd_private.queue (session_id, app, kind, reason, created_at)
         SELECT n.id, 'floor', 'close', 'logout', now() FROM n",
    )?;
    let read = old.call_all()?;
    assert!(read.iter().all(|(_, read)| *read <= BOUND), "{read:?}");
    // What an application asks in the session of a user is planned for each of them.
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut transaction = user.transaction()?;
    attach(&mut transaction, &token)?;
    let (sessions, read) = rows_read(&mut transaction, |transaction| {
        Ok(transaction.query("SELECT * FROM vpd.my_sessions", &[])?.len())
    })?;
    assert!(
        sessions == 1 && read <= BOUND,
        "{sessions} sessions, {read} rows read"
    );
    Ok(())
}

/// Somebody's own functions, which any role may make in its temporary schema, make nobody look sessions up again.
#[test]
fn functions_of_others_make_nobody_forget_sessions() -> Result<()> {
    let (_turn, cluster) = Cluster::quiet()?;
    let database = Database::create_in(cluster)?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut attaching = || -> Result<i64> {
        let mut transaction = user.transaction()?;
        let ((), read) = rows_read(&mut transaction, |transaction| Ok(attach(transaction, &token)?))?;
        transaction.commit()?;
        Ok(read)
    };
    // control: it is looked up the first time
    assert!(attaching()? > 0);
    assert_eq!(attaching()?, 0);
    let mut other = database.connect(role::USER)?;
    for _ in 0..3 {
        other.batch_execute(
            "CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        )?;
        assert_eq!(attaching()?, 0);
    }
    Ok(())
}
