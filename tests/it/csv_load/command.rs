//! `session-bridge load`: the real program before a real server.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use vpd_tests::{Database, Result, role};

/// A folder with a configuration, which goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn before(database: &Database<'_>) -> Result<Self> {
        let folder =
            Self(std::env::temp_dir().join(format!("vpd-load-{}-{}", std::process::id(), database.name())));
        fs::create_dir(&folder.0)?;
        let config = format!(
            "[server]\nbind = \"127.0.0.1:8480\"\n\
             [database]\nhost = {:?}\nport = {}\ndbname = \"{}\"\n\
             [database.bridge]\nuser = \"{}\"\n[database.admin]\nuser = \"{}\"\n\
             [identity]\nmode = \"oidc\"\nissuer = \"https://login.example\"\nclient_id = \"bridge\"\n",
            database.cluster().socket_folder(),
            database.cluster().port(),
            database.name(),
            role::BRIDGE,
            role::SECURITY,
        );
        fs::write(folder.path("bridge.toml"), config)?;
        Ok(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program()?);
        command
            .args(["--config", "bridge.toml", "load"])
            .args(arguments)
            .current_dir(&self.0)
            .env_clear();
        Ok(command)
    }

    fn load(&self, kind: &str, file: impl AsRef<[u8]>, more: &[&str]) -> Result<Output> {
        fs::write(self.path("file.csv"), file)?;
        Ok(self.command(&[&[kind, "file.csv"], more].concat())?.output()?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// The bridge of this build stands beside the folder of the tests.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?
        .ancestors()
        .nth(2)
        .map(|folder| folder.join("session-bridge"));
    program
        .filter(|program| program.exists())
        .ok_or_else(|| "no session-bridge: run .ci/build".into())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn count(database: &Database<'_>) -> Result<i64> {
    let query = "SELECT count(*) FROM vpd_private.user_account u JOIN vpd_private.authority a ON a.id = u.user_id AND a.kind = 'user'";
    Ok(database.admin()?.query_one(query, &[])?.get(0))
}

fn write_users(path: &Path, lines: u32) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "user_name,display_name,e_mail,manager")?;
    for number in 1..=lines {
        let manager = match number / 10 {
            0 => String::new(),
            manager => format!("user{manager:07}"),
        };
        writeln!(
            file,
            "user{number:07},\"User, {number}\",user{number}@example.com,{manager}"
        )?;
    }
    Ok(file.flush()?)
}

#[test]
fn good_files_are_loaded_and_bad_ones_reported_with_exit_status_1() -> Result<()> {
    let database = Database::create()?;
    let folder = Folder::before(&database)?;
    let good = "user_name\nalice\nbob\n";
    let dry = folder.load("users", good, &["--dry-run"])?;
    assert!(dry.status.success(), "{}", text(&dry.stderr));
    assert_eq!(
        text(&dry.stdout),
        "would load users: 2 lines, 2 added, 0 changed, 0 unchanged\n"
    );
    assert_eq!(count(&database)?, 0);
    let loaded = folder.load("users", good, &[])?;
    assert!(loaded.status.success());
    assert_eq!(
        text(&loaded.stdout),
        "loaded users: 2 lines, 2 added, 0 changed, 0 unchanged\n"
    );
    assert_eq!(count(&database)?, 2);

    let bad = folder.load(
        "users",
        b"user_name,is_test\ncarol,perhaps\n\x1b]0;x\x07,\ndave,\n",
        &[],
    )?;
    assert_eq!(bad.status.code(), Some(1));
    let table = text(&bad.stdout);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[1].contains("is_test") && lines[1].contains("\"perhaps\"") && lines[1].contains("neither"));
    assert!(
        lines[2].trim_start().starts_with("3 ") && lines[2].contains("\\u{1b}]0;x\\u{7}"),
        "{table}"
    );
    assert_eq!(lines[3], "2 faults; nothing was loaded");
    assert_eq!(count(&database)?, 2);
    Ok(())
}

#[test]
fn what_cannot_be_loaded_at_all_is_said_in_one_line() -> Result<()> {
    let database = Database::create()?;
    let folder = Folder::before(&database)?;
    let missing = folder.command(&["users", "nothing.csv"])?.output()?;
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("nothing.csv"));
    assert!(missing.stdout.is_empty());
    let kind = folder.command(&["cats", "file.csv"])?.output()?;
    assert_eq!(kind.status.code(), Some(2));
    assert!(text(&kind.stderr).contains("group_members"));
    database
        .admin()?
        .batch_execute("SELECT vpd.revoke_profile('security_admin', 'sec_admin')")?;
    let denied = folder.load("users", "user_name\n", &[])?;
    assert_eq!(denied.status.code(), Some(1));
    assert!(
        text(&denied.stderr).contains("permission denied"),
        "{}",
        text(&denied.stderr)
    );
    Ok(())
}

#[test]
fn a_million_lines_are_loaded_with_a_progress_bar() -> Result<()> {
    const LINES: u32 = 1_000_000;
    let database = Database::create()?;
    let folder = Folder::before(&database)?;
    write_users(&folder.path("users.csv"), LINES)?;
    // The program script gives it a terminal.
    let command = format!(
        "{} --config bridge.toml load users users.csv",
        program()?.display()
    );
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(&folder.0)
        .env("TERM", "xterm")
        .output()?;
    let shown = text(&output.stdout);
    let end: String = shown
        .chars()
        .rev()
        .take(300)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    assert!(output.status.success(), "{end}");
    assert!(
        end.contains("1000000 lines, 1000000 added, 0 changed, 0 unchanged"),
        "{end}"
    );
    for step in ["reading", "checked", "written", "1,000,000 lines"] {
        assert!(shown.contains(step), "no bar shows {step:?}");
    }
    assert_eq!(count(&database)?, i64::from(LINES));
    let managers = "SELECT count(*) FROM vpd_private.user_account u
                      JOIN vpd_private.authority a ON a.id = u.user_id
                      JOIN vpd_private.authority m ON m.id = u.manager_id
                     WHERE m.name = 'user' || lpad((substr(a.name, 5)::integer / 10)::text, 7, '0')";
    let managers: i64 = database.admin()?.query_one(managers, &[])?.get(0);
    assert_eq!(managers, i64::from(LINES) - 9);
    Ok(())
}

#[test]
fn without_a_terminal_progress_is_told_line_by_line() -> Result<()> {
    let database = Database::create()?;
    let folder = Folder::before(&database)?;
    write_users(&folder.path("users.csv"), 150_000)?;
    let output = folder.command(&["users", "users.csv"])?.output()?;
    assert!(output.status.success());
    let told = text(&output.stderr);
    assert!(!told.contains('\x1b') && !told.contains('\r'), "{told}");
    let is_of_reading = |line: &str| line.starts_with("reading: ") && line.ends_with(" bytes");
    let is_of_lines = |line: &str| line.ends_with(" of 150000 lines");
    assert!(told.lines().any(is_of_reading), "{told}");
    assert!(told.lines().any(is_of_lines), "{told}");
    for line in told.lines() {
        assert!(is_of_reading(line) || is_of_lines(line), "{line}");
    }
    Ok(())
}
