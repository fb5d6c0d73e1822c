//! The files of published blocks: written under another name and whole before they get their own; mapped for reading only.
//!
//! A file that is replaced or removed stays what it was for whoever has it mapped, until the last of them lets it go.

use super::form::{self, HEADER, Identity, PARTS};
use pgrx::pg_sys;
use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

/// Below the folder of the data, which is where the server works. Backups leave out what is in it.
const FOLDER: &str = "pg_dynshmem";
const PREFIX: &str = "pg_vpd.";

/// A published block that this process has mapped.
#[derive(Debug)]
pub struct Published {
    place: NonNull<u8>,
    length: usize,
    parts: [Range<usize>; PARTS],
}

impl Published {
    /// Maps the block of an identity; `None` when there is none, and when the file is another or not whole.
    pub fn open(identity: &Identity<'_>) -> Option<Self> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(path(identity))
            .ok()?;
        let kind = file.metadata().ok()?;
        // SAFETY: reads who this process is.
        let is_own = kind.is_file() && kind.uid() == unsafe { libc::geteuid() };
        let length = usize::try_from(kind.len())
            .ok()
            .filter(|length| is_own && *length >= HEADER)?;
        // SAFETY: a new mapping of an open file; the length is that of the file.
        let place = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if place == libc::MAP_FAILED {
            return None;
        }
        let mut block = Self {
            place: NonNull::new(place.cast())?,
            length,
            parts: [const { 0..0 }; PARTS],
        };
        block.parts = form::parts(identity, block.bytes())?;
        Some(block)
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is as long and lives as long as this. Nobody writes to the file: it was whole before it got its name, its makers
        // have closed it, and it is replaced and removed by its name alone.
        unsafe { std::slice::from_raw_parts(self.place.as_ptr(), self.length) }
    }

    /// A part, as bytes.
    pub fn part(&self, number: usize) -> &[u8] {
        self.parts
            .get(number)
            .and_then(|range| self.bytes().get(range.clone()))
            .unwrap_or_default()
    }

    /// A part, as numbers; none when it does not consist of such.
    pub fn part_of<N: Number>(&self, number: usize) -> &[N] {
        // SAFETY: any bytes are a number.
        let (before, numbers, after) = unsafe { self.part(number).align_to::<N>() };
        if before.is_empty() && after.is_empty() {
            numbers
        } else {
            &[]
        }
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // SAFETY: the mapping that `open` made; nothing borrows from it any more.
        unsafe { libc::munmap(self.place.as_ptr().cast(), self.length) };
    }
}

/// Numbers that every combination of bits is one of.
pub trait Number: Copy + sealed::Sealed {}
impl Number for u32 {}
impl Number for u64 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}

/// The bytes of numbers.
pub fn bytes_of<N: Number>(numbers: &[N]) -> &[u8] {
    // SAFETY: numbers have no gaps between them, and bytes may lie anywhere.
    unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
}

/// Writes a block, which replaces whatever there was of its topic. When it returns the block is on the disk: pages that the system takes from memory
/// come back as they were.
pub fn write(identity: &Identity<'_>, parts: &[&[u8]; PARTS]) -> Result<()> {
    let header = form::header(identity, parts).ok_or(ErrorKind::InvalidInput)?;
    let path = path(identity);
    let draft = Draft::of(&path);
    let mut file = draft.create()?;
    file.write_all(&header)?;
    for part in parts {
        file.write_all(part)?;
        file.write_all(&[0; 8][..form::padding(part.len())])?;
    }
    // SAFETY: an open file; does nothing where the server was told not to care for the disk.
    if unsafe { pg_sys::pg_fsync(file.as_raw_fd()) } != 0 {
        return Err(Error::last_os_error());
    }
    drop(file);
    fs::rename(&draft.0, &path)
}

/// A file that is not whole yet. Goes with this, unless it got another name.
struct Draft(PathBuf);

impl Draft {
    fn of(path: &Path) -> Self {
        Self(path.with_extension(std::process::id().to_string()))
    }

    fn create(&self) -> Result<File> {
        // Left behind by a process of the same number, which is no more.
        let _ = fs::remove_file(&self.0);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(&self.0)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// One file for each topic of a database: the version is not in its name, so that a new one takes the place of the former.
fn path(identity: &Identity<'_>) -> PathBuf {
    Path::new(FOLDER).join(name(identity.database, identity.topic))
}

fn name(database: u32, topic: &str) -> String {
    format!(
        "{PREFIX}{database}.{:016x}.block",
        form::checksum(topic.as_bytes())
    )
}

/// Removes the block of a topic.
pub fn remove(database: u32, topic: &str) {
    let _ = fs::remove_file(Path::new(FOLDER).join(name(database, topic)));
}

/// Removes the blocks that nobody asks for, by database and name.
pub fn sweep(is_wanted: impl Fn(u32, &str) -> bool) {
    for entry in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let Some(file) = file.to_str() else { continue };
        let database = file
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('.').next())
            .and_then(|number| number.parse().ok());
        if database.is_some_and(|database| !is_wanted(database, file)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// True when the file is the block of one of these topics, or is being written.
pub fn is_of(file: &str, database: u32, topics: &[&str]) -> bool {
    !file.ends_with(".block") || topics.iter().any(|topic| name(database, topic) == file)
}
