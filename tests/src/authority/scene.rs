//! Random scenes: a graph, changes of it in two parts, logins between them.

use super::change::Change;
use super::model::{
    ALWAYS, DAY, Delegation, Duties, Excuse, FIRST, GroupNode, KEYS, Model, Node, Nodes, RoleKind, Rule,
    SECOND, Told,
};
use crate::reference::random::Random;

/// Grants and rules of the first part, and changes of the second.
const GRANTS: usize = 26;
const CHANGES: usize = 9;
const LOGINS: usize = 7;

/// A login, or a session on behalf of somebody below another.
#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub roles: Vec<String>,
    pub privileges: Vec<String>,
    pub assumed: Option<String>,
    /// The number of the session of whoever acts.
    pub actor: Option<usize>,
}

/// Everything that happens.
#[derive(Debug)]
pub struct Scene {
    /// As it is when it is defined, without grants and rules of duties.
    pub start: Model,
    pub first: Vec<Change>,
    pub excuses: Vec<Excuse>,
    pub logins: Vec<Login>,
    pub second: Vec<Change>,
}

impl Scene {
    /// A scene. The changes are chosen with the model as it will be then, so that they mean something.
    pub fn random(is_production: bool, random: &mut Random) -> Self {
        let mut start = Model {
            is_production,
            is_open: random.chance(25),
            ..Model::default()
        };
        define_nodes(&mut start, random);
        give_nodes(&mut start, random);
        delegate(&mut start, random);
        let mut model = start.clone();
        let mut first = Vec::new();
        for number in 0..GRANTS {
            let change = if number % 10 == 7 {
                duties(&model, number / 10, random)
            } else {
                grant(&model, FIRST, random)
            };
            if let Some(change) = change {
                change.apply(&mut model, FIRST);
                first.push(change);
            }
        }
        let excuses: Vec<Excuse> = (0..2).filter_map(|_| excuse(&model, random)).collect();
        model.excuses.clone_from(&excuses);
        let logins = logins(&model, random);
        let mut second = Vec::new();
        for _ in 0..CHANGES {
            if let Some(change) = change(&model, random) {
                change.apply(&mut model, SECOND);
                second.push(change);
            }
        }
        Self {
            start,
            first,
            excuses,
            logins,
            second,
        }
    }
}

fn node(kind: &'static str, name: impl Into<String>) -> Node {
    Node {
        kind,
        name: name.into(),
        defined: FIRST,
        dropped: ALWAYS,
        switched: vec![],
        roles: vec![],
        told: vec![],
    }
}

fn define_nodes(model: &mut Model, random: &mut Random) {
    for number in 0..3 {
        let mut user = node("user", format!("u{number}"));
        user.told.push((FIRST, told(random)));
        model.nodes.push(user);
    }
    for (kind, count) in [
        ("group", 2),
        ("duty", 3),
        ("privilege", 3),
        ("entitlement", 1),
        ("data_group", 2),
    ] {
        for number in 0..count {
            model.nodes.push(node(kind, format!("{}{number}", &kind[..1])));
        }
    }
    model.nodes.push(node("privilege", "session:on_behalf"));
    for number in 0..6 {
        let suffix = if random.chance(12) { "_PREPROD" } else { "" };
        let mut role = node("role", format!("r{number}{suffix}"));
        role.roles.push((FIRST, role_kind(random)));
        model.nodes.push(role);
    }
    if random.chance(30) {
        let mut role = node("role", "anonymous");
        role.roles.push((FIRST, RoleKind::Plain));
        model.nodes.push(role);
    }
}

fn told(random: &mut Random) -> Told {
    Told {
        a: i64::try_from(random.below(4)).unwrap_or(0),
        unit: *random.pick(&[None, Some("U0"), Some("U1"), Some("U1"), Some("U2")]),
    }
}

fn role_kind(random: &mut Random) -> RoleKind {
    match random.below(10) {
        0..=4 => RoleKind::Plain,
        5..=7 => RoleKind::Enterprise,
        8 => RoleKind::Parametric(Rule::AtLeast(i64::try_from(random.below(4)).unwrap_or(0))),
        _ => RoleKind::Parametric(if random.chance(50) {
            Rule::Unit(["U0", "U1"][random.below(2)])
        } else {
            Rule::Named(format!("u{}", random.below(3)))
        }),
    }
}

fn of_kind(model: &Model, kinds: &[&str]) -> Vec<usize> {
    (0..model.nodes.len())
        .filter(|number| kinds.contains(&model.nodes[*number].kind) && model.nodes[*number].dropped == ALWAYS)
        .collect()
}

fn pick(model: &Model, kinds: &[&str], random: &mut Random) -> Option<usize> {
    let nodes = of_kind(model, kinds);
    (!nodes.is_empty()).then(|| *random.pick(&nodes))
}

/// From when and until when: seconds, none for what is not said.
fn validity(random: &mut Random) -> (Option<i64>, Option<i64>) {
    let from = *random.pick(&[None, None, None, Some(-10), Some(3), Some(10)]);
    let until = *random.pick(&[None, None, None, Some(5), Some(20)]);
    let (from, until) = match (from, until) {
        (Some(10), Some(5)) => (Some(10), None),
        other => other,
    };
    (from.map(|days| days * DAY), until.map(|days: i64| days * DAY))
}

fn give_nodes(model: &mut Model, random: &mut Random) {
    for group in of_kind(model, &["data_group"]) {
        for (key, ..) in KEYS {
            if random.chance(30) {
                let (from, until) = validity(random);
                model.group_nodes.push(GroupNode {
                    group,
                    key,
                    from: from.unwrap_or(FIRST),
                    until: until.unwrap_or(ALWAYS),
                });
            }
        }
    }
}

fn delegate(model: &mut Model, random: &mut Random) {
    for _ in 0..3 {
        let actor = pick(model, &["user", "user", "role"], random);
        let subject = pick(model, &["user", "role"], random);
        if let (Some(actor), Some(subject)) = (actor, subject) {
            let (from, until) = validity(random);
            model.delegations.push(Delegation {
                actor: model.nodes[actor].reference(),
                subject: (!random.chance(20)).then(|| model.nodes[subject].reference()),
                is_full: random.chance(50),
                from: from.unwrap_or(FIRST),
                until: until.unwrap_or(ALWAYS),
            });
        }
    }
}

fn grant(model: &Model, at: i64, random: &mut Random) -> Option<Change> {
    let pairs: [(&[&str], &[&str]); 8] = [
        (&["user"], &["group", "role"]),
        (&["user"], &["role"]),
        (&["group"], &["group", "role", "data_group"]),
        (&["role"], &["role"]),
        (&["role"], &["duty", "privilege", "entitlement"]),
        (&["role", "user"], &["data_group"]),
        (&["duty"], &["duty", "privilege"]),
        (&["entitlement"], &["privilege"]),
    ];
    let (holders, granted) = random.pick(&pairs);
    let (holder, granted) = (pick(model, holders, random)?, pick(model, granted, random)?);
    let is_granted = model
        .grants
        .iter()
        .any(|grant| grant.holder == holder && grant.granted == granted && grant.until > at);
    let (mut from, until) = validity(random);
    if [holder, granted]
        .iter()
        .any(|node| model.nodes[*node].defined == SECOND)
    {
        // Nothing is told of a name that was another's then.
        from = from.filter(|from| *from > 0);
    }
    (!is_granted).then_some(Change::Grant {
        holder,
        granted,
        from,
        until,
    })
}

fn duties(model: &Model, number: usize, random: &mut Random) -> Option<Change> {
    let wanted = random.between(2, 3);
    let items: Nodes = (0..wanted)
        .filter_map(|_| pick(model, &["role", "duty", "privilege"], random))
        .collect();
    (items.len() > 1).then(|| Change::Duties {
        rule: Duties {
            name: format!("rule{}", number % 2),
            at_most: if items.len() > 2 { random.between(1, 2) } else { 1 },
            items,
            unit: random.chance(30).then(|| *random.pick(&["U0", "U1"])),
        },
        enforces_existing: random.chance(40),
    })
}

fn excuse(model: &Model, random: &mut Random) -> Option<Excuse> {
    if model.duties.is_empty() || random.chance(40) {
        return None;
    }
    let rule = random.pick(&model.duties);
    let user = pick(model, &["user"], random)?;
    Some(Excuse {
        rule: rule.name.clone(),
        is_for_unit: rule.unit.is_some(),
        user: model.nodes[user].name.clone(),
        items: rule.items.clone(),
        until: *random.pick(&[4, 12]) * DAY,
    })
}

fn logins(model: &Model, random: &mut Random) -> Vec<Login> {
    let mut logins: Vec<Login> = Vec::new();
    for number in 0..LOGINS {
        let actor = (number > 1 && random.chance(45)).then(|| random.below(number));
        let role = |random: &mut Random| match random.below(8) {
            0 => "unknown".to_owned(),
            _ => {
                pick(model, &["role"], random).map_or_else(String::new, |role| model.nodes[role].name.clone())
            }
        };
        let is_claiming = actor.is_none();
        let claims = if is_claiming { random.below(4) } else { 0 };
        let roles = (0..claims).map(|_| {
            let name = role(random);
            let suffix = if random.chance(60) != model.is_production {
                "_PREPROD"
            } else {
                ""
            };
            format!("{name}{suffix}")
        });
        let roles: Vec<String> = roles.collect();
        let privileges = if is_claiming && random.chance(40) {
            vec![(*random.pick(&["p0", "q", "session:on_behalf"])).to_owned()]
        } else {
            vec![]
        };
        logins.push(Login {
            user: match random.below(8) {
                0 => "stranger".to_owned(),
                other => format!("u{}", other % 3),
            },
            assumed: (is_claiming && random.chance(20)).then(|| role(random)),
            roles,
            privileges,
            actor,
        });
    }
    logins
}

/// One of the second changes.
fn change(model: &Model, random: &mut Random) -> Option<Change> {
    match random.below(12) {
        0..=2 => grant(model, SECOND, random),
        3 | 4 => {
            let open: Vec<_> = model.grants.iter().filter(|grant| grant.until > SECOND).collect();
            let grant = (!open.is_empty()).then(|| **random.pick(&open))?;
            Some(Change::Revoke {
                holder: grant.holder,
                granted: grant.granted,
            })
        }
        5 | 6 => {
            let node = pick(
                model,
                &[
                    "group",
                    "role",
                    "role",
                    "duty",
                    "privilege",
                    "entitlement",
                    "data_group",
                    "user",
                ],
                random,
            )?;
            let is_on = !model.nodes[node].counts(SECOND);
            Some(Change::Switch { node, is_on })
        }
        7 => {
            if random.chance(40) {
                return redefine(model, random);
            }
            let node = pick(
                model,
                &["group", "role", "role", "duty", "privilege", "data_group", "user"],
                random,
            )?;
            Some(Change::Drop { node })
        }
        8 | 9 => {
            let user = pick(model, &["user"], random)?;
            let mut told = told(random);
            // What is not said stays as it is.
            told.unit = told.unit.or(model.nodes[user].told(SECOND)?.unit);
            Some(Change::Tell { user, told })
        }
        10 => {
            let roles: Vec<usize> = of_kind(model, &["role"])
                .into_iter()
                .filter(|role| model.nodes[*role].name != "anonymous")
                .collect();
            let role = (!roles.is_empty()).then(|| *random.pick(&roles))?;
            Some(Change::Role {
                role,
                kind: role_kind(random),
            })
        }
        _ => duties(model, random.below(2), random),
    }
}

/// Something that was dropped, with the same name.
fn redefine(model: &Model, random: &mut Random) -> Option<Change> {
    let dropped: Vec<&Node> = model
        .nodes
        .iter()
        .filter(|node| node.dropped != ALWAYS && model.find(node.kind, &node.name).is_none())
        .collect();
    let mut node = (!dropped.is_empty()).then(|| (*random.pick(&dropped)).clone())?;
    node.defined = SECOND;
    node.dropped = ALWAYS;
    node.switched.clear();
    if node.kind == "role" {
        node.roles = vec![(SECOND, role_kind(random))];
    }
    if node.kind == "user" {
        node.told = vec![(SECOND, told(random))];
    }
    Some(Change::DefineAgain { node })
}
