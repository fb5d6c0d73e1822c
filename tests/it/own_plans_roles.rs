//! What a change of the graph costs depends on whom it reaches, and not on how many users there are. Counted are rows and index entries that were read, by a
//! connection that was opened while the tables were empty.

use postgres::Client;
use vpd_tests::{Cluster, Database, Result, role, rows_read};

/// Everybody is in one group and has one role of a hundred; three users check.
const GRAPH: &str = "
INSERT INTO vpd_private.authority (kind, name) SELECT 'user', 'user ' || n FROM generate_series(1, USERS) n;
INSERT INTO vpd_private.user_account (user_id, source, attributes)
    SELECT id, 'local', jsonb_build_object('grade', substr(name, 6)::integer % 10) FROM vpd_private.authority WHERE kind = 'user';
INSERT INTO vpd_private.authority_grant (holder_id, granted_id, granted_by)
    SELECT u.id, g.id, 'test' FROM vpd_private.authority u JOIN vpd_private.authority g ON g.kind = 'group' AND g.name = 'everybody' WHERE u.kind = 'user';
INSERT INTO vpd_private.authority_grant (holder_id, granted_id, granted_by)
    SELECT u.id, r.id, 'test' FROM vpd_private.authority u JOIN vpd_private.authority r ON r.kind = 'role' AND r.name = 'role ' || u.id % 100 WHERE u.kind = 'user';
SELECT vpd.grant_authority('role:Checker', 'user:user ' || n) FROM generate_series(1, 3) n;
SELECT vpd.grant_authority('group:few', 'user:user ' || n) FROM generate_series(4, 6) n;
SELECT vpd.grant_authority('role:Common', 'group:everybody');
";

const DEFINITIONS: &str = "
SELECT vpd.define_role(name) FROM unnest('{Maker,Checker,Third,Common,Idle,Other,Spare}'::text[]) name;
SELECT vpd.define_role('role ' || n) FROM generate_series(0, 99) n;
SELECT vpd.define_role('Senior', 'parametric', rule => '$.grade > 8');
SELECT vpd.grant_authority('role:Maker', 'role:Senior');
SELECT vpd.define_role('Junior', 'parametric', rule => '$.grade > 100');
SELECT vpd.define_group('everybody'), vpd.define_group('few'), vpd.define_unit('north'), vpd.define_duty('Duty'), vpd.define_resource('order');
SELECT vpd.define_privilege('order:make');
SELECT vpd.grant_authority('privilege:order:make', 'duty:Duty');
SELECT vpd.define_sod_rule('pair', '{role:Maker,role:Checker}', enforce_existing => false);
SELECT vpd.define_sod_rule('trio', '{role:Third,role:Checker,role:Idle}', at_most => 2);
SELECT vpd.define_sod_rule('duo', '{role:Common,role:Spare}');
";

/// What reaches few, or nobody; or everybody, of whom few have the rest of what a rule keeps apart.
const FEW: [&str; 34] = [
    "define_role('New')",
    "define_role('Idle', 'enterprise')",
    "define_role('Idle', 'parametric', rule => '$.grade > 5')",
    "define_role('Junior', 'parametric', rule => '$.grade > 200')",
    "define_role('Senior', 'parametric', rule => '$.grade > 200')",
    "drop_authority('role:Junior')",
    "drop_authority('duty:Duty')",
    "enable_authority('role:Idle', false)",
    "enable_authority('role:Checker', false)",
    "enable_authority('role:Common', false)",
    "enable_authority('role:Senior', false)",
    "define_duty('New')",
    "define_privilege('order:check')",
    "define_group('New')",
    "define_source('new', 50)",
    "define_user('new')",
    "define_user('user 7', attributes => '{\"grade\": 3}')",
    "define_user('user 7', unit => 'north')",
    "define_unit('north', description => 'The north')",
    "disable_user('user 7')",
    "drop_authority('user:user 7')",
    "grant_authority('role:Maker', 'user:user 7')",
    "grant_authority('role:Checker', 'user:user 8')",
    "grant_authority('role:Common', 'user:user 8')",
    "revoke_authority('role:Checker', 'user:user 1')",
    "grant_authority('role:Third', 'group:few')",
    "grant_authority('role:Third', 'group:everybody')",
    "grant_authority('group:few', 'user:user 7')",
    "revoke_authority('group:few', 'user:user 4')",
    "grant_authority('privilege:order:make', 'role:Idle')",
    "grant_authority('role:Other', 'group:everybody')",
    "define_sod_rule('new', '{role:Maker,role:Checker}', enforce_existing => false)",
    "define_sod_rule('new', '{role:Common,role:Checker}', enforce_existing => false)",
    "define_sod_rule('new', '{role:Idle,role:Other}')",
];
/// What each of them may read, however many users there are.
const FEW_ROWS: i64 = 200;

/// What reaches everybody, because everybody's attributes say so; and how much it may read of each.
const EVERYBODY: [(&str, i64); 2] = [
    // Every tenth user breaks the rule.
    (
        "define_sod_rule('new', '{role:Common,role:Senior}', enforce_existing => false)",
        14,
    ),
    ("find_sod_conflicts()", 9),
];

#[test]
fn a_change_reads_whom_it_reaches() -> Result<()> {
    let (_turn, cluster) = Cluster::quiet()?;
    let mut faults = Vec::new();
    for users in [1_000, 20_000] {
        let database = Database::create_in(cluster)?;
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute(DEFINITIONS)?;
        // The connection knows the empty tables.
        for call in FEW {
            let _ = read_by(&mut security, call);
        }
        let graph = GRAPH.replace("USERS", &users.to_string());
        database.admin()?.batch_execute(&graph)?;
        for (call, most) in FEW
            .map(|call| (call, FEW_ROWS))
            .into_iter()
            .chain(EVERYBODY.map(|(call, each)| (call, each * users)))
        {
            let read = read_by(&mut security, call)?;
            if read > most {
                faults.push(format!("{call}, with {users} users: {read} rows"));
            }
        }
        // control: what reaches everybody reads everybody
        for (call, _) in EVERYBODY {
            assert!(read_by(&mut security, call)? > users, "{call}");
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

/// The rows that a call reads, which is taken back.
fn read_by(security: &mut Client, call: &str) -> Result<i64> {
    let mut transaction = security.transaction()?;
    let ((), read) = rows_read(&mut transaction, |transaction| {
        Ok(transaction.batch_execute(&format!("SELECT vpd.{call}"))?)
    })?;
    transaction.rollback()?;
    Ok(read)
}
