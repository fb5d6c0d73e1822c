//! `vpd.attribute`: raw, because helpers of policies call it for every row, where nothing hoists it. What it answered is kept with the call for as long as
//! that rests on the same.
//!
//! It decides nothing: the table of questions says what the session has, and what that rests on.

use super::node_access::is_constant;
use super::readiness::is_ready;
use super::table::table;
use crate::error::Error;
use pgrx::{FromDatum, IntoDatum, pg_guard, pg_sys};

finfo!(pg_finfo_attribute_wrapper);

/// So many answers are kept with one call, each in memory that is given back with the call: where what they rest on changes from row to row, keeping
/// them is of no use.
const MOST_KEPT: u8 = 16;

/// An answer, in the memory of the function that gave it.
#[derive(Clone, Copy)]
struct Kept {
    rests_on: (u64, u64),
    /// `None`: NULL.
    value: Option<pg_sys::Datum>,
    /// How many were kept before it.
    others: u8,
}

/// `attribute(namespace text, name text)`.
///
/// # Safety
/// The server calls it with its two arguments, neither of which is NULL.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn attribute_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    if !is_ready() {
        Error::not_active().raise();
    }
    let rests_on = (table().session.attributes_rest_on)();
    // SAFETY: the call has two arguments, as declared; the function's own information outlives the call, and `fn_extra` is ours alone.
    let value = unsafe {
        let known = (*(*call).flinfo).fn_extra.cast::<Kept>().as_ref();
        match known.filter(|known| Some(known.rests_on) == rests_on) {
            Some(known) => known.value,
            None => answer(call, rests_on),
        }
    };
    // SAFETY: as above.
    unsafe { (*call).isnull = value.is_none() };
    value.unwrap_or(pg_sys::Datum::from(0))
}

/// Asks, and keeps what was answered when the names are constants.
unsafe fn answer(call: pg_sys::FunctionCallInfo, rests_on: Option<(u64, u64)>) -> Option<pg_sys::Datum> {
    // SAFETY: as above; what is kept lies where the function's information does. An answer that was kept before is left there, because somebody may still
    // look at it.
    unsafe {
        let arguments = (*call).args.as_slice(2);
        let function = &mut *(*call).flinfo;
        let name = |place: usize| <&str>::from_datum(arguments[place].value, arguments[place].isnull);
        let answer = (table().session.attribute)(name(0)?, name(1)?);
        let expression = function.fn_expr.cast();
        let others = function
            .fn_extra
            .cast::<Kept>()
            .as_ref()
            .map_or(0, |kept| kept.others + 1);
        let is_worth_keeping = others < MOST_KEPT && is_constant(expression, 0) && is_constant(expression, 1);
        let Some(rests_on) = rests_on.filter(|_| is_worth_keeping) else {
            return answer.into_datum();
        };
        let former = pg_sys::MemoryContextSwitchTo(function.fn_mcxt);
        let value = answer.into_datum();
        if function.fn_extra.is_null() {
            function.fn_extra = pg_sys::palloc(size_of::<Kept>());
        }
        pg_sys::MemoryContextSwitchTo(former);
        function.fn_extra.cast::<Kept>().write(Kept {
            rests_on,
            value,
            others,
        });
        value
    }
}
