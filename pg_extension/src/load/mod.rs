//! Loads of CSV files: users, groups, who belongs to what. All or nothing, with every fault of every line.
//!
//! A load lives in the memory of this backend from its first part to its end, and never longer than the (sub)transaction that took part in
//! it. Nothing is written before the last part; then everything is checked, written set by set, and taken back when anything is wrong.
//! Not here: how CSV is quoted (`csv_core`) and how rows get into tables (`sys::copy`). Invariant: a value of a file is data, never a text
//! of a statement.

mod content;
mod grants;
mod group;
mod group_node;
mod member;
mod names;
mod node;
mod progress;
mod user;

pub use vpd_text::load::report::Fault;

use crate::authz::change;
use crate::authz::segregation::Watch;
use crate::error::{Error, Result};
use crate::sys::memory;
use crate::sys::xact::{self, Fate};
use content::{Content, Counts};
use serde_json::json;
use std::cell::RefCell;
use vpd_text::load::header::{Header, Line};
use vpd_text::load::reader::{Broken, Reader, Record};
use vpd_text::load::report::Report;
use vpd_text::load::value;

/// Most bytes of one load.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// Most lines of one load.
const MAX_LINES: u32 = 5_000_000;

thread_local! {
    static CURRENT: RefCell<Option<Load>> = const { RefCell::new(None) };
}

/// A load under way.
struct Load {
    kind: &'static str,
    is_dry_run: bool,
    reader: Reader,
    lines: Lines,
    bytes: u64,
    /// The deepest level of (sub)transactions that gave it a part.
    level: i32,
}

/// What has been read so far.
struct Lines {
    content: Box<dyn Content>,
    header: Option<Header>,
    report: Report,
    /// With a header that is not understood the lines below it are not either.
    is_hopeless: bool,
    count: u32,
}

/// Kinds of files.
const KINDS: [&str; 7] = [
    "users",
    "groups",
    "group_members",
    "role_members",
    "data_group_members",
    "nodes",
    "group_nodes",
];

fn content(kind: &str) -> Result<(&'static str, Box<dyn Content>)> {
    let content: Box<dyn Content> = match kind {
        "users" => Box::<user::Users>::default(),
        "groups" => Box::<group::Groups>::default(),
        "group_members" => Box::new(member::Members::of_groups()),
        "role_members" => Box::new(member::Members::of_roles()),
        "data_group_members" => Box::new(member::Members::of_data_groups()),
        "nodes" => Box::<node::Nodes>::default(),
        "group_nodes" => Box::<group_node::GroupNodes>::default(),
        _ => {
            return Err(Error::argument(
                "unknown kind of load",
                format!("Use {}.", KINDS.join(", ")),
            ));
        }
    };
    let kind = KINDS.into_iter().find(|known| *known == kind).unwrap_or_default();
    Ok((kind, content))
}

/// Begins a load in this transaction; one that was begun before is given up.
pub fn begin(kind: &str, is_dry_run: bool) -> Result<()> {
    let (kind, content) = content(kind)?;
    let load = Load {
        kind,
        is_dry_run,
        reader: Reader::default(),
        lines: Lines {
            content,
            header: None,
            report: Report::default(),
            is_hopeless: false,
            count: 0,
        },
        bytes: 0,
        level: xact::nest_level(),
    };
    CURRENT.replace(Some(load));
    Ok(())
}

/// Takes the next part of the file; returns how many lines were read so far.
pub fn take_part(part: &[u8]) -> Result<i64> {
    CURRENT.with_borrow_mut(|current| {
        let load = current.as_mut().ok_or_else(Error::load_not_begun)?;
        load.level = load.level.max(xact::nest_level());
        load.bytes += part.len() as u64;
        if load.bytes > MAX_BYTES {
            return Err(Error::limit(
                "limit_load",
                "the file is larger than 1 GiB",
                "Split it and load the parts one after the other.",
            ));
        }
        ask_for_part(part);
        let Load { reader, lines, .. } = load;
        reader.feed(part, &mut |record| lines.take(record));
        lines.check_limit()?;
        Ok(i64::from(lines.count))
    })
}

/// 53200 unless there is memory for what becomes of a part: its bytes, and for each line a row with a few names.
fn ask_for_part(part: &[u8]) {
    const ROW: usize = 512;
    let lines = part.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    memory::ask_for_growth(lines.saturating_mul(ROW).saturating_add(4 * part.len()));
}

/// Reads the end, checks everything and writes it. The faults; none means that it is done.
pub fn finish() -> Result<Vec<Fault>> {
    let mut load = CURRENT.take().ok_or_else(Error::load_not_begun)?;
    let Load { reader, lines, .. } = &mut load;
    reader.finish(&mut |record| lines.take(record));
    lines.check_limit()?;
    if lines.header.is_none() && lines.report.is_empty() {
        lines
            .report
            .line(1, "the file is empty; its first line must be a header");
    }
    // Lists of about the size of what is kept are made on the way.
    memory::ask_for_growth(0);
    let is_dry_run = load.is_dry_run;
    let mut lines = load.lines;
    let (counts, report) = xact::provisionally(|| {
        let counts = if lines.is_hopeless || lines.header.is_none() {
            Counts::default()
        } else {
            apply(&mut lines)?
        };
        let is_kept = lines.report.is_empty() && !is_dry_run;
        let told = (counts, std::mem::take(&mut lines.report));
        if !is_kept {
            return Ok(Fate::Undone(told));
        }
        write_down(load.kind, counts);
        Ok(Fate::Kept(told))
    })?;
    if report.is_empty() {
        progress::tell_loaded(load.kind, is_dry_run, lines.count.saturating_sub(1), counts);
    }
    Ok(report.into_faults())
}

/// Loads a whole file.
pub fn load(kind: &str, file: &str, is_dry_run: bool) -> Result<Vec<Fault>> {
    begin(kind, is_dry_run)?;
    for part in file.as_bytes().chunks(1024 * 1024) {
        crate::sys::progress::check_for_interrupts();
        take_part(part)?;
    }
    finish()
}

/// Checks and writes, and looks who would break a rule of duties by it.
fn apply(lines: &mut Lines) -> Result<Counts> {
    change::begin();
    let watch = Watch::everybody();
    let counts = lines.content.apply(&mut lines.report)?;
    if lines.report.is_empty() {
        for conflict in watch.conflicts() {
            if !lines.content.blame(&conflict, &mut lines.report) {
                // A group in a group, say: no line of the file names the user.
                let reason = format!("user \"{}\" {}", conflict.user_name, conflict.reason());
                lines.report.line(1, reason);
            }
        }
    }
    Ok(counts)
}

fn write_down(kind: &str, counts: Counts) {
    if counts.added + counts.changed > 0 {
        change::record(
            "load",
            &format!("load:{kind}"),
            json!({ "added": counts.added, "changed": counts.changed, "unchanged": counts.unchanged }),
        );
    }
}

impl Lines {
    fn take(&mut self, record: std::result::Result<Record<'_>, (u32, Broken)>) {
        self.count = self.count.saturating_add(1);
        let record = match record {
            Ok(record) => record,
            Err((line, Broken::OpenQuote)) => return self.report.line(line, "a quote is not closed"),
            Err((line, Broken::StrayQuote)) => {
                return self.report.line(
                    line,
                    "has a quote inside a value; quote the whole value and double the quotes in it",
                );
            }
            Err((line, Broken::TooLong)) => {
                return self
                    .report
                    .line(line, "is longer than 1 MiB; perhaps a quote is not closed");
            }
        };
        let Some(header) = &self.header else {
            return self.take_header(&record);
        };
        if self.is_hopeless || self.count > MAX_LINES {
            return;
        }
        if record.width() != header.width() {
            let reason = format!("has {} values, the header has {}", record.width(), header.width());
            return self.report.line(record.line, reason);
        }
        let mut line = Line {
            number: record.line,
            header,
            values: Vec::with_capacity(header.width()),
            bad: Vec::new(),
        };
        for place in 0..record.width() {
            let bytes = record.value(place);
            line.values.push(value::text(bytes).unwrap_or_else(|reason| {
                let shown = String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
                self.report.value(record.line, header.name(place), &shown, reason);
                line.bad.push(place);
                ""
            }));
        }
        self.content.line(&line, &mut self.report);
    }

    fn take_header(&mut self, record: &Record<'_>) {
        let names: std::result::Result<Vec<String>, _> = (0..record.width())
            .map(|place| value::text(record.value(place)).map(|name| name.trim().to_owned()))
            .collect();
        let header = match names {
            Ok(names) => self.content.header(record.line, names, &mut self.report),
            Err(reason) => {
                self.report.line(record.line, format!("the header {reason}"));
                Header::read(record.line, Vec::new(), &[], true, &mut self.report)
            }
        };
        self.header = Some(header);
        self.is_hopeless = !self.report.is_empty();
    }

    fn check_limit(&self) -> Result<()> {
        if self.count > MAX_LINES {
            return Err(Error::limit(
                "limit_load",
                format!("the file has more than {MAX_LINES} lines"),
                "Split it and load the parts one after the other.",
            ));
        }
        Ok(())
    }
}

/// A savepoint was released: what it took part in belongs to its parent.
pub fn savepoint_released(level: i32) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(load) = current.as_mut().filter(|load| load.level >= level) {
            load.level = level - 1;
        }
    });
}

/// A savepoint was rolled back to. A load that got a part since then would have a hole, so that it is given up.
pub fn savepoint_rolled_back(level: i32) {
    CURRENT.with_borrow_mut(|current| {
        current.take_if(|load| load.level >= level);
    });
}

/// The transaction is over, and with it the load.
pub fn transaction_ended() {
    CURRENT.take();
}
