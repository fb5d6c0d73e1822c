//! Files that say which nodes data groups have.

use super::content::{Content, Counts};
use super::grants;
use super::names::Names;
use super::node::key;
use crate::authz::owner::Marks;
use crate::authz::{Kind, change};
use crate::error::Result;
use crate::hierarchy;
use crate::sys::clock::{self, Timestamp};
use crate::sys::copy;
use crate::sys::spi::{arg, statements};
use std::collections::{HashMap, HashSet};
use vpd_text::load::header::{Column, Header, Line, optional, required};
use vpd_text::load::report::Report;
use vpd_text::load::value;

statements! {
    NODES = "load/find_nodes.sql";
    OPEN = "load/group_nodes.sql";
}

const COLUMNS: [Column; 6] = [
    required("data_group"),
    required("hierarchy"),
    required("node"),
    optional("valid_from"),
    optional("valid_until"),
    optional("reason"),
];
const DATA_GROUP: usize = 0;
const HIERARCHY: usize = 1;
const NODE: usize = 2;
const FROM: usize = 3;
const UNTIL: usize = 4;
const REASON: usize = 5;

/// Lines in one statement.
const CHUNK: usize = 10_000;

/// Nodes of data groups of a file.
#[derive(Default)]
pub struct GroupNodes {
    groups: Names,
    rows: Vec<Row>,
}

struct Row {
    line: u32,
    group: u32,
    hierarchy: String,
    node: String,
    from: Option<String>,
    until: Option<String>,
    reason: Option<String>,
}

impl Content for GroupNodes {
    fn header(&mut self, line: u32, names: Vec<String>, report: &mut Report) -> Header {
        Header::read(line, names, &COLUMNS, false, report)
    }

    fn line(&mut self, line: &Line<'_>, report: &mut Report) {
        let group = line.check(DATA_GROUP, value::name, report);
        let hierarchy = line.check(HIERARCHY, value::name, report);
        let node = line.check(NODE, key, report);
        let from = line.check(FROM, value::timestamp, report);
        let until = line.check(UNTIL, value::timestamp, report);
        let (Some(group), Some(hierarchy), Some(node), Some(from), Some(until)) =
            (group, hierarchy, node, from, until)
        else {
            return;
        };
        let for_good = line.header.place(UNTIL).map(|_| "infinity");
        let reason = Some(line.value(REASON)).filter(|text| !text.is_empty());
        self.rows.push(Row {
            line: line.number,
            group: self.groups.number(group),
            hierarchy: hierarchy.to_owned(),
            node: node.to_owned(),
            from: from.map(str::to_owned),
            until: until.or(for_good).map(str::to_owned),
            reason: reason.map(str::to_owned),
        });
    }

    fn apply(&mut self, report: &mut Report) -> Result<Counts> {
        change::begin();
        self.sort_and_report_doubles(report);
        let groups = self.group_ids(report);
        let open = self.look_up(&groups, report);
        if !report.is_empty() {
            return Ok(Counts::default());
        }
        let changes = self.compare(&groups, &open, report);
        if !report.is_empty() {
            return Ok(Counts::default());
        }
        changes.write();
        let (fresh, closed) = (changes.fresh.len() as u64, changes.closed.len() as u64);
        Ok(Counts {
            added: fresh - closed,
            changed: closed,
            unchanged: self.rows.len() as u64 - fresh,
        })
    }
}

impl GroupNodes {
    fn sort_and_report_doubles(&mut self, report: &mut Report) {
        self.rows
            .sort_by(|one, other| (one.grant(), one.line).cmp(&(other.grant(), other.line)));
        for pair in self
            .rows
            .windows(2)
            .filter(|pair| pair[0].grant() == pair[1].grant())
        {
            let reason = format!("stands on line {} already", pair[0].line);
            report.value(pair[1].line, COLUMNS[NODE].name, &pair[1].node, reason);
        }
    }

    /// The data group of each row, in their order; 0 for one that is none, which is reported.
    fn group_ids(&self, report: &mut Report) -> Vec<i32> {
        let groups = self.groups.find(Kind::DataGroup, |_| ());
        let id = |row: &Row| {
            let known = groups[row.group as usize].as_ref().map(|known| known.id);
            known.unwrap_or_else(|| {
                let name = self.groups.text(row.group);
                report.value(row.line, COLUMNS[DATA_GROUP].name, name, "is no data group");
                0
            })
        };
        self.rows.iter().map(id).collect()
    }

    /// Reports nodes that there are not, and finds the grants that are open now.
    fn look_up(&self, groups: &[i32], report: &mut Report) -> HashMap<Grant, Open> {
        let mut open: HashMap<Grant, Open> = HashMap::new();
        let mut marks = Marks::default();
        for (rows, groups) in self.rows.chunks(CHUNK).zip(groups.chunks(CHUNK)) {
            let list = |read: fn(&Row) -> &str| -> Vec<&str> { rows.iter().map(read).collect() };
            let (hierarchies, nodes) = (list(|row| &row.hierarchy), list(|row| &row.node));
            let found = NODES.with(|statement| {
                statement.query(&[arg(hierarchies.clone()), arg(nodes.clone())], |row| {
                    row.get::<i64>(1)
                })
            });
            let found: HashSet<i64> = found.into_iter().flatten().collect();
            for (row, _) in rows.iter().zip(1..).filter(|(_, place)| !found.contains(place)) {
                let reason = "is no node of the hierarchy";
                report.value(row.line, COLUMNS[NODE].name, &row.node, reason);
            }
            let rows = OPEN.with(|statement| {
                statement.query(&[arg(groups.to_vec()), arg(hierarchies), arg(nodes)], |row| {
                    let grant = (row.get::<i32>(1)?, row.get::<String>(2)?, row.get::<String>(3)?);
                    let span = (row.timestamp(4)?, row.timestamp(5)?);
                    Some((grant, span, row.get::<String>(6), row.get::<String>(7)))
                })
            });
            for (grant, span, mark, whole) in rows.into_iter().flatten() {
                // Of several times the first is spoken of; all of them are replaced.
                let first = open.entry(grant).or_insert(Open {
                    span,
                    is_fixed: false,
                });
                first.is_fixed |= marks.is_foreign(whole, mark);
            }
        }
        open
    }

    /// What has to be written so that the grants are as the rows say; reports those that would be none.
    fn compare(&self, groups: &[i32], open: &HashMap<Grant, Open>, report: &mut Report) -> Changes<'_> {
        let texts = self
            .rows
            .iter()
            .flat_map(|row| [row.from.as_deref(), row.until.as_deref()]);
        let times = grants::times(texts.flatten());
        let time = |text: &Option<String>| times.get(text.as_deref()?).copied();
        let now = clock::now();
        let mut changes = Changes::default();
        for (row, id) in self.rows.iter().zip(groups) {
            let (from, until) = (time(&row.from), time(&row.until));
            let former = open.get(&(*id, row.hierarchy.clone(), row.node.clone()));
            if former.is_some_and(|former| {
                from.is_none_or(|from| from == former.span.0)
                    && until.is_none_or(|until| until == former.span.1)
            }) {
                continue;
            }
            if former.is_some_and(|former| former.is_fixed) {
                report.line(row.line, "the grant belongs to somebody else and is not changed");
            }
            if until.is_some_and(|until| until <= from.unwrap_or(now) || until <= now) {
                report.line(row.line, "the grant would end before it begins");
            }
            if former.is_some() {
                changes.closed.push((*id, row));
            }
            let span = (from.unwrap_or(now), until.unwrap_or(Timestamp(i64::MAX)));
            changes.fresh.push((*id, row, span));
        }
        changes
    }
}

impl Row {
    /// What makes it one with another: group, hierarchy and node.
    fn grant(&self) -> (u32, &str, &str) {
        (self.group, &self.hierarchy, &self.node)
    }
}

/// A data group, a hierarchy and a node of it.
type Grant = (i32, String, String);
/// From when until when it holds.
type Span = (Timestamp, Timestamp);

/// What a data group has of a node, or will have.
struct Open {
    /// The first time of it.
    span: Span,
    /// Some of it belongs to somebody else, who shipped or marked it.
    is_fixed: bool,
}

/// What a file changes.
#[derive(Default)]
struct Changes<'a> {
    fresh: Vec<(i32, &'a Row, Span)>,
    /// Grants that are replaced.
    closed: Vec<(i32, &'a Row)>,
}

impl Changes<'_> {
    fn write(&self) {
        for closed in self.closed.chunks(CHUNK) {
            let ids: Vec<i32> = closed.iter().map(|(id, _)| *id).collect();
            let hierarchies: Vec<&str> = closed.iter().map(|(_, row)| row.hierarchy.as_str()).collect();
            let nodes: Vec<&str> = closed.iter().map(|(_, row)| row.node.as_str()).collect();
            hierarchy::close_grants(ids, hierarchies, nodes);
        }
        let author = change::author();
        let columns = [
            c"data_group_id",
            c"hierarchy",
            c"node",
            c"valid_from",
            c"valid_until",
            c"reason",
            c"granted_by",
        ];
        let mut lines = self.fresh.iter();
        copy::into_table(c"data_group_node", &columns, |into| {
            let Some((id, row, (from, until))) = lines.next() else {
                return false;
            };
            into.int4(*id);
            into.text(&row.hierarchy);
            into.text(&row.node);
            into.timestamp(*from);
            into.timestamp(*until);
            into.optional_text(row.reason.as_deref());
            into.text(&author);
            true
        });
        let touched: HashSet<&str> = self
            .fresh
            .iter()
            .map(|(_, row, _)| row.hierarchy.as_str())
            .collect();
        for name in touched {
            hierarchy::access_changed(Some(name));
        }
    }
}
