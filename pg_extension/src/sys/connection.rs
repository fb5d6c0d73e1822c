//! What a connection brings along to a session that is attached: its search path, and whether a transaction block is open.

use super::list::elements;
use super::xact;
use pgrx::pg_sys;
use std::ffi::CStr;

// Exported by the server, declared here because its address is needed and not the function that the bindings wrap around it.
unsafe extern "C-unwind" {
    fn ParamsErrorCallback(arg: *mut std::ffi::c_void);
}

/// Where the client is, as the server sees it; none in a process without a client, or with one on the same machine.
pub fn client_address() -> Option<String> {
    // SAFETY: a function of the server without arguments, and the output function of what it returns.
    unsafe {
        let address = pgrx::direct_function_call_as_datum(pg_sys::inet_client_addr, &[])?;
        pgrx::direct_function_call::<&CStr>(pg_sys::inet_out, &[Some(address)])
            .map(|text| text.to_string_lossy().into_owned())
    }
}

/// The number of this process.
pub fn process() -> i32 {
    // SAFETY: a plain variable of this process.
    unsafe { pg_sys::MyProcPid }
}

const SEARCH_PATH: &CStr = c"search_path";

/// True when names are looked for elsewhere than they were when the connection began, by the defaults of role, database and server.
pub fn has_other_search_path() -> bool {
    // SAFETY: both give the text of a setting that exists, which lives until it is set again, or NULL.
    unsafe {
        let now = pg_sys::GetConfigOption(SEARCH_PATH.as_ptr(), false, false);
        let at_first = pg_sys::GetConfigOptionResetString(SEARCH_PATH.as_ptr());
        now.is_null() || at_first.is_null() || CStr::from_ptr(now) != CStr::from_ptr(at_first)
    }
}

/// True inside a function that has settings of its own: what is set for the connection is not seen from there.
pub fn is_in_function_with_settings() -> bool {
    // SAFETY: opens a level of settings and closes it again, with nothing in it. Each (sub)transaction has a level, and so has each call of such a
    // function.
    let level = unsafe {
        let opened = pg_sys::NewGUCNestLevel();
        pg_sys::AtEOXact_GUC(true, opened);
        opened - 1
    };
    level > xact::nest_level()
}

/// As RESET search_path.
pub fn reset_search_path() {
    // SAFETY: without a value the setting gets back what it had at first; names are resolved anew with the next look.
    unsafe {
        pg_sys::set_config_option(
            SEARCH_PATH.as_ptr(),
            std::ptr::null(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SET,
            true,
            0,
            false,
        );
    }
}

/// The server's own warning, when no transaction block is open and no function is running: what was done ends with this statement.
pub fn warn_outside_block(what: &CStr) {
    // SAFETY: the name is NUL-terminated; the other look reads backend state.
    unsafe {
        if !is_in_function() {
            pg_sys::WarnNoTransactionBlock(true, what.as_ptr());
        }
    }
}

/// True where the client itself called the function that asks: no function runs around it, and its statement reads and names no table, so that it comes from no view, rule, default
/// or trigger of others.
pub fn is_asked_by_client() -> bool {
    // SAFETY: reads backend state; the statements of the portal that runs are a list of plans.
    unsafe {
        if is_in_function() {
            return false;
        }
        let portal = pg_sys::ActivePortal;
        portal.is_null()
            || elements((*portal).stmts).all(|statement| {
                let plan = &*statement.cast::<pg_sys::PlannedStmt>();
                plan.commandType == pg_sys::CmdType::CMD_SELECT
                    && elements(plan.rtable).all(|entry| {
                        (*entry.cast::<pg_sys::RangeTblEntry>()).rtekind != pg_sys::RTEKind::RTE_RELATION
                    })
            })
    }
}

/// True while a function, or a block in a procedural language, runs the statement: each leaves a callback for the context of errors. So does the
/// server itself for the parameters of a statement, outside of all others.
unsafe fn is_in_function() -> bool {
    // SAFETY: the stack is a list whose entries live as long as what they tell of.
    unsafe {
        let innermost = pg_sys::error_context_stack;
        if innermost.is_null() {
            return false;
        }
        let is_of_parameters = (*innermost)
            .callback
            .is_some_and(|callback| callback as usize == ParamsErrorCallback as *const () as usize);
        !is_of_parameters || !(*innermost).previous.is_null()
    }
}
