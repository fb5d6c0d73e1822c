//! `SYS_CONTEXT`: application contexts, session attributes, and what the namespace USERENV tells of session and connection.

use super::application::{client_identifier, read};
use super::attached::identity;
use crate::error::{Error, Result};
use crate::sys::spi::{self, Statement, arg};
use crate::sys::user;

/// Oracle's default for the third argument, used when it makes no sense.
const DEFAULT_LENGTH: usize = 256;
const MAX_LENGTH: i32 = 4000;

/// What the server's own functions tell of the connection, in `userenv.sql`.
const OF_CONNECTION: &[&str] = &[
    "CURRENT_SCHEMA",
    "CURRENT_SCHEMAID",
    "CURRENT_USERID",
    "DATABASE_ROLE",
    "HOST",
    "INSTANCE_NAME",
    "IP_ADDRESS",
    "ISDBA",
    "MODULE",
    "NETWORK_PROTOCOL",
    "SERVER_HOST",
    "SESSION_USERID",
    "SID",
];

/// What the session and this module tell.
const OF_SESSION: &[&str] = &[
    "AUTHENTICATED_IDENTITY",
    "CLIENT_IDENTIFIER",
    "CURRENT_USER",
    "DB_NAME",
    "LANG",
    "LANGUAGE",
    "NLS_DATE_FORMAT",
    "NLS_TERRITORY",
    "PROXY_USER",
    "PROXY_USERID",
    "SERVICE_NAME",
    "SESSIONID",
    "SESSION_USER",
];

thread_local! {
    static USERENV: Statement = const { Statement::new(include_str!("../../../sql/query/context/userenv.sql")) };
}

/// An attribute of a namespace.
pub fn sys_context(namespace: &str, name: &str) -> Result<Option<String>> {
    if !namespace.eq_ignore_ascii_case("userenv") {
        return Ok(read(namespace, name));
    }
    let name = name.to_ascii_uppercase();
    if OF_CONNECTION.contains(&name.as_str()) {
        return Ok(of_connection(&name));
    }
    let identity = identity();
    let session = identity.as_deref();
    Ok(match name.as_str() {
        // Roles follow SET ROLE, which nobody announces.
        "SESSION_USER" => {
            spi::note_look();
            Some(user::session_name())
        }
        "CURRENT_USER" => {
            spi::note_look();
            Some(user::current_name())
        }
        "DB_NAME" | "SERVICE_NAME" => Some(user::database_name()),
        "CLIENT_IDENTIFIER" => client_identifier(),
        // The login under an application session, as with a proxy user in Oracle.
        "PROXY_USER" => session.map(|_| user::session_name()),
        "PROXY_USERID" => session.and_then(|_| of_connection("SESSION_USERID")),
        "AUTHENTICATED_IDENTITY" => session
            .filter(|identity| identity.is_authenticated)
            .map(|identity| identity.user_name.clone()),
        "SESSIONID" => session.and_then(|identity| identity.session_id.map(|id| id.to_string())),
        "LANGUAGE" | "LANG" => session.and_then(|identity| identity.language.clone()),
        "NLS_TERRITORY" => session.and_then(|identity| identity.territory.clone()),
        "NLS_DATE_FORMAT" => session.and_then(|identity| identity.date_format.clone()),
        _ => {
            let mut supported = [OF_CONNECTION, OF_SESSION].concat();
            supported.sort_unstable();
            return Err(Error::userenv_attribute(&supported.join(", ")));
        }
    })
}

/// The same, cut to a number of bytes; as in Oracle, a length out of 1 to 4000 means 256.
pub fn sys_context_cut(namespace: &str, name: &str, length: i32) -> Result<Option<String>> {
    let length = usize::try_from(length)
        .ok()
        .filter(|_| (1..=MAX_LENGTH).contains(&length))
        .unwrap_or(DEFAULT_LENGTH);
    Ok(sys_context(namespace, name)?.map(|mut value| {
        value.truncate(value.floor_char_boundary(length));
        value
    }))
}

fn of_connection(name: &str) -> Option<String> {
    // The statement runs as the owner of the extension and in a path of its own: who asks, and in which schema, is told to it.
    let (current, schema) = (user::current_name(), user::current_schema());
    USERENV
        .with(|statement| {
            statement.query_one(&[arg(name), arg(current), arg(schema)], |row| {
                row.get::<String>(1)
            })
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_attribute_is_answered_twice() {
        assert!(OF_CONNECTION.iter().all(|name| !OF_SESSION.contains(name)));
    }
}
