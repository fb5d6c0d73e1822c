//! Files that say which nodes data groups have.

use super::content::{Content, Counts};
use super::grants;
use super::header::{Column, Header, Line, optional, required};
use super::names::Names;
use super::node::key;
use super::report::Report;
use super::value;
use crate::authz::{Kind, change};
use crate::error::Result;
use crate::hierarchy;
use crate::sys::clock::{self, Timestamp};
use crate::sys::copy;
use crate::sys::spi::{Statement, arg};
use std::collections::{HashMap, HashSet};

thread_local! {
    static NODES: Statement = const { Statement::new(include_str!("../../../sql/query/load/find_nodes.sql")) };
    static OPEN: Statement = const { Statement::new(include_str!("../../../sql/query/load/group_nodes.sql")) };
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
        self.rows.sort_by(|one, other| {
            (one.group, &one.hierarchy, &one.node, one.line).cmp(&(
                other.group,
                &other.hierarchy,
                &other.node,
                other.line,
            ))
        });
        let groups = self.groups.find(Kind::DataGroup, |_| ());
        for pair in self.rows.windows(2) {
            if (pair[0].group, &pair[0].hierarchy, &pair[0].node)
                == (pair[1].group, &pair[1].hierarchy, &pair[1].node)
            {
                let reason = format!("stands on line {} already", pair[0].line);
                report.value(pair[1].line, COLUMNS[NODE].name, &pair[1].node, reason);
            }
        }
        let mut open: HashMap<(i32, String, String), (Timestamp, Timestamp)> = HashMap::new();
        for rows in self.rows.chunks(CHUNK) {
            let list = |read: fn(&Row) -> &str| -> Vec<&str> { rows.iter().map(read).collect() };
            let (hierarchies, nodes) = (list(|row| &row.hierarchy), list(|row| &row.node));
            let found = NODES.with(|statement| {
                statement.query(&[arg(hierarchies.clone()), arg(nodes.clone())], |row| {
                    row.get::<i64>(1)
                })
            });
            let found: HashSet<i64> = found.into_iter().flatten().collect();
            for (row, place) in rows.iter().zip(1..) {
                if groups[row.group as usize].is_none() {
                    let name = self.groups.text(row.group);
                    report.value(row.line, COLUMNS[DATA_GROUP].name, name, "is no data group");
                }
                if !found.contains(&place) {
                    report.value(
                        row.line,
                        COLUMNS[NODE].name,
                        &row.node,
                        "is no node of the hierarchy",
                    );
                }
            }
            let ids: Vec<i32> = rows
                .iter()
                .map(|row| groups[row.group as usize].map_or(0, |known| known.id))
                .collect();
            let rows = OPEN.with(|statement| {
                statement.query(&[arg(ids), arg(hierarchies), arg(nodes)], |row| {
                    let key = (row.get::<i32>(1)?, row.get::<String>(2)?, row.get::<String>(3)?);
                    Some((key, (row.timestamp(4)?, row.timestamp(5)?)))
                })
            });
            for (key, span) in rows.into_iter().flatten() {
                open.entry(key).or_insert(span);
            }
        }
        if !report.is_empty() {
            return Ok(Counts::default());
        }
        let texts = self
            .rows
            .iter()
            .flat_map(|row| [row.from.as_deref(), row.until.as_deref()]);
        let times = grants::times(texts.flatten());
        let time = |text: &Option<String>| times.get(text.as_deref()?).copied();
        let now = clock::now();
        let (mut fresh, mut closed) = (Vec::new(), Vec::new());
        for row in &self.rows {
            let id = groups[row.group as usize].map_or(0, |known| known.id);
            let (from, until) = (time(&row.from), time(&row.until));
            let former = open.get(&(id, row.hierarchy.clone(), row.node.clone()));
            if former.is_some_and(|former| {
                from.is_none_or(|from| from == former.0) && until.is_none_or(|until| until == former.1)
            }) {
                continue;
            }
            if until.is_some_and(|until| until <= from.unwrap_or(now) || until <= now) {
                report.line(row.line, "the grant would end before it begins");
            }
            if former.is_some() {
                closed.push((id, row));
            }
            fresh.push((id, row, from.unwrap_or(now), until.unwrap_or(Timestamp(i64::MAX))));
        }
        if !report.is_empty() {
            return Ok(Counts::default());
        }
        for closed in closed.chunks(CHUNK) {
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
        let mut lines = fresh.iter();
        copy::into_table(c"data_group_node", &columns, |into| {
            let Some((id, row, from, until)) = lines.next() else {
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
        let touched: HashSet<&str> = fresh.iter().map(|(_, row, ..)| row.hierarchy.as_str()).collect();
        for name in touched {
            hierarchy::access_changed(Some(name));
        }
        let (fresh, closed) = (fresh.len() as u64, closed.len() as u64);
        Ok(Counts {
            added: fresh - closed,
            changed: closed,
            unchanged: self.rows.len() as u64 - fresh,
        })
    }
}
