//! The grants that a file asks for, held against those there are.

use super::content::{Counts, STEP};
use super::progress;
use crate::authz::change;
use crate::authz::owner::Marks;
use crate::sys::clock::{self, Timestamp};
use crate::sys::copy;
use crate::sys::pinned;
use crate::sys::spi::{Arg, arg, statements};
use pgrx::IntoDatum;
use pgrx::datum::TimestampWithTimeZone;
use std::collections::HashMap;
use vpd_text::load::report::Report;

statements! {
    TIMES = "load/times.sql";
    OF_GRANTED = "load/grants_of_granted.sql";
    OF_PAIRS = "load/grants_of_pairs.sql";
    PROLONG = "load/prolong_grants.sql";
    CLOSE = "load/close_grants.sql";
}

/// From as many lines for each node granted, all of its grants are read at once.
const MANY: usize = 100;

/// When something is granted that ends never.
const FOR_GOOD: Timestamp = Timestamp(i64::MAX);

/// One line that grants something.
pub struct Wish<'a> {
    /// Line of the file.
    pub line: u32,
    /// Who or what is to hold it.
    pub holder: i32,
    /// What is granted.
    pub granted: i32,
    /// From when; as it is, or from now, when it is not said.
    pub from: Option<Timestamp>,
    /// Until when; as it is, or for good, when it is not said.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Option<&'a str>,
}

/// A grant that holds, or will.
struct Open {
    from: Timestamp,
    until: Timestamp,
    is_fixed: bool,
}

/// The time that a line speaks of.
#[derive(Clone, Copy)]
struct Span<'a> {
    wish: &'a Wish<'a>,
    from: Timestamp,
    until: Timestamp,
}

/// Times by their texts, which the server reads.
pub fn times<'a>(texts: impl IntoIterator<Item = &'a str>) -> HashMap<&'a str, Timestamp> {
    let mut texts: Vec<&str> = texts.into_iter().collect();
    texts.sort_unstable();
    texts.dedup();
    if texts.is_empty() {
        return HashMap::new();
    }
    let times = TIMES.with(|statement| {
        statement.query(&[arg(texts.clone()), arg(pinned::time_zone())], |row| {
            row.timestamp(1)
        })
    });
    texts
        .into_iter()
        .zip(times)
        .filter_map(|(text, time)| Some((text, time?)))
        .collect()
}

/// Writes what is missing and changes what is otherwise. Two wishes never ask for the same grant. Nothing is written when the report has faults.
pub fn apply(wishes: &[Wish<'_>], report: &mut Report) -> Counts {
    let found = find_open(wishes);
    let now = clock::now();
    let (mut fresh, mut prolonged, mut closed) = (Vec::new(), Vec::new(), Vec::new());
    let (mut added, mut changed) = (0, 0);
    for wish in wishes {
        let open = found
            .get(&(wish.holder, wish.granted))
            .map_or(&[][..], Vec::as_slice);
        let until = wish.until.unwrap_or(FOR_GOOD);
        // The one that begins as the file says; the others stay as far as they end before or begin after.
        let same = open.iter().find(|open| {
            wish.from
                .map_or(open.from < until, |from| from == open.from && from < until)
        });
        if same.is_some_and(|same| wish.until.is_none_or(|until| until == same.until)) {
            continue;
        }
        let span = Span {
            wish,
            from: same.map_or(wish.from.unwrap_or(now), |same| same.from),
            until,
        };
        let mut others = open
            .iter()
            .filter(|open| open.from != span.from && open.from < until && open.until > span.from)
            .peekable();
        let is_replacing = others.peek().is_some();
        if others.any(|open| open.is_fixed) || same.is_some_and(|same| same.is_fixed) {
            report.line(wish.line, "the grant belongs to somebody else and is not changed");
        } else {
            if is_replacing {
                closed.push(span);
            }
            if same.is_some() {
                prolonged.push(span);
            } else {
                fresh.push(wish);
            }
            *(if is_replacing || same.is_some() {
                &mut changed
            } else {
                &mut added
            }) += 1;
        }
    }
    for wish in &fresh {
        if wish.until.is_some_and(|until| until <= wish.from.unwrap_or(now)) {
            report.line(wish.line, "the grant would end before it begins");
        }
    }
    if !report.is_empty() {
        return Counts::default();
    }
    close(&closed);
    prolong(&prolonged);
    add(&fresh, now);
    Counts {
        added,
        changed,
        unchanged: wishes.len() as u64 - added - changed,
    }
}

/// Ends what is replaced.
fn close(spans: &[Span<'_>]) {
    for chunk in spans.chunks(STEP / 5) {
        CLOSE.with(|statement| {
            statement.execute(&[
                list(chunk, |span| span.wish.holder),
                list(chunk, |span| span.wish.granted),
                list(chunk, |span| moment(span.from)),
                list(chunk, |span| moment(span.until)),
                arg(change::author()),
            ])
        });
    }
}

/// Gives grants that are there another end.
fn prolong(spans: &[Span<'_>]) {
    for chunk in spans.chunks(STEP / 5) {
        PROLONG.with(|statement| {
            statement.execute(&[
                list(chunk, |span| span.wish.holder),
                list(chunk, |span| span.wish.granted),
                list(chunk, |span| moment(span.from)),
                list(chunk, |span| moment(span.until)),
                list(chunk, |span| span.wish.reason),
            ])
        });
    }
}

fn add(fresh: &[&Wish<'_>], now: Timestamp) {
    let author = change::author();
    let columns = [
        c"holder_id",
        c"granted_id",
        c"valid_from",
        c"valid_until",
        c"reason",
        c"granted_by",
    ];
    let mut written = 0;
    copy::into_table(c"authority_grant", &columns, |row| {
        let Some(wish) = fresh.get(written) else {
            return false;
        };
        row.int4(wish.holder);
        row.int4(wish.granted);
        row.timestamp(wish.from.unwrap_or(now));
        row.timestamp(wish.until.unwrap_or(FOR_GOOD));
        row.optional_text(wish.reason);
        row.text(&author);
        written += 1;
        progress::tell("written", written, fresh.len());
        true
    });
}

/// As the server knows it; what the server can read from a file it can hold.
fn moment(time: Timestamp) -> Option<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(time.0).ok()
}

/// Binds one value of each span.
fn list<'a, T: IntoDatum>(spans: &'a [Span<'_>], read: impl Fn(&Span<'a>) -> T) -> Arg {
    arg(spans.iter().map(read).collect::<Vec<_>>())
}

fn find_open(wishes: &[Wish<'_>]) -> HashMap<(i32, i32), Vec<Open>> {
    let mut found: HashMap<_, Vec<Open>> = HashMap::new();
    let mut marks = Marks::default();
    let mut keep = |row: (i32, i32, Timestamp, Timestamp, Option<String>, Option<String>)| {
        let (holder, granted, from, until, mark, whole) = row;
        let is_fixed = marks.is_foreign(whole, mark);
        found.entry((holder, granted)).or_default().push(Open {
            from,
            until,
            is_fixed,
        });
    };
    let mut ids: Vec<i32> = wishes.iter().map(|wish| wish.granted).collect();
    ids.sort_unstable();
    ids.dedup();
    let read = |row: &crate::sys::spi::Row| {
        Some((
            row.get::<i32>(1)?,
            row.get::<i32>(2)?,
            row.timestamp(3)?,
            row.timestamp(4)?,
            row.get::<String>(5),
            row.get::<String>(6),
        ))
    };
    if wishes.len() / ids.len().max(1) >= MANY {
        for id in ids {
            let rows = OF_GRANTED.with(|statement| statement.query(&[arg(id)], read));
            rows.into_iter().flatten().for_each(&mut keep);
        }
    } else {
        for (place, chunk) in wishes.chunks(STEP / 5).enumerate() {
            let holders: Vec<i32> = chunk.iter().map(|wish| wish.holder).collect();
            let granted: Vec<i32> = chunk.iter().map(|wish| wish.granted).collect();
            let rows = OF_PAIRS.with(|statement| statement.query(&[arg(holders), arg(granted)], read));
            rows.into_iter().flatten().for_each(&mut keep);
            progress::tell("checked", place * (STEP / 5), wishes.len());
        }
    }
    found
}
