//! A backup from before somebody was forgotten, and before the master key was changed: what it opens, and how it is brought back.

use std::fs;
use std::path::Path;
use std::process::Command;

use vpd_tests::{Cluster, Database, Extension, Library, Result, role};

use super::scene::{manager, seen};

/// Lines of the file with master keys.
const FORMER: &str = "former = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NEW: &str = "new = 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

const LETTERS: &str = "
SELECT vpd.create_key('personal', privilege => 'pii:read', per_person => true);
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
CREATE TABLE shop.letters (id integer PRIMARY KEY, customer_id integer NOT NULL, body vpd.sealed_text('personal'));
SELECT vpd.name_person('shop.letters', 'customer_id');
INSERT INTO shop.letters VALUES (1, 7, 'Dear Ann'), (2, 8, 'Dear Bob');
GRANT SELECT ON shop.letters TO app_user;
";

const READ: &str = "SELECT body FROM shop.letters ORDER BY id";

fn master_keys(lines: &[&str]) -> String {
    let words: Vec<String> = lines.iter().map(|line| format!("\"{line}\"")).collect();
    format!(
        "vpd.master_key_command = 'printf \"%s\\\\n\" {}'",
        words.join(" ")
    )
}

/// What somebody with the privilege reads in a database.
fn read(cluster: &Cluster, name: &str) -> Result<String> {
    let database = Database::kept(cluster, name.to_owned());
    let token = manager(&database)?;
    let lines = seen(&database, &token, READ)?;
    let _name = database.keep();
    lines.map_err(|refusal| format!("{refusal:?}").into())
}

fn call(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into())
    }
}

/// The block of the page that brings the keys of today into a restored database.
fn bring_keys() -> Result<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/how-to/forget-a-person.md");
    let page = fs::read_to_string(page)?;
    let block = page
        .split("\n```sh\n")
        .nth(1)
        .and_then(|rest| rest.split("\n```").next())
        .ok_or("the page has no such block")?;
    Ok(block.to_owned())
}

#[test]
fn a_backup_opens_nothing_without_the_keys_of_today_and_nobody_comes_back_with_it() -> Result<()> {
    let mut cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, &master_keys(&[FORMER]))?;
    let database = Database::create_in(&cluster)?;
    database.admin()?.batch_execute(LETTERS)?;
    let name = database.keep();
    let dump = std::env::temp_dir().join(format!("vpd-backup-{}", std::process::id()));
    call(
        cluster
            .client_program("pg_dump", "postgres")
            .args(["-Fc", "-d", &name, "-f"])
            .arg(&dump),
    )?;
    let restore = |cluster: &Cluster| -> Result<String> {
        let name = Database::create_bare_in(cluster)?.keep();
        call(
            cluster
                .client_program("pg_restore", "postgres")
                .args(["--exit-on-error", "-d", &name])
                .arg(&dump),
        )?;
        Ok(name)
    };
    cluster
        .connect(role::SECURITY, &name)?
        .batch_execute("SELECT vpd.forget_person('7')")?;
    assert_eq!(read(&cluster, &name)?, "•••|\nDear Bob|");
    let early = restore(&cluster)?;
    assert_eq!(
        read(&cluster, &early)?,
        "Dear Ann|\nDear Bob|",
        "control: while the former master key is there, a backup brings him back"
    );

    cluster.set(&master_keys(&[NEW, FORMER]));
    cluster.restart(Library::Preloaded)?;
    let wrapped: i64 = cluster
        .connect(role::SECURITY, &name)?
        .query_one("SELECT vpd.rewrap_keys()", &[])?
        .get(0);
    assert!(wrapped > 0);
    cluster.set(&master_keys(&[NEW]));
    cluster.restart(Library::Preloaded)?;
    assert_eq!(read(&cluster, &name)?, "•••|\nDear Bob|");

    let late = restore(&cluster)?;
    assert_eq!(read(&cluster, &late)?, "•••|\n•••|");
    let script = bring_keys()?
        .replace("-d shop_restored ", &format!("-d {late} "))
        .replace("-d shop ", &format!("-d {name} "));
    let folder = dump.with_extension("keys");
    fs::create_dir_all(&folder)?;
    let psql = cluster.client_program("psql", "postgres");
    let programs = Path::new(psql.get_program())
        .parent()
        .ok_or("no folder of programs")?;
    call(
        Command::new("bash")
            .args(["-ec", &script])
            .current_dir(&folder)
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("PGHOST", cluster.socket_folder())
            .env("PGPORT", cluster.port().to_string())
            .env("PGUSER", "postgres"),
    )?;
    assert_eq!(read(&cluster, &late)?, "•••|\nDear Bob|");
    fs::remove_dir_all(&folder)?;
    fs::remove_file(&dump)?;
    Ok(())
}
