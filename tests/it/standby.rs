//! A hot standby: policies and reads work, sessions can be attached, nothing is redeemed, ended or purged there.

use postgres::Client;
use vpd_tests::{
    BY_REGION, Cluster, Database, Extension, Library, Result, Subject, VERIFIER, add_policy, assert_refused,
    attach, challenge, create_orders, create_protected_orders, expected_ids, ids, outcome, role, until,
};

const ORDERS: &str = "SELECT id FROM shop.orders";

fn primary() -> Result<Cluster> {
    Cluster::start(
        &Extension::debug()?,
        Library::Preloaded,
        // What the primary cleans up at once would end a transaction of the standby that may still see it.
        "synchronous_commit = on\nvacuum_defer_cleanup_age = 100000",
    )
}

/// A standby of the server that a database lies in.
struct Follower<'a> {
    database: &'a Database<'a>,
    standby: Cluster,
    /// On the primary.
    admin: Client,
    /// On the standby.
    watcher: Client,
}

impl<'a> Follower<'a> {
    /// Starts it and lets it catch up.
    fn of(database: &'a Database<'a>) -> Result<Self> {
        let standby = database.cluster().start_standby()?;
        let mut follower = Self {
            database,
            admin: database.admin()?,
            watcher: standby.connect("postgres", database.name())?,
            standby,
        };
        follower.catch_up()?;
        Ok(follower)
    }

    fn connect(&self, role: &str) -> Result<Client> {
        self.standby.connect(role, self.database.name())
    }

    /// Waits until the standby has replayed what the primary has written.
    fn catch_up(&mut self) -> Result<()> {
        let written: String = self
            .admin
            .query_one("SELECT pg_current_wal_flush_lsn()::text", &[])?
            .get(0);
        let replayed = "SELECT coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false)";
        until("the standby has followed", || {
            Ok(self.watcher.query_one(replayed, &[&written])?.get(0))
        })
    }
}

#[test]
fn a_standby_reads_under_policy_and_writes_nothing() -> Result<()> {
    let primary = primary()?;
    let database = Database::create_in(&primary)?;
    create_protected_orders(&database)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut bridge = database.connect(role::BRIDGE)?;
    let issue = "SELECT vpd.issue_ticket($1, 'floor', $2)";
    let ticket: String = bridge.query_one(issue, &[&token, &challenge(VERIFIER)])?.get(0);
    // So old that a primary would move the idle clock.
    database.admin()?.batch_execute(
        "UPDATE vpd_private.session SET last_access_at = clock_timestamp() - interval '20 minutes'",
    )?;

    let follower = Follower::of(&database)?;

    let mut user = follower.connect(role::USER)?;
    assert!(ids(&mut user, ORDERS)?.is_empty());
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    assert_eq!(ids(&mut session, ORDERS)?, expected_ids("East"));
    session.commit()?;

    let mut bridge_there = follower.connect(role::BRIDGE)?;
    let writes = [
        outcome(bridge_there.execute("SELECT vpd.redeem_ticket($1, 'floor', $2)", &[&ticket, &VERIFIER])),
        outcome(bridge_there.execute(issue, &[&token, &challenge(VERIFIER)])),
        outcome(bridge_there.execute("SELECT vpd.end_session($1)", &[&token])),
        outcome(bridge_there.execute("SELECT vpd.create_session('bob', 'portal')", &[])),
    ];
    for write in &writes {
        let state = write
            .as_ref()
            .err()
            .map(|refusal| refusal.state.code().to_owned());
        assert!(matches!(state.as_deref(), Some("55000" | "25006")), "{write:?}");
    }
    let mut security_there = follower.connect(role::SECURITY)?;
    assert_refused(
        security_there.execute("SELECT vpd.purge()", &[]),
        "55000",
        "not_ready",
    );
    let redeem = "SELECT vpd.redeem_ticket($1, 'floor', $2)";
    let redeemed = bridge.query_one(redeem, &[&ticket, &VERIFIER])?;
    assert!(
        redeemed.get::<_, Option<String>>(0).is_some(),
        "the ticket was still whole on the primary"
    );
    Ok(())
}

#[test]
fn a_close_on_the_primary_bites_on_the_standby_once_it_arrived() -> Result<()> {
    let primary = primary()?;
    let database = Database::create_in(&primary)?;
    create_protected_orders(&database)?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    let mut follower = Follower::of(&database)?;
    let mut user = follower.connect(role::USER)?;
    for isolation in ["READ COMMITTED", "REPEATABLE READ"] {
        let token = if isolation == "READ COMMITTED" {
            token.clone()
        } else {
            let token = Subject::in_region("bob", "East").log_in(&database)?;
            follower.catch_up()?;
            token
        };
        user.batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}"))?;
        attach(&mut user, &token)?;
        assert_eq!(ids(&mut user, ORDERS)?, expected_ids("East"));
        database
            .connect(role::BRIDGE)?
            .execute("SELECT vpd.end_session($1)", &[&token])?;
        follower.catch_up()?;
        let seen = outcome(ids(&mut user, ORDERS)).unwrap_or_default();
        assert!(seen.is_empty(), "{isolation}: {seen:?}");
        user.batch_execute("ROLLBACK")?;
        // A policy edit arrives as well.
        assert_refused(attach(&mut user, &token), "28000", "session_invalid");
    }
    let carol = Subject::in_region("carol", "East").log_in(&database)?;
    let edit = "SELECT vpd.alter_policy('shop.orders', 'by_region', predicate => 'id = 7')";
    database.connect(role::SECURITY)?.execute(edit, &[])?;
    follower.catch_up()?;
    user.batch_execute("BEGIN")?;
    attach(&mut user, &carol)?;
    assert_eq!(ids(&mut user, ORDERS)?, [7]);
    Ok(())
}

#[test]
fn a_grant_revoked_on_the_primary_is_followed_on_the_standby_once_it_arrived() -> Result<()> {
    let primary = primary()?;
    let database = Database::create_in(&primary)?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_privilege('read_orders'), vpd.define_role('Reader'), vpd.define_user('alice');
         SELECT vpd.grant_authority('privilege:read_orders', 'role:Reader'), vpd.grant_authority('role:Reader', 'user:alice')",
    )?;
    add_policy(
        &mut security,
        "shop.orders",
        "by_privilege",
        "vpd.has_privilege('read_orders')",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut follower = Follower::of(&database)?;
    let mut user = follower.connect(role::USER)?;
    for isolation in ["READ COMMITTED", "REPEATABLE READ"] {
        user.batch_execute(&format!("BEGIN ISOLATION LEVEL {isolation}"))?;
        attach(&mut user, &token)?;
        assert_eq!(ids(&mut user, ORDERS)?.len(), 40);
        security.batch_execute("SELECT vpd.revoke_authority('role:Reader', 'user:alice')")?;
        follower.catch_up()?;
        assert!(ids(&mut user, ORDERS)?.is_empty(), "{isolation}");
        security.batch_execute("SELECT vpd.grant_authority('role:Reader', 'user:alice')")?;
        follower.catch_up()?;
        assert_eq!(ids(&mut user, ORDERS)?.len(), 40, "{isolation}");
        user.batch_execute("ROLLBACK")?;
    }
    Ok(())
}

#[test]
fn a_moved_node_counts_on_the_standby_once_it_arrived() -> Result<()> {
    let primary = primary()?;
    let database = Database::create_in(&primary)?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    security.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{half,region}');
         SELECT vpd.define_node('places', half) FROM unnest('{upper,lower}'::text[]) half;
         SELECT vpd.define_node('places', 'North', 'upper'), vpd.define_node('places', 'East', 'upper'),
                vpd.define_node('places', 'South', 'lower'), vpd.define_node('places', 'West', 'lower');
         SELECT vpd.protect_by_hierarchy('shop.orders', 'places', 'region');
         SELECT vpd.define_user('alice'), vpd.define_data_group('upper');
         SELECT vpd.grant_node('upper', 'places', 'upper'), vpd.grant_authority('data_group:upper', 'user:alice')",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut follower = Follower::of(&database)?;
    let mut user = follower.connect(role::USER)?;
    user.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
    attach(&mut user, &token)?;
    let of = |regions: &[&str]| -> Vec<i32> {
        let mut all: Vec<i32> = regions.iter().flat_map(|region| expected_ids(region)).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(ids(&mut user, ORDERS)?, of(&["North", "East"]));
    for (change, seen) in [
        (
            "SELECT vpd.move_node('places', 'West', 'upper')",
            &["North", "East", "West"][..],
        ),
        ("SELECT vpd.revoke_node('upper', 'places', 'upper')", &[]),
        ("SELECT vpd.grant_node('upper', 'places', 'South')", &["South"]),
        (
            "SELECT vpd.revoke_authority('data_group:upper', 'user:alice')",
            &[],
        ),
        (
            "SELECT vpd.set_hierarchy_mode('places', 'open', 'test')",
            &["North", "East", "South", "West"],
        ),
    ] {
        security.batch_execute(change)?;
        follower.catch_up()?;
        assert_eq!(ids(&mut user, ORDERS)?, of(seen), "{change}");
    }
    Ok(())
}

/// The standby shares nodes among its own connections, in its own folder, and takes none of the primary's along.
#[test]
fn a_standby_shares_the_nodes_of_hierarchies_among_its_connections() -> Result<()> {
    let primary = primary()?;
    let database = Database::create_in(&primary)?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.define_hierarchy('places', '{half,region}');
         SELECT vpd.define_node('places', 'upper'), vpd.define_node('places', 'lower');
         SELECT vpd.define_node('places', 'North', 'upper'), vpd.define_data_group('upper'), vpd.define_user('alice');
         SELECT vpd.grant_node('upper', 'places', 'upper'), vpd.grant_authority('data_group:upper', 'user:alice')",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    let sees_north = |mut user: Client| -> Result<bool> {
        let mut session = user.transaction()?;
        attach(&mut session, &token)?;
        Ok(session
            .query_one("SELECT vpd.sees_node('places', 'North'::text)", &[])?
            .get(0))
    };
    let blocks = |cluster: &Cluster| -> Result<usize> {
        let entries = std::fs::read_dir(cluster.data_folder().join("pg_dynshmem"))?;
        Ok(entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("pg_vpd."))
            .count())
    };
    assert!(sees_north(database.connect(role::USER)?)?);
    assert_eq!(blocks(&primary)?, 1);
    let mut follower = Follower::of(&database)?;
    assert_eq!(blocks(&follower.standby)?, 0);
    for (change, is_seen) in [
        ("SELECT", true),
        ("SELECT vpd.move_node('places', 'North', 'lower')", false),
        ("SELECT vpd.move_node('places', 'North', 'upper')", true),
    ] {
        database.connect(role::SECURITY)?.batch_execute(change)?;
        follower.catch_up()?;
        for _ in 0..2 {
            assert_eq!(sees_north(follower.connect(role::USER)?)?, is_seen, "{change}");
        }
        assert_eq!(blocks(&follower.standby)?, 1, "{change}");
    }
    // Whoever is promoted goes on with what he shares, and with what is changed then.
    follower
        .standby
        .connect("postgres", "postgres")?
        .batch_execute("SELECT pg_promote()")?;
    assert!(sees_north(follower.connect(role::USER)?)?);
    follower
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.move_node('places', 'North', 'lower')")?;
    assert!(!sees_north(follower.connect(role::USER)?)?);
    assert!(sees_north(database.connect(role::USER)?)?);
    Ok(())
}

/// Something that a backend keeps, and a change that makes what it kept wrong.
struct Kept {
    /// What is kept; a name of the table that the probe may read, too.
    what: &'static str,
    /// Statements of the security administrator; `TABLE` is a table of its own.
    setup: &'static str,
    /// One value, as text.
    probe: &'static str,
    /// Whether nobody is attached but the anonymous subject.
    is_anonymous: bool,
    /// A statement of the security administrator; `SESSION` is the id of the session.
    change: &'static str,
    /// Whether the change waits for whoever has read the table, so that no transaction can see it in its middle.
    is_waiting: bool,
    before: &'static str,
    after: &'static str,
}

const COUNT: &str = "SELECT count(*)::text FROM TABLE";

/// Every cache of a backend that answers for a session, and what changes it. Those of triggers (audit columns, consent, protected actions) serve writes,
/// which a standby has none of; `audit_columns.rs` and `segregation.rs` look at them.
const KEPT: [Kept; 17] = [
    Kept {
        what: "sessions",
        setup: "SELECT",
        probe: "SELECT vpd.is_established()::text",
        is_anonymous: false,
        change: "SELECT vpd.end_user_sessions('alice')",
        is_waiting: false,
        before: "true",
        after: "28000",
    },
    Kept {
        what: "authority",
        setup: "SELECT vpd.define_privilege('p1'), vpd.define_role('R1');
                SELECT vpd.grant_authority('privilege:p1', 'role:R1'), vpd.grant_authority('role:R1', 'user:alice')",
        probe: "SELECT vpd.has_privilege('p1')::text",
        is_anonymous: false,
        change: "SELECT vpd.revoke_authority('role:R1', 'user:alice')",
        is_waiting: false,
        before: "true",
        after: "false",
    },
    Kept {
        what: "anonymous",
        setup: "SELECT vpd.define_role('anonymous', 'abstract'), vpd.define_privilege('p2');
                SELECT vpd.grant_authority('privilege:p2', 'role:anonymous')",
        probe: "SELECT vpd.has_privilege('p2')::text",
        is_anonymous: true,
        change: "SELECT vpd.revoke_authority('privilege:p2', 'role:anonymous')",
        is_waiting: false,
        before: "true",
        after: "false",
    },
    Kept {
        what: "task_actions",
        setup: "SELECT vpd.define_task_type('t1'); SELECT vpd.define_task_action('t1', 'approve', '{owner}')",
        probe: "SELECT vpd.can_act('t1', 'approve', 'alice')::text",
        is_anonymous: false,
        change: "SELECT vpd.define_task_action('t1', 'approve', '{}')",
        is_waiting: false,
        before: "true",
        after: "false",
    },
    Kept {
        what: "task_content",
        setup: "SELECT vpd.define_task_type('t2'); SELECT vpd.define_task_content('t2', 'amount', '{owner}')",
        probe: "SELECT vpd.can_see('t2', 'amount', 'alice')::text",
        is_anonymous: false,
        change: "SELECT vpd.drop_task_type('t2')",
        is_waiting: false,
        before: "true",
        after: "false",
    },
    Kept {
        what: "task_policy",
        setup: "SELECT vpd.define_task_type('t3'); SELECT vpd.define_task_action('t3', 'read', '{owner}');
                SELECT vpd.add_policy('TABLE', 'tasks', $$vpd.can_act('t3', 'read', 'alice')$$)",
        probe: COUNT,
        is_anonymous: false,
        change: "SELECT vpd.define_task_action('t3', 'read', '{reviewer}')",
        is_waiting: false,
        before: "40",
        after: "0",
    },
    Kept {
        what: "exemption",
        setup: "SELECT vpd.add_policy('TABLE', 'none', 'false');
                SELECT vpd.grant_exempt('app_user', 'nightly load', 'TABLE')",
        probe: COUNT,
        is_anonymous: false,
        change: "SELECT vpd.revoke_exempt('app_user', 'TABLE')",
        is_waiting: false,
        before: "40",
        after: "0",
    },
    Kept {
        what: "new_exemption",
        setup: "SELECT vpd.add_policy('TABLE', 'none', 'false')",
        probe: COUNT,
        is_anonymous: false,
        change: "SELECT vpd.grant_exempt('app_user', 'nightly load', 'TABLE')",
        is_waiting: true,
        before: "0",
        after: "40",
    },
    Kept {
        what: "policy",
        setup: "SELECT vpd.add_policy('TABLE', 'p', 'id < 5')",
        probe: COUNT,
        is_anonymous: false,
        change: "SELECT vpd.alter_policy('TABLE', 'p', predicate => 'id < 3')",
        is_waiting: true,
        before: "4",
        after: "2",
    },
    Kept {
        what: "policy_group",
        setup: "SELECT vpd.create_policy_group('TABLE', 'g'), vpd.add_policy_context('TABLE', 'app', 'mode');
                SELECT vpd.add_policy('TABLE', 'p', 'id < 5', policy_group => 'g')",
        probe: COUNT,
        is_anonymous: false,
        change: "SELECT vpd.add_policy('TABLE', 'q', 'id < 2', policy_group => 'g')",
        is_waiting: true,
        before: "4",
        after: "1",
    },
    Kept {
        what: "policy_function",
        setup: "SELECT vpd.define_privilege('p3'), vpd.define_role('R3');
                SELECT vpd.grant_authority('privilege:p3', 'role:R3'), vpd.grant_authority('role:R3', 'user:alice');
                SELECT vpd.add_policy('TABLE', 'f', policy_function => 'shop.by_privilege', kind => 'context_sensitive')",
        probe: COUNT,
        is_anonymous: false,
        change: "SELECT vpd.revoke_authority('role:R3', 'user:alice')",
        is_waiting: false,
        before: "40",
        after: "0",
    },
    Kept {
        what: "mask",
        setup: "SELECT vpd.add_mask('TABLE', 'amount', '0', 'true'), vpd.add_policy('TABLE', 'all', 'true')",
        probe: "SELECT max(amount)::text FROM TABLE",
        is_anonymous: false,
        change: "SELECT vpd.alter_mask('TABLE', 'amount', visible_when => 'false')",
        is_waiting: true,
        before: "400",
        after: "0",
    },
    Kept {
        what: "mask_verdict",
        setup: "SELECT vpd.define_privilege('p4'), vpd.define_role('R4');
                SELECT vpd.grant_authority('privilege:p4', 'role:R4'), vpd.grant_authority('role:R4', 'user:alice');
                SELECT vpd.add_mask('TABLE', 'amount', '0', $$vpd.has_privilege('p4')$$), vpd.add_policy('TABLE', 'all', 'true')",
        probe: "SELECT max(amount)::text FROM TABLE",
        is_anonymous: false,
        change: "SELECT vpd.revoke_authority('role:R4', 'user:alice')",
        is_waiting: false,
        before: "400",
        after: "0",
    },
    Kept {
        what: "hierarchy_tree",
        setup: "SELECT vpd.define_hierarchy('h1', '{half,region}');
                SELECT vpd.define_node('h1', 'upper'), vpd.define_node('h1', 'lower');
                SELECT vpd.define_node('h1', 'North', 'upper'), vpd.define_data_group('d1');
                SELECT vpd.grant_node('d1', 'h1', 'upper'), vpd.grant_authority('data_group:d1', 'user:alice');
                SELECT vpd.protect_by_hierarchy('TABLE', 'h1', 'region')",
        probe: COUNT,
        is_anonymous: false,
        change: "SELECT vpd.move_node('h1', 'North', 'lower')",
        is_waiting: false,
        before: "10",
        after: "0",
    },
    Kept {
        what: "hierarchy_nodes",
        setup: "SELECT vpd.define_hierarchy('h2', '{region}'); SELECT vpd.define_node('h2', 'North'), vpd.define_data_group('d2');
                SELECT vpd.grant_node('d2', 'h2', 'North'), vpd.grant_authority('data_group:d2', 'user:alice')",
        probe: "SELECT vpd.sees_node('h2', 'North'::text)::text",
        is_anonymous: false,
        change: "SELECT vpd.revoke_node('d2', 'h2', 'North')",
        is_waiting: false,
        before: "true",
        after: "false",
    },
    Kept {
        what: "hierarchy_mode",
        setup: "SELECT vpd.define_hierarchy('h3', '{region}'); SELECT vpd.set_hierarchy_mode('h3', 'open', 'test')",
        probe: "SELECT vpd.sees_node('h3', 'North'::text)::text",
        is_anonymous: false,
        change: "SELECT vpd.set_hierarchy_mode('h3', 'closed', 'test')",
        is_waiting: false,
        before: "true",
        after: "false",
    },
    Kept {
        what: "shared_values",
        setup: "SELECT vpd.create_context('shared', 'shop.work', true)",
        probe: "SELECT coalesce(vpd.sys_context('shared', 'a'), 'none')",
        is_anonymous: false,
        change: "SHARED",
        is_waiting: false,
        before: "none",
        after: "set",
    },
];

/// Connections of one server that have looked.
struct Watch {
    name: &'static str,
    /// Attaches for each look.
    passing: Client,
    /// Has attached and stays in its transaction.
    staying: Client,
}

impl Kept {
    fn attach(&self, client: &mut Client, token: &str) -> std::result::Result<(), postgres::Error> {
        if self.is_anonymous {
            client.execute("SELECT vpd.attach_anonymous()", &[]).map(|_| ())
        } else {
            attach(client, token)
        }
    }

    fn of_table(&self, text: &str) -> String {
        text.replace("TABLE", &format!("shop.{}", self.what))
    }

    /// What the probe gives: a value, or the SQLSTATE of the refusal.
    fn look(&self, client: &mut Client) -> String {
        let looked = outcome(client.query_one(&self.of_table(self.probe), &[]));
        looked.map_or_else(
            |refusal| refusal.state.code().to_owned(),
            |row| row.get::<_, String>(0),
        )
    }

    /// The same in a transaction of its own.
    fn pass(&self, client: &mut Client, token: &str) -> Result<String> {
        client.batch_execute("BEGIN")?;
        let seen = match outcome(self.attach(client, token)) {
            Ok(()) => self.look(client),
            Err(refusal) => refusal.state.code().to_owned(),
        };
        client.batch_execute("ROLLBACK")?;
        Ok(seen)
    }
}

#[test]
fn nothing_that_is_kept_outlives_the_change_that_makes_it_wrong() -> Result<()> {
    let primary = primary()?;
    let database = Database::create_in(&primary)?;
    create_orders(&database)?;
    let (mut admin, mut security) = (database.admin()?, database.connect(role::SECURITY)?);
    admin.batch_execute(
        "CREATE PROCEDURE shop.work(statement text) LANGUAGE plpgsql AS $$BEGIN EXECUTE statement; END$$;
         CREATE FUNCTION shop.by_privilege(text, text) RETURNS text LANGUAGE sql STABLE AS
             $$SELECT CASE WHEN vpd.has_privilege('p3') THEN 'true' ELSE 'false' END$$",
    )?;
    security.batch_execute("SELECT vpd.define_user('alice')")?;
    for kept in &KEPT {
        admin.batch_execute(&format!(
            "CREATE TABLE shop.{0} AS TABLE shop.orders; GRANT SELECT ON shop.{0} TO app_user",
            kept.what
        ))?;
        security
            .batch_execute(&kept.of_table(kept.setup))
            .map_err(|error| format!("{}: {error:?}", kept.what))?;
    }
    let mut follower = Follower::of(&database)?;
    let subject = Subject::in_region("alice", "East");
    for kept in &KEPT {
        let token = subject.log_in(&database)?;
        follower.catch_up()?;
        let mut watches = Vec::new();
        for (name, server) in [("primary", &primary), ("standby", &follower.standby)] {
            let connect = || server.connect(role::USER, database.name());
            let mut watch = Watch {
                name,
                passing: connect()?,
                staying: connect()?,
            };
            for _ in 0..2 {
                assert_eq!(
                    kept.pass(&mut watch.passing, &token)?,
                    kept.before,
                    "{} on the {name}",
                    kept.what
                );
            }
            if !kept.is_waiting {
                watch
                    .staying
                    .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
                kept.attach(&mut watch.staying, &token)?;
                assert_eq!(
                    kept.look(&mut watch.staying),
                    kept.before,
                    "{} on the {name}",
                    kept.what
                );
            }
            watches.push(watch);
        }
        if kept.change == "SHARED" {
            let mut setter = database.connect(role::USER)?;
            setter.batch_execute("BEGIN")?;
            attach(&mut setter, &token)?;
            setter.execute(
                "CALL shop.work($$CALL dbms_session.set_context('shared', 'a', 'set')$$)",
                &[],
            )?;
            setter.batch_execute("COMMIT")?;
        } else {
            security.batch_execute(&kept.of_table(kept.change))?;
        }
        follower.catch_up()?;
        for watch in &mut watches {
            let place = format!("{} on the {}", kept.what, watch.name);
            if !kept.is_waiting {
                let seen = kept.look(&mut watch.staying);
                assert_eq!(seen, kept.after, "{place}, in a transaction");
                watch.staying.batch_execute("ROLLBACK")?;
            }
            // Not once: whatever was refused because of the change is good again afterwards.
            for _ in 0..3 {
                assert_eq!(kept.pass(&mut watch.passing, &token)?, kept.after, "{place}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_cursor_opened_as_exempt_ends_on_the_standby_with_the_exemption() -> Result<()> {
    let primary = primary()?;
    let database = Database::create_in(&primary)?;
    create_orders(&database)?;
    let mut security = database.connect(role::SECURITY)?;
    add_policy(&mut security, "shop.orders", "by_region", BY_REGION)?;
    security.batch_execute("SELECT vpd.grant_exempt('app_user', 'nightly load')")?;
    let mut follower = Follower::of(&database)?;
    let mut admin = database.admin()?;
    for mut user in [database.connect(role::USER)?, follower.connect(role::USER)?] {
        follower.catch_up()?;
        let prepared = user.prepare(ORDERS)?;
        assert_eq!(user.query(&prepared, &[])?.len(), 40);
        user.batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT id FROM shop.orders")?;
        assert_eq!(user.query("FETCH 5 FROM c", &[])?.len(), 5);
        // The control: what is written elsewhere ends no cursor.
        admin.batch_execute("CREATE TABLE shop.elsewhere (); DROP TABLE shop.elsewhere")?;
        follower.catch_up()?;
        assert_eq!(user.query("FETCH 5 FROM c", &[])?.len(), 5);
        security.batch_execute("SELECT vpd.revoke_exempt('app_user')")?;
        follower.catch_up()?;
        assert_refused(user.query("FETCH 5 FROM c", &[]), "40001", "exemption_changed");
        user.batch_execute("ROLLBACK")?;
        for _ in 0..3 {
            assert!(user.query(&prepared, &[])?.is_empty());
            assert!(ids(&mut user, ORDERS)?.is_empty());
        }
        security.batch_execute("SELECT vpd.grant_exempt('app_user', 'nightly load')")?;
        follower.catch_up()?;
        assert_eq!(user.query(&prepared, &[])?.len(), 40);
    }
    Ok(())
}
