//! Registered applications.

use super::end;
use crate::authz::change;
use crate::error::{Error, Result};
use crate::hierarchy;
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{arg, statements};
use pgrx::datum::Interval;
use vpd_text::name;

statements! {
    UPSERT = "app/upsert.sql";
    CHECK = "app/check.sql";
    DELETE = "app/delete.sql";
    PILLAR = "app/pillar.sql";
    FIND = "app/find.sql";
}

/// What an application registers.
pub struct Registration {
    pub name: String,
    pub pillar: String,
    pub origins: Vec<String>,
    pub idle_timeout: Interval,
    pub absolute_timeout: Interval,
    pub ticket_lifetime: Interval,
    pub max_sessions_per_user: i32,
    /// How its users must have been authenticated: with one of these authentication context classes; none for any.
    pub required_acr: Vec<String>,
    /// And how long ago at most.
    pub max_auth_age: Option<Interval>,
    /// What a login does of somebody who holds as many sessions as he may: `end_oldest` or `refuse`.
    pub when_full: String,
}

/// What an application lets its sessions do.
pub(super) struct App {
    pub name: String,
    pub pillar: String,
    /// Live sessions that somebody may hold through it.
    pub max_sessions: i32,
    /// How its users must have been authenticated; none for any.
    pub required_acr: Vec<String>,
    /// And how long ago at most, in seconds.
    pub max_auth_age: Option<f64>,
    /// Whether one more login ends the one that was used least recently.
    pub ends_oldest: bool,
}

/// A registered application.
pub(super) fn find(name: &str) -> Option<App> {
    FIND.with(|statement| {
        statement.query_one(&[arg(name)], |row| {
            Some(App {
                name: name.to_owned(),
                pillar: row.get(1)?,
                max_sessions: row.get(2)?,
                required_acr: row.get(3)?,
                max_auth_age: row.get(4),
                ends_oldest: row.get(5)?,
            })
        })
    })
    .flatten()
}

/// 42704 unless an application is registered that something is for.
pub fn require_target(name: &str) -> Result<()> {
    find(name).map(|_| ()).ok_or_else(|| {
        Error::not_found(
            "app_not_found",
            "the target application is not registered",
            "See the view vpd.apps.",
        )
    })
}

/// 42704: a session belongs to an application.
pub(super) fn no_such_app(name: &str) -> Error {
    let shown: String = name
        .chars()
        .take(63)
        .map(|character| if character.is_control() { '?' } else { character })
        .collect();
    Error::not_found(
        "app_not_found",
        format!("application \"{shown}\" is not registered"),
        "Register it with vpd.register_app.",
    )
}

/// Registers an application or changes its registration. In another pillar it is another application: what it had ends.
pub fn register(app: Registration) -> Result<()> {
    for (what, name) in [("name", &app.name), ("pillar", &app.pillar)] {
        if !is_name(name) {
            return Err(Error::argument(
                format!("the {what} is not usable"),
                "Use a lower-case letter, then up to 62 lower-case letters, digits, dots, dashes or underscores.",
            ));
        }
    }
    if let Some(origin) = app.origins.iter().find(|origin| !is_origin(origin)) {
        let shown: String = origin
            .chars()
            .filter(|character| !character.is_control())
            .take(80)
            .collect();
        return Err(Error::argument(
            format!("\"{shown}\" is not an origin"),
            "Use scheme://host or scheme://host:port, exactly, without a path.",
        ));
    }
    if !["end_oldest", "refuse"].contains(&app.when_full.as_str()) {
        return Err(Error::argument(
            "when_full is not usable",
            "Use end_oldest or refuse.",
        ));
    }
    if !(1..=10_000).contains(&app.max_sessions_per_user) {
        return Err(Error::argument(
            "max_sessions_per_user is out of range",
            "Use 1 to 10000.",
        ));
    }
    let refusal = CHECK.with(|statement| {
        statement.query_one(
            &[
                arg(app.idle_timeout),
                arg(app.absolute_timeout),
                arg(app.ticket_lifetime),
                arg(app.max_auth_age),
            ],
            |row| row.get::<String>(1),
        )
    });
    if let Some(refusal) = refusal.flatten() {
        return Err(Error::argument(
            format!("{refusal} is out of range"),
            "idle_timeout: 1 second to 24 hours; absolute_timeout: idle_timeout to 30 days; ticket_lifetime: 1 to 120 seconds; max_auth_age: 1 second to 30 days.",
        ));
    }
    if app.required_acr.len() > 100 || !app.required_acr.iter().all(|acr| name::is_name(acr)) {
        return Err(Error::argument(
            "required_acr is not usable",
            "Name at most 100 authentication context classes, each with 1 to 256 characters.",
        ));
    }
    // One at a time, of a name that is not registered yet as well: which pillar it had is asked of what everybody before has left.
    lock::serialize(Counted::Registrations, app.name.as_bytes());
    let former = end::without_failing(|| {
        PILLAR.with(|statement| statement.modify(&[arg(app.name.as_str())], |row| row.get::<String>(1)))
    });
    if former.into_iter().flatten().any(|pillar| pillar != app.pillar) {
        // Nobody exempts it meanwhile.
        change::begin();
        gone(&app.name, "app_moved");
    }
    UPSERT.with(|statement| {
        statement.execute(&[
            arg(app.name),
            arg(app.pillar),
            arg(app.origins),
            arg(app.idle_timeout),
            arg(app.absolute_timeout),
            arg(app.ticket_lifetime),
            arg(app.max_sessions_per_user),
            arg(app.required_acr),
            arg(app.max_auth_age),
            arg(app.when_full),
        ])
    });
    Ok(())
}

/// Removes an application with its exemptions and ends what it had.
pub fn drop_app(name: &str) -> Result<()> {
    // Nobody exempts it meanwhile.
    change::begin();
    if DELETE.with(|statement| statement.execute(&[arg(name)])) == 0 {
        return Err(Error::not_found(
            "app_not_found",
            "the application is not registered",
            "See the view vpd.apps.",
        ));
    }
    gone(name, "app_dropped");
    Ok(())
}

/// What an application leaves behind ends with it, so that another of its name has nothing of it.
fn gone(name: &str, reason: &str) {
    hierarchy::app_dropped(name);
    end::end_app(name, reason);
}

fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|character: char| character.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte))
}

fn is_origin(origin: &str) -> bool {
    let host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty()
            && host.len() <= 260
            && host
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_scheme_and_host_only() {
        for good in [
            "https://a.example",
            "http://portal.localhost:8480",
            "https://[::1]:8443",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "https://",
            "https://a.example/",
            "https://*",
            "javascript:alert(1)",
            "https://A.example",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn names_are_lower_case_words() {
        assert!(is_name("portal"));
        assert!(!is_name("Portal"));
        assert!(!is_name("1portal"));
        assert!(!is_name(""));
        assert!(!is_name("a'b"));
    }
}
