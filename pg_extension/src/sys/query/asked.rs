//! `vpd_private.audited` as the executor calls it, for each row: the condition of an audit policy is asked of the row's values.
//!
//! Invariant: a condition that cannot be asked, or fails for a row, counts as true, and no word of its error reaches anybody.

use crate::sys::predicate::Ready;
use crate::sys::readiness::is_ready;
use crate::sys::table::table;
use crate::sys::xact;
use pgrx::{FromDatum, is_a, pg_guard, pg_sys};

/// Arguments before the values.
const NAMES: usize = 3;

/// What a call keeps from row to row, in the memory of its plan.
struct Kept {
    table: pg_sys::Oid,
    name: *const u8,
    /// How many values there are.
    count: usize,
    length: usize,
    /// `None`: every row counts.
    ready: Option<Ready>,
}

finfo!(pg_finfo_audited_wrapper);
finfo!(pg_finfo_audited_support_wrapper);

/// `audited(relation, audited_table, policy_name, values…)`: true.
///
/// # Safety
/// The executor calls it.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn audited_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the frame has as many arguments as it says; what is kept lies in the memory of the plan.
    unsafe {
        (*call).isnull = false;
        let arguments = (*call).args.as_slice((*call).nargs.max(0) as usize);
        if is_ready() && arguments.len() >= NAMES && !(*call).flinfo.is_null() {
            ask(&mut *(*call).flinfo, arguments);
        }
        pg_sys::Datum::from(true)
    }
}

unsafe fn ask(function: &mut pg_sys::FmgrInfo, arguments: &[pg_sys::NullableDatum]) {
    // SAFETY: as above.
    unsafe {
        if function.fn_extra.is_null() {
            let former = pg_sys::MemoryContextSwitchTo(function.fn_mcxt);
            let kept = keep(function, arguments);
            pg_sys::MemoryContextSwitchTo(former);
            match kept {
                Some(kept) => function.fn_extra = kept.cast(),
                None => return,
            }
        }
        let kept = &*function.fn_extra.cast::<Kept>();
        let name = std::str::from_utf8_unchecked(std::slice::from_raw_parts(kept.name, kept.length));
        // After the first row of a statement nothing waits any more.
        if !(table().audit.is_waiting)(kept.table, name) {
            return;
        }
        let values = &arguments[NAMES..NAMES + kept.count];
        let is_met = kept
            .ready
            .is_none_or(|ready| xact::of_values(|| ready.is_true(values)).unwrap_or(true));
        if is_met {
            (table().audit.met)(kept.table, name).unwrap_or_else(|error| error.raise());
        }
    }
}

/// Made ready at the first row, in the current memory.
unsafe fn keep(function: &mut pg_sys::FmgrInfo, arguments: &[pg_sys::NullableDatum]) -> Option<*mut Kept> {
    // SAFETY: the arguments are as declared; a NULL among them is none of a plan of ours.
    unsafe {
        let relation = pg_sys::Oid::from_datum(arguments[0].value, arguments[0].isnull)?;
        let audited_table = pg_sys::Oid::from_datum(arguments[1].value, arguments[1].isnull)?;
        let name = String::from_datum(arguments[2].value, arguments[2].isnull)?;
        let condition = (table().audit.condition)(relation, audited_table, &name);
        let mut count = 0;
        let ready = condition.and_then(|condition| {
            let columns = condition.columns();
            // Something stands there where it names no column.
            let is_suited = columns.len().max(1) == arguments.len() - NAMES
                && columns.iter().enumerate().all(|(place, column)| {
                    pg_sys::get_fn_expr_argtype(function, (NAMES + place) as i32) == column.kind
                });
            count = columns.len();
            is_suited.then(|| xact::of_values(|| condition.ready(&columns)))?
        });
        let bytes = pg_sys::palloc(name.len().max(1)).cast::<u8>();
        std::ptr::copy_nonoverlapping(name.as_ptr(), bytes, name.len());
        let kept = pg_sys::palloc(size_of::<Kept>()).cast::<Kept>();
        kept.write(Kept {
            table: audited_table,
            name: bytes,
            count: if ready.is_some() { count } else { 0 },
            length: name.len(),
            ready,
        });
        Some(kept)
    }
}

/// `audited_support(request internal)`: every row stays.
///
/// # Safety
/// The planner calls it with a request.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn audited_support_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the argument is a node; the request is read as what its tag says.
    unsafe {
        let request = (*call).args.as_slice(1)[0].value.cast_mut_ptr::<pg_sys::Node>();
        (*call).isnull = false;
        if request.is_null() || !is_a(request, pg_sys::NodeTag::T_SupportRequestSelectivity) {
            return pg_sys::Datum::from(0);
        }
        let request = request.cast::<pg_sys::SupportRequestSelectivity>();
        (*request).selectivity = 1.0;
        pg_sys::Datum::from(request)
    }
}
