//! The server calls our row triggers.

use crate::sys::row_trigger::RowTrigger;
use crate::sys::table::table;
use pgrx::{pg_guard, pg_sys};

finfo!(pg_finfo_track_changes_trigger_wrapper);
finfo!(pg_finfo_protect_action_trigger_wrapper);
finfo!(pg_finfo_seal_for_person_trigger_wrapper);

#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn track_changes_trigger_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the server calls with a valid frame.
    let result = unsafe { RowTrigger::of_call(call, true) }.and_then(|mut trigger| {
        (table().row.before)(&mut trigger)?;
        Ok(trigger.answer())
    });
    result.unwrap_or_else(|error| error.raise())
}

#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn protect_action_trigger_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the server calls with a valid frame.
    let result = unsafe { RowTrigger::of_call(call, false) }.and_then(|trigger| {
        (table().row.after)(&trigger)?;
        Ok(trigger.answer())
    });
    result.unwrap_or_else(|error| error.raise())
}

#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn seal_for_person_trigger_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the server calls with a valid frame.
    let result = unsafe { RowTrigger::of_call(call, true) }.and_then(|mut trigger| {
        (table().row.about_person)(&mut trigger)?;
        Ok(trigger.answer())
    });
    result.unwrap_or_else(|error| error.raise())
}
