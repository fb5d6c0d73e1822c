//! Rows one by one, as the server finds them: a large answer is never in memory as a whole.

use super::snapshot::Snapshot;
use super::{Arg, Row, Statement, require_done};
use pgrx::{pg_guard, pg_sys};

impl Statement {
    /// Runs a SELECT and gives each row to `read`.
    pub fn each(&self, args: &[Arg], mut read: impl FnMut(&Row)) {
        self.prepared(args, |plan| {
            let _active = Active::push(Snapshot::of_reading());
            let mut receiver = Receiver {
                server: pg_sys::DestReceiver {
                    receiveSlot: Some(receive),
                    rStartup: Some(start),
                    rShutdown: Some(nothing),
                    rDestroy: Some(nothing),
                    mydest: pg_sys::CommandDest::DestNone,
                },
                read: &mut read,
            };
            // SAFETY: the plan was prepared with the types of these arguments, and the receiver outlives the call. Reading only, the server takes
            // the snapshot that is active.
            let status = unsafe {
                let options = pg_sys::SPIExecuteOptions {
                    params: parameters(args),
                    read_only: true,
                    allow_nonatomic: false,
                    must_return_tuples: true,
                    tcount: 0,
                    dest: (&raw mut receiver).cast(),
                    owner: std::ptr::null_mut(),
                };
                pg_sys::SPI_execute_plan_extended(plan, &options)
            };
            require_done(status);
        });
    }
}

/// Queries that run inside with the snapshot that is active see what is committed now.
pub fn at_present<R>(work: impl FnOnce() -> R) -> R {
    let _active = Active::push(Snapshot::now());
    work()
}

/// The active snapshot while this lives. An error that unwinds leaves it to the abort.
struct Active {
    _registered: Snapshot,
}

impl Active {
    fn push(snapshot: Snapshot) -> Self {
        // SAFETY: the snapshot is registered as long as this lives.
        unsafe { pg_sys::PushActiveSnapshot(snapshot.0) };
        Self {
            _registered: snapshot,
        }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: takes away what `push` made active; what ran in between has taken away its own.
            unsafe { pg_sys::PopActiveSnapshot() };
        }
    }
}

/// The arguments as the executor takes them, in the memory of the connection.
unsafe fn parameters(args: &[Arg]) -> pg_sys::ParamListInfo {
    // SAFETY: the list has room for as many as it was made for.
    unsafe {
        let list = pg_sys::makeParamList(args.len() as i32);
        let places = (*list).params.as_mut_slice(args.len());
        for (place, arg) in places.iter_mut().zip(args) {
            *place = pg_sys::ParamExternData {
                value: arg.datum().unwrap_or(pg_sys::Datum::from(0)),
                isnull: arg.datum().is_none(),
                pflags: pg_sys::PARAM_FLAG_CONST as u16,
                ptype: arg.oid(),
            };
        }
        list
    }
}

/// What the server hands rows to; it knows the first field only.
#[repr(C)]
struct Receiver<'a> {
    server: pg_sys::DestReceiver,
    read: &'a mut dyn FnMut(&Row),
}

#[pg_guard]
unsafe extern "C-unwind" fn start(
    _receiver: *mut pg_sys::DestReceiver,
    _operation: i32,
    _form: pg_sys::TupleDesc,
) {
}

#[pg_guard]
unsafe extern "C-unwind" fn nothing(_receiver: *mut pg_sys::DestReceiver) {}

#[pg_guard]
unsafe extern "C-unwind" fn receive(
    slot: *mut pg_sys::TupleTableSlot,
    receiver: *mut pg_sys::DestReceiver,
) -> bool {
    // SAFETY: the server gives back the receiver it was given, and a row that is good until the call is over.
    unsafe {
        let mut is_copy = false;
        let tuple = pg_sys::ExecFetchSlotHeapTuple(slot, false, &mut is_copy);
        ((*receiver.cast::<Receiver<'_>>()).read)(&Row::of(tuple, (*slot).tts_tupleDescriptor));
        if is_copy {
            pg_sys::heap_freetuple(tuple);
        }
    }
    true
}
