//! The plan of a statement of ours, for those who test that none goes through a table that grows. In debug builds only.

use super::{AsOwner, Connection, Internal, Pinned, Planning, Shape, collect, require_done};
use pgrx::{Json, pg_sys};
use std::ffi::CString;

/// The plan of a text, made as those are which are kept: for any values. `$1` to `$n` are its parameters; the server infers their types. JSON, as
/// EXPLAIN writes it.
pub fn plan_of(text: &str, parameters: usize, shape: Shape) -> Option<String> {
    let _internal = Internal::enter();
    let _owner = AsOwner::switch();
    let _pinned = Pinned::meaning();
    let _planning = Planning::enter(shape);
    let _connection = Connection::open();
    let values = match parameters {
        0 => String::new(),
        _ => format!("({})", vec!["NULL"; parameters].join(", ")),
    };
    // SAFETY: a variable of the planner, which gets its former value back with the others.
    unsafe { pg_sys::plan_cache_mode = pg_sys::PlanCacheMode::PLAN_CACHE_MODE_FORCE_GENERIC_PLAN as i32 };
    run(&format!("PREPARE shown AS {text}"));
    let plan = run(&format!("EXPLAIN (FORMAT JSON) EXECUTE shown{values}"));
    run("DEALLOCATE shown");
    plan
}

fn run(command: &str) -> Option<String> {
    let command = CString::new(command).ok()?;
    // SAFETY: the caller is connected; the rows are read before it is no more.
    let rows = unsafe {
        require_done(pg_sys::SPI_execute(command.as_ptr(), false, 0));
        collect(|row| row.get::<Json>(1))
    };
    rows.into_iter()
        .flatten()
        .next()
        .map(|Json(plan)| plan.to_string())
}
