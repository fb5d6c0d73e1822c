//! Memory for keys: in pages of their own, left out of core dumps, kept out of swap where the server may, and wiped when a key is given back.
//!
//! Master keys and the key of passing values lie in a page that the postmaster fills and every process shares. Invariant: nothing here is printed,
//! compared in public, or copied by accident.

use super::random;
use crate::error::{Error, Result};
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering, compiler_fence};
use vpd_text::sealed::{MAX_KEYS, MAX_NAME_BYTES, MasterKey};

const PAGE: usize = 4096;
const KEY: usize = 32;

thread_local! {
    /// Free places in pages of this process.
    static FREE: RefCell<Vec<NonNull<[u8; KEY]>>> = const { RefCell::new(Vec::new()) };
}

/// 256 secret bits of this process.
pub struct Secret(NonNull<[u8; KEY]>);

impl Secret {
    /// A secret that `fill` writes.
    pub fn filled(fill: impl FnOnce(&mut [u8; KEY])) -> Result<Self> {
        let free = FREE.with_borrow_mut(Vec::pop).map_or_else(more, Ok)?;
        let mut secret = Self(free);
        // SAFETY: a place of ours that nobody else has.
        fill(unsafe { secret.0.as_mut() });
        Ok(secret)
    }

    /// The bits, for whoever encrypts or signs with them.
    pub fn bits(&self) -> &[u8; KEY] {
        // SAFETY: a place of ours, written by `filled`.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // SAFETY: a place of ours that nobody else has.
        wipe(unsafe { self.0.as_mut() });
        // At the end of the process the list may be gone already, and nobody wants the place.
        let _is_kept = FREE.try_with(|free| free.try_borrow_mut().map(|mut free| free.push(self.0)));
    }
}

/// Overwrites bytes, however little they seem to matter afterwards.
pub fn wipe(bytes: &mut [u8]) {
    // SAFETY: a valid reference. The function is made for this: no compiler leaves it out.
    unsafe { libc::explicit_bzero(bytes.as_mut_ptr().cast(), bytes.len()) }
    compiler_fence(Ordering::SeqCst);
}

/// Places of another page; one of them is returned.
fn more() -> Result<NonNull<[u8; KEY]>> {
    let page = map(libc::MAP_PRIVATE).ok_or_else(|| Error::memory_missing(PAGE))?;
    let first = page.cast::<[u8; KEY]>();
    FREE.with_borrow_mut(|free| {
        // SAFETY: the page has room for so many.
        free.extend((1..PAGE / KEY).map(|number| unsafe { first.add(number) }));
    });
    Ok(first)
}

/// A page of zeros that comes into no core dump.
fn map(sharing: libc::c_int) -> Option<NonNull<u8>> {
    // SAFETY: asks for new memory at any place.
    unsafe {
        let page = libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            sharing | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if page == libc::MAP_FAILED {
            return None;
        }
        if libc::madvise(page, PAGE, libc::MADV_DONTDUMP) != 0 {
            libc::munmap(page, PAGE);
            return None;
        }
        // Swap is encrypted or not there where it matters; a server may be short of locked memory.
        let _is_locked = libc::mlock(page, PAGE);
        NonNull::new(page.cast())
    }
}

/// What all processes of the server share.
#[repr(C)]
struct Shared {
    /// What passing values are encrypted and authenticated with, until the server stops.
    passing: [[u8; KEY]; 2],
    count: usize,
    masters: [Master; MAX_KEYS],
}

#[repr(C)]
struct Master {
    length: u8,
    name: [u8; MAX_NAME_BYTES],
    key: [u8; KEY],
}

const _: () = assert!(std::mem::size_of::<Shared>() <= PAGE);

static SHARED: AtomicPtr<Shared> = AtomicPtr::new(std::ptr::null_mut());

/// Makes the page of the server, with the master keys that were read. Called once, in the postmaster.
pub(super) fn init(keys: Vec<MasterKey>) {
    let (Some(page), Some(encrypting), Some(authenticating)) =
        (map(libc::MAP_SHARED), random::bytes(), random::bytes())
    else {
        pgrx::warning!("pg_vpd: there is no memory for keys, sealed columns do not work");
        return;
    };
    let page = page.cast::<Shared>().as_ptr();
    // SAFETY: the page is new, large enough, and full of zeros, which is a value of its type.
    let shared = unsafe { &mut *page };
    shared.passing = [encrypting, authenticating];
    for (place, mut master) in shared.masters.iter_mut().zip(keys) {
        let name = master.name.as_bytes();
        place.length = u8::try_from(name.len()).unwrap_or_default();
        place.name[..name.len()].copy_from_slice(name);
        place.key = master.key;
        wipe(&mut master.key);
        shared.count += 1;
    }
    SHARED.store(page, Ordering::Release);
}

fn shared() -> Option<&'static Shared> {
    // SAFETY: NULL, or the page that `init` filled before any backend existed, and that nobody writes since.
    unsafe { SHARED.load(Ordering::Acquire).as_ref() }
}

/// What passing values are encrypted and authenticated with.
pub fn passing() -> Result<&'static [[u8; KEY]; 2]> {
    shared()
        .map(|shared| &shared.passing)
        .ok_or_else(Error::not_active)
}

/// The names of the master keys, the current one first.
pub fn master_names() -> Vec<String> {
    masters()
        .map(|master| String::from_utf8_lossy(master.name()).into_owned())
        .collect()
}

/// A master key.
pub fn master(name: &str) -> Option<&'static [u8; KEY]> {
    masters()
        .find(|master| master.name() == name.as_bytes())
        .map(|master| &master.key)
}

fn masters() -> impl Iterator<Item = &'static Master> {
    shared()
        .into_iter()
        .flat_map(|shared| shared.masters.iter().take(shared.count))
}

impl Master {
    fn name(&self) -> &[u8] {
        self.name.get(..usize::from(self.length)).unwrap_or_default()
    }
}
