//! Files of nodes of hierarchies.

use super::content::{Content, Counts};
use super::names::Names;
use crate::authz::change;
use crate::error::Result;
use crate::hierarchy::{self, Nodes as Written};
use crate::sys::spi::{arg, statements};
use std::collections::{HashMap, HashSet};
use vpd_text::load::header::{Column, Header, Line, optional, required};
use vpd_text::load::report::{Report, shortened};
use vpd_text::load::{cycle, value};

statements! {
    ABOVE = "load/nodes_above.sql";
    BELOW = "load/nodes_below.sql";
}

const COLUMNS: [Column; 5] = [
    required("hierarchy"),
    required("key"),
    optional("parent"),
    optional("level"),
    optional("label"),
];
const HIERARCHY: usize = 0;
const KEY: usize = 1;
const PARENT: usize = 2;
const LEVEL: usize = 3;
const LABEL: usize = 4;

const MAX_KEY_CHARS: usize = 1000;

/// Nodes of a file.
#[derive(Default)]
pub struct Nodes {
    hierarchies: Names,
    keys: Names,
    rows: Vec<Row>,
}

struct Row {
    line: u32,
    hierarchy: u32,
    key: u32,
    parent: Option<u32>,
    level: Option<String>,
    label: Option<String>,
}

/// The value of a column as a key.
pub fn key(text: &str) -> value::Checked<&str> {
    if text.is_empty() {
        return Err("is missing");
    }
    if text.chars().nth(MAX_KEY_CHARS).is_some() {
        return Err("is longer than 1000 characters");
    }
    Ok(text)
}

impl Content for Nodes {
    fn header(&mut self, line: u32, names: Vec<String>, report: &mut Report) -> Header {
        Header::read(line, names, &COLUMNS, false, report)
    }

    fn line(&mut self, line: &Line<'_>, report: &mut Report) {
        let hierarchy = line.check(HIERARCHY, value::name, report);
        let own = line.check(KEY, key, report);
        let parent = line.check(
            PARENT,
            |text| {
                if text.is_empty() {
                    Ok(None)
                } else {
                    key(text).map(Some)
                }
            },
            report,
        );
        let level = line.check(LEVEL, value::optional_name, report);
        let (Some(hierarchy), Some(own), Some(parent), Some(level)) = (hierarchy, own, parent, level) else {
            return;
        };
        let label = Some(line.value(LABEL)).filter(|text| !text.is_empty());
        self.rows.push(Row {
            line: line.number,
            hierarchy: self.hierarchies.number(hierarchy),
            key: self.keys.number(own),
            parent: parent.map(|parent| self.keys.number(parent)),
            level: level.map(str::to_owned),
            label: label.map(str::to_owned),
        });
    }

    fn apply(&mut self, report: &mut Report) -> Result<Counts> {
        change::begin();
        self.rows.sort_by_key(|row| (row.hierarchy, row.key, row.line));
        let mut counts = Counts::default();
        let mut written = Vec::new();
        for rows in self.rows.chunk_by(|one, other| one.hierarchy == other.hierarchy) {
            let nodes = self.place(rows, report);
            written.push((self.hierarchies.text(rows[0].hierarchy), nodes, rows.len() as u64));
        }
        if !report.is_empty() {
            return Ok(counts);
        }
        for (hierarchy, nodes, lines) in written {
            let done = hierarchy::write_nodes(hierarchy, nodes)?;
            let number = |count: i64| u64::try_from(count).unwrap_or(0);
            let (added, changed) = (number(done.added), number(done.moved) + number(done.changed));
            counts.added += added;
            counts.changed += changed;
            counts.unchanged += lines - added - changed;
        }
        Ok(counts)
    }
}

/// What is wrong with the level of a node: against the one above it, the lowest of the hierarchy, and those right below it.
fn report_level<'a>(
    line: u32,
    depth: i32,
    deepest: i32,
    above: Option<i32>,
    below: impl Iterator<Item = &'a (String, i32)>,
    report: &mut Report,
) {
    if above.is_some_and(|above| above >= depth) {
        report.line(line, "is not on a level below its parent's");
    } else if depth > deepest {
        report.line(line, "is below the lowest level of the hierarchy");
    }
    for (key, _) in below.filter(|(_, there)| *there <= depth) {
        report.line(
            line,
            format!(
                "is not on a level above that of \"{}\", which is below it",
                shortened(key)
            ),
        );
    }
}

impl Nodes {
    /// Checks the nodes of one hierarchy and finds the level of each. What it gives is good as long as nothing was reported.
    fn place(&self, rows: &[Row], report: &mut Report) -> Written {
        let hierarchy = self.hierarchies.text(rows[0].hierarchy);
        let levels: HashMap<String, i32> = hierarchy::levels(hierarchy).into_iter().collect();
        self.report_lines(rows, hierarchy, &levels, report);
        let listed: HashMap<u32, &Row> = rows.iter().map(|row| (row.key, row)).collect();
        let (there, edges) = self.above(hierarchy, rows, &listed);
        let edges: Vec<(&str, &str)> = edges
            .iter()
            .map(|(key, parent)| (key.as_str(), parent.as_str()))
            .collect();
        let circle = cycle::nodes(&edges);
        self.report_parents(rows, &listed, &there, &circle, !levels.is_empty(), report);
        let mut written = Written::default();
        if levels.is_empty() {
            return written;
        }
        let below = self.below(hierarchy, &listed);
        let mut ways = Ways {
            nodes: self,
            listed: &listed,
            levels: &levels,
            there: &there,
            circle: &circle,
            known: HashMap::new(),
        };
        let deepest = i32::try_from(levels.len()).unwrap_or(i32::MAX);
        for row in rows {
            // Nothing is said of a node whose level cannot be told: why it cannot was reported, on its line or on one above it.
            let Some(depth) = ways.depth(row) else { continue };
            let below = below.get(self.keys.text(row.key)).into_iter().flatten();
            report_level(row.line, depth, deepest, ways.above(row), below, report);
            written.keys.push(self.keys.text(row.key).to_owned());
            written
                .parents
                .push(row.parent.map(|parent| self.keys.text(parent).to_owned()));
            written.depths.push(depth);
            written.labels.push(row.label.clone());
        }
        written
    }

    /// What is wrong with single lines: doubles, hierarchies and levels that there are not.
    fn report_lines(
        &self,
        rows: &[Row],
        hierarchy: &str,
        levels: &HashMap<String, i32>,
        report: &mut Report,
    ) {
        for pair in rows.windows(2).filter(|pair| pair[0].key == pair[1].key) {
            let reason = format!("stands on line {} already", pair[0].line);
            report.value(
                pair[1].line,
                COLUMNS[KEY].name,
                self.keys.text(pair[1].key),
                reason,
            );
        }
        for row in rows {
            if levels.is_empty() {
                let reason = "is no hierarchy; define it with vpd.define_hierarchy";
                report.value(row.line, COLUMNS[HIERARCHY].name, hierarchy, reason);
            } else if let Some(level) = row.level.as_ref().filter(|level| !levels.contains_key(*level)) {
                report.value(
                    row.line,
                    COLUMNS[LEVEL].name,
                    level,
                    "is no level of the hierarchy",
                );
            }
        }
    }

    /// Parents that there are not, and those on a circle.
    fn report_parents(
        &self,
        rows: &[Row],
        listed: &HashMap<u32, &Row>,
        there: &HashMap<String, i32>,
        circle: &HashSet<&str>,
        is_hierarchy: bool,
        report: &mut Report,
    ) {
        for row in rows {
            let Some(parent) = row.parent else { continue };
            let (own, above) = (self.keys.text(row.key), self.keys.text(parent));
            if circle.contains(own) && circle.contains(above) {
                let reason = "makes a circle: a node would be below itself";
                report.value(row.line, COLUMNS[PARENT].name, above, reason);
            } else if !listed.contains_key(&parent) && !there.contains_key(above) && is_hierarchy {
                let reason = "is no node, neither in the database nor in the file";
                report.value(row.line, COLUMNS[PARENT].name, above, reason);
            }
        }
    }

    /// The nodes there are right below those of the file and that the file does not name, by the key of the node above.
    fn below(&self, hierarchy: &str, listed: &HashMap<u32, &Row>) -> HashMap<String, Vec<(String, i32)>> {
        let names: HashSet<&str> = listed.keys().map(|key| self.keys.text(*key)).collect();
        let mut keys: Vec<&str> = names.iter().copied().collect();
        keys.sort_unstable();
        let found = BELOW.with(|statement| {
            statement.query(&[arg(hierarchy), arg(keys)], |row| {
                Some((row.get::<String>(1)?, row.get::<String>(2)?, row.get::<i32>(3)?))
            })
        });
        let mut below: HashMap<String, Vec<(String, i32)>> = HashMap::new();
        for (key, parent, depth) in found.into_iter().flatten() {
            if !names.contains(key.as_str()) {
                below.entry(parent).or_default().push((key, depth));
            }
        }
        below
    }

    /// Depths of the nodes there are above those of the file, and every edge that would be there.
    fn above<'a>(
        &'a self,
        hierarchy: &str,
        rows: &'a [Row],
        listed: &HashMap<u32, &Row>,
    ) -> (HashMap<String, i32>, Vec<(String, String)>) {
        let names: HashSet<&str> = listed.keys().map(|key| self.keys.text(*key)).collect();
        let mut edges: Vec<(String, String)> = rows
            .iter()
            .filter_map(|row| {
                Some((
                    self.keys.text(row.key).to_owned(),
                    self.keys.text(row.parent?).to_owned(),
                ))
            })
            .collect();
        let mut parents: Vec<&str> = rows
            .iter()
            .filter_map(|row| Some(self.keys.text(row.parent?)))
            .collect();
        parents.sort_unstable();
        parents.dedup();
        let found = ABOVE.with(|statement| {
            statement.query(&[arg(hierarchy), arg(parents)], |row| {
                Some((row.get::<String>(1)?, row.get::<String>(2), row.get::<i32>(3)?))
            })
        });
        let mut there = HashMap::new();
        for (key, parent, depth) in found.into_iter().flatten() {
            if let Some(parent) = parent.filter(|_| !names.contains(key.as_str())) {
                edges.push((key.clone(), parent));
            }
            there.insert(key, depth);
        }
        (there, edges)
    }
}

/// The ways up from the nodes of a file, through the file and what there is.
struct Ways<'a> {
    nodes: &'a Nodes,
    listed: &'a HashMap<u32, &'a Row>,
    levels: &'a HashMap<String, i32>,
    there: &'a HashMap<String, i32>,
    circle: &'a HashSet<&'a str>,
    known: HashMap<u32, Option<i32>>,
}

impl Ways<'_> {
    /// The level that is named, or the one below the parent's; `None` when that is no level, or the way up leads nowhere.
    fn depth(&mut self, row: &Row) -> Option<i32> {
        // Up to the first whose level is known, then down again.
        let mut path = Vec::new();
        let mut at = row;
        let mut depth = loop {
            if let Some(depth) = self.known.get(&at.key) {
                break *depth;
            }
            if self.circle.contains(self.nodes.keys.text(at.key)) {
                break None;
            }
            if let Some(level) = &at.level {
                let depth = self.levels.get(level).copied();
                self.known.insert(at.key, depth);
                break depth;
            }
            path.push(at.key);
            match at.parent {
                None => break Some(0),
                Some(parent) => match self.listed.get(&parent) {
                    Some(above) => at = above,
                    None => break self.there.get(self.nodes.keys.text(parent)).copied(),
                },
            }
        };
        for key in path.into_iter().rev() {
            depth = depth.map(|depth| depth + 1);
            self.known.insert(key, depth);
        }
        depth
    }

    /// The level of the parent, 0 at the top.
    fn above(&mut self, row: &Row) -> Option<i32> {
        match row.parent {
            None => Some(0),
            Some(parent) => match self.listed.get(&parent) {
                Some(above) => self.depth(above),
                None => self.there.get(self.nodes.keys.text(parent)).copied(),
            },
        }
    }
}
