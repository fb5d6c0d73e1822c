//! Policies that ask a function of the application about each row: ours against a native policy that asks the same function.

use vpd_tests::{Result, add_policy, role};

use crate::contest::{Pace, Target};
use crate::scans::scan;
use crate::scene::{self, Scene};

const TARGET: Target = Target::time(1.30, Some(1.10));

/// A function that tells whether a row is seen, and how it is written; `OWN` reads the region of whoever asks.
struct Helper {
    name: &'static str,
    what: &'static str,
    argument: bool,
    written: &'static str,
}

const HELPERS: [Helper; 7] = [
    Helper {
        name: "sql",
        what: "SQL that is put in its place",
        argument: true,
        written: "(text, text) RETURNS boolean LANGUAGE sql STABLE AS $f$ SELECT $1 = $2 $f$",
    },
    Helper {
        name: "sql_call",
        what: "SQL that is called",
        argument: true,
        written: "(text, text) RETURNS boolean LANGUAGE sql STABLE AS $f$ SELECT $1 = $2 LIMIT 1 $f$",
    },
    Helper {
        name: "plpgsql",
        what: "PL/pgSQL",
        argument: true,
        written: "(text, text) RETURNS boolean LANGUAGE plpgsql STABLE AS $f$ BEGIN RETURN $1 = $2; END $f$",
    },
    Helper {
        name: "query",
        what: "PL/pgSQL with a query",
        argument: true,
        written: "(text, text) RETURNS boolean LANGUAGE plpgsql STABLE AS $f$ BEGIN RETURN EXISTS (SELECT FROM bench.seen s WHERE s.region = $1 AND s.region = $2); END $f$",
    },
    Helper {
        name: "own_sql",
        what: "SQL that is put in its place and reads the session",
        argument: false,
        written: "(text) RETURNS boolean LANGUAGE sql STABLE AS $f$ SELECT $1 = OWN $f$",
    },
    Helper {
        name: "own_plpgsql",
        what: "PL/pgSQL that reads the session",
        argument: false,
        written: "(text) RETURNS boolean LANGUAGE plpgsql STABLE AS $f$ BEGIN RETURN $1 = OWN; END $f$",
    },
    Helper {
        name: "own_sql_call",
        what: "SQL that is called and reads the session",
        argument: false,
        written: "(text) RETURNS boolean LANGUAGE sql STABLE AS $f$ SELECT $1 = OWN LIMIT 1 $f$",
    },
];

const OURS: &str = "vpd.attribute('app', 'region')";
const THEIRS: &str = "current_setting('app.region')";

const SEEN: &str = "
CREATE TABLE bench.seen AS SELECT DISTINCT region FROM bench.plain;
GRANT SELECT ON bench.seen TO app_user;
";

/// A line for each way to write one.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("helpers") {
        return Ok(());
    }
    let mut admin = scene.database.admin()?;
    let mut security = scene.database.connect(role::SECURITY)?;
    admin.batch_execute(SEEN)?;
    for helper in &HELPERS {
        let Helper { name, what, .. } = helper;
        for (table, own) in [
            (format!("by_{name}"), OURS),
            (format!("by_{name}_native"), THEIRS),
        ] {
            scene::copy_plain_table(&mut admin, &table)?;
            let written = helper.written.replace("OWN", own);
            admin.batch_execute(&format!("CREATE FUNCTION bench.is_{table} {written}"))?;
        }
        let ask = |table: &str, own: &str| match helper.argument {
            true => format!("bench.is_{table}(region, {own})"),
            false => format!("bench.is_{table}(region)"),
        };
        let native = ask(&format!("by_{name}_native"), &format!("(SELECT {THEIRS})"));
        admin.batch_execute(&format!(
            "ALTER TABLE bench.by_{name}_native ENABLE ROW LEVEL SECURITY;
             CREATE POLICY by_helper ON bench.by_{name}_native USING ({native})"
        ))?;
        let table = format!("by_{name}");
        add_policy(
            &mut security,
            &format!("bench.{table}"),
            "by_helper",
            &ask(&table, OURS),
        )?;
        admin.batch_execute("VACUUM ANALYZE")?;
        let ours = scan(scene.reader()?, &format!("bench.{table}"))?;
        let theirs = scan(scene.native_reader()?, &format!("bench.{table}_native"))?;
        let what = format!("scan of 100 k rows, a helper in {what} : the same native policy");
        scene.row("helpers", &what, pace, TARGET, ours, theirs)?;
    }
    Ok(())
}
