//! What the server itself does where a hook stands. The bindings of these functions put a boundary around each call, which an error
//! of the server would not pass whole; see `chained!`.

use pgrx::pg_sys;

unsafe extern "C-unwind" {
    pub fn standard_ExecutorStart(query: *mut pg_sys::QueryDesc, flags: i32);

    pub fn standard_ExecutorRun(
        query: *mut pg_sys::QueryDesc,
        direction: pg_sys::ScanDirection::Type,
        count: u64,
        execute_once: bool,
    );

    pub fn standard_ExecutorFinish(query: *mut pg_sys::QueryDesc);

    pub fn standard_ExecutorEnd(query: *mut pg_sys::QueryDesc);

    pub fn standard_planner(
        query: *mut pg_sys::Query,
        text: *const std::ffi::c_char,
        options: i32,
        params: pg_sys::ParamListInfo,
    ) -> *mut pg_sys::PlannedStmt;

    pub fn standard_ProcessUtility(
        planned: *mut pg_sys::PlannedStmt,
        text: *const std::ffi::c_char,
        is_read_only_tree: bool,
        level: pg_sys::ProcessUtilityContext::Type,
        params: pg_sys::ParamListInfo,
        environment: *mut pg_sys::QueryEnvironment,
        receiver: *mut pg_sys::DestReceiver,
        completion: *mut pg_sys::QueryCompletion,
    );
}
