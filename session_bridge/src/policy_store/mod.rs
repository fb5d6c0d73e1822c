//! The policy store as files: definitions out of a database, the difference between a file and a database, definitions in.
//!
//! It decides nothing: the database compares, checks and applies. Invariant: nothing is imported that was not shown first.

mod difference;

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use tokio_postgres::{Client, Transaction};
use vpd_text::jazn;
use vpd_text::store::form;

pub use difference::{Change, Difference};

use crate::config::Config;
use crate::db::{self, Role, statement, told};

/// Largest file that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Arguments of `session-bridge policy`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write every definition of the database to a file, or to standard output.
    Export(Export),
    /// Show what importing a file would change, and every fault; exit 0 without a difference, 1 with one, 2 when something is in error.
    Diff(Diff),
    /// Import a file: show the difference, ask, apply it in one transaction.
    Import(Import),
    /// Turn Oracle's jazn-data.xml into a file of definitions and a report of what was not taken; connects to nothing.
    Jazn(Jazn),
}

#[derive(Debug, Args)]
struct Export {
    /// File to write; an existing one is replaced. Standard output when it is left out.
    file: Option<PathBuf>,
    /// Users, their attributes and memberships as well.
    #[arg(long)]
    with_users: bool,
    /// Nodes of hierarchies as well, and which data groups have them.
    #[arg(long)]
    with_nodes: bool,
    /// JSON instead of TOML.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Given {
    /// File to read; - for standard input.
    file: PathBuf,
    /// What the file is.
    #[arg(long, value_enum, default_value_t = Format::Definitions)]
    format: Format,
    /// With --format jazn: the application (application stripe) to take; all of them otherwise.
    #[arg(long, value_name = "STRIPE")]
    app: Option<String>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Definitions in TOML or JSON.
    Definitions,
    /// Oracle's jazn-data.xml.
    Jazn,
}

#[derive(Debug, Args)]
struct Diff {
    #[command(flatten)]
    given: Given,
    /// As if what the sections of the file do not have were removed.
    #[arg(long)]
    prune: bool,
}

#[derive(Debug, Args)]
struct Import {
    #[command(flatten)]
    given: Given,
    /// Remove what the sections of the file do not have.
    #[arg(long)]
    prune: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Show the difference and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct Jazn {
    /// File to read; - for standard input.
    file: PathBuf,
    /// The application (application stripe) to take; all of them otherwise.
    #[arg(long, value_name = "STRIPE")]
    app: Option<String>,
    /// Write the definitions to this file, which must not exist; standard output otherwise. The report goes to standard error.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

impl Arguments {
    /// Runs what needs neither configuration nor database; `None` for the other commands.
    ///
    /// # Errors
    /// A file could not be read or written, or is not what it should be.
    pub fn run_offline(&self) -> Outcome<Option<ExitCode>> {
        let Command::Jazn(arguments) = &self.command else {
            return Ok(None);
        };
        let conversion = jazn::convert(&read(&arguments.file)?, arguments.app.as_deref())?;
        eprint!("{}", conversion.report);
        let text = form::write(&conversion.document)?;
        match &arguments.output {
            Some(file) => fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(file)
                .and_then(|mut opened| opened.write_all(text.as_bytes()))
                .map_err(|error| format!("{}: {error}", file.display()))?,
            None => print(&text)?,
        }
        Ok(Some(ExitCode::SUCCESS))
    }
}

/// Runs a command against the database, with the administrator's connection.
///
/// # Errors
/// A file could not be read or written, the database refused, or nobody agreed.
pub async fn run(arguments: &Arguments, config: &Config) -> Outcome<ExitCode> {
    // A file that cannot be read needs no connection.
    let document = match &arguments.command {
        Command::Diff(Diff { given, .. }) | Command::Import(Import { given, .. }) => Some(given.document()?),
        Command::Export(_) | Command::Jazn(_) => None,
    };
    let (mut client, connection) = db::connect(&config.database, Role::Admin).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::error!(event = "policy_store.connection", %error, "connection failed");
        }
    });
    let code = match (&arguments.command, document) {
        (Command::Export(export), _) => export.run(&client).await,
        (Command::Diff(diff), Some(document)) => diff.run(&mut client, &document).await,
        (Command::Import(import), Some(document)) => import.run(&mut client, &document).await,
        _ => Err("it takes no configuration".into()),
    };
    drop(client);
    driver.await?;
    code
}

impl Export {
    async fn run(&self, client: &Client) -> Outcome<ExitCode> {
        let statement = if self.json {
            statement::EXPORT_DEFINITIONS_AS_JSON
        } else {
            statement::EXPORT_DEFINITIONS
        };
        let row = client
            .query_one(statement, &[&self.with_users, &self.with_nodes])
            .await
            .map_err(|error| told(&error))?;
        let text = if self.json {
            row.try_get::<_, String>(0)? + "\n"
        } else {
            form::write(&row.try_get(0)?)?
        };
        match &self.file {
            Some(file) => replace(file, &text)?,
            None => print(&text)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Diff {
    async fn run(&self, client: &mut Client, document: &str) -> Outcome<ExitCode> {
        let transaction = client.transaction().await?;
        let difference = compare(&transaction, document, self.prune).await?;
        transaction.rollback().await?;
        print(&difference.to_string())?;
        Ok(match (difference.count("fault"), difference.is_any()) {
            (0, false) => ExitCode::SUCCESS,
            (0, true) => ExitCode::from(1),
            _ => ExitCode::from(2),
        })
    }
}

impl Import {
    async fn run(&self, client: &mut Client, document: &str) -> Outcome<ExitCode> {
        if self.prune && self.given.format == Format::Jazn {
            return Err("--prune would remove what Oracle's file does not know of: turn it into definitions with `policy jazn` first".into());
        }
        // Compared and applied in two transactions: nobody waits for an answer at a terminal while holding locks.
        let looking = client.transaction().await?;
        let difference = compare(&looking, document, self.prune).await?;
        looking.rollback().await?;
        print(&difference.to_string())?;
        if difference.count("fault") > 0 {
            println!("nothing was imported");
            return Ok(ExitCode::FAILURE);
        }
        if !difference.is_any() || self.dry_run {
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes && !is_agreed()? {
            println!("nothing was imported");
            return Ok(ExitCode::FAILURE);
        }
        let applying = client.transaction().await?;
        let applied = lines(&applying, statement::IMPORT_DEFINITIONS, document, self.prune).await?;
        if !applied.effect().eq(difference.effect()) {
            applying.rollback().await?;
            return Err("the database changed meanwhile, nothing was imported: run the import again".into());
        }
        applying.commit().await?;
        println!("imported");
        Ok(ExitCode::SUCCESS)
    }
}

impl Given {
    /// The document, as JSON.
    fn document(&self) -> Outcome<String> {
        let content = read(&self.file)?;
        match self.format {
            Format::Definitions => {
                let text = String::from_utf8(content)
                    .map_err(|_| format!("{}: it is not UTF-8", self.file.display()))?;
                Ok(form::as_json(&text).map_err(|reason| format!("{}: {reason}", self.file.display()))?)
            }
            Format::Jazn => {
                let conversion = jazn::convert(&content, self.app.as_deref())
                    .map_err(|reason| format!("{}: {reason}", self.file.display()))?;
                print(&format!("{}\n", conversion.report))?;
                Ok(conversion.document.to_string())
            }
        }
    }
}

async fn compare(transaction: &Transaction<'_>, document: &str, prune: bool) -> Outcome<Difference> {
    lines(transaction, statement::DIFFERENCE_OF_DEFINITIONS, document, prune).await
}

async fn lines(
    transaction: &Transaction<'_>,
    text: &str,
    document: &str,
    prune: bool,
) -> Outcome<Difference> {
    let rows = transaction
        .query(text, &[&document, &prune])
        .await
        .map_err(|error| told(&error))?;
    let lines = rows.iter().map(|row| {
        Ok(Change {
            change: row.try_get(0)?,
            kind: row.try_get(1)?,
            name: row.try_get(2)?,
            detail: row.try_get(3)?,
        })
    });
    Ok(Difference(lines.collect::<Result<_, tokio_postgres::Error>>()?))
}

fn is_agreed() -> Outcome<bool> {
    if !io::stdin().is_terminal() {
        return Err("nobody is there to be asked: look at the difference, then pass --yes".into());
    }
    print("Import this? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn read(file: &Path) -> Outcome<Vec<u8>> {
    let failed = |error: io::Error| format!("{}: {error}", file.display());
    let mut content = Vec::new();
    let count = if file == Path::new("-") {
        io::stdin().take(LARGEST + 1).read_to_end(&mut content)
    } else {
        fs::File::open(file)
            .map_err(failed)?
            .take(LARGEST + 1)
            .read_to_end(&mut content)
    }
    .map_err(failed)?;
    if count as u64 > LARGEST {
        return Err(format!("{}: it is larger than {} MiB", file.display(), LARGEST >> 20).into());
    }
    Ok(content)
}

/// Writes beside the file and renames: whoever reads it meanwhile has the whole of the old or of the new one.
fn replace(file: &Path, text: &str) -> Outcome<()> {
    let failed = |error: io::Error| format!("{}: {error}", file.display());
    let mut name = file.file_name().ok_or("this is no name of a file")?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = file.with_file_name(name);
    fs::write(&beside, text).map_err(failed)?;
    fs::rename(&beside, file).map_err(failed)?;
    Ok(())
}

fn print(text: &str) -> Outcome<()> {
    let mut stream = io::stdout();
    stream.write_all(text.as_bytes())?;
    stream.flush()?;
    Ok(())
}
