//! Documents (jsonb) that are handed in by callers, and by policies and masks from stored rows.
//!
//! The server stores what cannot be read here: documents nested deeper than the reader follows, and a member with the name by which the reader marks
//! numbers. Invariant: such a document raises nothing by itself, so that one row of many cannot break a query. Numbers keep all of their digits: two that
//! differ in the last one are two users, two rows.

use super::memory;
use crate::error::{Error, Result};
use pgrx::callconv::{Arg, ArgAbi};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{FromDatum, JsonB, direct_function_call, pg_sys};
use serde_json::Value;
use std::ffi::CStr;
use vpd_text::load::value::{MAX_LEVELS, NUMBER_MARK};

/// A document, if it can be read.
pub struct Document(Option<Value>);

impl Document {
    /// What it says; nothing when it cannot be read.
    pub fn known(&self) -> &Value {
        self.0.as_ref().unwrap_or(&Value::Null)
    }

    /// What it says, or 22023.
    pub fn read(self) -> Result<JsonB> {
        self.0.map(JsonB).ok_or_else(|| {
            Error::argument(
                "the document cannot be read",
                "Nest at most 100 levels, and name no member $serde_json::private::Number.",
            )
        })
    }

    /// The same for one that may be left out.
    pub fn read_all(document: Option<Self>) -> Result<Option<JsonB>> {
        document.map(Self::read).transpose()
    }
}

/// What a text says that the server wrote; nothing when it is nested too deeply to be wrapped, or the reader would take a member for a number.
fn read(text: &str) -> Option<Value> {
    let mut levels = 0_usize;
    let (mut deepest, mut is_quoted, mut is_escaped) = (0, false, false);
    for letter in text.bytes() {
        match letter {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'[' | b'{' if !is_quoted => {
                levels += 1;
                deepest = deepest.max(levels);
            }
            b']' | b'}' if !is_quoted => levels = levels.saturating_sub(1),
            _ => (),
        }
    }
    if deepest > MAX_LEVELS || text.contains(NUMBER_MARK) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// 53200 unless there is memory for what becomes of a document: each value and each member has pieces of memory of its own.
fn ask_for_document(text: &[u8]) {
    const PIECES: usize = 192;
    let values = text
        .iter()
        .filter(|letter| matches!(letter, b',' | b':' | b'[' | b'{'))
        .count();
    memory::ask(values.saturating_mul(PIECES).saturating_add(2 * text.len()));
}

impl FromDatum for Document {
    unsafe fn from_polymorphic_datum(datum: pg_sys::Datum, is_null: bool, _: pg_sys::Oid) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the caller promises a jsonb; its output function takes one as it is stored and returns a NUL-terminated text.
        let text = unsafe { direct_function_call::<&CStr>(pg_sys::jsonb_out, &[Some(datum)]) };
        let value = text.and_then(|text| {
            ask_for_document(text.to_bytes());
            read(text.to_str().ok()?)
        });
        Some(Self(value))
    }
}

// SAFETY: made from the argument by the implementation above.
unsafe impl<'fcx> ArgAbi<'fcx> for Document {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the caller's promise; an argument that is NULL says nothing.
        unsafe { arg.unbox_arg_using_from_datum() }.unwrap_or(Self(None))
    }
}

// SAFETY: the SQL declarations stand in sql/install; this one says the same.
unsafe impl SqlTranslatable for Document {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(Document);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> =
        Ok(SqlMappingRef::literal("jsonb"));
    const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("jsonb")));
}
