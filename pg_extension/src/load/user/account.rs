//! Writes users and what sources know of them, new rows by COPY and changed ones by arrays.

use super::lines::{Row, Users};
use crate::load::content::STEP;
use crate::load::names::Known;
use crate::load::progress;
use crate::sys::copy;
use crate::sys::spi::{Arg, arg, statements};
use pgrx::IntoDatum;
use std::collections::{HashMap, HashSet};

statements! {
    NEW_IDS = "load/new_ids.sql";
    UPDATE = "load/update_accounts.sql";
    ENABLE = "load/enable_users.sql";
}

/// Most bytes of attributes that are written with one statement, more or less.
const MAX_CHUNK: usize = 16 * 1024 * 1024;

/// Users that were switched on or off.
#[derive(Default)]
pub struct Switched {
    /// Places among the lines.
    pub changed: HashSet<usize>,
    /// Those of them that let somebody in again.
    pub let_in: HashSet<usize>,
    /// Names of those who were switched on.
    pub enabled: Vec<String>,
    /// Names of those who may not be there any more.
    pub disabled: Vec<String>,
}

impl Users {
    /// Writes the users who are new and gives them their ids.
    pub fn add_users(&self, known: &mut [Option<Known>], is_listed: &[bool]) {
        let mut fresh: Vec<u32> = (0..)
            .zip(known.iter().zip(is_listed))
            .filter(|(_, (known, is_listed))| known.is_none() && **is_listed)
            .map(|(number, _)| number)
            .collect();
        // In the order of both indexes, which then grow at their ends.
        fresh.sort_unstable_by_key(|number| self.names.text(*number));
        for chunk in fresh.chunks(STEP) {
            let ids = NEW_IDS.with(|statement| {
                statement.query(&[arg(i32::try_from(chunk.len()).unwrap_or(0))], |row| {
                    row.get::<i32>(1)
                })
            });
            for (number, id) in chunk.iter().zip(ids) {
                known[*number as usize] = id.map(|id| Known { id, is_fixed: false });
            }
        }
        let disabled: HashSet<u32> = self
            .rows
            .iter()
            .filter(|row| row.is_enabled == Some(false))
            .map(|row| row.user)
            .collect();
        let mut numbers = fresh.iter();
        copy::into_table(c"authority", &[c"id", c"kind", c"name", c"is_enabled"], |row| {
            let Some((number, known)) = numbers
                .next()
                .and_then(|number| Some((number, known[*number as usize].as_ref()?)))
            else {
                return false;
            };
            row.int4(known.id);
            row.text("user");
            row.text(self.names.text(*number));
            row.boolean(!disabled.contains(number));
            true
        });
    }

    pub fn add_accounts(&self, rows: &[&Row], known: &[Option<Known>]) {
        let columns = [
            c"user_id",
            c"source",
            c"display_name",
            c"attributes",
            c"unit",
            c"manager_id",
            c"is_test",
        ];
        let mut written = 0;
        copy::into_table(c"user_account", &columns, |row| {
            let Some(account) = rows.get(written) else {
                return false;
            };
            row.int4(known[account.user as usize].map_or(0, |known| known.id));
            row.text(self.sources.text(account.source));
            row.optional_text(account.display_name.map(|span| self.texts.text(span)));
            row.jsonb(&self.kept_attributes(account));
            row.optional_text(account.unit.map(|unit| self.units.text(unit)));
            match account.manager.and_then(|manager| known[manager as usize]) {
                Some(manager) => row.int4(manager.id),
                None => row.null(),
            }
            row.boolean(account.is_test);
            written += 1;
            progress::tell("written", written, self.rows.len());
            true
        });
    }

    /// Writes what the file says differently of users there are; the places of the lines that changed something.
    pub fn change_accounts(&self, rows: &[&Row], known: &[Option<Known>]) -> HashSet<usize> {
        let replaced: Vec<&str> = self
            .attributes
            .iter()
            .map(|attribute| attribute.name.as_str())
            .collect();
        let id = |number: u32| known[number as usize].map(|known| known.id);
        let (mut changed, count) = (HashSet::new(), rows.len());
        let mut start = 0;
        for rows in self.chunks(rows) {
            let accounts = UPDATE.with(|statement| {
                statement.modify(
                    &[
                        list(rows, |row| id(row.user)),
                        list(rows, |row| Some(self.sources.text(row.source))),
                        list(rows, |row| row.display_name.map(|span| self.texts.text(span))),
                        list(rows, |row| Some(self.kept_attributes(row))),
                        list(rows, |row| row.unit.map(|unit| self.units.text(unit))),
                        list(rows, |row| row.manager.and_then(id)),
                        list(rows, |row| Some(row.is_test)),
                        arg(replaced.clone()),
                        arg(self.has.to_vec()),
                    ],
                    |row| Some((row.get::<i32>(1)?, row.get::<String>(2)?)),
                )
            });
            if !accounts.is_empty() {
                let places: HashMap<_, _> = rows
                    .iter()
                    .zip(start..)
                    .map(|(row, place)| ((id(row.user), self.sources.text(row.source)), place))
                    .collect();
                let place =
                    |(user, source): (i32, String)| places.get(&(Some(user), source.as_str())).copied();
                changed.extend(accounts.into_iter().flatten().filter_map(place));
            }
            start += rows.len();
            progress::tell("written", self.rows.len() - count + start, self.rows.len());
        }
        changed
    }

    /// Switches users on and off.
    pub fn change_enabled(&self, rows: &[&Row], known: &[Option<Known>]) -> Switched {
        let mut switched = Switched::default();
        // When several sources disagree, the user is off.
        let mut wanted: HashMap<u32, (usize, bool)> = HashMap::new();
        for (place, row) in rows.iter().enumerate() {
            if let Some(is_enabled) = row.is_enabled {
                let entry = wanted.entry(row.user).or_insert((place, true));
                entry.1 &= is_enabled;
            }
        }
        for is_enabled in [true, false] {
            let places: HashMap<i32, (usize, u32)> = wanted
                .iter()
                .filter(|(_, (_, wanted))| *wanted == is_enabled)
                .filter_map(|(user, (place, _))| Some((known[*user as usize]?.id, (*place, *user))))
                .collect();
            let ids: Vec<i32> = places.keys().copied().collect();
            let ids = ENABLE
                .with(|statement| statement.modify(&[arg(ids), arg(is_enabled)], |row| row.get::<i32>(1)));
            for (place, user) in ids.into_iter().flatten().filter_map(|id| places.get(&id)) {
                switched.changed.insert(*place);
                let names = if is_enabled {
                    switched.let_in.insert(*place);
                    &mut switched.enabled
                } else {
                    &mut switched.disabled
                };
                names.push(self.names.text(*user).to_owned());
            }
        }
        switched
    }

    /// As many rows at once as make arrays of a bearable size.
    fn chunks<'a>(&self, rows: &'a [&'a Row]) -> Vec<&'a [&'a Row]> {
        let names: usize = self.attributes.iter().map(|attribute| attribute.name.len()).sum();
        let mut chunks = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for (place, row) in rows.iter().enumerate() {
            bytes += names + row.attributes.bytes();
            if bytes > MAX_CHUNK || place + 1 - start == STEP / 5 || place + 1 == rows.len() {
                chunks.push(&rows[start..=place]);
                (start, bytes) = (place + 1, 0);
            }
        }
        chunks
    }
}

/// Binds one value of each row.
fn list<'a, T: IntoDatum>(rows: &[&'a Row], read: impl Fn(&'a Row) -> Option<T>) -> Arg {
    arg(rows.iter().map(|row| read(row)).collect::<Vec<_>>())
}
