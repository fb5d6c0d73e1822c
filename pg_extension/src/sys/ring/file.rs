//! The file of a ring. It lies below a folder of the server that backups leave out, and survives the server, not the machine.

use super::block::{Block, HEADER};
use std::ffi::c_void;
use std::fs::{self, OpenOptions};
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const FOLDER: &str = "pg_dynshmem";
const PREFIX: &str = "pg_vpd_audit.";

/// A ring that this process has mapped.
pub struct Mapped {
    block: Block,
    place: *mut c_void,
    length: usize,
}

impl Deref for Mapped {
    type Target = Block;

    fn deref(&self) -> &Block {
        &self.block
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping that `map` made; nothing borrows from it any more.
        unsafe { libc::munmap(self.place, self.length) };
    }
}

/// Maps the ring of a database, which is made when there is none.
pub fn map(database: u32, capacity: usize) -> Option<Mapped> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path(database))
        .ok()?;
    let kind = file.metadata().ok()?;
    // SAFETY: reads who this process is.
    if !kind.is_file() || kind.uid() != unsafe { libc::geteuid() } {
        return None;
    }
    let mut length = usize::try_from(kind.len()).ok()?;
    if length <= HEADER {
        length = HEADER + capacity;
        // SAFETY: an open file. Its blocks are taken now: one that is missing later would end the process that writes to it.
        if unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, i64::try_from(length).ok()?) } != 0 {
            let _ = fs::remove_file(path(database));
            return None;
        }
    }
    // SAFETY: a new mapping of an open file, as long as that is.
    let place = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if place == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: mapped just now, and taken away when the block is gone.
    let block = unsafe { Block::new(place.cast(), length) };
    Some(Mapped { block, place, length })
}

fn path(database: u32) -> PathBuf {
    Path::new(FOLDER).join(format!("{PREFIX}{database}"))
}

/// Databases that have a ring.
pub fn databases() -> Vec<u32> {
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix(PREFIX)?.parse().ok())
        .collect()
}

/// Removes the ring of a database that is gone.
pub fn remove(database: u32) {
    let _ = fs::remove_file(path(database));
}
