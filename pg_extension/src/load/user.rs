//! Files of users: what one or several sources know of them. Columns that are not known become attributes.

use super::content::{Content, Counts, STEP};
use super::names::{Known, Names};
use super::progress;
use crate::authz::segregation::Conflict;
use crate::authz::user::LOCAL_SOURCE;
use crate::authz::{ANONYMOUS, Kind, change};
use crate::error::Result;
use crate::session;
use crate::sys::copy;
use crate::sys::spi::{Arg, arg, statements};
use pgrx::IntoDatum;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use vpd_text::load::header::{Column, Header, Line, optional, required};
use vpd_text::load::report::Report;
use vpd_text::load::texts::{Span, Texts};
use vpd_text::load::{cycle, value};

statements! {
    NEW_IDS = "load/new_ids.sql";
    MANAGERS = "load/managers.sql";
    UPDATE = "load/update_accounts.sql";
    ENABLE = "load/enable_users.sql";
}

const COLUMNS: [Column; 7] = [
    required("user_name"),
    optional("source"),
    optional("display_name"),
    optional("unit"),
    optional("manager"),
    optional("is_enabled"),
    optional("is_test"),
];
const USER_NAME: usize = 0;
const SOURCE: usize = 1;
const DISPLAY_NAME: usize = 2;
const UNIT: usize = 3;
const MANAGER: usize = 4;
const IS_ENABLED: usize = 5;
const IS_TEST: usize = 6;

/// Most bytes of the attributes of a user, as for `vpd.define_user`.
const MAX_ATTRIBUTES: usize = 64 * 1024;

/// Most bytes of attributes that are written with one statement, more or less.
const MAX_CHUNK: usize = 16 * 1024 * 1024;

/// What stands between kept values; no value of a file contains it.
const BETWEEN: &str = "\0";

/// What a column must end with whose values are JSON and not text.
const JSON: &str = ":json";

/// Users of a file.
#[derive(Default)]
pub struct Users {
    names: Names,
    sources: Names,
    units: Names,
    texts: Texts,
    rows: Vec<Row>,
    attributes: Vec<Attribute>,
    /// Which of the known columns the file has.
    has: [bool; COLUMNS.len()],
}

struct Attribute {
    place: usize,
    name: String,
    is_json: bool,
}

struct Row {
    line: u32,
    user: u32,
    source: u32,
    unit: Option<u32>,
    manager: Option<u32>,
    is_enabled: Option<bool>,
    is_test: bool,
    display_name: Option<Span>,
    /// Their values alone: with its name in each line an attribute would take many times what it takes in the file.
    attributes: Span,
}

impl Content for Users {
    fn header(&mut self, line: u32, names: Vec<String>, report: &mut Report) -> Header {
        let header = Header::read(line, names, &COLUMNS, true, report);
        if !report.is_empty() {
            return header;
        }
        for place in header.further() {
            let name = header.name(place);
            let (name, is_json) = name.strip_suffix(JSON).map_or((name, false), |name| (name, true));
            if name.is_empty() || self.attributes.iter().any(|attribute| attribute.name == name) {
                report.column(line, header.name(place), "names no attribute of its own");
            }
            self.attributes.push(Attribute {
                place,
                name: name.to_owned(),
                is_json,
            });
        }
        self.has = std::array::from_fn(|known| header.place(known).is_some());
        header
    }

    fn line(&mut self, line: &Line<'_>, report: &mut Report) {
        let name = line.check(USER_NAME, value::name, report);
        let source = line.check(SOURCE, value::optional_name, report);
        let unit = line.check(UNIT, value::optional_name, report);
        let manager = line.check(MANAGER, value::optional_name, report);
        let is_enabled = line.check(IS_ENABLED, value::boolean, report);
        let is_test = line.check(IS_TEST, value::boolean, report);
        let attributes = self.check_attributes(line, report);
        let (Some(name), Some(source), Some(unit), Some(manager), Some(is_enabled), Some(is_test)) =
            (name, source, unit, manager, is_enabled, is_test)
        else {
            return;
        };
        if name == ANONYMOUS {
            report.value(
                line.number,
                COLUMNS[USER_NAME].name,
                name,
                "is the role of whoever is not authenticated, and no user",
            );
            return;
        }
        if manager == Some(name) {
            report.value(line.number, COLUMNS[MANAGER].name, name, "is the user's own name");
            return;
        }
        let display_name = Some(line.value(DISPLAY_NAME)).filter(|text| !text.is_empty());
        self.rows.push(Row {
            line: line.number,
            user: self.names.number(name),
            source: self.sources.number(source.unwrap_or(LOCAL_SOURCE)),
            unit: unit.map(|unit| self.units.number(unit)),
            manager: manager.map(|manager| self.names.number(manager)),
            is_enabled,
            is_test: is_test.unwrap_or(false),
            display_name: display_name.map(|text| self.texts.keep(text)),
            attributes: self.texts.keep(&attributes.unwrap_or_default()),
        });
    }

    fn apply(&mut self, report: &mut Report) -> Result<Counts> {
        change::begin();
        let count = self.rows.len();
        self.rows.sort_by_key(|row| (row.user, row.source, row.line));
        self.report_repeated(report);
        self.report_unknown(report);
        let mut known = self
            .names
            .find(Kind::User, |done| progress::tell("checked", done, count));
        let mut is_listed = vec![false; self.names.len()];
        for row in &self.rows {
            is_listed[row.user as usize] = true;
        }
        self.report_managers(&known, &is_listed, report);
        for row in &self.rows {
            if known[row.user as usize].is_some_and(|known| known.is_fixed) {
                let name = self.names.text(row.user);
                report.value(
                    row.line,
                    COLUMNS[USER_NAME].name,
                    name,
                    "belongs to somebody else and is not changed",
                );
            }
        }
        if !report.is_empty() {
            return Ok(Counts::default());
        }
        let is_new: Vec<bool> = known.iter().map(Option::is_none).collect();
        self.add_users(&mut known, &is_listed);
        let (fresh, old): (Vec<&Row>, Vec<&Row>) =
            self.rows.iter().partition(|row| is_new[row.user as usize]);
        self.add_accounts(&fresh, &known);
        let changed = self.change_accounts(&old, &known);
        let switched = self.change_enabled(&old, &known);
        for name in &switched.disabled {
            session::end_user(name, "disabled");
        }
        for (action, names) in [("enable", switched.enabled), ("disable", switched.disabled)] {
            let subjects = names.iter().map(|name| format!("{}:{name}", Kind::User.as_str()));
            change::record_each(action, subjects.collect(), json!({ "reason": "load" }));
        }
        let changed = changed.union(&switched.changed).count();
        Ok(Counts {
            added: fresh.len() as u64,
            changed: changed as u64,
            unchanged: (old.len() - changed) as u64,
        })
    }

    /// What the file says of a user can give him a parametric role.
    fn blame(&self, conflict: &Conflict, report: &mut Report) -> bool {
        let Some(user) = self.names.known(&conflict.user_name) else {
            return false;
        };
        // The rows are in the order of users since they were checked.
        let first = self.rows.partition_point(|row| row.user < user);
        let of_user = self.rows[first..].iter().take_while(|row| row.user == user);
        of_user
            .map(|row| {
                report.value(
                    row.line,
                    COLUMNS[USER_NAME].name,
                    &conflict.user_name,
                    conflict.reason(),
                );
            })
            .count()
            > 0
    }
}

/// Users that were switched on or off.
#[derive(Default)]
struct Switched {
    /// Places among the lines.
    changed: HashSet<usize>,
    /// Names of those who were switched on.
    enabled: Vec<String>,
    /// Names of those who may not be there any more.
    disabled: Vec<String>,
}

impl Users {
    /// The values of the attributes of a line, to be kept; none when they are too many.
    fn check_attributes(&self, line: &Line<'_>, report: &mut Report) -> Option<String> {
        let values = || {
            self.attributes
                .iter()
                .map(|attribute| line.values[attribute.place])
        };
        let object = self.attributes_of(values(), |attribute, text, reason| {
            report.value(line.number, line.header.name(attribute.place), text, reason);
        });
        if object.len() > MAX_ATTRIBUTES {
            report.line(line.number, "has attributes of more than 65536 bytes");
            return None;
        }
        Some(values().collect::<Vec<_>>().join(BETWEEN))
    }

    /// The attributes as the text of a JSON object; empty values are no attributes.
    fn attributes_of<'a>(
        &self,
        values: impl Iterator<Item = &'a str>,
        mut refuse: impl FnMut(&Attribute, &str, &'static str),
    ) -> String {
        let mut object = Map::new();
        for (attribute, text) in self.attributes.iter().zip(values) {
            if text.is_empty() {
                continue;
            }
            let checked = if attribute.is_json {
                value::json(text)
            } else {
                Ok(Value::from(text))
            };
            match checked {
                Ok(value) => {
                    object.insert(attribute.name.clone(), value);
                }
                Err(reason) => refuse(attribute, text, reason),
            }
        }
        Value::Object(object).to_string()
    }

    /// The attributes of a row, which were checked when its line was read.
    fn kept_attributes(&self, row: &Row) -> String {
        self.attributes_of(self.texts.text(row.attributes).split(BETWEEN), |_, _, _| ())
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

    fn report_repeated(&self, report: &mut Report) {
        for pair in self.rows.windows(2) {
            if (pair[0].user, pair[0].source) == (pair[1].user, pair[1].source) {
                let reason = format!("stands on line {} already", pair[0].line);
                report.value(
                    pair[1].line,
                    COLUMNS[USER_NAME].name,
                    self.names.text(pair[1].user),
                    reason,
                );
            }
        }
    }

    fn report_unknown(&self, report: &mut Report) {
        let (are_sources, are_units) = (self.sources.are_sources(), self.units.are_units());
        for row in &self.rows {
            if !are_sources[row.source as usize] {
                let source = self.sources.text(row.source);
                report.value(
                    row.line,
                    COLUMNS[SOURCE].name,
                    source,
                    "is no identity source; define it with vpd.define_source",
                );
            }
            if let Some(unit) = row.unit.filter(|unit| !are_units[*unit as usize]) {
                let reason = "is no organization unit; define it with vpd.define_unit";
                report.value(row.line, COLUMNS[UNIT].name, self.units.text(unit), reason);
            }
        }
    }

    fn report_managers(&self, known: &[Option<Known>], is_listed: &[bool], report: &mut Report) {
        for row in &self.rows {
            if let Some(manager) = row.manager
                && known[manager as usize].is_none()
                && !is_listed[manager as usize]
            {
                let reason = "is no user, neither in the database nor in the file";
                report.value(row.line, COLUMNS[MANAGER].name, self.names.text(manager), reason);
            }
        }
        let circle = self.find_circles(known);
        for row in &self.rows {
            if let Some(manager) = row.manager
                && circle.contains(&Person::Listed(row.user))
                && circle.contains(&Person::Listed(manager))
            {
                let reason = "makes a circle: a manager would be below himself";
                report.value(row.line, COLUMNS[MANAGER].name, self.names.text(manager), reason);
            }
        }
    }

    /// Everybody on a circle, when the managers of the file are put in the place of those in the database.
    fn find_circles(&self, known: &[Option<Known>]) -> HashSet<Person> {
        let mut edges: Vec<(Person, Person)> = self
            .rows
            .iter()
            .filter_map(|row| Some((Person::Listed(row.user), Person::Listed(row.manager?))))
            .collect();
        if edges.is_empty() {
            return HashSet::new();
        }
        let numbers: HashMap<i32, u32> = known
            .iter()
            .zip(0..)
            .filter_map(|(known, number)| Some((known.as_ref()?.id, number)))
            .collect();
        let person = |id: i32| {
            numbers
                .get(&id)
                .map_or(Person::Other(id), |number| Person::Listed(*number))
        };
        let managers: HashSet<u32> = self.rows.iter().filter_map(|row| row.manager).collect();
        let above: Vec<i32> = managers
            .into_iter()
            .filter_map(|manager| Some(known[manager as usize]?.id))
            .collect();
        if !above.is_empty() {
            let listed: HashSet<(u32, &str)> = self
                .rows
                .iter()
                .map(|row| (row.user, self.sources.text(row.source)))
                .collect();
            let rows = MANAGERS.with(|statement| {
                statement.query(&[arg(above)], |row| {
                    Some((row.get::<i32>(1)?, row.get::<i32>(2)?, row.get::<String>(3)?))
                })
            });
            for (user, manager, source) in rows.into_iter().flatten() {
                let is_replaced = numbers
                    .get(&user)
                    .is_some_and(|number| listed.contains(&(*number, source.as_str())));
                if !is_replaced {
                    edges.push((person(user), person(manager)));
                }
            }
        }
        cycle::nodes(&edges)
    }

    /// Writes the users who are new and gives them their ids.
    fn add_users(&self, known: &mut [Option<Known>], is_listed: &[bool]) {
        let fresh: Vec<u32> = (0..)
            .zip(known.iter().zip(is_listed))
            .filter(|(_, (known, is_listed))| known.is_none() && **is_listed)
            .map(|(number, _)| number)
            .collect();
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

    fn add_accounts(&self, rows: &[&Row], known: &[Option<Known>]) {
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
    fn change_accounts(&self, rows: &[&Row], known: &[Option<Known>]) -> HashSet<usize> {
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
    fn change_enabled(&self, rows: &[&Row], known: &[Option<Known>]) -> Switched {
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
                    &mut switched.enabled
                } else {
                    &mut switched.disabled
                };
                names.push(self.names.text(*user).to_owned());
            }
        }
        switched
    }
}

/// Binds one value of each row.
fn list<'a, T: IntoDatum>(rows: &[&'a Row], read: impl Fn(&'a Row) -> Option<T>) -> Arg {
    arg(rows.iter().map(|row| read(row)).collect::<Vec<_>>())
}

/// Somebody in the file, or somebody above who is in the database only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Person {
    Listed(u32),
    Other(i32),
}
