//! `vpd.sees_node` and what it tells the planner: raw, because it runs for every row and takes a value of any type.
//!
//! It decides nothing: `hierarchy` says what is seen. Invariant: the condition it offers for an index is a function call, evaluated when
//! the scan starts, so no plan holds keys; the condition loses rows of sessions that nothing is filtered for, so it is offered only while there
//! can be none, and plans with it are made again when that changes.

use super::list::nth;
use super::marker::Marker;
use super::relation::Opened;
use super::user::AsOwner;
use crate::error::{Error, Result};
use crate::hierarchy::{self, Hierarchy};
use pgrx::{FromDatum, is_a, pg_guard, pg_sys};
use std::ffi::CStr;

#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn pg_finfo_sees_node_wrapper() -> &'static pg_sys::Pg_finfo_record {
    &pg_sys::Pg_finfo_record { api_version: 1 }
}

#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn pg_finfo_visible_keys_wrapper() -> &'static pg_sys::Pg_finfo_record {
    &pg_sys::Pg_finfo_record { api_version: 1 }
}

#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn pg_finfo_sees_node_support_wrapper() -> &'static pg_sys::Pg_finfo_record {
    &pg_sys::Pg_finfo_record { api_version: 1 }
}

/// How a value becomes the text that keys are compared with. Types whose text the settings of the caller shape (DateStyle,
/// extra_float_digits, search_path, …) have no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Padded,
    Small,
    Integer,
    Big,
    Uuid,
    Enumerated,
}

impl Form {
    const ALL: [Self; 7] = [
        Self::Text,
        Self::Padded,
        Self::Small,
        Self::Integer,
        Self::Big,
        Self::Uuid,
        Self::Enumerated,
    ];

    /// The form of a type, or of what a domain is over; as `sql/query/hierarchy/predicate.sql` has it.
    fn of(kind: pg_sys::Oid) -> Option<Self> {
        if kind == pg_sys::InvalidOid {
            return None;
        }
        // SAFETY: reads the cache of types.
        let base = unsafe { pg_sys::getBaseType(kind) };
        match base {
            pg_sys::TEXTOID | pg_sys::VARCHAROID => Some(Self::Text),
            pg_sys::BPCHAROID => Some(Self::Padded),
            pg_sys::INT2OID => Some(Self::Small),
            pg_sys::INT4OID => Some(Self::Integer),
            pg_sys::INT8OID => Some(Self::Big),
            pg_sys::UUIDOID => Some(Self::Uuid),
            // SAFETY: as above.
            _ => unsafe { pg_sys::type_is_enum(base) }.then_some(Self::Enumerated),
        }
    }

    /// The array type whose elements an index on a column of this form is asked for.
    fn array(self) -> Option<pg_sys::Oid> {
        match self {
            Self::Text => Some(pg_sys::TEXTARRAYOID),
            Self::Padded => Some(pg_sys::BPCHARARRAYOID),
            Self::Small => Some(pg_sys::INT2ARRAYOID),
            Self::Integer => Some(pg_sys::INT4ARRAYOID),
            Self::Big => Some(pg_sys::INT8ARRAYOID),
            Self::Uuid => Some(pg_sys::UUIDARRAYOID),
            Self::Enumerated => None,
        }
    }
}

/// `sees_node(hierarchy text, key anyelement)`.
///
/// # Safety
/// The server calls it with its two arguments.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn sees_node_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the call has two arguments, as declared; the function's own information outlives the call.
    let is_seen = unsafe {
        let arguments = (*call).args.as_slice(2);
        (*call).isnull = false;
        prepared((*call).flinfo, &arguments[0]).and_then(|prepared| match prepared {
            None => Ok(false),
            Some((hierarchy, _)) if arguments[1].isnull => hierarchy::sees(hierarchy, None),
            Some((hierarchy, form)) => with_key((*call).flinfo, arguments[1].value, form, |key| {
                hierarchy::sees(hierarchy, Some(key))
            }),
        })
    };
    match is_seen {
        Ok(is_seen) => pg_sys::Datum::from(is_seen),
        Err(error) => error.raise(),
    }
}

/// The hierarchy and the form of the key. Both are remembered with the call when the name is a constant.
unsafe fn prepared(
    function: *mut pg_sys::FmgrInfo,
    name: &pg_sys::NullableDatum,
) -> Result<Option<(Hierarchy, Form)>> {
    // SAFETY: `fn_extra` is ours alone; it holds no pointer but two small numbers, so nothing has to be freed.
    unsafe {
        let known = (*function).fn_extra as usize;
        if known != 0 {
            return Ok(Some((
                Hierarchy::of_number((known >> 3) - 1),
                Form::ALL[(known & 7) % Form::ALL.len()],
            )));
        }
        if !super::is_ready() {
            return Err(Error::not_ready(
                "pg_vpd is not active in this server",
                "Add pg_vpd to shared_preload_libraries and restart the server; with vpd.strict_version, update the server first.",
            ));
        }
        // Without a session nothing is seen, and nothing is told of which hierarchies there are.
        if !crate::context::is_attached() {
            return Ok(None);
        }
        let Some(name) = String::from_datum(name.value, name.isnull) else {
            return Ok(None);
        };
        let hierarchy = hierarchy::find(&name)?;
        let form = Form::of(pg_sys::get_fn_expr_argtype(function, 1)).ok_or_else(not_a_key)?;
        if is_constant((*function).fn_expr.cast(), 0) {
            (*function).fn_extra = (((hierarchy.number() + 1) << 3) | form as usize) as *mut std::ffi::c_void;
        }
        Ok(Some((hierarchy, form)))
    }
}

fn not_a_key() -> Error {
    Error::key_type("what vpd.sees_node is called with")
}

unsafe fn is_constant(call: *mut pg_sys::Node, argument: i32) -> bool {
    // SAFETY: the node is NULL or the expression that the function is called by.
    unsafe {
        !call.is_null()
            && is_a(call, pg_sys::NodeTag::T_FuncExpr)
            && is_a(
                nth((*call.cast::<pg_sys::FuncExpr>()).args, argument),
                pg_sys::NodeTag::T_Const,
            )
    }
}

/// Gives the value to `work` as text.
unsafe fn with_key<R>(
    function: *mut pg_sys::FmgrInfo,
    value: pg_sys::Datum,
    form: Form,
    work: impl FnOnce(&[u8]) -> R,
) -> R {
    // SAFETY: the value is of the type that the form was made for.
    unsafe {
        match form {
            Form::Text => work(text(value)),
            Form::Padded => {
                let key = text(value);
                let length = key
                    .iter()
                    .rposition(|letter| *letter != b' ')
                    .map_or(0, |last| last + 1);
                work(&key[..length])
            }
            Form::Small => work(Digits::of(i64::from(value.value() as i16)).text()),
            Form::Integer => work(Digits::of(i64::from(value.value() as i32)).text()),
            Form::Big => work(Digits::of(value.value() as i64).text()),
            Form::Uuid => work(&uuid(&*value.cast_mut_ptr::<[u8; 16]>())),
            Form::Enumerated => {
                let kind = pg_sys::get_fn_expr_argtype(function, 1);
                let (mut output, mut is_varlena) = (pg_sys::InvalidOid, false);
                pg_sys::getTypeOutputInfo(kind, &mut output, &mut is_varlena);
                let words = pg_sys::OidOutputFunctionCall(output, value);
                work(CStr::from_ptr(words).to_bytes())
            }
        }
    }
}

/// The bytes of a text, varchar or char.
unsafe fn text<'a>(value: pg_sys::Datum) -> &'a [u8] {
    use pgrx::varlena::{varatt_is_1b, varatt_is_1b_e, varatt_is_4b_u, vardata_any, varsize_any_exhdr};
    // SAFETY: the value is a varlena; what is stored whole and uncompressed is read where it lies, which spares a call into the server
    // for every row; detoasting makes a copy in the memory of the row.
    unsafe {
        let mut packed = value.cast_mut_ptr::<pg_sys::varlena>();
        let is_plain = (varatt_is_1b(packed) && !varatt_is_1b_e(packed)) || varatt_is_4b_u(packed);
        if !is_plain {
            packed = pg_sys::pg_detoast_datum_packed(packed);
        }
        std::slice::from_raw_parts(vardata_any(packed).cast(), varsize_any_exhdr(packed))
    }
}

/// A number as people write it.
struct Digits {
    letters: [u8; 20],
    start: usize,
}

impl Digits {
    fn of(number: i64) -> Self {
        let mut digits = Self {
            letters: [0; 20],
            start: 20,
        };
        let mut rest = number.unsigned_abs();
        loop {
            digits.start -= 1;
            digits.letters[digits.start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            digits.start -= 1;
            digits.letters[digits.start] = b'-';
        }
        digits
    }

    fn text(&self) -> &[u8] {
        &self.letters[self.start..]
    }
}

/// A UUID as the server writes it.
fn uuid(bytes: &[u8; 16]) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut letters = [b'-'; 36];
    let mut place = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            place += 1;
        }
        letters[place] = DIGITS[usize::from(byte >> 4)];
        letters[place + 1] = DIGITS[usize::from(byte & 15)];
        place += 2;
    }
    letters
}

/// The sixteen bytes of a UUID, when the text is how the server writes one.
fn uuid_bytes(key: &[u8]) -> Option<[u8; 16]> {
    let digits: Vec<u8> = key
        .iter()
        .filter_map(|letter| char::from(*letter).to_digit(16).map(|digit| digit as u8))
        .collect();
    let mut bytes = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    (uuid(&bytes) == key).then_some(bytes)
}

/// `visible_keys(hierarchy text, of_type anyelement)`.
///
/// # Safety
/// The server calls it with its two arguments.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn visible_keys_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the call has two arguments, as declared; the array is made in the memory of the caller.
    unsafe {
        let arguments = (*call).args.as_slice(2);
        (*call).isnull = false;
        let kind = pg_sys::get_fn_expr_argtype((*call).flinfo, 1);
        let form = Form::of(kind).unwrap_or_else(|| not_a_key().raise());
        let kind = pg_sys::getBaseType(kind);
        let keys = String::from_datum(arguments[0].value, arguments[0].isnull)
            .filter(|_| crate::context::is_attached())
            .map_or(Ok(Vec::new()), |name| {
                hierarchy::visible_keys(hierarchy::find(&name)?)
            })
            .unwrap_or_else(|error| error.raise());
        let mut values: Vec<pg_sys::Datum> = keys.iter().filter_map(|key| value(key, form)).collect();
        let (mut length, mut is_by_value, mut alignment) = (0, false, 0);
        pg_sys::get_typlenbyvalalign(kind, &mut length, &mut is_by_value, &mut alignment);
        let array = pg_sys::construct_array(
            values.as_mut_ptr(),
            values.len() as i32,
            kind,
            i32::from(length),
            is_by_value,
            alignment,
        );
        pg_sys::Datum::from(array)
    }
}

/// A key as a value of a type; `None` for one that no value of the type is written as.
unsafe fn value(key: &[u8], form: Form) -> Option<pg_sys::Datum> {
    let number = || -> Option<i64> {
        let number: i64 = std::str::from_utf8(key).ok()?.parse().ok()?;
        (Digits::of(number).text() == key).then_some(number)
    };
    // SAFETY: makes values in the current memory context.
    unsafe {
        match form {
            Form::Text | Form::Padded => {
                let text = pg_sys::cstring_to_text_with_len(key.as_ptr().cast(), key.len() as i32);
                Some(pg_sys::Datum::from(text))
            }
            Form::Small => Some(pg_sys::Datum::from(i16::try_from(number()?).ok()?)),
            Form::Integer => Some(pg_sys::Datum::from(i32::try_from(number()?).ok()?)),
            Form::Big => Some(pg_sys::Datum::from(number()?)),
            Form::Uuid => {
                let bytes = uuid_bytes(key)?;
                let copy = pg_sys::palloc(16).cast::<[u8; 16]>();
                copy.write(bytes);
                Some(pg_sys::Datum::from(copy))
            }
            Form::Enumerated => None,
        }
    }
}

/// `sees_node_support(request internal)`.
///
/// # Safety
/// The planner calls it with a request.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn sees_node_support_wrapper(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    use pg_sys::NodeTag::*;
    // SAFETY: the argument is a node; each request is read as what its tag says.
    unsafe {
        let request = (*call).args.as_slice(1)[0].value.cast_mut_ptr::<pg_sys::Node>();
        (*call).isnull = false;
        let nothing = pg_sys::Datum::from(0);
        if request.is_null() || !super::is_ready() {
            return nothing;
        }
        match (*request).type_ {
            T_SupportRequestSelectivity => {
                let request = request.cast::<pg_sys::SupportRequestSelectivity>();
                match constant_hierarchy((*request).args).and_then(|name| share(&name)) {
                    Some(share) if !(*request).is_join => {
                        let part = share.visible as f64 / (share.all.max(1)) as f64;
                        (*request).selectivity = part.clamp(1e-7, 1.0);
                        pg_sys::Datum::from(request)
                    }
                    _ => nothing,
                }
            }
            T_SupportRequestIndexCondition => {
                index_condition(&mut *request.cast::<pg_sys::SupportRequestIndexCondition>())
                    .map_or(nothing, pg_sys::Datum::from)
            }
            _ => nothing,
        }
    }
}

/// What the attached session sees; `None` for what is no hierarchy.
fn share(name: &str) -> Option<hierarchy::Share> {
    hierarchy::share(hierarchy::find(name).ok()?).ok()
}

/// The hierarchy that a call names by a constant.
unsafe fn constant_hierarchy(arguments: *mut pg_sys::List) -> Option<String> {
    // SAFETY: the arguments of a call of `sees_node`.
    unsafe {
        let name = nth(arguments, 0);
        if !is_a(name, pg_sys::NodeTag::T_Const) {
            return None;
        }
        let name = &*name.cast::<pg_sys::Const>();
        String::from_datum(name.constvalue, name.constisnull)
    }
}

/// `column = ANY (vpd_private.visible_keys('hierarchy', NULL::type))`, which the index may be asked before each row it finds is
/// looked at; `None` where that is not the same or does not pay.
unsafe fn index_condition(request: &mut pg_sys::SupportRequestIndexCondition) -> Option<*mut pg_sys::List> {
    // SAFETY: the planner passes a valid request about a call of `sees_node` and an index of a table it plans; nodes are made in its
    // memory.
    unsafe {
        let index = &*request.index;
        // A list of keys for another column than the first spoils the order of the index, which the planner would rely on.
        let is_suited = request.indexarg == 1
            && request.indexcol == 0
            && index.relam == pg_sys::BTREE_AM_OID
            && index.amsearcharray
            && is_a(request.node, pg_sys::NodeTag::T_FuncExpr);
        if !is_suited {
            return None;
        }
        let call = &*request.node.cast::<pg_sys::FuncExpr>();
        let name = constant_hierarchy(call.args)?;
        let kind = *index.opcintype;
        let array = Form::of(kind)?.array()?;
        if request.indexcollation != pg_sys::InvalidOid
            && !pg_sys::get_collation_isdeterministic(request.indexcollation)
        {
            return None;
        }
        let equal =
            pg_sys::get_opfamily_member(request.opfamily, kind, kind, pg_sys::BTEqualStrategyNumber as i16);
        if equal == pg_sys::InvalidOid {
            return None;
        }
        // One row is asked for by its key: nothing is won.
        let is_one_row = pg_sys::relation_has_unique_index_for(
            request.root,
            index.rel,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        );
        let hierarchy = hierarchy::find(&name).ok()?;
        let share = hierarchy::share(hierarchy).ok()?;
        if is_one_row || share.may_be_open {
            return None;
        }
        // A session of the other sort gets a plan of its own.
        super::predicate::mark_plan(Marker::Hierarchy).ok()?;
        hierarchy::note_plan(hierarchy, share.is_few());
        if !share.is_few() {
            return None;
        }
        let keys = visible_keys_function()?;
        let mut column: *mut pg_sys::Node = pg_sys::copyObjectImpl(nth(call.args, 1).cast()).cast();
        if pg_sys::exprType(column) != kind {
            column = pg_sys::makeRelabelType(
                column.cast(),
                kind,
                -1,
                request.indexcollation,
                pg_sys::CoercionForm::COERCE_IMPLICIT_CAST,
            )
            .cast();
        }
        let hierarchy: *mut pg_sys::Node = pg_sys::copyObjectImpl(nth(call.args, 0).cast()).cast();
        let nothing: *mut pg_sys::Node = pg_sys::makeNullConst(kind, -1, request.indexcollation).cast();
        let values: *mut pg_sys::Node = pg_sys::makeFuncExpr(
            keys,
            array,
            super::list::list(&[hierarchy, nothing]),
            pg_sys::InvalidOid,
            pg_sys::InvalidOid,
            pg_sys::CoercionForm::COERCE_EXPLICIT_CALL,
        )
        .cast();
        let condition = pg_sys::palloc0(std::mem::size_of::<pg_sys::ScalarArrayOpExpr>())
            .cast::<pg_sys::ScalarArrayOpExpr>();
        (*condition).xpr.type_ = pg_sys::NodeTag::T_ScalarArrayOpExpr;
        (*condition).opno = equal;
        (*condition).opfuncid = pg_sys::get_opcode(equal);
        (*condition).useOr = true;
        (*condition).inputcollid = request.indexcollation;
        (*condition).args = super::list::list(&[column, values]);
        (*condition).location = -1;
        request.lossy = true;
        Some(super::list::list(&[condition]))
    }
}

/// The function behind the conditions; `None` when the extension is not there.
fn visible_keys_function() -> Option<pg_sys::Oid> {
    let types = [pg_sys::TEXTOID, pg_sys::ANYELEMENTOID];
    super::predicate::function(c"vpd_private", c"visible_keys", &types).ok()
}

/// Makes every backend plan again, when this transaction commits, what asks an index for keys.
pub fn forget_index_plans() {
    let Some(function) = visible_keys_function() else {
        return;
    };
    let _owner = AsOwner::switch();
    // SAFETY: queues the news that the function's row changed; nothing is written. The tuple is a copy.
    unsafe {
        let table = Opened::table(pg_sys::ProcedureRelationId, pg_sys::AccessShareLock);
        let tuple = pg_sys::SearchSysCacheCopy(
            pg_sys::SysCacheIdentifier::PROCOID as i32,
            function.into(),
            pg_sys::Datum::from(0),
            pg_sys::Datum::from(0),
            pg_sys::Datum::from(0),
        );
        if !tuple.is_null() {
            pg_sys::CacheInvalidateHeapTuple(table.relation(), tuple, std::ptr::null_mut());
            pg_sys::heap_freetuple(tuple);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_server_writes_them() {
        for number in [0, 7, -1, 42, i64::MAX, i64::MIN, 1_000_000] {
            assert_eq!(Digits::of(number).text(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn uuids_are_written_as_the_server_writes_them() {
        let written = b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        let bytes = uuid_bytes(written);
        assert_eq!(bytes.map(|bytes| uuid(&bytes)).as_ref(), Some(written));
        for other in [
            &b"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"[..],
            b"a0eebc999c0b4ef8bb6d6bb9bd380a11",
            b"",
            b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
        ] {
            assert_eq!(uuid_bytes(other), None);
        }
    }
}
