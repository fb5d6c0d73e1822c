//! What the planner believes of tables while one of the library's own statements is planned.
//!
//! Such a plan is kept for the life of the backend. One that is made for what is in the tables now would be right for now only, and on a
//! new database nothing may ever have it made again. So a look-up by key is planned for large tables and long lists, and past what ANALYZE
//! has seen of the library's tables and of catalogues: a column that begins an index finds few rows, unless its `n_distinct` says that it has few values, and
//! half of what can be NULL is. No kind of scan or join is switched off; a probe of an index wins because it is the cheapest.

mod hash_table;

pub use hash_table::begin_small;

use crate::sys::aside::{self, Reading};
use crate::sys::list::{length, nth};
use crate::sys::spi::{self, Shape};
use pgrx::{pg_guard, pg_sys};

static mut NEXT: pg_sys::get_relation_info_hook_type = None;
static mut NEXT_STATISTICS: pg_sys::get_relation_stats_hook_type = None;
static mut NEXT_PATHS: pg_sys::set_rel_pathlist_hook_type = None;

/// A table counts as having at least so many rows for a look-up by key.
const ROWS_OF_LOOK_UP: f64 = 1_000_000.0;
/// The same for a table of definitions, which somebody wrote one by one: to go through all of them costs little, once, but more than to look a few up.
/// The install script marks such a table: no worker is ever to help with it (`parallel_workers = 0`).
const ROWS_OF_DEFINITIONS: f64 = 10_000.0;
/// The same for a statement that goes through whole tables: large enough that nothing is joined row by row without an index,
/// small enough that a hash table is not made for rows that never come.
const ROWS_OF_SCAN: f64 = 10_000.0;
/// Rows on a page, roughly.
const ROWS_A_PAGE: f64 = 50.0;
/// Keys on a page of an index, roughly.
const KEYS_A_PAGE: f64 = 200.0;
/// A list that is handed in counts as having so many items, and one that a statement makes as having no more: few enough that each is
/// looked up in an index, so many that two lists are not compared item by item.
const ITEMS: f64 = 1_000.0;

// Exported by the server, declared here because the bindings leave it out.
unsafe extern "C-unwind" {
    fn get_attribute_options(relation: pg_sys::Oid, column: i32) -> *mut ColumnOptions;
}

/// `AttributeOpts` of the server.
#[repr(C)]
struct ColumnOptions {
    length: i32,
    n_distinct: f64,
    n_distinct_inherited: f64,
}

pub fn init() {
    // SAFETY: runs once, in the postmaster, before any backend exists.
    unsafe {
        NEXT = pg_sys::get_relation_info_hook;
        pg_sys::get_relation_info_hook = Some(size);
        NEXT_STATISTICS = pg_sys::get_relation_stats_hook;
        pg_sys::get_relation_stats_hook = Some(values);
        NEXT_PATHS = pg_sys::set_rel_pathlist_hook;
        pg_sys::set_rel_pathlist_hook = Some(items);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn size(
    root: *mut pg_sys::PlannerInfo,
    relation: pg_sys::Oid,
    is_parent: bool,
    info: *mut pg_sys::RelOptInfo,
) {
    // SAFETY: passes on what the server passed, then changes estimates that it has just filled in.
    unsafe {
        if let Some(next) = NEXT {
            guarded!(next(root, relation, is_parent, info));
        }
        if matches!(aside::current(), Some((_, meant, Reading::PastPolicies | Reading::Untriggered)) if meant == relation)
        {
            find_every_row(&mut *info);
        }
        let rows = match (spi::shape(), schema_of(relation)) {
            (None, _) | (_, Schema::Other) | (Some(Shape::Scan), Schema::Catalogue) => return,
            (Some(Shape::Scan), Schema::Own) => ROWS_OF_SCAN,
            (Some(Shape::LookUp), Schema::Own) if (*info).rel_parallel_workers == 0 => ROWS_OF_DEFINITIONS,
            (Some(Shape::LookUp), _) => ROWS_OF_LOOK_UP,
        };
        let info = &mut *info;
        info.tuples = info.tuples.max(rows);
        info.pages = info.pages.max((rows / ROWS_A_PAGE) as u32);
        for place in 0..length(info.indexlist) {
            let index = &mut *nth(info.indexlist, place).cast::<pg_sys::IndexOptInfo>();
            index.tuples = index.tuples.max(rows);
            index.pages = index.pages.max((rows / KEYS_A_PAGE) as u32);
            index.tree_height = index.tree_height.max(2);
        }
    }
}

/// Leaves nothing that the owner of a table says of its rows to the planner. An index holds those that its condition chose when they were stored; the condition, which ran just now, may say something
/// else by then, and may have changed a setting.
fn find_every_row(info: &mut pg_sys::RelOptInfo) {
    info.indexlist = std::ptr::null_mut();
    // SAFETY: a variable of the server; the settings level that is open brings back what it was.
    unsafe { pg_sys::constraint_exclusion = pg_sys::ConstraintExclusionType::CONSTRAINT_EXCLUSION_OFF as i32 }
}

/// Puts what was said above in the place of what ANALYZE has seen; true when it did.
#[pg_guard]
unsafe extern "C-unwind" fn values(
    root: *mut pg_sys::PlannerInfo,
    entry: *mut pg_sys::RangeTblEntry,
    column: pg_sys::AttrNumber,
    about: *mut pg_sys::VariableStatData,
) -> bool {
    // SAFETY: the server asks about a column of a table of the query; what it gets is a column without statistics, perhaps a key.
    unsafe {
        if spi::shape() == Some(Shape::LookUp) && schema_of((*entry).relid) != Schema::Other {
            let about = &mut *about;
            about.statsTuple = statistics();
            about.freefunc = Some(free);
            about.isunique |=
                begins_index(root, about.rel, column) && !has_few_values((*entry).relid, column);
            return true;
        }
        match NEXT_STATISTICS {
            Some(next) => guarded!(next(root, entry, column, about)),
            None => false,
        }
    }
}

/// What is known of every column: half of it is NULL. Nothing else is.
unsafe fn statistics() -> pg_sys::HeapTuple {
    const NULL_FRACTION: usize = pg_sys::Anum_pg_statistic_stanullfrac as usize - 1;
    const FIRST_NUMBERS: usize = pg_sys::Anum_pg_statistic_stanumbers1 as usize - 1;
    let mut values = [pg_sys::Datum::from(0); pg_sys::Natts_pg_statistic as usize];
    let mut nulls = [false; pg_sys::Natts_pg_statistic as usize];
    // A float4 is passed by value.
    values[NULL_FRACTION] = pg_sys::Datum::from(0.5_f32.to_bits());
    nulls[FIRST_NUMBERS..].fill(true);
    // SAFETY: as many values as the table of statistics has columns, each of its type; the form is kept by the lock.
    unsafe {
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let table = pg_sys::table_open(pg_sys::StatisticRelationId, lock);
        let row = pg_sys::heap_form_tuple((*table).rd_att, values.as_mut_ptr(), nulls.as_mut_ptr());
        pg_sys::table_close(table, lock);
        row
    }
}

/// Gives back what `statistics` made.
#[pg_guard]
unsafe extern "C-unwind" fn free(row: pg_sys::HeapTuple) {
    // SAFETY: the server calls it once, for what it was given.
    unsafe { pg_sys::heap_freetuple(row) }
}

/// Gives lists the length that was said above.
#[pg_guard]
unsafe extern "C-unwind" fn items(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    number: pg_sys::Index,
    entry: *mut pg_sys::RangeTblEntry,
) {
    // SAFETY: passes on what the server passed, then changes the estimates of paths that it has just made.
    unsafe {
        if let Some(next) = NEXT_PATHS {
            guarded!(next(root, relation, number, entry));
        }
        if spi::shape() != Some(Shape::LookUp) {
            return;
        }
        let relation = &mut *relation;
        relation.rows = match (*entry).rtekind {
            pg_sys::RTEKind::RTE_FUNCTION => ITEMS,
            pg_sys::RTEKind::RTE_CTE => relation.rows.min(ITEMS),
            _ => return,
        };
        for place in 0..length(relation.pathlist) {
            (*nth(relation.pathlist, place).cast::<pg_sys::Path>()).rows = relation.rows;
        }
    }
}

/// True when an index of the table begins with the column.
unsafe fn begins_index(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    column: pg_sys::AttrNumber,
) -> bool {
    // SAFETY: a table of a query has a place in its arrays; asked from within a sub-query, the table may be one of the query around it.
    unsafe {
        if relation.is_null() || (*relation).rtekind != pg_sys::RTEKind::RTE_RELATION {
            return false;
        }
        let relation = &*relation;
        let is_here = i64::from(relation.relid) < i64::from((*root).simple_rel_array_size)
            && std::ptr::eq(*(*root).simple_rel_array.add(relation.relid as usize), relation);
        is_here
            && (0..length(relation.indexlist)).any(|place| {
                let index = &*nth(relation.indexlist, place).cast::<pg_sys::IndexOptInfo>();
                *index.indexkeys == i32::from(column)
            })
    }
}

/// True when the definition of the column says how few values it has.
unsafe fn has_few_values(relation: pg_sys::Oid, column: pg_sys::AttrNumber) -> bool {
    // SAFETY: a catalogue look-up inside a transaction; what it returns has the form above in every version.
    unsafe {
        let options = guarded!(get_attribute_options(relation, i32::from(column)));
        !options.is_null() && (*options).n_distinct > 0.0
    }
}

/// Where a table is.
#[derive(PartialEq, Eq)]
enum Schema {
    /// In the schema that only the library uses.
    Own,
    /// In the server's own.
    Catalogue,
    Other,
}

unsafe fn schema_of(relation: pg_sys::Oid) -> Schema {
    // SAFETY: catalogue look-ups inside a transaction; InvalidOid is the schema of nothing.
    unsafe {
        match pg_sys::get_rel_namespace(relation) {
            pg_sys::InvalidOid => Schema::Other,
            schema if schema == pg_sys::Oid::from_u32(pg_sys::PG_CATALOG_NAMESPACE) => Schema::Catalogue,
            schema if schema == pg_sys::get_namespace_oid(c"vpd_private".as_ptr(), true) => Schema::Own,
            _ => Schema::Other,
        }
    }
}
