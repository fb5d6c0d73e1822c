//! Sealing values anew with the current versions of their keys: in batches, beside whoever writes, and from where it stopped.
//!
//! The first pass goes through the table block by block and steps over rows that others hold. The second takes what is left row by row and waits for each, so that it
//! never holds one row while it waits for another. Rows are locked before they are written; nothing in them changes that anybody could see, so triggers do not fire.

use super::column::{SealedColumn, names, sealed_columns};
use super::person::{PersonColumn, person_column, require_of_application};
use crate::context;
use crate::error::{Error, Result};
use crate::sealing::{self, Others, Renewing};
use crate::sys::spi::{arg, oid_arg, rewrite_as_owner_of, statements};
use crate::sys::{Oid, relation, xact};
use pgrx::datum::TimestampWithTimeZone;

statements! {
    COMMANDS = "personal/reseal_commands.sql";
    BEGIN = "personal/reseal_begin.sql";
    NOTE = "personal/reseal_note.sql";
    AGAIN = "personal/reseal_again.sql";
    ASK = "personal/reseal_ask.sql";
    NEXT = scanning "personal/reseal_next.sql";
    FAILED = "personal/reseal_failed.sql";
    RULE = "personal/rewriting_rule.sql";
    MOVED = "personal/reseal_moved.sql";
}

const MAX_BATCH: i32 = 100_000;
/// Fewest rows that a block is taken to have, when blocks are counted for a batch.
const ROWS_OF_BLOCK: i64 = 16;
/// Blocks without an outdated row that a batch goes on over.
const MOST_BLOCKS: i64 = 8192;

/// Where a table stands.
struct Place {
    pass: i32,
    block: i64,
    row: i32,
}

/// What a batch came to.
struct Done {
    resealed: i64,
    next: Place,
    is_finished: bool,
}

/// One batch over a table and its partitions; how many rows were sealed anew, `None` when all are. Another call then begins anew, for rows of transactions that ran meanwhile.
pub fn batch(table: Oid, batch_size: i32) -> Result<Option<i64>> {
    if !(1..=MAX_BATCH).contains(&batch_size) {
        return Err(Error::argument("batch_size is out of range", "Use 1 to 100000."));
    }
    let mut columns = writable_columns(table)?;
    AGAIN.with(|statement| {
        statement.execute(&[arg(columns
            .iter()
            .map(|column| column.relation)
            .collect::<Vec<_>>())])
    });
    while let Some(first) = columns.first() {
        let member = first.relation;
        let is_other = |column: &SealedColumn| column.relation != member;
        let others = columns.split_off(columns.iter().position(is_other).unwrap_or(columns.len()));
        if let Some(resealed) = of_member(member, columns, batch_size)? {
            return Ok(Some(resealed));
        }
        columns = others;
    }
    Ok(None)
}

/// The sealed columns of a table and its partitions.
fn writable_columns(table: Oid) -> Result<Vec<SealedColumn>> {
    require_of_application(table)?;
    let mut columns = sealed_columns(Some(table));
    columns.retain(|column| column.is_of_table);
    if columns.is_empty() {
        return Err(Error::wrong_relation(
            format!("{} is no table with a sealed column", relation::full_name(table)),
            "See the view vpd.key_usage. A materialized view has what its tables have, when it is refreshed after them.",
        ));
    }
    Ok(columns)
}

/// The purge worker is to do it.
pub fn ask(table: Oid) -> Result<()> {
    let mut members: Vec<Oid> = writable_columns(table)?
        .into_iter()
        .map(|column| column.relation)
        .collect();
    members.dedup();
    for member in members {
        ASK.with(|statement| statement.execute(&[oid_arg(member)]));
    }
    Ok(())
}

/// The table whose turn it is, of those that the purge worker was asked to seal anew and that did not fail since then.
pub fn next_asked(since: TimestampWithTimeZone) -> Option<Oid> {
    NEXT.with(|statement| {
        statement
            .modify(&[arg(since)], |row| row.required::<Oid>(1))
            .pop()
    })
}

/// One batch of a table that the purge worker was asked to seal anew. An error is written down, and the others have their turn.
pub fn batch_of_asked(table: Oid, batch_size: i32) {
    let done = xact::attempt_among_others(|| batch(table, batch_size));
    if let Err(failure) = done {
        FAILED.with(|statement| statement.execute(&[oid_arg(table), arg(failure.message)]));
    }
}

fn of_member(member: Oid, columns: Vec<SealedColumn>, batch_size: i32) -> Result<Option<i64>> {
    if !relation::lock_for_writing(member) {
        return Ok(None);
    }
    let rule =
        RULE.with(|statement| statement.query_one(&[oid_arg(member)], |row| row.required::<String>(1)));
    if let Some(rule) = rule {
        return Err(Error::wrong_relation(
            format!(
                "rule \"{rule}\" rewrites what is written to {}",
                relation::full_name(member)
            ),
            "Drop the rule; a trigger does the same and stays out of the way here.",
        ));
    }
    let person = person_column(member)?;
    let since = person.as_ref().and_then(|person| person.moving_since.clone());
    let mut outdated = Vec::new();
    let mut versions = Vec::new();
    let mut are_moving = Vec::new();
    for column in columns {
        if let Some(version) = sealing::current_version(column.place)? {
            versions.push(version);
            are_moving.push(since.is_some() && sealing::is_per_person(column.place)?);
            outdated.push(column);
        }
    }
    let others = if since.is_some() {
        Others::Move
    } else {
        Others::Stay
    };
    // What becomes about others begins anew, whatever was sealed anew before.
    let targets: Vec<String> = outdated
        .iter()
        .zip(&versions)
        .map(|(column, version)| format!("{}:{version}", column.place))
        .chain(since)
        .collect();
    let begun = BEGIN.with(|statement| {
        statement
            .modify(&[oid_arg(member), arg(targets.join(","))], |row| {
                let place = Place {
                    pass: row.required(1),
                    block: row.required(2),
                    row: row.required(3),
                };
                (place, row.required::<bool>(4))
            })
            .pop()
    });
    let Some((place, is_finished)) = begun else {
        return Ok(None);
    };
    if is_finished {
        return Ok(None);
    }
    let blocks = relation::blocks(member);
    let work = Work {
        member,
        columns: outdated,
        versions,
        are_moving,
        others,
        person,
    };
    let done = if work.columns.is_empty() {
        Done {
            resealed: 0,
            next: place,
            is_finished: true,
        }
    } else if place.pass == 1 {
        work.block_by_block(place, blocks, batch_size)?
    } else {
        work.row_by_row(place)?
    };
    NOTE.with(|statement| {
        statement.execute(&[
            oid_arg(member),
            arg(done.next.pass),
            arg(done.next.block),
            arg(done.next.row),
            arg(blocks),
            arg(done.resealed),
            arg(done.is_finished),
        ])
    });
    if done.is_finished {
        MOVED.with(|statement| statement.execute(&[oid_arg(member)]));
    }
    Ok((!done.is_finished).then_some(done.resealed))
}

/// A table and what is to be sealed anew in it.
struct Work {
    member: Oid,
    columns: Vec<SealedColumn>,
    versions: Vec<i32>,
    are_moving: Vec<bool>,
    others: Others,
    person: Option<PersonColumn>,
}

impl Work {
    fn block_by_block(&self, from: Place, blocks: i64, batch_size: i32) -> Result<Done> {
        let step = (i64::from(batch_size) / ROWS_OF_BLOCK).max(1);
        let mut block = from.block;
        let mut resealed = 0;
        while block < blocks && resealed == 0 && block - from.block < MOST_BLOCKS {
            let to = block + step;
            (resealed, _) = self.renew(block, 0, Some(to))?;
            block = to;
        }
        let next = if block >= blocks {
            Place {
                pass: 2,
                block: 0,
                row: 0,
            }
        } else {
            Place {
                pass: 1,
                block,
                row: 0,
            }
        };
        Ok(Done {
            resealed,
            next,
            is_finished: false,
        })
    }

    fn row_by_row(&self, from: Place) -> Result<Done> {
        let (resealed, last) = self.renew(from.block, from.row, None)?;
        let is_finished = last.is_none();
        let (block, row) = last.unwrap_or((from.block, from.row));
        Ok(Done {
            resealed,
            next: Place { pass: 2, block, row },
            is_finished,
        })
    }

    /// Seals the outdated rows behind a place anew, up to a block, or the first one; how many, and where the last of them was.
    fn renew(&self, block: i64, row: i32, to: Option<i64>) -> Result<(i64, Option<(i64, i32)>)> {
        let commands = COMMANDS.with(|statement| {
            statement.query_one(
                &[
                    oid_arg(self.member),
                    names(&self.columns),
                    arg(self.versions.clone()),
                    arg(block),
                    arg(row),
                    arg(to),
                    arg(self.person.as_ref().map(|person| person.name.as_str())),
                    arg(self.person.as_ref().map(|person| person.kind.as_str())),
                    arg(self.are_moving.clone()),
                ],
                |row| (row.required::<String>(1), row.required::<String>(2)),
            )
        });
        let (find, renew) = commands.ok_or_else(Error::relation_not_found)?;
        let renewing = Renewing::begin(self.others)?;
        let permit = [arg(renewing.permit())];
        context::without_session(|| {
            let found = rewrite_as_owner_of(self.member, &find, &permit, |row| {
                (
                    row.required::<String>(1),
                    (row.required::<i64>(2), row.required::<i32>(3)),
                )
            });
            let Some((_, last)) = found.last() else {
                return Ok((0, None));
            };
            let places: Vec<String> = found.iter().map(|(place, _)| format!("\"{place}\"")).collect();
            let text = format!("{renew}'{{{}}}' AS tid[])) RETURNING 1", places.join(","));
            let renewed = rewrite_as_owner_of(self.member, &text, &permit, |_| ());
            Ok((i64::try_from(renewed.len()).unwrap_or(i64::MAX), Some(*last)))
        })
    }
}
