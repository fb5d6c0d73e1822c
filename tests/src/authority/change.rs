//! Changes of a graph: as a statement for the server, and as what they do to the model, with what they are answered.

use super::model::{ALWAYS, Accepted, Duties, Grant, Model, Node, RoleKind, Rule, Told};

/// A change.
#[derive(Debug, Clone)]
pub enum Change {
    Grant {
        holder: usize,
        granted: usize,
        /// In seconds; none for now.
        from: Option<i64>,
        until: Option<i64>,
    },
    Revoke {
        holder: usize,
        granted: usize,
    },
    Switch {
        node: usize,
        is_on: bool,
    },
    Drop {
        node: usize,
    },
    /// Defined again, with nothing.
    DefineAgain {
        node: Node,
    },
    Tell {
        user: usize,
        told: Told,
    },
    Role {
        role: usize,
        kind: RoleKind,
    },
    Duties {
        rule: Duties,
        enforces_existing: bool,
    },
}

/// What a change is answered.
pub const DONE: &str = "ok";
const CONFLICT: &str = "42501 sod_conflict";
const CIRCLE: &str = "42P17 authority_cycle";
const IN_USE: &str = "2BP01 definition_in_use";

impl Change {
    /// The statement.
    pub fn sql(&self, model: &Model) -> String {
        let reference = |node: &usize| text(&model.nodes[*node].reference());
        match self {
            Self::Grant {
                holder,
                granted,
                from,
                until,
            } => format!(
                "SELECT vpd.grant_authority({}, {}, {}, {})",
                reference(granted),
                reference(holder),
                date(*from),
                date(*until)
            ),
            Self::Revoke { holder, granted } => format!(
                "SELECT vpd.revoke_authority({}, {})",
                reference(granted),
                reference(holder)
            ),
            Self::Switch { node, is_on } => {
                format!("SELECT vpd.enable_authority({}, {is_on})", reference(node))
            }
            Self::Drop { node } => format!("SELECT vpd.drop_authority({})", reference(node)),
            Self::DefineAgain { node } => define(node),
            Self::Tell { user, told } => tell(&model.nodes[*user].name, *told),
            Self::Role { role, kind } => define_role(&model.nodes[*role].name, kind),
            Self::Duties {
                rule,
                enforces_existing,
            } => {
                let items: Vec<String> = rule.items.iter().map(reference).collect();
                format!(
                    "SELECT vpd.define_sod_rule({}, ARRAY[{}], {}, {}, {}, enforce_existing => {enforces_existing})",
                    text(&rule.name),
                    items.join(", "),
                    rule.at_most,
                    rule.unit.map_or("'global'", |_| "'unit'"),
                    rule.unit.map_or("NULL".to_owned(), text)
                )
            }
        }
    }

    /// Does it to the model; tells what it is answered.
    pub fn apply(&self, model: &mut Model, at: i64) -> &'static str {
        let mut after = model.clone();
        if let Err(refused) = self.write(&mut after, at) {
            return refused;
        }
        let answer = match self {
            Self::Duties {
                rule,
                enforces_existing,
            } => {
                let broken: Vec<_> = after
                    .unexcused(at)
                    .into_iter()
                    .filter(|conflict| conflict.rule == rule.name)
                    .collect();
                if *enforces_existing && !broken.is_empty() {
                    CONFLICT
                } else {
                    after.accepted.extend(broken.into_iter().map(|conflict| Accepted {
                        rule: conflict.rule,
                        user: conflict.user,
                        items: conflict.items,
                        since: conflict.since,
                    }));
                    DONE
                }
            }
            Self::Revoke { .. } | Self::Drop { .. } | Self::DefineAgain { .. } => DONE,
            _ if after.breaks(model, at) => CONFLICT,
            _ => DONE,
        };
        if answer == DONE {
            after.narrow_accepted(at);
            *model = after;
        }
        answer
    }

    fn write(&self, model: &mut Model, at: i64) -> Result<(), &'static str> {
        match self {
            Self::Grant {
                holder,
                granted,
                from,
                until,
            } => {
                if leads(model, *granted, *holder, from.unwrap_or(at).min(at)) {
                    return Err(CIRCLE);
                }
                model.grants.push(Grant {
                    holder: *holder,
                    granted: *granted,
                    from: from.unwrap_or(at),
                    until: until.unwrap_or(ALWAYS),
                });
            }
            Self::Revoke { holder, granted } => end(model, at, |grant| {
                grant.holder == *holder && grant.granted == *granted
            }),
            Self::Switch { node, is_on } => {
                if model.nodes[*node].counts(at) != *is_on {
                    model.nodes[*node].switched.push((at, *is_on));
                }
            }
            Self::Drop { node } => {
                if model.duties.iter().any(|rule| rule.items.contains(node)) {
                    return Err(IN_USE);
                }
                model.nodes[*node].dropped = at;
                end(model, at, |grant| grant.holder == *node || grant.granted == *node);
                let (kind, name) = (model.nodes[*node].kind, model.nodes[*node].name.clone());
                let reference = model.nodes[*node].reference();
                for delegation in &mut model.delegations {
                    if delegation.actor == reference || delegation.subject.as_ref() == Some(&reference) {
                        delegation.until = delegation.until.min(at);
                    }
                }
                if kind == "user" {
                    model.excuses.retain(|excuse| excuse.user != name);
                }
            }
            Self::DefineAgain { node } => model.nodes.push(node.clone()),
            Self::Tell { user, told } => model.nodes[*user].told.push((at, *told)),
            Self::Role { role, kind } => model.nodes[*role].roles.push((at, kind.clone())),
            Self::Duties { rule, .. } => {
                model.duties.retain(|known| known.name != rule.name);
                model.duties.push(rule.clone());
            }
        }
        Ok(())
    }
}

/// Whether one node is another or leads to it, at a moment or later, whatever is switched off.
fn leads(model: &Model, from: usize, to: usize, at: i64) -> bool {
    let mut reached = vec![from];
    let mut next = 0;
    while let Some(node) = reached.get(next).copied() {
        next += 1;
        for grant in &model.grants {
            if grant.holder == node && grant.until > at && !reached.contains(&grant.granted) {
                reached.push(grant.granted);
            }
        }
    }
    reached.contains(&to)
}

/// Ends grants; those that have not begun go.
fn end(model: &mut Model, at: i64, is_meant: impl Fn(&Grant) -> bool) {
    model
        .grants
        .retain(|grant| !(is_meant(grant) && grant.from >= at));
    for grant in &mut model.grants {
        if is_meant(grant) && grant.until > at {
            grant.until = at;
        }
    }
}

/// The statement that defines a node.
pub fn define(node: &Node) -> String {
    let name = text(&node.name);
    match (node.kind, node.roles.first(), node.told.first()) {
        (_, Some((_, kind)), _) => define_role(&node.name, kind),
        (_, _, Some((_, told))) => tell(&node.name, *told),
        (kind, ..) => format!("SELECT vpd.define_{kind}({name})"),
    }
}

fn define_role(name: &str, kind: &RoleKind) -> String {
    let (kind, rule) = match kind {
        RoleKind::Plain => ("application", "NULL".to_owned()),
        RoleKind::Enterprise => ("enterprise", "NULL".to_owned()),
        RoleKind::Parametric(rule) => (
            "parametric",
            text(&match rule {
                Rule::AtLeast(least) => format!("$.a >= {least}"),
                Rule::Unit(unit) => format!("$.unit == \"{unit}\""),
                Rule::Named(name) => format!("$.user_name == \"{name}\""),
            }),
        ),
    };
    format!("SELECT vpd.define_role({}, '{kind}', NULL, {rule})", text(name))
}

/// Two sources tell of every user; the one that is believed more tells the truth.
fn tell(name: &str, told: Told) -> String {
    let name = text(name);
    format!(
        "SELECT vpd.define_user({name}, 'hr', attributes => '{{\"a\": {}}}', unit => {})",
        told.a,
        told.unit.map_or("NULL".to_owned(), text)
    )
}

/// A text as a literal.
pub fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A date as an expression.
pub fn date(seconds: Option<i64>) -> String {
    seconds.map_or("NULL".to_owned(), |seconds| {
        format!("now() + {seconds} * interval '1 second'")
    })
}
