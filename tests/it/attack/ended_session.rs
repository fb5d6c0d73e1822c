//! A session that was ended, or lost a privilege, acts where no statement starts any more: COPY, and a block that runs on.

use std::io::Write;

use postgres::Client;
use vpd_tests::{Database, Outcome, Result, Subject, assert_refused, attach, outcome, overlapped, role};

use crate::purchase_orders::{SEPARATION, make_orders, scene};

const COPY: &str = "COPY purchasing.orders (id, supplier, status) FROM STDIN";
const REVOKE: &str = "SELECT vpd.revoke_authority('role:Purchasing Manager', 'user:mia')";

fn copy(client: &mut Client, line: &str) -> Result<Outcome<u64>> {
    let mut writer = match client.copy_in(COPY) {
        Ok(writer) => writer,
        Err(error) => return Ok(outcome(Err(error))),
    };
    writer.write_all(line.as_bytes())?;
    Ok(outcome(writer.finish()))
}

#[track_caller]
fn assert_token(outcome: Outcome<impl std::fmt::Debug>, state: &str, token: &str) {
    let refusal = outcome.as_ref().err();
    assert_eq!(
        refusal.map(|refusal| (refusal.state.code(), refusal.token.as_deref())),
        Some((state, Some(token))),
        "{outcome:?}"
    );
}

#[test]
fn an_ended_session_copies_nothing_in() -> Result<()> {
    let database = scene(SEPARATION)?;
    for is_ended in [false, true] {
        let token = Subject::new("max").log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        client.batch_execute("BEGIN")?;
        attach(&mut client, &token)?;
        if is_ended {
            end(&database, "max")?;
        }
        let copied = copy(&mut client, "70\tAcme\tworksheet\n")?;
        if is_ended {
            assert_token(copied, "28000", "session_invalid");
        } else {
            assert_eq!(copied, Ok(1));
        }
    }
    Ok(())
}

#[test]
fn a_revoked_privilege_copies_nothing_in() -> Result<()> {
    for is_revoked in [false, true] {
        let database = scene(
            "SELECT vpd.track_changes('purchasing.orders');
             SELECT vpd.protect_action('purchasing.orders', NULL, 'purchase_order:approve', 'status', 'approved')",
        )?;
        let token = Subject::new("mia").log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        client.batch_execute("BEGIN")?;
        attach(&mut client, &token)?;
        client.query_one("SELECT vpd.user_name()", &[])?;
        if is_revoked {
            database.connect(role::SECURITY)?.batch_execute(REVOKE)?;
        }
        let copied = copy(&mut client, "70\tAcme\tapproved\n")?;
        if is_revoked {
            assert_token(copied, "42501", "privilege_missing");
        } else {
            assert_eq!(copied, Ok(1));
        }
    }
    Ok(())
}

fn end(database: &Database<'_>, user: &str) -> Result<()> {
    database
        .connect(role::SECURITY)?
        .query_one("SELECT vpd.end_user_sessions($1)", &[&user])?;
    Ok(())
}

/// Runs a statement of one connection that waits for a lock which another holds, lets something happen while it waits, and lets it go on.
fn while_it_waits(
    database: &Database<'_>,
    waiting: &mut Client,
    statement: &str,
    meanwhile: impl FnOnce() -> Result<()>,
) -> Result<Outcome<()>> {
    let (done, happened) = overlapped(
        waiting,
        &mut database.admin()?,
        |client| outcome(client.batch_execute(statement)),
        meanwhile,
    )?;
    happened.map(|()| done)
}

/// A block that waits and then does something which starts no statement of its own.
fn block(what: &str) -> String {
    format!(
        "DO $block$ DECLARE done text; BEGIN PERFORM pg_advisory_xact_lock(1); done := {what}; END $block$"
    )
}

#[test]
fn a_block_that_runs_on_acts_for_no_session_that_was_ended() -> Result<()> {
    let database = scene(SEPARATION)?;
    make_orders(&database)?;
    for what in [
        "vpd.record_action('purchase_order/8', 'approve')::text",
        "vpd.request_sod_exception('order_submit_approve', 'max', 'x', '2200-01-01')::text",
    ] {
        for is_ended in [false, true] {
            let token = Subject::new("mia").log_in(&database)?;
            let mut client = database.connect(role::USER)?;
            client.batch_execute("BEGIN")?;
            attach(&mut client, &token)?;
            let mut holder = database.admin()?;
            holder.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1)")?;
            let done = while_it_waits(&database, &mut client, &block(what), || {
                if is_ended {
                    end(&database, "mia")?;
                }
                holder.batch_execute("COMMIT")?;
                Ok(())
            })?;
            if is_ended {
                assert_token(done, "28000", "session_invalid");
            } else {
                assert_eq!(done, Ok(()), "{what}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_block_that_runs_on_acts_with_no_privilege_that_was_revoked() -> Result<()> {
    let database = scene(SEPARATION)?;
    let token = Subject::new("mia").log_in(&database)?;
    let mut client = database.connect(role::USER)?;
    client.batch_execute("BEGIN")?;
    attach(&mut client, &token)?;
    let mut holder = database.admin()?;
    holder.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1)")?;
    let act = block("vpd.record_action('purchase_order/8', 'approve')::text");
    let done = while_it_waits(&database, &mut client, &act, || {
        database.connect(role::SECURITY)?.batch_execute(REVOKE)?;
        holder.batch_execute("COMMIT")?;
        Ok(())
    })?;
    assert_token(done, "42501", "privilege_missing");
    Ok(())
}

#[test]
fn a_privilege_revoked_while_the_action_waits_for_the_object_counts() -> Result<()> {
    let database = scene(SEPARATION)?;
    let act = "SELECT vpd.record_action('purchase_order/8', 'approve')";
    let [mut mia, mut max] = ["mia", "max"].map(|user| -> Result<Client> {
        let token = Subject::new(user).log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        client.batch_execute("BEGIN")?;
        attach(&mut client, &token)?;
        Ok(client)
    });
    let (mia, max) = (mia.as_mut(), max.as_mut());
    let (Ok(mia), Ok(max)) = (mia, max) else {
        return Err("no session".into());
    };
    max.batch_execute(act)?;
    let done = while_it_waits(&database, mia, act, || {
        database.connect(role::SECURITY)?.batch_execute(REVOKE)?;
        max.batch_execute("COMMIT")?;
        Ok(())
    })?;
    assert_token(done, "42501", "privilege_missing");
    Ok(())
}

const OFFICERS: &str = "
SELECT vpd.define_resource('segregation'); SELECT vpd.define_privilege('segregation:approve'); SELECT vpd.define_role('Officer');
SELECT vpd.grant_authority('privilege:segregation:approve', 'role:Officer'); SELECT vpd.grant_authority('role:Officer', 'user:mia');
SELECT vpd.define_sod_rule('pair', '{role:Buyer,role:Allocator}');
";

const REQUEST: &str = "SELECT vpd.request_sod_exception('pair', 'bea', 'holiday', '2200-01-01')";

#[test]
fn a_privilege_revoked_while_the_approval_waits_counts() -> Result<()> {
    let database = scene(OFFICERS)?;
    let attached = |user: &str| -> Result<Client> {
        let token = Subject::new(user).log_in(&database)?;
        let mut client = database.connect(role::USER)?;
        client.batch_execute("BEGIN")?;
        attach(&mut client, &token)?;
        Ok(client)
    };
    let mut max = attached("max")?;
    let id: i64 = max.query_one(REQUEST, &[])?.get(0);
    max.batch_execute("COMMIT")?;
    let mut mia = attached("mia")?;
    let mut security = database.admin()?;
    security.batch_execute("BEGIN; SELECT vpd.revoke_authority('role:Officer', 'user:mia')")?;
    let approve = format!("SELECT vpd.approve_sod_exception({id})");
    let done = while_it_waits(&database, &mut mia, &approve, || {
        security.batch_execute("COMMIT")?;
        Ok(())
    })?;
    assert_token(done, "42501", "privilege_missing");
    Ok(())
}

#[test]
fn who_asks_for_an_exception_holds_up_nobody() -> Result<()> {
    let database = scene(OFFICERS)?;
    let token = Subject::new("max").log_in(&database)?;
    let mut max = database.connect(role::USER)?;
    max.batch_execute("BEGIN")?;
    attach(&mut max, &token)?;
    max.query_one(REQUEST, &[])?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute("SET lock_timeout = '3s'")?;
    let revoked = outcome(security.batch_execute("SELECT vpd.revoke_authority('role:Officer', 'user:mia')"));
    assert_eq!(revoked, Ok(()));
    Ok(())
}

#[test]
fn who_asks_for_an_exception_learns_no_names() -> Result<()> {
    let database = scene(OFFICERS)?;
    let token = Subject::new("max").log_in(&database)?;
    let mut client = database.connect(role::USER)?;
    let mut asked = Vec::new();
    let mut max = client.transaction()?;
    attach(&mut max, &token)?;
    for (rule, user) in [
        ("pair", "bea"),
        ("none", "bea"),
        ("pair", "nobody"),
        ("none", "nobody"),
    ] {
        let statement = "SELECT vpd.request_sod_exception($1, $2, 'x', '2200-01-01')";
        let mut savepoint = max.transaction()?;
        let row = outcome(savepoint.query_one(statement, &[&rule, &user]));
        assert!(row.is_ok(), "{rule} {user}: {row:?}");
        savepoint.commit()?;
        asked.push(row.map(|row| row.get::<_, i64>(0)).unwrap_or_default());
    }
    max.commit()?;
    // Whoever approves is told.
    let token = Subject::new("mia").log_in(&database)?;
    for (id, is_known) in asked.into_iter().zip([true, false, false, false]) {
        let mut mia = client.transaction()?;
        attach(&mut mia, &token)?;
        let approved = mia.execute("SELECT vpd.approve_sod_exception($1)", &[&id]);
        if is_known {
            assert_eq!(outcome(approved), Ok(1));
        } else {
            assert_refused(approved, "42704", "sod_exception_not_found");
        }
    }
    Ok(())
}
