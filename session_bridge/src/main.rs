//! The program: reads the command line and the configuration, and runs one command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use session_bridge::config::Config;
use session_bridge::{
    audit, config, db, doctor, http, keys, load, oracle, policy_store, registration, telemetry,
};

/// HTTP service before the sessions, tickets and messages of pg_vpd.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Configuration file.
    #[arg(long, env = "VPD_BRIDGE_CONFIG", default_value = "bridge.toml", global = true)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer HTTP until told to stop (SIGTERM or SIGINT).
    Serve,
    /// Bring the database up to date, with the administrator's connection.
    Migrate(db::MigrateOptions),
    /// Register the applications of the configuration in the database, with the administrator's connection.
    RegisterApps,
    /// Check configuration and database and print a report; exit 0 when sound, 1 otherwise.
    Doctor,
    /// Export the audit trail, and verify an export without the database.
    Audit(audit::Arguments),
    /// Fetch the keys of identity providers and hand them to the database, with a connection of its own.
    Keys(keys::Arguments),
    /// Load users, groups or their members from a CSV file, with the administrator's connection: all of it or nothing.
    Load(load::Arguments),
    /// Turn dumps of Oracle's Virtual Private Database views into an SQL script for pg_vpd and a report; connects to nothing.
    OracleImport(Box<oracle::Arguments>),
    /// Carry definitions between databases and files: export, diff, import; read Oracle's jazn-data.xml.
    Policy(Box<policy_store::Arguments>),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("session-bridge: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    // It needs neither configuration nor database.
    if let Command::OracleImport(arguments) = &arguments.command {
        let is_sound = oracle::run(arguments)?;
        return Ok(if is_sound {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    if let Command::Audit(arguments) = &arguments.command
        && let Some(code) = arguments.run_offline()?
    {
        return Ok(code);
    }
    if let Command::Policy(arguments) = &arguments.command
        && let Some(code) = arguments.run_offline()?
    {
        return Ok(code);
    }
    let config = config::load(&arguments.config)?;
    telemetry::start(&config.log)?;
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| "the cryptography provider is set already")?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(execute(arguments.command, config))
}

async fn execute(command: Command, config: Config) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match command {
        Command::Serve => http::serve(config).await?,
        Command::Migrate(options) => {
            let applied = db::migrate(&config, options).await?;
            match applied.as_slice() {
                [] => println!("the database is up to date"),
                names => println!("applied {}", names.join(", ")),
            }
        }
        Command::RegisterApps => {
            for line in registration::run(&config).await? {
                println!("{line}");
            }
        }
        Command::Audit(arguments) => audit::run(&arguments, &config).await?,
        Command::Keys(arguments) => {
            let is_sound = keys::run(&config, &arguments).await?;
            return Ok(if is_sound {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Command::Load(arguments) => {
            let report = load::run(&config, &arguments).await?;
            print!("{report}");
            return Ok(if report.is_sound() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Command::OracleImport(_) => return Err("it takes no configuration".into()),
        Command::Policy(arguments) => return policy_store::run(&arguments, &config).await,
        Command::Doctor => {
            let report = doctor::examine(&config).await;
            print!("{report}");
            return Ok(if report.is_sound() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}
