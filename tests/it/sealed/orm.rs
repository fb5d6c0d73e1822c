//! The how-to page of ORMs runs as it stands: its Python is run by real Django and real SQLAlchemy against a real server.
//!
//! Blocks that begin with the name of a file are files. Of the others, SQL is run by the superuser and shell by the owner of the tables, in order;
//! what is left of Python is run at the end, as the run-time role, block after block among the same names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vpd_tests::{Database, Result, attach, role};

use super::scene::{clerk, manager};
use crate::masks::scene::told_in;

/// Runs files one after the other, among the same names.
const LAUNCH: &str = "
import os, sys
names = {'__name__': '__main__', 'manager': os.environ['MANAGER'], 'clerk': os.environ['CLERK']}
for path in sys.argv[1:]:
    with open(path, encoding='utf-8') as file:
        exec(compile(file.read(), path, 'exec'), names)
";

/// Where a section is run.
struct Desk<'a> {
    database: Database<'a>,
    folder: PathBuf,
    manager: String,
    clerk: String,
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        // What cannot be removed stays in the folder for temporary files.
        let _removed = fs::remove_dir_all(&self.folder);
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn page() -> Result<String> {
    Ok(fs::read_to_string(path("docs/how-to/use-an-orm.md"))?)
}

impl Desk<'static> {
    fn new() -> Result<Self> {
        let database = Database::create()?;
        database
            .admin()?
            .batch_execute("GRANT CREATE ON SCHEMA public TO app_owner")?;
        let folder = std::env::temp_dir().join(format!("vpd-orm-{}", database.name()));
        fs::create_dir_all(folder.join("shop"))?;
        fs::write(folder.join("shop/__init__.py"), "")?;
        Ok(Self {
            manager: manager(&database)?,
            clerk: clerk(&database)?,
            database,
            folder,
        })
    }
}

impl Desk<'_> {
    /// Runs what comes before the first section of a page, then a section of it, then more Python.
    fn run(&self, page: &str, section: &str, more: &[PathBuf]) -> Result<()> {
        let mut parts = page.split("\n## ");
        let before = parts.next().unwrap_or_default();
        let text = parts
            .find(|part| part.starts_with(section))
            .ok_or_else(|| format!("no section {section}"))?;
        let mut scripts = vec![];
        for (language, block) in [blocks(before), blocks(text)].concat() {
            let file = block
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("# "))
                .filter(|name| name.ends_with(".py"));
            match (language.as_str(), file) {
                ("python", Some(name)) => fs::write(self.folder.join(name), &block)?,
                ("python", None) => {
                    let script = self.folder.join(format!("block{}.py", scripts.len() + 1));
                    fs::write(&script, &block)?;
                    scripts.push(script);
                }
                ("sql", _) => self.database.admin()?.batch_execute(&block)?,
                ("sh", _) => self.call(self.program("bash", role::OWNER).args(["-ec", &block]))?,
                _ => return Err(format!("what is a block of {language}?").into()),
            }
        }
        if scripts.is_empty() {
            return Err(format!("{section} runs nothing").into());
        }
        self.call(
            self.program("python", role::USER)
                .args(["-c", LAUNCH])
                .args(scripts.iter().chain(more)),
        )
    }

    /// A program in the folder of the section, which connects as a role.
    fn program(&self, name: &str, role: &str) -> Command {
        let cluster = self.database.cluster();
        let path_of_programs = format!(
            "{}:{}",
            path(".local/orm/bin").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let mut command = Command::new(name);
        command
            .current_dir(&self.folder)
            .env("PATH", path_of_programs)
            .env("PYTHONPATH", &self.folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("DJANGO_SETTINGS_MODULE", "settings")
            .env("PGHOST", cluster.socket_folder())
            .env("PGPORT", cluster.port().to_string())
            .env("PGDATABASE", self.database.name())
            .env("PGUSER", role)
            .env("MANAGER", &self.manager)
            .env("CLERK", &self.clerk);
        command
    }

    fn call(&self, command: &mut Command) -> Result<()> {
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!(
            "{}{}\nis .local/orm there? .ci/deps test installs it",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
        .into())
    }

    /// Whether values of a table are sealed where they lie, and the index serves the comparison that an ORM sends.
    fn assert_sealed(&self, table: &str) -> Result<()> {
        let row = self.database.admin()?.query_one(
            &format!("SELECT bool_and(ssn::text LIKE 'vpd:sealed:%'), count(*) FROM {table}"),
            &[],
        )?;
        assert!(
            row.get(0) && row.get::<_, i64>(1) > 3,
            "{table}: what is in it is not sealed"
        );
        let mut user = self.database.connect(role::USER)?;
        let mut session = user.transaction()?;
        attach(&mut session, &self.manager)?;
        session.batch_execute(&format!(
            "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan;
             PREPARE find AS SELECT id FROM {table} WHERE ssn = $1"
        ))?;
        let plan = told_in(&mut session, "EXPLAIN EXECUTE find ('987-65-4321')")?;
        assert!(plan.contains("Index Cond: (ssn ="), "{plan}");
        Ok(())
    }
}

/// Language and text of the blocks of a text.
fn blocks(text: &str) -> Vec<(String, String)> {
    text.split("\n```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.split_once('\n'))
        .map(|(language, block)| (language.to_owned(), block.to_owned()))
        .collect()
}

#[test]
fn a_django_model_has_a_sealed_column() -> Result<()> {
    let desk = Desk::new()?;
    desk.run(&page()?, "Django", &[path("tests/orm/middleware.py")])?;
    desk.assert_sealed("shop_customer")
}

#[test]
fn a_sqlalchemy_model_has_a_sealed_column() -> Result<()> {
    let desk = Desk::new()?;
    desk.run(&page()?, "SQLAlchemy", &[])?;
    desk.assert_sealed("customers")
}

#[test]
fn a_block_of_the_page_that_fails_is_reported() -> Result<()> {
    for (section, right, wrong) in [
        ("Django", r#"== {"•••"}"#, r#"== {"987-65-4321"}"#),
        ("SQLAlchemy", r#"== {"•••"}"#, r#"== {"987-65-4321"}"#),
        ("SQLAlchemy", "create_all(", "create_none("),
    ] {
        let page = page()?;
        assert!(page.contains(right), "{right}");
        let failed = Desk::new()?.run(&page.replace(right, wrong), section, &[]);
        let told = failed.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            told.contains("AssertionError") || told.contains("create_none"),
            "{section}: {told}"
        );
    }
    Ok(())
}
