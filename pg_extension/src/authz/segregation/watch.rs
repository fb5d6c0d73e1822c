//! What a change of the graph does to those it reaches.

use super::conflict::{Conflict, narrow, read, refuse, uncovered, unexcused};
use super::holding::too_much;
use super::reached::{Concern, Reach, concern, holders, is_any};
use crate::error::Result;
use crate::sys::spi::{Moment, arg, statements};
use std::cell::Cell;

statements! {
    UNIT_USERS = "segregation/unit_users.sql";
}

thread_local! {
    /// Whether what is changed now is looked at together, when all of it is done.
    static IS_LATER: Cell<bool> = const { Cell::new(false) };
}

/// Makes changes of which each alone would break a rule, such as a handover that is turned round: refused when somebody breaks one after all of them.
pub fn together(work: impl FnOnce() -> Result<()>) -> Result<()> {
    /// Ends it, when unwinding too.
    struct Former(bool);
    impl Drop for Former {
        fn drop(&mut self) {
            IS_LATER.set(self.0);
        }
    }
    let watch = Watch::everybody();
    {
        let _former = Former(IS_LATER.replace(true));
        work()?;
    }
    watch.check()
}

/// Looks out for what a change does to those it reaches. Make one in the transaction that began the change, before anything is written, and check it
/// afterwards. Conflicts that were there before, such as those of an exception that ran out, stand in the way of nothing else.
pub struct Watch {
    /// The nodes that change; `None` for whatever may reach anybody.
    nodes: Option<Vec<i32>>,
    concern: Concern,
    before: Moment,
}

impl Watch {
    /// For a change of a node: of what it is, of whether it counts, or of who has it, but not of what it holds.
    pub fn of(node: i32) -> Self {
        Self::over(Some(vec![node]), concern(&[node], false, false))
    }

    /// For a role that a rule is to give to anybody: who had it before does not tell whom it reaches.
    pub fn of_rule(role: i32) -> Self {
        Self::over(None, concern(&[role], false, false))
    }

    /// For a change of what is told of a user, or of whether he counts.
    pub fn of_user(user: i32) -> Self {
        Self::over(Some(vec![user]), Concern::ANY)
    }

    /// For a change that reaches whom it is told of later, before it is checked.
    pub fn of_nobody() -> Self {
        Self::over(Some(Vec::new()), Concern::ANY)
    }

    /// The change reaches a node as well.
    pub fn reaching(mut self, node: i32) -> Self {
        if let Some(nodes) = &mut self.nodes {
            nodes.push(node);
        }
        self
    }

    /// For a grant.
    pub fn of_grant(granted: i32, holder: i32) -> Self {
        Self::over(Some(vec![holder]), concern(&[granted], false, false))
    }

    /// For a change of what a unit is below: it reaches the users of the unit, and of those below it.
    pub fn of_unit(unit: &str) -> Self {
        let concern = concern(&[], false, true);
        let users = match &concern.rules {
            Some(rules) if rules.is_empty() => Vec::new(),
            _ => UNIT_USERS.with(|statement| statement.query(&[arg(unit)], |row| row.required(1))),
        };
        Self::over(Some(users), concern)
    }

    /// For a change of what is believed of users.
    pub fn of_attributes() -> Self {
        Self::over(None, concern(&[], true, true))
    }

    /// For a change that may reach anybody, such as a load.
    pub fn everybody() -> Self {
        Self::over(None, Concern::ANY)
    }

    fn over(nodes: Option<Vec<i32>>, concern: Concern) -> Self {
        Self {
            nodes,
            concern,
            before: Moment::now(),
        }
    }

    /// Refuses the change when it made somebody break a rule.
    pub fn check(self) -> Result<()> {
        if IS_LATER.get() {
            return Ok(());
        }
        refuse(&self.conflicts())
    }

    /// The conflicts that the change made. Only of those who break a rule now it is asked what they held before.
    pub fn conflicts(self) -> Vec<Conflict> {
        let Some(reach) = self.reach() else {
            return Vec::new();
        };
        let mut users: Vec<i32> = too_much(reach.holders.as_deref(), reach.rules.as_deref(), None)
            .iter()
            .map(|held| held.user)
            .collect();
        if users.is_empty() {
            return Vec::new();
        }
        users.sort_unstable();
        users.dedup();
        let reach = Reach {
            holders: Some(users),
            rules: reach.rules,
        };
        let narrow = |found: &[Conflict]| narrow(reach.holders.clone(), reach.rules.clone(), found);
        // What was accepted and is held no more, whatever ended it, is not accepted again. One that is excused excuses nothing that begins when that is over.
        let before = self.before.read(|| read(&reach, None));
        narrow(&before);
        let after = read(&reach, None);
        narrow(&after);
        uncovered(unexcused(after), &unexcused(before))
    }

    /// `None` when there is nobody whom it reaches, or no rule to break.
    fn reach(&self) -> Option<Reach> {
        let rules = self.concern.rules.clone();
        let is_nobody = self.nodes.as_ref().is_some_and(Vec::is_empty);
        if is_nobody || rules.as_ref().is_some_and(Vec::is_empty) || !is_any() {
            return None;
        }
        let ways = self.nodes.iter().chain(&self.concern.ways).cloned().collect();
        Some(Reach {
            holders: holders(ways),
            rules,
        })
    }
}
