//! Refusals of loads.

use super::Error;
use pgrx::PgSqlErrorCode;

impl Error {
    /// 55000: there is no load in this transaction, or it was given up with a savepoint.
    pub fn load_not_begun() -> Self {
        Self::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "load_not_begun",
            "no load has begun in this transaction",
            "Call vpd.begin_load first, in the same transaction; a savepoint that is rolled back takes the load with it.",
        )
    }
}
