//! Names of the server that the pure tests link and never call.

#[unsafe(no_mangle)]
static CopyErrorData: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static CurrentMemoryContext: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static ErrorContext: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static FlushErrorState: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static FreeErrorData: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static GetCurrentTimestamp: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static InterruptPending: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static PG_exception_stack: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static ProcessInterrupts: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static errcode: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static errcontext_msg: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static errdetail: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static errfinish: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static errhint: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static errmsg: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static error_context_stack: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static errstart: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static palloc0: [usize; 8] = [0; 8];
#[unsafe(no_mangle)]
static pfree: [usize; 8] = [0; 8];
