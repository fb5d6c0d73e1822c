//! Sealed columns as the catalogue has them: which types are sealed, and which columns of a relation are of one.

use super::relation::Opened;
use pgrx::pg_sys;
use std::ffi::CStr;
use vpd_text::sealed::Kind;

/// From it on, a modifier stands for a key; below, for a column.
pub const FIRST_OF_KEYS: i32 = 1 << 30;

/// A sealed column.
pub struct Column {
    pub attribute: i16,
    pub name: String,
    pub kind: Kind,
    /// Key or column, as its type has it.
    pub modifier: i32,
}

/// The sealed columns of a relation, which is locked.
pub fn columns(relation: pg_sys::Oid) -> Vec<Column> {
    let opened = Opened::any(relation, pg_sys::AccessShareLock);
    // SAFETY: the description of an open relation.
    unsafe { columns_of((*opened.relation()).rd_att) }
}

/// The sealed columns of rows of a form.
///
/// # Safety
/// A valid description.
pub unsafe fn columns_of(description: pg_sys::TupleDesc) -> Vec<Column> {
    // SAFETY: said above; it has so many attributes.
    unsafe {
        let description = &*description;
        let attributes = description
            .attrs
            .as_slice(usize::try_from(description.natts).unwrap_or_default());
        attributes
            .iter()
            .filter(|column| !column.attisdropped && column.atttypid.to_u32() >= pg_sys::FirstNormalObjectId)
            .filter_map(|column| {
                kind_of(column.atttypid).map(|kind| Column {
                    attribute: column.attnum,
                    name: CStr::from_ptr(column.attname.data.as_ptr())
                        .to_string_lossy()
                        .into_owned(),
                    kind,
                    modifier: column.atttypmod,
                })
            })
            .collect()
    }
}

/// A sealed type, or an array of one.
pub fn is_sealed(type_oid: pg_sys::Oid) -> bool {
    // SAFETY: a look-up in the catalogue; what is no array gives InvalidOid.
    type_oid.to_u32() >= pg_sys::FirstNormalObjectId
        && (kind_of(type_oid).is_some() || unsafe { kind_of(pg_sys::get_element_type(type_oid)) }.is_some())
}

/// What was sealed, by the OID of a type; `None` for any other type.
pub fn kind_of(type_oid: pg_sys::Oid) -> Option<Kind> {
    // SAFETY: the row is held while its fixed columns are read.
    unsafe {
        let row = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::TYPEOID as i32, type_oid.into());
        if row.is_null() {
            return None;
        }
        let form = &*pg_sys::GETSTRUCT(row).cast::<pg_sys::FormData_pg_type>();
        let name = CStr::from_ptr(form.typname.data.as_ptr());
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.type_name().as_bytes() == name.to_bytes());
        let is_ours = kind.is_some() && form.typnamespace == pg_sys::get_namespace_oid(c"vpd".as_ptr(), true);
        pg_sys::ReleaseSysCache(row);
        kind.filter(|_| is_ours)
    }
}
