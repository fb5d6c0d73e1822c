//! Files of groups, and of the groups they belong to.

use super::content::{Content, Counts};
use super::grants::{self, Wish};
use super::names::Names;
use crate::authz::{Kind, change};
use crate::error::Result;
use crate::sys::spi::{arg, statements};
use std::collections::HashSet;
use vpd_text::load::header::{Column, Header, Line, optional, required};
use vpd_text::load::report::Report;
use vpd_text::load::{cycle, value};

statements! {
    DEFINE = "load/define_groups.sql";
    ABOVE = "load/groups_above.sql";
}

const COLUMNS: [Column; 3] = [
    required("group_name"),
    optional("description"),
    optional("member_of"),
];
const GROUP_NAME: usize = 0;
const DESCRIPTION: usize = 1;
const MEMBER_OF: usize = 2;

/// Groups of a file.
#[derive(Default)]
pub struct Groups {
    names: Names,
    rows: Vec<Row>,
    has_description: bool,
}

struct Row {
    line: u32,
    group: u32,
    description: Option<String>,
    member_of: Option<u32>,
}

impl Content for Groups {
    fn header(&mut self, line: u32, names: Vec<String>, report: &mut Report) -> Header {
        let header = Header::read(line, names, &COLUMNS, false, report);
        self.has_description = header.place(DESCRIPTION).is_some();
        header
    }

    fn line(&mut self, line: &Line<'_>, report: &mut Report) {
        let name = line.check(GROUP_NAME, value::name, report);
        let member_of = line.check(MEMBER_OF, value::optional_name, report);
        let (Some(name), Some(member_of)) = (name, member_of) else {
            return;
        };
        let description = Some(line.value(DESCRIPTION)).filter(|text| !text.is_empty());
        self.rows.push(Row {
            line: line.number,
            group: self.names.number(name),
            description: description.map(str::to_owned),
            member_of: member_of.map(|name| self.names.number(name)),
        });
    }

    fn apply(&mut self, report: &mut Report) -> Result<Counts> {
        change::begin();
        self.rows.sort_by_key(|row| (row.group, row.line));
        let known = self.names.find(Kind::Group, |_| ());
        let listed: HashSet<u32> = self.rows.iter().map(|row| row.group).collect();
        for pair in self.rows.windows(2) {
            if pair[0].group == pair[1].group {
                let reason = format!("stands on line {} already", pair[0].line);
                report.value(
                    pair[1].line,
                    COLUMNS[GROUP_NAME].name,
                    self.names.text(pair[1].group),
                    reason,
                );
            }
        }
        for row in &self.rows {
            if let Some(group) = row.member_of
                && known[group as usize].is_none()
                && !listed.contains(&group)
            {
                let reason = "is no group, neither in the database nor in the file";
                report.value(row.line, COLUMNS[MEMBER_OF].name, self.names.text(group), reason);
            }
        }
        if !report.is_empty() {
            return Ok(Counts::default());
        }
        let (added, changed) = self.define(&known, report);
        // They are all there now.
        let ids: Vec<i32> = self
            .names
            .find(Kind::Group, |_| ())
            .into_iter()
            .map(|known| known.map_or(0, |known| known.id))
            .collect();
        self.report_circles(&ids, report);
        if !report.is_empty() {
            return Ok(Counts::default());
        }
        let wishes: Vec<Wish<'_>> = self
            .rows
            .iter()
            .filter_map(|row| {
                Some(Wish {
                    line: row.line,
                    holder: ids[row.group as usize],
                    granted: ids[row.member_of? as usize],
                    from: None,
                    until: None,
                    reason: None,
                })
            })
            .collect();
        // A line counts once, whatever of it was new.
        let lines: HashSet<u32> = added.union(&changed).copied().collect();
        let joined = grants::apply(&wishes, report);
        let quiet = (self.rows.len() - lines.len()) as u64;
        let joined = (joined.added + joined.changed).min(quiet);
        Ok(Counts {
            added: added.len() as u64,
            changed: changed.len() as u64 + joined,
            unchanged: quiet - joined,
        })
    }
}

impl Groups {
    /// Writes new groups and other descriptions; the lines that added and those that changed something.
    fn define(
        &self,
        known: &[Option<super::names::Known>],
        report: &mut Report,
    ) -> (HashSet<u32>, HashSet<u32>) {
        let (mut added, mut changed) = (HashSet::new(), HashSet::new());
        for rows in self.rows.chunks(10_000) {
            let names: Vec<&str> = rows.iter().map(|row| self.names.text(row.group)).collect();
            let descriptions: Vec<_> = rows.iter().map(|row| row.description.as_deref()).collect();
            let names = DEFINE.with(|statement| {
                statement.modify(
                    &[arg(names), arg(descriptions), arg(self.has_description)],
                    |row| row.get::<String>(1),
                )
            });
            let written: HashSet<String> = names.into_iter().flatten().collect();
            for row in rows
                .iter()
                .filter(|row| written.contains(self.names.text(row.group)))
            {
                match known[row.group as usize] {
                    None => added.insert(row.line),
                    Some(known) if known.is_fixed => {
                        let name = self.names.text(row.group);
                        let reason = "belongs to somebody else and is not changed";
                        report.value(row.line, COLUMNS[GROUP_NAME].name, name, reason);
                        false
                    }
                    Some(_) => changed.insert(row.line),
                };
            }
        }
        (added, changed)
    }

    fn report_circles(&self, ids: &[i32], report: &mut Report) {
        let id = |group: u32| ids[group as usize];
        let mut edges: Vec<(i32, i32)> = self
            .rows
            .iter()
            .filter_map(|row| Some((id(row.group), id(row.member_of?))))
            .collect();
        let above: Vec<i32> = edges.iter().map(|(_, above)| *above).collect();
        if above.is_empty() {
            return;
        }
        let there = ABOVE.with(|statement| {
            statement.query(&[arg(above)], |row| {
                Some((row.get::<i32>(1)?, row.get::<i32>(2)?))
            })
        });
        edges.extend(there.into_iter().flatten());
        let circle = cycle::nodes(&edges);
        for row in &self.rows {
            if let Some(group) = row.member_of
                && circle.contains(&id(row.group))
                && circle.contains(&id(group))
            {
                let reason = "makes a circle: a group would contain itself";
                report.value(row.line, COLUMNS[MEMBER_OF].name, self.names.text(group), reason);
            }
        }
    }
}
