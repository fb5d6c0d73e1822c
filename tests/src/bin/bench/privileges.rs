//! Checks of a privilege in memory beside a look-up in tables of grants, as it is usually written.

use std::time::{Duration, Instant};

use postgres::Client;
use vpd_tests::{Result, Subject, role};

use crate::contest::{Pace, Side, Target};
use crate::scene::Scene;
use crate::table;

/// No figure is asked for; a check in memory must be several times faster to be worth having.
const CHECK: Target = Target::rate(5.0, Some(20.0));

/// Rows of the table, each of which asks once.
const ROWS: i64 = 100_000;

/// A user with 200 privileges of 400 through three roles, here and in the twin's tables.
const GRAPH: &str = "
SELECT vpd.define_resource('thing', 'table');
SELECT vpd.define_privilege('thing:' || n) FROM generate_series(1, 400) n;
SELECT vpd.define_role('role ' || n) FROM generate_series(1, 3) n;
SELECT vpd.grant_authority('privilege:thing:' || n, 'role:role ' || 1 + n % 3) FROM generate_series(1, 200) n;
SELECT vpd.define_user('paul');
SELECT vpd.grant_authority('role:role ' || n, 'user:paul') FROM generate_series(1, 3) n;
";
const TWIN: &str = "
CREATE TABLE bench.user_role (user_name text, role text, PRIMARY KEY (user_name, role));
CREATE TABLE bench.role_privilege (role text, privilege text, PRIMARY KEY (role, privilege));
INSERT INTO bench.user_role SELECT 'paul', 'role ' || n FROM generate_series(1, 3) n;
INSERT INTO bench.role_privilege SELECT 'role ' || 1 + n % 3, 'thing:' || n FROM generate_series(1, 200) n;
CREATE FUNCTION bench.has_privilege(text) RETURNS boolean LANGUAGE plpgsql STABLE AS
    $f$BEGIN RETURN EXISTS (SELECT FROM bench.user_role u JOIN bench.role_privilege p USING (role)
                             WHERE u.user_name = current_setting('app.user_name') AND p.privilege = $1); END$f$;
CREATE TABLE bench.asks AS SELECT n AS id, 'thing:' || 1 + n % 400 AS privilege FROM generate_series(1, 100000) n;
GRANT SELECT ON bench.user_role, bench.role_privilege, bench.asks TO app_user;
GRANT EXECUTE ON FUNCTION bench.has_privilege TO app_user;
";

/// Measures a check with a constant and one with a name from each row.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("checks") {
        return Ok(());
    }
    scene.database.connect(role::SECURITY)?.batch_execute(GRAPH)?;
    let mut admin = scene.database.admin()?;
    admin.batch_execute(TWIN)?;
    admin.batch_execute("VACUUM ANALYZE")?;
    let token = Subject::new("paul").log_in(&scene.database)?;
    for (what, argument, held) in [
        ("constant", "'thing:7'", ROWS),
        ("from each row", "privilege", ROWS / 2),
    ] {
        let ours = asking(reader(scene, &token)?, "vpd.has_privilege", argument, held)?;
        let theirs = asking(reader(scene, &token)?, "bench.has_privilege", argument, held)?;
        let line = format!("privilege checked, {what} : look-up in tables");
        scene.row("checks", &line, pace, CHECK, ours, theirs)?;
        let mut client = reader(scene, &token)?;
        let mut cost = |function: &str| nanoseconds(&mut client, function, argument);
        let note = format!(
            "ours {:.0} ns a call, theirs {:.0} ns, beside the scan",
            cost("vpd.has_privilege")?,
            cost("bench.has_privilege")?
        );
        table::print_note(&note);
    }
    Ok(())
}

fn reader(scene: &Scene<'_>, token: &str) -> Result<Client> {
    let mut client = scene.database.connect(role::USER)?;
    client.batch_execute("BEGIN; SET app.user_name = 'paul'")?;
    client.execute("SELECT vpd.attach_session($1)", &[&token])?;
    Ok(client)
}

fn query(function: &str, argument: &str) -> String {
    format!("SELECT count(*) FILTER (WHERE {function}({argument})) FROM bench.asks")
}

fn asking(mut client: Client, function: &str, argument: &str, held: i64) -> Result<Side<'static>> {
    let statement = client.prepare(&query(function, argument))?;
    Side::repeat(client, move |client| {
        let seen: i64 = client.query_one(&statement, &[])?.get(0);
        if seen == held {
            Ok(())
        } else {
            Err(format!("{seen} were held").into())
        }
    })
}

/// Nanoseconds of a call: the best of some scans, less the best without a call.
fn nanoseconds(client: &mut Client, function: &str, argument: &str) -> Result<f64> {
    let mut best = |text: &str| -> Result<Duration> {
        let statement = client.prepare(text)?;
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            client.query_one(&statement, &[])?;
            best = best.min(start.elapsed());
        }
        Ok(best)
    };
    let with = best(&query(function, argument))?;
    let without = best("SELECT count(*) FILTER (WHERE privilege <> '') FROM bench.asks")?;
    Ok(with.saturating_sub(without).as_secs_f64() * 1e9 / ROWS as f64)
}
