//! What a graph means, by brute force: every set is made by looking at every grant again until nothing is added, every way is walked.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{
    ALWAYS, Accepted, DAY, Duties, Excuse, Model, NOW, Nodes, RoleKind, Rule, UNITS, parents, upward,
};

/// Names.
pub type Names = BTreeSet<String>;

/// A way through the graph, as references.
type Way = Vec<String>;

/// Somebody who holds more than a rule allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    pub rule: String,
    pub user: usize,
    pub items: Nodes,
    pub since: i64,
}

/// What is asked of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub is_excused: bool,
    pub is_accepted: bool,
}

/// Who sees a node: a user or nobody in particular, the role a login brought, the data group, the node.
type Seer<'a> = (Option<String>, String, usize, &'a str);

impl Model {
    /// The node of a kind and name that is there.
    pub fn find(&self, kind: &str, name: &str) -> Option<usize> {
        (0..self.nodes.len()).find(|number| {
            let node = &self.nodes[*number];
            node.kind == kind && node.name == name && node.dropped == ALWAYS
        })
    }

    fn was_anything(&self, kind: &str, name: &str) -> bool {
        self.nodes
            .iter()
            .any(|node| node.kind == kind && node.name == name)
    }

    /// Whether a node counts for whoever it is granted to.
    fn counts_granted(&self, node: usize, at: i64) -> bool {
        let node = &self.nodes[node];
        if node.kind != "role" {
            return true;
        }
        if node.name.ends_with("_PREPROD") {
            return !self.is_production;
        }
        self.is_production || node.role(at) != Some(&RoleKind::Enterprise)
    }

    /// Everything that hangs on some nodes at a moment.
    pub fn closure(&self, start: &Nodes, at: i64) -> Nodes {
        let mut held: Nodes = start
            .iter()
            .copied()
            .filter(|node| self.nodes[*node].counts(at))
            .collect();
        loop {
            let before = held.len();
            for grant in &self.grants {
                let holds = held.contains(&grant.holder) && grant.from <= at && at < grant.until;
                if holds && self.nodes[grant.granted].counts(at) && self.counts_granted(grant.granted, at) {
                    held.insert(grant.granted);
                }
            }
            if held.len() == before {
                return held;
            }
        }
    }

    /// The parametric roles of a user.
    fn by_rule(&self, user: usize, at: i64) -> Nodes {
        let name = &self.nodes[user].name;
        let Some(told) = self.nodes[user].told(at) else {
            return Nodes::new();
        };
        let matches = |number: &usize| {
            let node = &self.nodes[*number];
            let is_there = node.defined <= at && node.counts(at);
            let Some(RoleKind::Parametric(rule)) = node.role(at).filter(|_| is_there) else {
                return false;
            };
            let is_met = match rule {
                Rule::AtLeast(least) => told.a >= *least,
                Rule::Unit(unit) => told.unit == Some(unit),
                Rule::Named(wanted) => wanted == name,
            };
            is_met && !(node.name.ends_with("_PREPROD") && self.is_production)
        };
        (0..self.nodes.len()).filter(matches).collect()
    }

    /// The roles of a login that count here, without the suffix.
    pub fn claims_here(&self, claims: &[String]) -> Names {
        let here = |claim: &String| match (claim.strip_suffix("_PREPROD"), self.is_production) {
            (None, true) => Some(claim.clone()),
            (Some(stem), false) => Some(stem.to_owned()),
            _ => None,
        };
        claims.iter().filter_map(here).collect()
    }

    fn claimed(&self, claims: &Names, at: i64) -> Nodes {
        (0..self.nodes.len())
            .filter(|number| {
                let node = &self.nodes[*number];
                node.kind == "role"
                    && node.defined <= at
                    && node.counts(at)
                    && node.role(at) == Some(&RoleKind::Enterprise)
                    && claims.contains(&node.name)
            })
            .collect()
    }

    /// What a user's ways begin with.
    fn starts(&self, user: &str, claims: &Names, at: i64) -> Nodes {
        let mut start = self.claimed(claims, at);
        for number in 0..self.nodes.len() {
            let node = &self.nodes[number];
            if node.kind == "user" && node.name == user && node.counts(at) {
                start.insert(number);
                if node.defined <= at {
                    start.extend(self.by_rule(number, at));
                }
            }
        }
        start
    }

    /// Roles, privileges and data groups of a user with what his login brought, now.
    pub fn has(&self, user: &str, roles: &[String], privileges: &[String]) -> Has {
        let claims = self.claims_here(roles);
        let mut has = self.names_of(&self.closure(&self.starts(user, &claims, NOW), NOW));
        has.roles
            .extend(claims.into_iter().filter(|name| !self.was_anything("role", name)));
        let is_free = |name: &&String| {
            !name.starts_with("session:")
                && !name.starts_with("segregation:")
                && !self.was_anything("privilege", name)
        };
        has.privileges.extend(privileges.iter().filter(is_free).cloned());
        has
    }

    /// What roles and what they hold come to, whoever has them.
    pub fn has_roles(&self, roles: &[&str]) -> Has {
        let start = roles.iter().filter_map(|name| self.find("role", name)).collect();
        self.names_of(&self.closure(&start, NOW))
    }

    fn names_of(&self, held: &Nodes) -> Has {
        let names = |kind: &str| -> Names {
            held.iter()
                .map(|number| &self.nodes[*number])
                .filter(|node| node.kind == kind)
                .map(|node| node.name.clone())
                .collect()
        };
        Has {
            roles: names("role"),
            privileges: names("privilege"),
            groups: vec![
                held.iter()
                    .copied()
                    .filter(|number| self.nodes[*number].kind == "data_group")
                    .collect(),
            ],
        }
    }

    /// Every way from what a user's ways begin with, walked one by one.
    fn ways(&self, user: &str, claims: &Names, at: i64) -> Vec<(Way, usize)> {
        let mut found = Vec::new();
        let mut next: Vec<(Way, usize)> = self
            .starts(user, claims, at)
            .into_iter()
            .map(|number| (vec![self.nodes[number].reference()], number))
            .collect();
        while let Some((way, last)) = next.pop() {
            for grant in &self.grants {
                let next_name = self.nodes[grant.granted].reference();
                // A way meets nothing twice.
                if grant.holder == last
                    && !way.contains(&next_name)
                    && grant.from <= at
                    && at < grant.until
                    && self.nodes[grant.granted].counts(at)
                    && self.counts_granted(grant.granted, at)
                {
                    let mut way = way.clone();
                    way.push(next_name);
                    next.push((way, grant.granted));
                }
            }
            found.push((way, last));
        }
        found
    }

    /// What `entitlements_at` lists: what, its way and how many ways there are.
    pub fn entitlements(&self, user: &str, claims: &[String], at: i64) -> BTreeSet<(String, String, usize)> {
        let mut ways: BTreeMap<String, BTreeSet<(usize, Way)>> = BTreeMap::new();
        let mut note = |what: String, way: Way| {
            ways.entry(what).or_default().insert((way.len(), way));
        };
        for (way, last) in self.ways(user, &self.claims_here(claims), at) {
            for given in &self.group_nodes {
                if given.group == last && given.from <= at && at < given.until {
                    let what = format!("node:h/{}", given.key);
                    let mut way = way.clone();
                    way.push(what.clone());
                    note(what, way);
                }
            }
            note(self.nodes[last].reference(), way);
        }
        let told = |(what, ways): (String, BTreeSet<(usize, Way)>)| {
            let count = ways.len();
            let (_, way) = ways.into_iter().next()?;
            Some((what, way.join(" > "), count))
        };
        ways.into_iter().filter_map(told).collect()
    }

    /// What `who_can_see` lists of a key: user, data group, node, way. Sessions are users with the roles of their logins.
    pub fn viewers(
        &self,
        key: &'static str,
        sessions: &[(String, Vec<String>)],
    ) -> BTreeSet<(Option<String>, String, String, String)> {
        let above = upward(&parents(), key);
        let gives: Vec<(usize, &str)> = self
            .group_nodes
            .iter()
            .filter(|given| above.contains(&given.key) && given.from <= NOW && NOW < given.until)
            .map(|given| (given.group, given.key))
            .collect();
        // For each user, data group and node all ways, the shortest first.
        let mut ways: BTreeMap<Seer<'_>, BTreeSet<(usize, String)>> = BTreeMap::new();
        let mut note = |user: Option<&str>, role: &str, way: &[String], last: usize| {
            for (group, node) in &gives {
                if *group == last {
                    ways.entry((user.map(str::to_owned), role.to_owned(), *group, node))
                        .or_default()
                        .insert((way.len(), way.join(" > ")));
                }
            }
        };
        let users: Names = self
            .nodes
            .iter()
            .filter(|node| node.kind == "user" && node.dropped == ALWAYS)
            .map(|node| node.name.clone())
            .collect();
        for user in &users {
            let own = format!("user:{user}");
            for (mut way, last) in self.ways(user, &Names::new(), NOW) {
                if way[0] != own {
                    way.insert(0, own.clone());
                }
                note(Some(user), "", &way, last);
            }
        }
        // Nobody is called so: only what the login brought.
        for (user, claims) in sessions {
            for (mut way, last) in self.ways("", &self.claims_here(claims), NOW) {
                way.insert(0, format!("session:{user}"));
                note(Some(user), "", &way, last);
            }
        }
        for node in &self.nodes {
            let is_claimable = node.dropped == ALWAYS
                && node.role(NOW) == Some(&RoleKind::Enterprise)
                && !(node.name.ends_with("_PREPROD") && self.is_production);
            if is_claimable {
                for (way, last) in self.ways("", &[node.name.clone()].into(), NOW) {
                    note(None, &node.name, &way, last);
                }
            }
        }
        let told = |((user, _, group, node), ways): (Seer<'_>, BTreeSet<(usize, String)>)| {
            let (_, way) = ways.into_iter().next()?;
            Some((user, self.nodes[group].name.clone(), node.to_owned(), way))
        };
        ways.into_iter().filter_map(told).collect()
    }

    /// The keys that a session with some sets of data groups sees.
    pub fn visible(&self, sets: &[Nodes]) -> Names {
        let gives = |set: &Nodes| -> Vec<&str> {
            self.group_nodes
                .iter()
                .filter(|given| set.contains(&given.group) && given.from <= NOW && NOW < given.until)
                .map(|given| given.key)
                .collect()
        };
        let sees = |set: &Nodes, key: &'static str| {
            let given = gives(set);
            let above = upward(&parents(), key);
            (self.is_open && given.is_empty()) || given.iter().any(|given| above.contains(given))
        };
        parents()
            .into_iter()
            .filter(|(key, _)| sets.iter().all(|set| sees(set, key)))
            .map(|(key, _)| key.to_owned())
            .collect()
    }

    fn is_of_unit(&self, user: usize, unit: &str, at: i64) -> bool {
        self.nodes[user]
            .told(at)
            .and_then(|told| told.unit)
            .is_some_and(|own| upward(&UNITS, own).contains(&unit))
    }

    /// Who breaks a rule at a moment, or will by what is granted for later.
    pub fn conflicts_of(&self, rule: &Duties, at: i64) -> BTreeSet<Conflict> {
        let items: Nodes = rule
            .items
            .iter()
            .copied()
            .filter(|item| self.nodes[*item].counts(at))
            .collect();
        let turns = self.turns(at);
        let mut found = BTreeSet::new();
        for user in 0..self.nodes.len() {
            let is_meant = self.nodes[user].kind == "user"
                && self.nodes[user].counts(at)
                && rule.unit.is_none_or(|unit| self.is_of_unit(user, unit, at));
            if !is_meant {
                continue;
            }
            let mut before = Nodes::new();
            for since in &turns {
                let held: Nodes = self
                    .held_later(user, at, *since)
                    .intersection(&items)
                    .copied()
                    .collect();
                if held.len() > rule.at_most && !held.is_subset(&before) {
                    found.insert(Conflict {
                        rule: rule.name.clone(),
                        user,
                        items: held.clone(),
                        since: *since,
                    });
                }
                before = held;
            }
        }
        found
    }

    /// A moment, and those after it at which a grant begins or ends.
    fn turns(&self, at: i64) -> BTreeSet<i64> {
        self.grants
            .iter()
            .flat_map(|grant| [grant.from, grant.until])
            .filter(|turn| *turn > at && *turn < ALWAYS)
            .chain([at])
            .collect()
    }

    /// What a user will hold: what is switched on, told and defined stays as it is; only grants begin and end.
    fn held_later(&self, user: usize, at: i64, later: i64) -> Nodes {
        let mut start = self.by_rule(user, at);
        start.insert(user);
        let mut then = self.clone();
        then.grants
            .retain(|grant| grant.from <= later && later < grant.until);
        for grant in &mut then.grants {
            (grant.from, grant.until) = (i64::MIN, ALWAYS);
        }
        then.closure(&start, at)
    }

    /// Everybody who breaks a rule.
    pub fn conflicts(&self, at: i64) -> BTreeSet<Conflict> {
        self.duties
            .iter()
            .flat_map(|rule| self.conflicts_of(rule, at))
            .collect()
    }

    /// Whether a conflict is allowed.
    pub fn allowance(&self, conflict: &Conflict, at: i64) -> Allowance {
        let user = &self.nodes[conflict.user].name;
        Allowance {
            is_excused: self.excuses.iter().any(|excuse| {
                self.is_of_rule(excuse, &conflict.rule)
                    && excuse.user == *user
                    && conflict.items.is_subset(&excuse.items)
                    && excuse.until > conflict.since.max(at)
            }),
            is_accepted: self.accepted.iter().any(|accepted| {
                accepted.rule == conflict.rule
                    && accepted.user == conflict.user
                    && conflict.items.is_subset(&accepted.items)
                    && accepted.is_meant(conflict.since, at)
            }),
        }
    }

    /// An exception counts for a rule that is about a unit, or is not, as when it was asked for.
    fn is_of_rule(&self, excuse: &Excuse, rule: &str) -> bool {
        let is_as_then = |duties: &Duties| duties.name == rule && duties.unit.is_some() == excuse.is_for_unit;
        excuse.rule == rule && self.duties.iter().any(is_as_then)
    }

    /// The conflicts that nothing allows.
    pub fn unexcused(&self, at: i64) -> Vec<Conflict> {
        let is_allowed = |conflict: &Conflict| {
            let allowance = self.allowance(conflict, at);
            allowance.is_excused || allowance.is_accepted
        };
        self.conflicts(at)
            .into_iter()
            .filter(|conflict| !is_allowed(conflict))
            .collect()
    }

    /// Whether a change of a model made somebody break a rule. What he broke before counts for as long as he would have held all of it.
    pub fn breaks(&self, former: &Self, at: i64) -> bool {
        let known = former.unexcused(at);
        let covers = |known: &Conflict, other: &Conflict| {
            let turns = former.turns(at).into_iter().chain([other.since]);
            known.rule == other.rule
                && known.user == other.user
                && known.since <= other.since
                && other.items.is_subset(&known.items)
                && turns
                    .filter(|turn| (known.since..=other.since).contains(turn))
                    .all(|turn| other.items.is_subset(&former.held_later(other.user, at, turn)))
        };
        self.unexcused(at)
            .iter()
            .any(|conflict| !known.iter().any(|known| covers(known, conflict)))
    }

    /// What was accepted is narrowed to what is still held, and ends when that is no conflict.
    pub fn narrow_accepted(&mut self, at: i64) {
        let there = self.conflicts(at);
        let mut narrowed: Vec<Accepted> = Vec::new();
        for accepted in &self.accepted {
            let of_rule = |duties: &&Duties| duties.name == accepted.rule;
            let at_most = self.duties.iter().find(of_rule).map_or(0, |rule| rule.at_most);
            for conflict in &there {
                let items: Nodes = conflict.items.intersection(&accepted.items).copied().collect();
                let is_meant = conflict.rule == accepted.rule
                    && conflict.user == accepted.user
                    && accepted.is_meant(conflict.since, at);
                if is_meant && items.len() > at_most {
                    narrowed.push(Accepted {
                        items,
                        ..accepted.clone()
                    });
                }
            }
        }
        self.accepted = narrowed;
    }

    /// Whether what somebody has in a session breaks a rule that nothing allows.
    pub fn breaks_with(&self, person: &str, has: &Has) -> bool {
        // What is named, and the duties below it.
        let mut held: Nodes = (0..self.nodes.len())
            .filter(|number| {
                let node = &self.nodes[*number];
                node.counts(NOW)
                    && ((node.kind == "role" && has.roles.contains(&node.name))
                        || (node.kind == "privilege" && has.privileges.contains(&node.name)))
            })
            .collect();
        loop {
            let before = held.len();
            for grant in &self.grants {
                let is_duty =
                    self.nodes[grant.granted].kind == "duty" && self.nodes[grant.granted].counts(NOW);
                if is_duty && held.contains(&grant.holder) && grant.from <= NOW && NOW < grant.until {
                    held.insert(grant.granted);
                }
            }
            if held.len() == before {
                break;
            }
        }
        let user = self.find("user", person);
        self.duties.iter().any(|rule| {
            let items: Nodes = rule.items.intersection(&held).copied().collect();
            let is_meant = rule
                .unit
                .is_none_or(|unit| user.is_some_and(|user| self.is_of_unit(user, unit, NOW)));
            if items.len() <= rule.at_most || !is_meant {
                return false;
            }
            let is_excused = self.excuses.iter().any(|excuse| {
                self.is_of_rule(excuse, &rule.name)
                    && excuse.user == person
                    && items.is_subset(&excuse.items)
                    && excuse.until > NOW
            });
            let is_accepted = self.accepted.iter().any(|accepted| {
                accepted.rule == rule.name
                    && Some(accepted.user) == user
                    && items.is_subset(&accepted.items)
                    && accepted.since <= NOW
            });
            // Accepted is what the graph gives him now, and not what a login brings or what he will get.
            let is_given = user.is_some_and(|user| items.is_subset(&self.held_later(user, NOW, NOW)));
            !(is_excused || is_accepted && is_given)
        })
    }

    /// How far somebody may act for a user now: with full authority or not; none when he may not.
    pub fn extent(&self, actor: &str, actor_has: &Has, user: &str, user_has: &Has) -> Option<bool> {
        let is = |reference: &str, name: &str, has: &Has| match reference.split_once(':') {
            Some(("user", wanted)) => wanted == name,
            Some(("role", wanted)) => {
                has.roles.contains(wanted)
                    && self
                        .find("role", wanted)
                        .is_some_and(|role| self.nodes[role].counts(NOW))
            }
            _ => false,
        };
        let mut granted = self
            .delegations
            .iter()
            .filter(|delegation| {
                delegation.from <= NOW
                    && NOW < delegation.until
                    && is(&delegation.actor, actor, actor_has)
                    && delegation
                        .subject
                        .as_ref()
                        .is_none_or(|subject| is(subject, user, user_has))
            })
            .map(|delegation| delegation.is_full)
            .peekable();
        if granted.peek().is_some() {
            return Some(granted.any(|is_full| is_full));
        }
        actor_has
            .privileges
            .contains("session:on_behalf")
            .then_some(false)
    }
}

impl Accepted {
    /// Whether a conflict from a moment is the one that was accepted: what is there now began before, what is to come begins when it was to.
    fn is_meant(&self, since: i64, at: i64) -> bool {
        self.since == since || self.since.max(since) <= at
    }
}

/// Days from the first changes until a moment, for dates; 0 for what is now.
pub fn days(moment: i64) -> i64 {
    moment.div_euclid(DAY)
}

/// What somebody has in a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Has {
    pub roles: Names,
    pub privileges: Names,
    /// Sets of data groups: rows must match in each.
    pub groups: Vec<Nodes>,
}

impl Has {
    /// What both have.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            roles: self.roles.intersection(&other.roles).cloned().collect(),
            privileges: self.privileges.intersection(&other.privileges).cloned().collect(),
            groups: self.groups.iter().chain(&other.groups).cloned().collect(),
        }
    }

    /// What one or the other has.
    pub fn or(&self, other: &Self) -> Self {
        Self {
            roles: self.roles.union(&other.roles).cloned().collect(),
            privileges: self.privileges.union(&other.privileges).cloned().collect(),
            groups: self.groups.clone(),
        }
    }
}
