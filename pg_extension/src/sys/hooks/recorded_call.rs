//! Calls of the functions that change something: the audit trail is told of each, with its arguments and how it ended.
//!
//! The server lets a library see calls, and not their arguments; so the function itself is called through one of ours. Which functions these are is told by what they
//! are and not by a list of them: a new one is among them. Invariant: an argument whose name says that it is a secret is never told, nor is what was or is to be sealed.

use crate::error::{Error, shortened};
use crate::sys::function::described;
use crate::sys::table::table;
use crate::sys::{relation, sealed_column, xact};
use pgrx::{FromDatum, pg_guard, pg_sys};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CStr;

/// Functions of the library that are volatile and change no definition, or are told of otherwise.
const OTHERS: [&str; 40] = [
    "ack_message",
    "assume_role",
    "attach_anonymous",
    "attach_session",
    "audit_pseudonym",
    "audit_status",
    "browse_queue",
    "create_session",
    "create_session_from_token",
    "create_session_on_behalf",
    "data_group_nodes",
    "detach_session",
    "effective_predicate",
    "end_own_session",
    "end_session",
    "erase_pseudonym",
    "explain_access",
    "explain_access_json",
    "find_sod_conflicts",
    "flush_audit",
    "hierarchy_nodes",
    "issue_ticket",
    "load_part",
    "log_out",
    "log_out_from_token",
    "policy_diff",
    "policy_predicates",
    "policy_store_difference",
    "posture",
    "public_keys",
    "purge",
    "record_action",
    "record_message",
    "redeem_ticket",
    "seal",
    "set_audit_identity",
    "sod_what_if",
    "unknown_keys",
    "validate_message",
    "verify_audit",
];
const SCHEMAS: [&str; 3] = ["vpd", "dbms_fga", "dbms_rls"];
const SECRETS: [&str; 9] = [
    "jwks",
    "token",
    "ticket",
    "message",
    "verifier",
    "challenge",
    "nonce",
    "secret",
    "password",
];
/// Most bytes of an argument that are told.
const MAX_ARGUMENT: usize = 1_000;
/// A longer one is not made into a text at all.
const LONGEST: usize = 16 * 1024;
/// OIDs below are those of the server itself.
const FIRST_OF_OTHERS: u32 = 16_384;

/// A call that has not returned.
struct Call {
    function: pg_sys::Oid,
    name: String,
    arguments: Value,
}

type Code = unsafe extern "C-unwind" fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum;

/// A function whose calls are told.
#[derive(Clone)]
struct Told {
    name: String,
    arguments: Vec<(String, pg_sys::Oid)>,
}

thread_local! {
    static KNOWN: RefCell<HashMap<pg_sys::Oid, Option<Told>>> = RefCell::default();
    /// The functions themselves. A call that was prepared keeps going through `through`, so nothing is forgotten here.
    static CODES: RefCell<HashMap<pg_sys::Oid, Code>> = RefCell::default();
    static CALLS: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
}

/// Some function was made, changed or dropped.
pub fn functions_changed() {
    KNOWN.with_borrow_mut(HashMap::clear);
}

/// No call reaches over the end of a transaction.
pub fn transaction_ended() {
    CALLS.with_borrow_mut(Vec::clear);
}

/// Whether the calls of a function are told.
pub fn is_told(function: pg_sys::Oid) -> bool {
    if function.to_u32() < FIRST_OF_OTHERS || !xact::is_in_progress() {
        return false;
    }
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&function).map(Option::is_some)) {
        return known;
    }
    let told = look(function);
    let is_told = told.is_some();
    KNOWN.with_borrow_mut(|known| known.insert(function, told));
    is_told
}

fn look(function: pg_sys::Oid) -> Option<Told> {
    let (schema, name) = described(function, |function| {
        (function.is_of_library() && function.is_volatile()).then(|| {
            // SAFETY: a name is NUL-terminated.
            let name = unsafe { CStr::from_ptr(function.proname.data.as_ptr()) };
            (function.pronamespace, name.to_string_lossy().into_owned())
        })
    })??;
    let schema = relation::schema_name(schema)?;
    if !SCHEMAS.contains(&schema.as_str()) || OTHERS.contains(&name.as_str()) {
        return None;
    }
    let arguments = arguments(function);
    // What works on a sealed value works on it open, and changes no definition.
    let is_of_values = arguments
        .iter()
        .any(|(_, kind)| sealed_column::kind_of(*kind).is_some());
    (!is_of_values).then(|| Told {
        name: format!("{schema}.{name}"),
        arguments,
    })
}

/// Names and types of what a function is given.
fn arguments(function: pg_sys::Oid) -> Vec<(String, pg_sys::Oid)> {
    described(function, |form| {
        let count = usize::try_from(form.pronargs).unwrap_or(0);
        // SAFETY: the list is as long as the row says, and lies in the row.
        let types = unsafe { form.proargtypes.values.as_slice(count) };
        let names = form.argument_names();
        let name = |place: usize| {
            names
                .get(place)
                .cloned()
                .flatten()
                .unwrap_or_else(|| format!("${}", place + 1))
        };
        types
            .iter()
            .enumerate()
            .map(|(place, kind)| (name(place), *kind))
            .collect()
    })
    .unwrap_or_default()
}

/// A call is about to be made: it goes through `through`.
///
/// # Safety
/// What the server passed to the hook on calls.
pub unsafe fn starts(info: *mut pg_sys::FmgrInfo) {
    // SAFETY: the caller's promise. The server keeps the structure for the calls from one place, and calls what stands in it.
    unsafe {
        let code = (*info)
            .fn_addr
            .filter(|code| *code as usize != through as *const () as usize);
        if let Some(code) = code {
            CODES.with_borrow_mut(|codes| codes.insert((*info).fn_oid, code));
            (*info).fn_addr = Some(through);
        }
    }
}

/// A call ended by an error, whose SQLSTATE the server still has.
pub fn failed(function: pg_sys::Oid) {
    // SAFETY: the server tells of it while it handles the error.
    let state = xact::sqlstate_of(unsafe { pg_sys::geterrcode() });
    let failed = CALLS.with_borrow_mut(|calls| {
        // Those inside went with it.
        let place = calls.iter().rposition(|call| call.function == function)?;
        calls.truncate(place + 1);
        calls.pop()
    });
    if let Some(call) = failed {
        tell(&call, &state);
    }
}

fn tell(call: &Call, verdict: &str) {
    (table().trail.changed)(&call.name, &call.arguments, verdict);
}

/// Calls the function, with its arguments noted before.
unsafe extern "C-unwind" fn through(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the frame of a call whose function is told; nothing in this frame wants to be dropped.
    unsafe {
        let code = note(call);
        let result = chained!(code(call));
        returned(call);
        result
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn note(call: pg_sys::FunctionCallInfo) -> Code {
    // SAFETY: the frame has as many arguments as it says, of the types that the catalogue names.
    let (function, values) = unsafe {
        let count = usize::try_from((*call).nargs).unwrap_or(0);
        ((*(*call).flinfo).fn_oid, (*call).args.as_slice(count))
    };
    let told = KNOWN.with_borrow(|known| known.get(&function).cloned().flatten());
    let code = CODES.with_borrow(|codes| codes.get(&function).copied());
    let (Some(Told { name, arguments }), Some(code)) = (told.or_else(|| look(function)), code) else {
        Error::not_active().raise()
    };
    let mut given = Map::new();
    for ((name, kind), value) in arguments.iter().zip(values) {
        if !value.isnull {
            // SAFETY: the value is of the type that the function declares.
            given.insert(
                name.clone(),
                Value::String(unsafe { shown(name, *kind, value.value) }),
            );
        }
    }
    let arguments = Value::Object(given);
    CALLS.with_borrow_mut(|calls| {
        calls.push(Call {
            function,
            name,
            arguments,
        })
    });
    code
}

/// # Safety
/// The value is of the type.
unsafe fn shown(name: &str, kind: pg_sys::Oid, value: pg_sys::Datum) -> String {
    let last = name.rsplit('_').next().unwrap_or(name);
    if SECRETS.contains(&last) {
        return "***".to_owned();
    }
    // SAFETY: the caller's promise: a value of a length of its own says it.
    let length = unsafe {
        if pg_sys::get_typlen(kind) == -1 {
            pg_sys::toast_raw_datum_size(value)
        } else {
            0
        }
    };
    if length > LONGEST {
        return format!("({length} bytes)");
    }
    // SAFETY: as above; the output function is the type's own.
    let text = unsafe {
        let (mut function, mut is_variable) = (pg_sys::InvalidOid, false);
        pg_sys::getTypeOutputInfo(kind, &mut function, &mut is_variable);
        if kind == pg_sys::TEXTOID {
            String::from_datum(value, false).unwrap_or_default()
        } else {
            CStr::from_ptr(pg_sys::OidOutputFunctionCall(function, value))
                .to_string_lossy()
                .into_owned()
        }
    };
    shortened(text, MAX_ARGUMENT)
}

#[pg_guard]
unsafe extern "C-unwind" fn returned(call: pg_sys::FunctionCallInfo) {
    // SAFETY: the frame of the call; a function that returns rows says there whether more are to come.
    let has_more = unsafe {
        let result = (*call).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        !result.is_null()
            && (*result).type_ == pg_sys::NodeTag::T_ReturnSetInfo
            && (*result).isDone == pg_sys::ExprDoneCond::ExprMultipleResult
    };
    let call = CALLS.with_borrow_mut(Vec::pop);
    if let Some(call) = call.filter(|_| !has_more) {
        tell(&call, "ok");
    }
}
