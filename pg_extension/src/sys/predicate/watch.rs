//! What the server's analysis of a text is watched for: names that mean something else than they seem to, and literals.

use super::capture::Names;
use super::literal::Literals;
use super::node::parameter;
use pgrx::{pg_guard, pg_sys};

/// What the hooks of one analysis are told of.
pub struct Watch {
    pub names: Names,
    pub literals: Literals,
}

impl Watch {
    /// For a text over a relation.
    pub fn of(relation: pg_sys::Oid) -> Self {
        Self {
            names: Names::of(relation),
            literals: Literals::default(),
        }
    }

    /// Looks at every name and literal from now on; states of sub-selects inherit it.
    ///
    /// # Safety
    /// This value stays where it is and outlives the parse state.
    pub unsafe fn begin(&mut self, state: *mut pg_sys::ParseState) {
        // SAFETY: the caller's promise.
        unsafe {
            (*state).p_ref_hook_state = std::ptr::from_mut(self).cast();
            (*state).p_post_columnref_hook = Some(resolved);
            (*state).p_paramref_hook = Some(untyped);
            (*state).p_coerce_param_hook = Some(typed);
        }
    }
}

/// It is never found here.
#[pg_guard]
unsafe extern "C-unwind" fn resolved(
    state: *mut pg_sys::ParseState,
    reference: *mut pg_sys::ColumnRef,
    found: *mut pg_sys::Node,
) -> *mut pg_sys::Node {
    // SAFETY: the state of the hook is the value that watches.
    unsafe {
        let watch = &mut *(*state).p_ref_hook_state.cast::<Watch>();
        watch.names.resolved(state, reference, found);
    }
    std::ptr::null_mut()
}

/// A parameter of the text's own is none of ours, and there is none.
#[pg_guard]
unsafe extern "C-unwind" fn untyped(
    _state: *mut pg_sys::ParseState,
    reference: *mut pg_sys::ParamRef,
) -> *mut pg_sys::Node {
    // SAFETY: the reference is valid; the new node is zeroed memory of its type.
    unsafe {
        if (*reference).number >= 0 {
            return std::ptr::null_mut();
        }
        parameter((*reference).number, pg_sys::UNKNOWNOID, (*reference).location).cast()
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn typed(
    state: *mut pg_sys::ParseState,
    parameter: *mut pg_sys::Param,
    kind: pg_sys::Oid,
    modifier: i32,
    location: i32,
) -> *mut pg_sys::Node {
    // SAFETY: the state of the hook is the value that watches; the parameter is one that `untyped` made.
    unsafe {
        let watch = &mut *(*state).p_ref_hook_state.cast::<Watch>();
        watch.literals.typed(state, parameter, kind, modifier, location)
    }
}
