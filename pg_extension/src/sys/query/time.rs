//! What tells the time of the statement, or the transaction: it is the same throughout, whoever asks, and fails never.

use pgrx::{is_a, pg_sys};

/// `now()`, `transaction_timestamp()`, `statement_timestamp()`.
const TIMES: [u32; 3] = [1299, 2647, 2648];

/// `+` and `-` of times, dates and intervals, and the casts between them. What these give follows the time zone, and they fail for years that there are not.
const ARITHMETIC: [u32; 12] = [
    1189, 1190, 2032, 2033, 2071, 2072, 1141,
    1142, // timestamptz, timestamp, date ± interval; date ± integer
    1178, 2027, 2028,
    1217, // date(timestamptz), timestamp(timestamptz), timestamptz(timestamp), date_trunc(text, timestamptz)
];

/// Whether a node by itself is the time of the statement.
///
/// # Safety
/// A valid expression.
pub unsafe fn is_time(node: *mut pg_sys::Node) -> bool {
    use pg_sys::SQLValueFunctionOp::*;
    // SAFETY: the node is read as what its tag says.
    unsafe {
        if is_a(node, pg_sys::NodeTag::T_SQLValueFunction) {
            return (*node.cast::<pg_sys::SQLValueFunction>()).op <= SVFOP_LOCALTIMESTAMP_N;
        }
        is_a(node, pg_sys::NodeTag::T_FuncExpr)
            && TIMES.contains(&(*node.cast::<pg_sys::FuncExpr>()).funcid.to_u32())
    }
}

/// Whether a function tells the time of the statement, or reckons with times.
pub fn is_arithmetic(function: pg_sys::Oid) -> bool {
    TIMES.contains(&function.to_u32()) || ARITHMETIC.contains(&function.to_u32())
}
