//! Functions of the database: what the catalogue says of one, and calls of policy functions.

use super::xact;
use crate::error::{Error, Result};
use pgrx::{FromDatum, IntoDatum, pg_sys};

/// OIDs the server fixes for its three built-in languages.
pub(super) const INTERNAL_LANGUAGE: u32 = 12;
pub(super) const C_LANGUAGE: u32 = 13;
pub(super) const SQL_LANGUAGE: u32 = 14;

/// The file of this library.
const LIBRARY: &str = "pg_vpd";

/// The row of a function in the catalogue, while it is read.
pub(super) struct Described<'a> {
    row: pg_sys::HeapTuple,
    form: &'a pg_sys::FormData_pg_proc,
}

impl std::ops::Deref for Described<'_> {
    type Target = pg_sys::FormData_pg_proc;

    /// The columns that are never NULL.
    fn deref(&self) -> &Self::Target {
        self.form
    }
}

impl Described<'_> {
    /// The text of a function, or its name in the server or library.
    pub fn source(&self) -> Option<String> {
        self.text(pg_sys::Anum_pg_proc_prosrc)
    }

    /// Whether it is a C function of this library, named with a folder or without, with the end of its file's name or without.
    pub fn is_of_library(&self) -> bool {
        self.prolang.to_u32() == C_LANGUAGE
            && self.text(pg_sys::Anum_pg_proc_probin).is_some_and(|library| {
                let file = library.rsplit('/').next().unwrap_or(&library);
                file.strip_suffix(".so").unwrap_or(file) == LIBRARY
            })
    }

    /// Whether it may give another answer, or do something, each time.
    pub fn is_volatile(&self) -> bool {
        self.provolatile as u8 == pg_sys::PROVOLATILE_VOLATILE
    }

    /// The names of its arguments, in their order; none when it has no names.
    pub fn argument_names(&self) -> Vec<Option<String>> {
        // SAFETY: the row is held; the column is a list of texts.
        unsafe {
            let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
            let mut is_null = false;
            let column = pg_sys::Anum_pg_proc_proargnames as i16;
            let value = pg_sys::SysCacheGetAttr(cache, self.row, column, &mut is_null);
            Vec::from_datum(value, is_null).unwrap_or_default()
        }
    }

    fn text(&self, column: u32) -> Option<String> {
        // SAFETY: the row is held; these columns are texts.
        unsafe {
            let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
            let mut is_null = false;
            let value = pg_sys::SysCacheGetAttr(cache, self.row, column as i16, &mut is_null);
            String::from_datum(value, is_null)
        }
    }
}

/// What the catalogue says of a function; `None` when there is no such function. `read` raises no error.
pub(super) fn described<T>(function: pg_sys::Oid, read: impl FnOnce(&Described<'_>) -> T) -> Option<T> {
    // SAFETY: the row is held while it is read, and begins with the columns that are never NULL.
    unsafe {
        let row = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::PROCOID as i32, function.into());
        if row.is_null() {
            return None;
        }
        let form = &*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_proc>();
        let found = read(&Described { row, form });
        pg_sys::ReleaseSysCache(row);
        Some(found)
    }
}

/// The type of the one value that a function of these arguments returns; `None` when there is no such function.
pub(super) fn result_of(function: pg_sys::Oid, arguments: &[pg_sys::Oid]) -> Option<pg_sys::Oid> {
    described(function, |form| {
        let count = usize::try_from(form.pronargs).unwrap_or(0);
        // SAFETY: the list is as long as the row says, and lies in the row.
        let declared = unsafe { form.proargtypes.values.as_slice(count) };
        let is_such =
            form.prokind as u8 == pg_sys::PROKIND_FUNCTION && !form.proretset && declared == arguments;
        is_such.then_some(form.prorettype)
    })
    .flatten()
}

/// Who owns a function; `None` when there is none.
pub fn owner(function: pg_sys::Oid) -> Option<pg_sys::Oid> {
    described(function, |form| form.proowner)
}

/// Calls a function of texts; its result, and whether that is NULL.
///
/// # Safety
/// The function takes as many texts.
pub(super) unsafe fn call(function: pg_sys::Oid, arguments: &[&str]) -> Option<(pg_sys::Datum, bool)> {
    // SAFETY: the call frame has room for the arguments.
    unsafe {
        let mut info = pg_sys::FmgrInfo::default();
        pg_sys::fmgr_info(function, &mut info);
        let size = std::mem::size_of::<pg_sys::FunctionCallInfoBaseData>()
            + arguments.len() * std::mem::size_of::<pg_sys::NullableDatum>();
        let frame = pg_sys::palloc0(size).cast::<pg_sys::FunctionCallInfoBaseData>();
        (*frame).flinfo = &mut info;
        (*frame).nargs = i16::try_from(arguments.len()).unwrap_or_default();
        (*frame).fncollation = pg_sys::DEFAULT_COLLATION_OID;
        let slots = (*frame).args.as_mut_slice(arguments.len());
        for (slot, value) in slots.iter_mut().zip(arguments) {
            slot.value = value.into_datum().unwrap_or(pg_sys::Datum::from(0));
            slot.isnull = false;
        }
        let code = info.fn_addr?;
        let result = guarded!(code(frame));
        Some((result, (*frame).isnull))
    }
}

/// Calls a policy function `(object_schema text, object_name text) RETURNS text` as the current user.
/// `None` is a NULL result. An error of the function is raised as 38000; its message goes to the server's log only. What means "stop" or "try again" passes.
pub fn call_policy_function(
    policy: &str,
    function: pg_sys::Oid,
    schema: &str,
    relation: &str,
) -> Result<Option<String>> {
    // What was looked up under its name may have been dropped and made again as something else.
    if result_of(function, &[pg_sys::TEXTOID; 2]) != Some(pg_sys::TEXTOID) {
        return Err(Error::policy_function_gone(policy));
    }
    let call = || {
        // SAFETY: the function has the signature (text, text) RETURNS text, see above; the result is copied before its memory context goes away.
        unsafe {
            let (result, is_null) =
                call(function, &[schema, relation]).ok_or_else(|| Error::policy_function_failed(policy))?;
            Ok(String::from_datum(result, is_null))
        }
    };
    xact::translated(call, |failure| {
        if let Some(error) = Error::passing_through(failure.token.as_deref(), policy) {
            return error;
        }
        // Its words may name what the user may not see: they go to the server's log.
        pgrx::log!(
            "pg_vpd: the function of policy \"{policy}\" failed: {}",
            failure.message
        );
        Error::policy_function_failed(policy)
    })
}
