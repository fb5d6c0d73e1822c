//! Locks on relations, and news about them.

use pgrx::pg_sys;

/// Takes the lock that keeps everybody from planning or reading the relation until the transaction ends.
pub fn lock_exclusively(relation: pg_sys::Oid) {
    // SAFETY: the lock manager accepts any OID; the caller looked the relation up.
    unsafe { pg_sys::LockRelationOid(relation, pg_sys::AccessExclusiveLock as i32) }
}

/// Takes the lock of a reader; false when there is no such relation.
pub fn lock_for_reading(relation: pg_sys::Oid) -> bool {
    // SAFETY: the look-up after the lock is in the catalogue; a missing relation keeps its lock until the transaction ends, and harms nobody.
    unsafe {
        pg_sys::LockRelationOid(relation, pg_sys::AccessShareLock as i32);
        !pg_sys::get_rel_name(relation).is_null()
    }
}

/// Takes the lock of a writer; false when there is no such relation.
pub fn lock_for_writing(relation: pg_sys::Oid) -> bool {
    // SAFETY: as above.
    unsafe {
        pg_sys::LockRelationOid(relation, pg_sys::RowExclusiveLock as i32);
        !pg_sys::get_rel_name(relation).is_null()
    }
}

/// Takes the lock that keeps everybody from writing the relation until the transaction ends.
pub fn lock_against_writers(relation: pg_sys::Oid) {
    // SAFETY: takes a lock by number; whoever looks next finds out whether the relation is there.
    unsafe { pg_sys::LockRelationOid(relation, pg_sys::ShareLock as i32) }
}

/// The same, without waiting: false when somebody holds it as well.
pub fn try_lock_for_reading(relation: pg_sys::Oid) -> bool {
    // SAFETY: as above.
    unsafe {
        pg_sys::ConditionalLockRelationOid(relation, pg_sys::AccessShareLock as i32)
            && !pg_sys::get_rel_name(relation).is_null()
    }
}

/// A relation that is open while this lives; its lock is kept until the transaction ends. It is closed when the work on it is over, by an early
/// return as well; an error that unwinds leaves it to the abort.
pub(super) struct Opened(pg_sys::Relation);

impl Opened {
    /// A table, view, foreign table; an error when there is no such relation, or it is none of these.
    pub fn table(relation: pg_sys::Oid, lock: u32) -> Self {
        // SAFETY: opening raises an error for what cannot be opened.
        Self(unsafe { pg_sys::table_open(relation, lock as i32) })
    }

    /// Any relation; an error when there is none.
    pub fn any(relation: pg_sys::Oid, lock: u32) -> Self {
        // SAFETY: opening raises an error for what cannot be opened.
        Self(unsafe { pg_sys::relation_open(relation, lock as i32) })
    }

    /// What the server calls it; good while this value lives.
    pub fn relation(&self) -> pg_sys::Relation {
        self.0
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: opened by this value and closed once.
            unsafe { pg_sys::relation_close(self.0, pg_sys::NoLock as i32) }
        }
    }
}

/// Makes every backend forget, when this transaction commits, what it knows and planned of the relation.
pub fn announce_change(relation: pg_sys::Oid) {
    // SAFETY: queues an invalidation message; the relation exists, its lock is held.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(relation) }
}

/// Makes every backend forget, when this transaction commits, what it knows and planned of any relation.
pub fn announce_every_change() {
    // SAFETY: queues an invalidation message.
    unsafe { pg_sys::CacheInvalidateRelcacheAll() }
}

/// True for a table that never had a row, or was emptied: asked of its file, so that no row is read.
pub fn is_without_blocks(relation: pg_sys::Oid) -> bool {
    blocks(relation) == 0
}

/// How many blocks a table has.
pub fn blocks(relation: pg_sys::Oid) -> i64 {
    let opened = Opened::table(relation, pg_sys::AccessShareLock);
    // SAFETY: an open table has its main fork.
    i64::from(unsafe {
        pg_sys::RelationGetNumberOfBlocksInFork(opened.relation(), pg_sys::ForkNumber::MAIN_FORKNUM)
    })
}

/// Whether a relation is there, and not a temporary one.
pub fn is_lasting(relation: pg_sys::Oid) -> bool {
    // SAFETY: look-ups in the catalogue; one that is not there has no name.
    unsafe {
        !pg_sys::get_rel_name(relation).is_null()
            && pg_sys::get_rel_persistence(relation) != pg_sys::RELPERSISTENCE_TEMP as std::ffi::c_char
    }
}

/// The columns of a relation, but for those that the server computes.
pub fn stored_columns(relation: pg_sys::Oid) -> Vec<String> {
    let opened = Opened::any(relation, pg_sys::AccessShareLock);
    // SAFETY: the description of an open relation, which has so many attributes.
    unsafe {
        let description = &*(*opened.relation()).rd_att;
        let attributes = description
            .attrs
            .as_slice(usize::try_from(description.natts).unwrap_or_default());
        attributes
            .iter()
            .filter(|column| !column.attisdropped && column.attgenerated == 0)
            .map(|column| {
                std::ffi::CStr::from_ptr(column.attname.data.as_ptr())
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    }
}

/// True for a table whose rows are in partitions.
pub fn is_partitioned(relation: pg_sys::Oid) -> bool {
    // SAFETY: a catalogue look-up; what is missing has no kind.
    unsafe { pg_sys::get_rel_relkind(relation) as u8 == pg_sys::RELKIND_PARTITIONED_TABLE }
}

/// True when the relation has a column of that name, one of the system left out.
pub fn has_column(relation: pg_sys::Oid, name: &str) -> bool {
    std::ffi::CString::new(name).is_ok_and(|name| {
        // SAFETY: a catalogue look-up with a NUL-terminated name; what is missing has number 0.
        unsafe { pg_sys::get_attnum(relation, name.as_ptr()) > 0 }
    })
}

/// Name of a schema; none when it does not exist.
pub fn schema_name(schema: pg_sys::Oid) -> Option<String> {
    // SAFETY: the look-up returns NULL or a palloc'd, NUL-terminated name.
    unsafe {
        let name = pg_sys::get_namespace_name(schema);
        (!name.is_null()).then(|| std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned())
    }
}

/// A name as SQL reads it.
pub fn quoted(name: &str) -> String {
    // SAFETY: a NUL-terminated name; the answer is as well.
    std::ffi::CString::new(name).map_or_else(
        |_| String::new(),
        |name| unsafe {
            let quoted = pg_sys::quote_identifier(name.as_ptr());
            std::ffi::CStr::from_ptr(quoted).to_string_lossy().into_owned()
        },
    )
}

/// Name of a relation with its schema, as SQL reads it; empty when it does not exist.
pub fn full_name(relation: pg_sys::Oid) -> String {
    // SAFETY: a catalogue look-up; what is missing has no schema.
    let schema = schema_name(unsafe { pg_sys::get_rel_namespace(relation) });
    schema.map_or_else(String::new, |schema| {
        format!("{}.{}", quoted(&schema), quoted(&name(relation)))
    })
}

/// Name of a relation; empty when it does not exist.
pub fn name(relation: pg_sys::Oid) -> String {
    // SAFETY: the look-up returns NULL or a palloc'd, NUL-terminated name.
    unsafe {
        let name = pg_sys::get_rel_name(relation);
        if name.is_null() {
            String::new()
        } else {
            std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned()
        }
    }
}
