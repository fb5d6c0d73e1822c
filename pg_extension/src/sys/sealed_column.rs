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

/// A sealed type, or one that has a sealed one inside: a domain, an array, a range, a row.
pub fn holds_sealed(type_oid: pg_sys::Oid) -> bool {
    let mut met = vec![type_oid];
    let mut next = 0;
    while let Some(inner) = met.get(next).copied() {
        if kind_of(inner).is_some() {
            return true;
        }
        for part in parts_of(inner) {
            if part.to_u32() >= pg_sys::FirstNormalObjectId && !met.contains(&part) {
                met.push(part);
            }
        }
        next += 1;
    }
    false
}

/// The types that a type is made of.
fn parts_of(type_oid: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    if type_oid.to_u32() < pg_sys::FirstNormalObjectId {
        return vec![];
    }
    // SAFETY: look-ups in the catalogue; what a type does not have gives InvalidOid. A row type that is not there yet, or not any more, has no relation.
    unsafe {
        let relation = pg_sys::get_typ_typrelid(type_oid);
        let made = if relation == pg_sys::InvalidOid {
            std::ptr::null_mut()
        } else {
            pg_sys::RelationIdGetRelation(relation)
        };
        if made.is_null() {
            return vec![
                pg_sys::getBaseType(type_oid),
                pg_sys::get_element_type(type_oid),
                pg_sys::get_range_subtype(type_oid),
                pg_sys::get_multirange_range(type_oid),
            ];
        }
        let description = &*(*made).rd_att;
        let parts = description
            .attrs
            .as_slice(usize::try_from(description.natts).unwrap_or_default())
            .iter()
            .filter(|column| !column.attisdropped)
            .map(|column| column.atttypid)
            .collect();
        pg_sys::RelationClose(made);
        parts
    }
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
