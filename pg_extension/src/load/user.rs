//! Files of users: what one or several sources know of them. Columns that are not known become attributes.

mod account;
mod check;
mod lines;

use super::content::{Content, Counts};
use super::names::Known;
use super::progress;
use crate::authz::segregation::Conflict;
use crate::authz::source::LOCAL as LOCAL_SOURCE;
use crate::authz::{ANONYMOUS, Kind, change};
use crate::error::Result;
use crate::session;
use lines::{
    Attribute, BETWEEN, COLUMNS, DISPLAY_NAME, IS_ENABLED, IS_TEST, JSON, MANAGER, Row, SOURCE, UNIT,
    USER_NAME,
};
use serde_json::json;
use vpd_text::load::header::{Header, Line};
use vpd_text::load::report::Report;
use vpd_text::load::value;

pub use lines::Users;

/// Most bytes of the attributes of a user, as for `vpd.define_user`.
const MAX_ATTRIBUTES: usize = 64 * 1024;

impl Content for Users {
    fn header(&mut self, line: u32, names: Vec<String>, report: &mut Report) -> Header {
        let header = Header::read(line, names, &COLUMNS, true, report);
        if !report.is_empty() {
            return header;
        }
        for place in header.further() {
            let name = header.name(place);
            let (name, is_json) = name.strip_suffix(JSON).map_or((name, false), |name| (name, true));
            if name.is_empty()
                || name == value::NUMBER_MARK
                || self.attributes.iter().any(|attribute| attribute.name == name)
            {
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
        if !report.is_empty() {
            return Ok(Counts::default());
        }
        let is_new: Vec<bool> = known.iter().map(Option::is_none).collect();
        self.add_users(&mut known, &is_listed);
        let (mut fresh, old): (Vec<&Row>, Vec<&Row>) =
            self.rows.iter().partition(|row| is_new[row.user as usize]);
        // In the order of the key; rows of one user stay in the order of their sources.
        fresh.sort_by_key(|row| known[row.user as usize].map(|known| known.id));
        self.add_accounts(&fresh, &known);
        let changed = self.change_accounts(&old, &known);
        let switched = self.change_enabled(&old, &known);
        self.report_fixed(&old, &known, changed.union(&switched.let_in), report);
        if !report.is_empty() {
            return Ok(Counts::default());
        }
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

impl Users {
    /// Reports lines that changed something of a user who belongs to somebody else. Whoever he belongs to, he is locked out.
    fn report_fixed<'a>(
        &self,
        rows: &[&Row],
        known: &[Option<Known>],
        changed: impl Iterator<Item = &'a usize>,
        report: &mut Report,
    ) {
        let of_others = changed
            .filter_map(|place| rows.get(*place))
            .filter(|row| known[row.user as usize].is_some_and(|known| known.is_fixed));
        for row in of_others {
            report.value(
                row.line,
                COLUMNS[USER_NAME].name,
                self.names.text(row.user),
                "belongs to somebody else and is not changed",
            );
        }
    }

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
}
