//! Errors and news told to the client. Invariant: nothing but this file builds a report.

use super::table::table;
use crate::error::Error;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};

impl Error {
    /// Raises the error; PostgreSQL aborts the statement.
    pub fn raise(self) -> ! {
        ErrorReport::from(self).report(PgLogLevel::ERROR);
        unreachable!("an error report of level ERROR does not return")
    }

    /// Tells the client what it should know, and changes nothing.
    pub fn notice(self) {
        worded(&self).report(PgLogLevel::NOTICE);
    }

    /// Tells the client without undoing what the statement did.
    pub fn warn(self) {
        worded(&self).report(PgLogLevel::WARNING);
    }
}

impl From<Error> for ErrorReport {
    /// An error that is about to be raised: the audit trail is told.
    fn from(error: Error) -> Self {
        (table().trail.refused)(&error);
        worded(&error)
    }
}

fn worded(error: &Error) -> ErrorReport {
    ErrorReport::new(error.sqlstate(), error.to_string(), "pg_vpd")
        .set_detail(error.detail())
        .set_hint(error.hint())
}

/// Tells the client how something went that is no refusal.
pub fn tell(message: String, detail: String) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message, "pg_vpd")
        .set_detail(detail)
        .report(PgLogLevel::NOTICE);
}

/// Writes to the server's log, and tells the client nothing, whatever it has asked to be told.
pub fn log(message: String) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message, "pg_vpd")
        .report(PgLogLevel::LOG_SERVER_ONLY);
}
