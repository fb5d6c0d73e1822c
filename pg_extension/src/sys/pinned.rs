//! Settings that decide what a text means. Anybody may set them, and what was understood of a text is kept for whoever comes next on the
//! connection: so texts of the library, predicates and masks are always understood under the same ones.

use pgrx::pg_sys;
use std::ffi::CStr;

const PATH: (&CStr, &CStr) = (c"search_path", c"pg_catalog, pg_temp");

/// What the lexer, the analysis and the input and output functions of types look at; as a new cluster has it, in UTC.
const MEANING: [(&CStr, &CStr); 11] = [
    (c"standard_conforming_strings", c"on"),
    (c"escape_string_warning", c"on"),
    (c"backslash_quote", c"safe_encoding"),
    (c"transform_null_equals", c"off"),
    (c"array_nulls", c"on"),
    (c"timezone_abbreviations", c"Default"),
    (c"xmlbinary", c"base64"),
    (c"xmloption", c"content"),
    (c"lc_monetary", c"C"),
    (c"lc_numeric", c"C"),
    (c"lc_time", c"C"),
];

/// Those of them that functions look at while a plan runs: how values and names become texts.
const RUNNING: [(&CStr, &CStr); 6] = [
    (c"quote_all_identifiers", c"off"),
    (c"DateStyle", c"ISO, MDY"),
    (c"IntervalStyle", c"postgres"),
    (c"TimeZone", c"UTC"),
    (c"bytea_output", c"hex"),
    (c"extra_float_digits", c"1"),
];

/// While it lives, settings are what they must be, whatever the client set.
pub struct Pinned(i32);

impl Pinned {
    /// For plans that were made before.
    pub fn running() -> Self {
        // SAFETY: opens a settings level that `drop`, or the abort of the transaction, closes again.
        let pinned = Self(unsafe { pg_sys::NewGUCNestLevel() });
        set(PATH);
        for setting in RUNNING {
            set_if_other(setting);
        }
        pinned
    }

    /// All of them, and that no check of a table leaves rows out.
    pub fn every_row() -> Self {
        let pinned = Self::meaning();
        set((c"constraint_exclusion", c"off"));
        pinned
    }

    /// The same, and what keeps rows in the order of their places.
    pub fn rewriting() -> Self {
        let pinned = Self::every_row();
        set((c"enable_seqscan", c"off"));
        pinned
    }

    /// All of them: wherever a text is read.
    pub fn meaning() -> Self {
        let pinned = Self::running();
        for setting in MEANING {
            set_if_other(setting);
        }
        pinned
    }
}

/// The time zone of the connection.
pub fn time_zone() -> String {
    // SAFETY: as in `set_if_other`.
    unsafe {
        let zone = pg_sys::GetConfigOption(c"TimeZone".as_ptr(), true, false);
        if zone.is_null() {
            "UTC".to_owned()
        } else {
            CStr::from_ptr(zone).to_string_lossy().into_owned()
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // While unwinding from an error, the abort of the transaction closes the level.
        if !std::thread::panicking() {
            // SAFETY: closes the level that `running` opened; levels nest like the values of this type.
            unsafe { pg_sys::AtEOXact_GUC(true, self.0) }
        }
    }
}

fn set_if_other((name, value): (&CStr, &CStr)) {
    // SAFETY: the name is a setting of the server; the answer is NUL-terminated, or NULL for a setting that is not there.
    let is_other = unsafe {
        let current = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        current.is_null() || CStr::from_ptr(current) != value
    };
    if is_other {
        set((name, value));
    }
}

fn set((name, value): (&CStr, &CStr)) {
    // SAFETY: a setting that any user may set, for the level that is open.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}

/// Sets something for the life of this process, over what was set for its database.
pub(super) fn set_for_process(name: &CStr, value: &CStr) {
    // SAFETY: a setting that any user may set, in a process without a client.
    unsafe {
        pg_sys::SetConfigOption(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
        );
    }
}
