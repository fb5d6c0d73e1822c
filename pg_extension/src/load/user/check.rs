//! Whether the lines fit each other and what there is.

use super::lines::{COLUMNS, MANAGER, SOURCE, UNIT, USER_NAME, Users};
use crate::load::names::Known;
use crate::sys::spi::{arg, statements};
use std::collections::{HashMap, HashSet};
use vpd_text::load::cycle;
use vpd_text::load::report::Report;

statements! {
    MANAGERS = "load/managers.sql";
}

/// Somebody in the file, or somebody above who is in the database only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Person {
    Listed(u32),
    Other(i32),
}

impl Users {
    pub fn report_repeated(&self, report: &mut Report) {
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

    pub fn report_unknown(&self, report: &mut Report) {
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

    pub fn report_managers(&self, known: &[Option<Known>], is_listed: &[bool], report: &mut Report) {
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
}
