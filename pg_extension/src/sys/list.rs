//! Lists of nodes.

use pgrx::{is_a, pg_sys};

/// Element `index` of a list of nodes.
///
/// # Safety
/// The list has more than `index` elements, all of them nodes.
pub unsafe fn nth(list: *mut pg_sys::List, index: i32) -> *mut pg_sys::Node {
    // SAFETY: the caller's promise.
    unsafe { (*(*list).elements.add(index as usize)).ptr_value.cast() }
}

/// How many elements there are.
///
/// # Safety
/// A valid list, or none.
pub unsafe fn length(list: *mut pg_sys::List) -> i32 {
    // SAFETY: an empty list is a NULL pointer.
    unsafe { list.as_ref() }.map_or(0, |list| list.length)
}

/// The nodes of a list.
///
/// # Safety
/// A list of nodes, or none, that lives as long as the iterator.
pub unsafe fn elements(list: *mut pg_sys::List) -> impl DoubleEndedIterator<Item = *mut pg_sys::Node> {
    // SAFETY: the caller's promise; every index is below the length.
    unsafe { (0..length(list)).map(move |index| nth(list, index)) }
}

/// A list of the given nodes.
pub fn list<T>(nodes: &[*mut T]) -> *mut pg_sys::List {
    nodes.iter().fold(std::ptr::null_mut(), |list, node| {
        // SAFETY: appends a pointer to a list of the current memory context.
        unsafe { pg_sys::lappend(list, node.cast()) }
    })
}

/// The text of a String node; empty for any other.
///
/// # Safety
/// A valid node.
pub unsafe fn string(node: *mut pg_sys::Node) -> String {
    // SAFETY: a String node with a NUL-terminated value.
    unsafe {
        if !is_a(node, pg_sys::NodeTag::T_String) {
            return String::new();
        }
        std::ffi::CStr::from_ptr((*node.cast::<pg_sys::String>()).sval)
            .to_string_lossy()
            .into_owned()
    }
}
