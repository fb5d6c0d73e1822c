//! Files that say who belongs to what: members of groups, of roles, of data groups.

use super::content::{Content, Counts};
use super::grants::{self, Wish};
use super::names::{Known, Names};
use super::progress;
use crate::authz::segregation::Conflict;
use crate::authz::{Kind, change};
use crate::error::Result;
use vpd_text::load::header::{Column, Header, Line, optional, required};
use vpd_text::load::report::Report;
use vpd_text::load::texts::{Span, Texts};
use vpd_text::load::value;

const GROUP: [Column; 6] = columns("group_name", required("user_name"));
const ROLE: [Column; 6] = columns("role_name", optional("user_name"));
const DATA_GROUP: [Column; 6] = columns("data_group", optional("user_name"));
const GRANTED: usize = 0;
const USER: usize = 1;
const FROM: usize = 2;
const UNTIL: usize = 3;
const REASON: usize = 4;
/// Not there for members of groups: a group in a group stands in a file of groups.
const HOLDER_GROUP: usize = 5;

const fn columns(granted: &'static str, user: Column) -> [Column; 6] {
    [
        required(granted),
        user,
        optional("valid_from"),
        optional("valid_until"),
        optional("reason"),
        optional("group_name"),
    ]
}

/// Members of a file.
pub struct Members {
    kind: Kind,
    columns: &'static [Column],
    granted: Names,
    users: Names,
    groups: Names,
    times: Names,
    reasons: Texts,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    User(u32),
    Group(u32),
}

struct Row {
    line: u32,
    granted: u32,
    holder: Holder,
    from: Option<u32>,
    until: Option<u32>,
    reason: Option<Span>,
}

impl Members {
    /// Who belongs to groups.
    pub fn of_groups() -> Self {
        Self::of(Kind::Group, &GROUP[..HOLDER_GROUP])
    }

    /// Who has roles.
    pub fn of_roles() -> Self {
        Self::of(Kind::Role, &ROLE)
    }

    /// Who belongs to data groups.
    pub fn of_data_groups() -> Self {
        Self::of(Kind::DataGroup, &DATA_GROUP)
    }

    fn of(kind: Kind, columns: &'static [Column]) -> Self {
        Self {
            kind,
            columns,
            granted: Names::default(),
            users: Names::default(),
            groups: Names::default(),
            times: Names::default(),
            reasons: Texts::default(),
            rows: Vec::new(),
        }
    }

    fn read_holder(&mut self, line: &Line<'_>, report: &mut Report) -> Option<Holder> {
        if self.columns.len() <= HOLDER_GROUP {
            let user = line.check(USER, value::name, report)?;
            return Some(Holder::User(self.users.number(user)));
        }
        let user = line.check(USER, value::optional_name, report)?;
        let group = line.check(HOLDER_GROUP, value::optional_name, report)?;
        match (user, group) {
            (Some(user), None) => Some(Holder::User(self.users.number(user))),
            (None, Some(group)) => Some(Holder::Group(self.groups.number(group))),
            _ => {
                report.line(line.number, "needs either user_name or group_name");
                None
            }
        }
    }

    fn holder_name(&self, holder: Holder) -> (&'static str, &str) {
        match holder {
            Holder::User(user) => (self.columns[USER].name, self.users.text(user)),
            Holder::Group(group) => (self.columns[HOLDER_GROUP].name, self.groups.text(group)),
        }
    }

    fn report_repeated(&self, report: &mut Report) {
        for pair in self.rows.windows(2) {
            if (pair[0].granted, pair[0].holder) == (pair[1].granted, pair[1].holder) {
                let (column, name) = self.holder_name(pair[1].holder);
                report.value(
                    pair[1].line,
                    column,
                    name,
                    format!("stands on line {} already", pair[0].line),
                );
            }
        }
    }
}

impl Content for Members {
    fn header(&mut self, line: u32, names: Vec<String>, report: &mut Report) -> Header {
        Header::read(line, names, self.columns, false, report)
    }

    fn line(&mut self, line: &Line<'_>, report: &mut Report) {
        let granted = line.check(GRANTED, value::name, report);
        let holder = self.read_holder(line, report);
        let from = line.check(FROM, value::timestamp, report);
        let until = line.check(UNTIL, value::timestamp, report);
        let (Some(granted), Some(holder), Some(from), Some(until)) = (granted, holder, from, until) else {
            return;
        };
        let reason = Some(line.value(REASON)).filter(|text| !text.is_empty());
        self.rows.push(Row {
            line: line.number,
            granted: self.granted.number(granted),
            holder,
            from: from.map(|time| self.times.number(time)),
            // A column that is there and says nothing says: for good.
            until: until
                .map(|time| self.times.number(time))
                .or_else(|| line.header.place(UNTIL).map(|_| self.times.number("infinity"))),
            reason: reason.map(|text| self.reasons.keep(text)),
        });
    }

    fn apply(&mut self, report: &mut Report) -> Result<Counts> {
        change::begin();
        self.rows
            .sort_unstable_by_key(|row| (row.granted, row.holder, row.line));
        self.report_repeated(report);
        let quiet = |_| ();
        let granted = self.granted.find(self.kind, quiet);
        let users = self.users.find(Kind::User, |done| {
            progress::tell("checked", done, self.users.len())
        });
        let groups = self.groups.find(Kind::Group, quiet);
        let times = grants::times(
            (0..self.times.len()).map(|number| self.times.text(u32::try_from(number).unwrap_or(0))),
        );
        let time = |number: Option<u32>| times.get(self.times.text(number?)).copied();
        let mut wishes = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let known: Option<Known> = granted[row.granted as usize];
            if known.is_none() {
                let reason = format!("is no {}", self.kind.as_str().replace('_', " "));
                report.value(
                    row.line,
                    self.columns[GRANTED].name,
                    self.granted.text(row.granted),
                    reason,
                );
            }
            let (holder, what) = match row.holder {
                Holder::User(user) => (users[user as usize], "is no user"),
                Holder::Group(group) => (groups[group as usize], "is no group"),
            };
            if holder.is_none() {
                let (column, name) = self.holder_name(row.holder);
                report.value(row.line, column, name, what);
            }
            if let (Some(known), Some(holder)) = (known, holder) {
                wishes.push(Wish {
                    line: row.line,
                    holder: holder.id,
                    granted: known.id,
                    from: time(row.from),
                    until: time(row.until),
                    reason: row.reason.map(|span| self.reasons.text(span)),
                });
            }
        }
        Ok(grants::apply(&wishes, report))
    }
    fn blame(&self, conflict: &Conflict, report: &mut Report) -> bool {
        let (mut holders, mut granted) = (Vec::new(), Vec::new());
        for (kind, name) in conflict.way() {
            if kind == Kind::User.as_str() {
                holders.extend(self.users.known(&name).map(Holder::User));
            }
            if kind == Kind::Group.as_str() {
                holders.extend(self.groups.known(&name).map(Holder::Group));
            }
            if kind == self.kind.as_str() {
                granted.extend(self.granted.known(&name));
            }
        }
        let mut is_blamed = false;
        for pair in granted
            .iter()
            .flat_map(|granted| holders.iter().map(|holder| (*granted, *holder)))
        {
            // The rows are in this order since they were checked.
            if let Ok(place) = self
                .rows
                .binary_search_by_key(&pair, |row| (row.granted, row.holder))
            {
                let (column, name) = self.holder_name(pair.1);
                let reason = match pair.1 {
                    Holder::User(_) => conflict.reason(),
                    Holder::Group(_) => {
                        format!("has user \"{}\", who {}", conflict.user_name, conflict.reason())
                    }
                };
                report.value(self.rows[place].line, column, name, reason);
                is_blamed = true;
            }
        }
        is_blamed
    }
}
