//! Least-privilege sets for a DBA's own roles.

use crate::error::{Error, Result};
use crate::sys::Oid;
use crate::sys::spi::{arg, oid_arg, run_command, statements};

const PROFILES: [&str; 6] = [
    "runtime",
    "bridge",
    "session_creator",
    "key_steward",
    "security_admin",
    "auditor",
];
/// Those of programs, which policies apply to.
const OF_APPLICATIONS: [&str; 4] = ["runtime", "bridge", "session_creator", "key_steward"];

statements! {
    COMMANDS = "app/profile_commands.sql";
    ROLE = "app/profile_role.sql";
}

/// Grants a profile to a role.
pub fn grant(profile: &str, role: Oid) -> Result<()> {
    check(profile, role, true)?;
    run("GRANT", profile, role)
}

/// Takes a profile back from a role; what it needs for another profile is granted again by granting that one.
pub fn revoke(profile: &str, role: Oid) -> Result<()> {
    check(profile, role, false)?;
    run("REVOKE", profile, role)
}

fn run(verb: &str, profile: &str, role: Oid) -> Result<()> {
    let commands = COMMANDS.with(|statement| {
        statement.query(&[arg(verb), arg(profile), oid_arg(role)], |row| {
            row.get::<String>(1)
        })
    });
    for command in commands.into_iter().flatten() {
        run_command(&command);
    }
    Ok(())
}

fn check(profile: &str, role: Oid, is_granting: bool) -> Result<()> {
    if !PROFILES.contains(&profile) {
        return Err(Error::argument(
            "unknown profile",
            format!("Use one of {}.", PROFILES.join(", ")),
        ));
    }
    let is_exempt = ROLE
        .with(|statement| statement.query_one(&[oid_arg(role)], |row| row.get::<bool>(1).unwrap_or(true)));
    match is_exempt {
        None => Err(Error::not_found(
            "role_not_found",
            "the role does not exist",
            "Create it first.",
        )),
        Some(true) if is_granting && OF_APPLICATIONS.contains(&profile) => Err(Error::argument(
            "policies do not apply to this role",
            "Use a role without SUPERUSER and BYPASSRLS for applications.",
        )),
        Some(_) => Ok(()),
    }
}
