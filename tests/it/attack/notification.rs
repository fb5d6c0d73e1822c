//! Notifications are a resource of the whole cluster that any role can use up, and lock in its commit. No end of a session rests on them.

use std::mem::ManuallyDrop;
use std::thread;

use postgres::Client;
use vpd_tests::{
    Cluster, Database, Extension, Library, Result, Subject, assert_refused, attach, role, until_true,
};

/// What ends the session of a token, by whom.
const ENDERS: [(&str, &str); 6] = [
    (role::BRIDGE, "SELECT vpd.end_session($1)"),
    (role::BRIDGE, "SELECT vpd.validate_message($1, repeat('x', 43))"),
    (
        role::SECURITY,
        "SELECT vpd.end_user_sessions('alice') WHERE $1::text IS NOT NULL",
    ),
    (
        role::SECURITY,
        "SELECT vpd.end_all_sessions() WHERE $1::text IS NOT NULL",
    ),
    (
        role::SECURITY,
        "SELECT vpd.disable_user('alice') WHERE $1::text IS NOT NULL",
    ),
    (
        role::SECURITY,
        "SELECT vpd.drop_app('portal') WHERE $1::text IS NOT NULL",
    ),
];

/// A commit with a notification that does not end: it holds the lock of those who commit with one.
fn hang(mut attacker: Client) {
    thread::spawn(move || {
        attacker.batch_execute("SET synchronous_commit = on; BEGIN; CREATE TEMP TABLE t (); NOTIFY x; COMMIT")
    });
}

#[test]
fn whoever_locks_the_notifications_holds_up_no_end() -> Result<()> {
    // A commit that asks for it waits for a standby that is not there.
    let cluster = Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        "synchronous_standby_names = 'nobody'",
    )?;
    // Nothing can be dropped while it waits; they go with the cluster.
    let create = || Database::create_in(&cluster).map(ManuallyDrop::new);
    let databases = ENDERS.iter().map(|_| create()).collect::<Result<Vec<_>>>()?;
    let template = create()?;
    hang(template.connect(role::USER)?);
    let mut admin = template.admin()?;
    until_true(
        &mut admin,
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')",
    )?;
    // control: who notifies waits
    let mut other = template.connect(role::USER)?;
    other.batch_execute("SET lock_timeout = '1s'")?;
    assert!(other.batch_execute("NOTIFY y").is_err());
    for ((role, ender), database) in ENDERS.iter().zip(&databases) {
        database
            .admin()?
            .batch_execute("SELECT vpd.define_user('alice')")?;
        let token = Subject::new("alice").log_in(database)?;
        let mut user = database.connect(role::USER)?;
        attach(&mut user, &token)?;
        let mut caller = database.connect(role)?;
        caller.batch_execute("SET statement_timeout = '20s'; SET lock_timeout = '20s'")?;
        caller.query(*ender, &[&token])?;
        assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    }
    Ok(())
}

#[test]
fn without_a_lock_whoever_listens_is_woken() -> Result<()> {
    let database = Database::create()?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut listener = database.connect(role::BRIDGE)?;
    listener.batch_execute("LISTEN vpd_queue")?;
    let mut bridge = database.connect(role::BRIDGE)?;
    // Of what is rolled back nobody hears.
    bridge.batch_execute("BEGIN")?;
    bridge.execute("SELECT vpd.end_session($1)", &[&token])?;
    bridge.batch_execute("ROLLBACK")?;
    bridge.execute("SELECT vpd.end_session($1)", &[&token])?;
    listener.batch_execute("SELECT 1")?;
    let heard: Vec<String> = {
        use postgres::fallible_iterator::FallibleIterator as _;
        let mut notifications = listener.notifications();
        notifications
            .iter()
            .map(|notification| Ok(notification.payload().to_owned()))
            .collect()?
    };
    let ended: String = database
        .admin()?
        .query_one(
            "SELECT session_id::text FROM vpd.sessions WHERE ended_at IS NOT NULL",
            &[],
        )?
        .get(0);
    assert_eq!(heard, [ended]);
    Ok(())
}
