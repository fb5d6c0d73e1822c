//! The memory of a ring: a header, and records one behind the other, over the end and on at the beginning.
//!
//! Any number of processes append, one reads. Invariants: `written` moves when a record is whole, so a process that dies in the middle leaves nothing behind; nothing
//! between `read` and `written` is written over. Positions only rise. Knows no server.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, AtomicU64};

/// Bytes before the first record.
pub const HEADER: usize = 4096;
const MAGIC: u64 = u64::from_le_bytes(*b"pgvpdrg1");
/// Length, checksum and number of a record.
const FRAME: usize = 16;

/// What stands at the beginning. Everything is zero in a new file.
#[repr(C)]
pub struct Header {
    magic: AtomicU64,
    /// Bytes for records.
    capacity: AtomicU64,
    /// Tells one ring from the next in its place.
    id: [AtomicU64; 2],
    /// The start of the server that it was opened in last.
    generation: [AtomicU64; 2],
    /// Who appends.
    lock: AtomicU32,
    /// The process that writes records down; 0 when there is none.
    pub scribe: AtomicI32,
    /// Up to where records are whole.
    written: AtomicU64,
    /// The number of the last one.
    number: AtomicU64,
    /// Up to where they were written down.
    read: AtomicU64,
    /// The number of the last one that was, for good.
    pub durable: AtomicU64,
    /// Records that found no room, and have not been told of.
    pub lost: AtomicU64,
    /// When the first of them was, in microseconds since 2000.
    pub lost_since: AtomicI64,
    /// Up to where was read when one found none.
    stalled: AtomicU64,
}

/// A record as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Framed {
    pub number: u64,
    pub bytes: Vec<u8>,
}

/// What is read at one go.
#[derive(Debug, Default)]
pub struct Batch {
    pub records: Vec<Framed>,
    /// Where it ends.
    pub end: u64,
    /// Whether the rest is not what was written.
    pub is_damaged: bool,
}

/// A ring in memory that others have as well.
pub struct Block {
    header: *mut Header,
    data: *mut u8,
    capacity: usize,
}

impl Block {
    /// # Safety
    /// The memory is mapped for reading and writing, begins at a page, is as long, and stays.
    pub unsafe fn new(place: *mut u8, length: usize) -> Self {
        Self {
            header: place.cast(),
            // SAFETY: the memory is longer than the header.
            data: unsafe { place.add(HEADER) },
            capacity: length.saturating_sub(HEADER),
        }
    }

    pub fn header(&self) -> &Header {
        // SAFETY: the promise of `new`; all fields are atomic.
        unsafe { &*self.header }
    }

    /// Makes a new ring where there is none, or none that can be used; tells whether it did. Then, whoever is the first after a start of the server, takes away what
    /// processes that are no more may have left. One process at a time.
    pub fn prepare(&self, id: [u64; 2], generation: [u64; 2]) -> bool {
        let header = self.header();
        let (written, read) = (header.written.load(Acquire), header.read.load(Acquire));
        let is_usable = header.magic.load(Acquire) == MAGIC
            && header.capacity.load(Acquire) == self.capacity as u64
            && read <= written
            && written - read <= self.capacity as u64;
        if !is_usable {
            for field in [
                &header.written,
                &header.number,
                &header.read,
                &header.durable,
                &header.lost,
                &header.stalled,
            ] {
                field.store(0, Relaxed);
            }
            header.lock.store(0, Relaxed);
            header.scribe.store(0, Relaxed);
            store(&header.id, id);
            store(&header.generation, generation);
            header.capacity.store(self.capacity as u64, Relaxed);
            header.magic.store(MAGIC, Release);
        } else if load(&header.generation) != generation {
            header.lock.store(0, Relaxed);
            header.scribe.store(0, Relaxed);
            header.stalled.store(0, Relaxed);
            store(&header.generation, generation);
        }
        !is_usable
    }

    /// Which ring it is.
    pub fn id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        let [one, two] = load(&self.header().id);
        id[..8].copy_from_slice(&one.to_le_bytes());
        id[8..].copy_from_slice(&two.to_le_bytes());
        id
    }

    /// The number of the last record.
    pub fn last_number(&self) -> u64 {
        self.header().number.load(Acquire)
    }

    /// Whether there is something to be written down.
    pub fn has_unread(&self) -> bool {
        let header = self.header();
        header.written.load(Acquire) != header.read.load(Acquire) || header.lost.load(Acquire) > 0
    }

    /// How much of it is in use, from 0 to 1.
    pub fn usage(&self) -> f64 {
        let header = self.header();
        let used = header
            .written
            .load(Acquire)
            .saturating_sub(header.read.load(Acquire));
        used as f64 / self.capacity.max(1) as f64
    }

    /// Appends a record; its number, or `None` when there is no room now. `wait` is called while others append.
    pub fn append(&self, record: &[u8], wait: impl Fn(u32)) -> Option<u64> {
        let header = self.header();
        let length = framed(record.len());
        let _turn = Turn::take(&header.lock, wait);
        let written = header.written.load(Acquire);
        let used = written.wrapping_sub(header.read.load(Acquire));
        if used + length as u64 > self.capacity as u64 {
            return None;
        }
        let number = header.number.load(Relaxed) + 1;
        let mut frame = [0; FRAME];
        frame[..4].copy_from_slice(&(record.len() as u32).to_le_bytes());
        frame[4..8].copy_from_slice(&checksum(number, record).to_le_bytes());
        frame[8..].copy_from_slice(&number.to_le_bytes());
        self.put(written, &frame);
        self.put(written + FRAME as u64, record);
        header.number.store(number, Relaxed);
        header.written.store(written + length as u64, Release);
        Some(number)
    }

    /// A record found no room. Until something is read nobody waits for room again.
    pub fn note_loss(&self, now: i64) {
        let header = self.header();
        header.stalled.store(header.read.load(Acquire) + 1, Relaxed);
        if header.lost.fetch_add(1, Relaxed) == 0 {
            header.lost_since.store(now, Relaxed);
        }
    }

    /// Whether nothing was read since a record found no room.
    pub fn is_stalled(&self) -> bool {
        let header = self.header();
        header.stalled.load(Relaxed) == header.read.load(Acquire) + 1
    }

    /// Reads on, at most so many records. They stay until `advance`.
    pub fn peek(&self, most: usize) -> Batch {
        let header = self.header();
        let mut batch = Batch {
            end: header.read.load(Acquire),
            ..Batch::default()
        };
        let written = header.written.load(Acquire);
        while batch.end < written && batch.records.len() < most {
            let Some((framed, next)) = self.record_at(batch.end, written) else {
                batch.is_damaged = true;
                batch.end = written;
                break;
            };
            batch.records.push(framed);
            batch.end = next;
        }
        batch
    }

    fn record_at(&self, place: u64, written: u64) -> Option<(Framed, u64)> {
        let mut frame = [0; FRAME];
        self.get(place, &mut frame);
        let length = u32::from_le_bytes(frame[..4].try_into().ok()?) as usize;
        let next = place
            .checked_add(framed(length) as u64)
            .filter(|next| *next <= written)?;
        let mut bytes = vec![0; length];
        self.get(place + FRAME as u64, &mut bytes);
        let number = u64::from_le_bytes(frame[8..].try_into().ok()?);
        let is_whole = u32::from_le_bytes(frame[4..8].try_into().ok()?) == checksum(number, &bytes);
        is_whole.then_some((Framed { number, bytes }, next))
    }

    /// What was read is written down: its room is free.
    pub fn advance(&self, batch: &Batch) {
        let header = self.header();
        if let Some(last) = batch.records.last() {
            header.durable.store(last.number, Release);
        }
        header.read.store(batch.end, Release);
    }

    fn put(&self, place: u64, bytes: &[u8]) {
        let (start, head) = self.stretch(place, bytes.len());
        // SAFETY: both pieces lie in the data; they are free, and the lock is held.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.data.add(start), head);
            std::ptr::copy_nonoverlapping(bytes.as_ptr().add(head), self.data, bytes.len() - head);
        }
    }

    fn get(&self, place: u64, bytes: &mut [u8]) {
        let (start, head) = self.stretch(place, bytes.len());
        // SAFETY: both pieces lie in the data, and nobody writes over what was not read.
        unsafe {
            std::ptr::copy_nonoverlapping(self.data.add(start), bytes.as_mut_ptr(), head);
            std::ptr::copy_nonoverlapping(self.data, bytes.as_mut_ptr().add(head), bytes.len() - head);
        }
    }

    /// Where a piece begins, and how much of it lies before the end.
    fn stretch(&self, place: u64, length: usize) -> (usize, usize) {
        let start = (place % self.capacity as u64) as usize;
        (start, length.min(self.capacity - start))
    }
}

/// Room for a record with what stands before it.
fn framed(length: usize) -> usize {
    (FRAME + length).next_multiple_of(8)
}

/// Longest record of a ring.
pub fn longest(capacity: usize) -> usize {
    capacity / 4
}

/// Guards against accidents: FNV-1a over words.
fn checksum(number: u64, bytes: &[u8]) -> u32 {
    let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    let mut chunks = bytes.chunks_exact(8);
    let mut sum = mix(0xcbf2_9ce4_8422_2325 ^ bytes.len() as u64, number);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        sum = mix(sum, u64::from_le_bytes(word));
    }
    for byte in chunks.remainder() {
        sum = mix(sum, u64::from(*byte));
    }
    (sum ^ (sum >> 32)) as u32
}

fn load(pair: &[AtomicU64; 2]) -> [u64; 2] {
    [pair[0].load(Acquire), pair[1].load(Acquire)]
}

fn store(pair: &[AtomicU64; 2], values: [u64; 2]) {
    pair[0].store(values[0], Relaxed);
    pair[1].store(values[1], Relaxed);
}

/// The turn to append.
struct Turn<'a>(&'a AtomicU32);

impl<'a> Turn<'a> {
    fn take(lock: &'a AtomicU32, wait: impl Fn(u32)) -> Self {
        let mut tries = 0;
        while lock.compare_exchange_weak(0, 1, Acquire, Relaxed).is_err() {
            tries += 1;
            wait(tries);
        }
        Self(lock)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(0, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory that begins where a page does.
    #[repr(C, align(4096))]
    struct Pages([u8; HEADER + 1024]);

    fn with_block(work: impl FnOnce(&Block)) {
        let mut pages = Box::new(Pages([0; HEADER + 1024]));
        // SAFETY: as long as it says, and it lives as long as the block.
        let block = unsafe { Block::new(pages.0.as_mut_ptr(), HEADER + 1024) };
        assert!(block.prepare([1, 2], [3, 4]));
        work(&block);
    }

    #[test]
    fn records_come_out_in_order_over_the_end() {
        with_block(|block| {
            let mut number = 0;
            for round in 0..100_usize {
                let records: Vec<Vec<u8>> = (0..3)
                    .map(|place| vec![round as u8; (round * 7 + place) % 200])
                    .collect();
                for record in &records {
                    number += 1;
                    assert_eq!(block.append(record, |_| ()), Some(number));
                }
                let batch = block.peek(10);
                assert!(!batch.is_damaged);
                let read: Vec<&[u8]> = batch.records.iter().map(|one| one.bytes.as_slice()).collect();
                assert_eq!(read, records);
                block.advance(&batch);
                assert_eq!(block.header().durable.load(Relaxed), number);
                assert!(!block.has_unread());
            }
        });
    }

    #[test]
    fn a_full_ring_takes_nothing_and_loses_nothing() {
        with_block(|block| {
            let mut taken = 0;
            while block.append(&[7; 100], |_| ()).is_some() {
                taken += 1;
            }
            assert_eq!(taken, 1024 / 120);
            block.note_loss(5);
            assert!(block.is_stalled());
            let batch = block.peek(1);
            block.advance(&batch);
            assert!(!block.is_stalled());
            assert!(block.append(&[8; 100], |_| ()).is_some());
            assert_eq!(block.peek(100).records.len(), taken);
        });
    }

    #[test]
    fn a_ring_outlives_the_server_and_a_process_that_died_in_it() {
        with_block(|block| {
            block.append(b"kept", |_| ());
            block.header().lock.store(1, Relaxed);
            block.header().scribe.store(77, Relaxed);
            assert!(!block.prepare([9, 9], [5, 6]));
            assert_eq!(block.header().scribe.load(Relaxed), 0);
            assert_eq!(block.append(b"next", |_| ()), Some(2));
            assert_eq!(block.peek(9).records.len(), 2);
        });
    }

    #[test]
    fn damage_is_noticed() {
        with_block(|block| {
            block.append(b"one", |_| ());
            block.append(b"two", |_| ());
            // SAFETY: a byte of the second record.
            unsafe { *block.data.add(24 + FRAME) ^= 1 };
            let batch = block.peek(9);
            assert!(batch.is_damaged);
            assert_eq!(batch.records.len(), 1);
            block.header().capacity.store(5, Relaxed);
            assert!(block.prepare([1, 2], [3, 4]));
            assert!(!block.has_unread());
        });
    }
}
