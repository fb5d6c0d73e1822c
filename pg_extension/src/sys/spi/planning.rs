//! How the library's own statements are planned.

use pgrx::pg_sys;
use std::cell::Cell;

thread_local! {
    static SHAPE: Cell<Option<Shape>> = const { Cell::new(None) };
}

/// What a statement of ours does with its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// It looks rows up by key.
    LookUp,
    /// It goes through whole tables.
    Scan,
}

/// The shape of the statement of ours that is planned or run now.
pub fn shape() -> Option<Shape> {
    SHAPE.get()
}

macro_rules! planner_settings {
    ($($name:ident: $kind:ty = $value:expr,)+) => {
        struct Settings {
            $($name: $kind,)+
        }

        impl Settings {
            const OURS: Self = Self { $($name: $value,)+ };

            /// Puts them in the place of the present ones, which are returned.
            fn exchange(&self) -> Self {
                // SAFETY: variables of the planner in this single-threaded process.
                unsafe {
                    let former = Self { $($name: pg_sys::$name,)+ };
                    $(pg_sys::$name = self.$name;)+
                    former
                }
            }
        }
    };
}

// What somebody has set for his own statements says nothing about ours: a plan is kept for the life of the backend, whoever comes next. None
// is worth compiling: large as the tables seem, the server would do that at every execution.
planner_settings! {
    enable_seqscan: bool = true,
    enable_indexscan: bool = true,
    enable_indexonlyscan: bool = true,
    enable_bitmapscan: bool = true,
    enable_nestloop: bool = true,
    enable_hashjoin: bool = true,
    enable_mergejoin: bool = true,
    enable_tidscan: bool = true,
    enable_memoize: bool = true,
    enable_material: bool = true,
    enable_sort: bool = true,
    enable_incremental_sort: bool = true,
    enable_hashagg: bool = true,
    seq_page_cost: f64 = 1.0,
    random_page_cost: f64 = 4.0,
    cpu_tuple_cost: f64 = 0.01,
    cpu_index_tuple_cost: f64 = 0.005,
    cpu_operator_cost: f64 = 0.0025,
    effective_cache_size: i32 = 524_288,
    work_mem: i32 = 16_384,
    hash_mem_multiplier: f64 = 2.0,
    join_collapse_limit: i32 = 8,
    from_collapse_limit: i32 = 8,
    enable_geqo: bool = false,
    recursive_worktable_factor: f64 = 10.0,
    cursor_tuple_fraction: f64 = 0.1,
    constraint_exclusion: i32 = pg_sys::ConstraintExclusionType::CONSTRAINT_EXCLUSION_PARTITION as i32,
    enable_partition_pruning: bool = true,
    max_parallel_workers_per_gather: i32 = 0,
    jit_enabled: bool = false,
    plan_cache_mode: i32 = pg_sys::PlanCacheMode::PLAN_CACHE_MODE_AUTO as i32,
}

/// While it lives, plans are made for the library's own statements; `hooks::own_plan` tells for what size of tables.
pub(super) struct Planning {
    shape: Option<Shape>,
    settings: Settings,
}

impl Planning {
    pub fn enter(shape: Shape) -> Self {
        Self {
            shape: SHAPE.replace(Some(shape)),
            settings: Settings::OURS.exchange(),
        }
    }
}

impl Drop for Planning {
    fn drop(&mut self) {
        SHAPE.set(self.shape);
        self.settings.exchange();
    }
}
