//! Tasks: what the attached session's user may do with one, and see of it, by the part that the user plays in it.
//!
//! The tasks themselves are rows of the application. Invariant: without a session, for an unknown kind of task and for what no definition
//! allows, the answer is no. A check reads memory; tables are read once after definitions, or what the session may do, have changed.

use crate::authz::change;
use crate::authz::check_name;
use crate::context::{self, Identity};
use crate::error::{Error, Result};
use crate::sys::shmem;
use crate::sys::spi::{self, arg, statements};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

statements! {
    DEFINE_TYPE = "task/define_type.sql";
    HAS_TYPE = "task/has_type.sql";
    DROP_TYPE = "task/drop_type.sql";
    DEFINE_RIGHT = "task/define_right.sql";
    REMOVE_RIGHT = "task/remove_right.sql";
    RIGHTS = scanning "task/rights.sql";
}

thread_local! {
    /// The definitions, and the generation of the graph they were read in; 0 when they have to be read again.
    static DEFINITIONS: RefCell<Option<(u64, Rc<Definitions>)>> = const { RefCell::new(None) };
}

/// A part that somebody plays in a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Owner,
    Reviewer,
    Assignee,
    Manager,
    ProcessOwner,
    ProcessReviewer,
}

/// What a right is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that can be done with a task.
    Action,
    /// An attribute of its content.
    Content,
}

/// Who plays which part in a task: users, `group:…` and `role:…`.
#[derive(Debug, Default)]
pub struct Task {
    /// Kind of task.
    pub task_type: String,
    /// Whose it is.
    pub owner: Vec<String>,
    /// Who has to do it.
    pub assignee: Vec<String>,
    /// Who looks at it.
    pub reviewer: Vec<String>,
    /// The process it belongs to.
    pub process: Option<String>,
}

/// Parts by the name of an action or attribute.
type Rights = BTreeMap<String, Vec<Part>>;

#[derive(Default, PartialEq, Eq)]
struct Definitions {
    types: HashMap<String, (Rights, Rights)>,
}

impl Part {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Owner, "owner"),
        (Self::Reviewer, "reviewer"),
        (Self::Assignee, "assignee"),
        (Self::Manager, "manager"),
        (Self::ProcessOwner, "process_owner"),
        (Self::ProcessReviewer, "process_reviewer"),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(part, _)| *part == self)
            .map_or("", |(_, name)| name)
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, name)| *name == text)
            .map(|(part, _)| part)
    }
}

impl Kind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Content => "content",
        }
    }
}

impl Task {
    /// Reads a document.
    pub fn read(document: &Value) -> Self {
        let people = |key: &str| match document.get(key) {
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => Vec::new(),
        };
        let text = |key: &str| document.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            task_type: text("type").unwrap_or_default(),
            owner: people("owner"),
            assignee: people("assignee"),
            reviewer: people("reviewer"),
            process: text("process"),
        }
    }

    /// Whether the user of a session plays one of the parts.
    fn is_played(&self, parts: &[Part], identity: &Identity) -> bool {
        let process_role = |suffix: &str| {
            self.process
                .as_ref()
                .is_some_and(|process| identity.authority.roles.contains(&format!("{process}.{suffix}")))
        };
        parts.iter().any(|part| match part {
            Part::Owner => is_one_of(&self.owner, identity),
            Part::Reviewer => is_one_of(&self.reviewer, identity),
            Part::Assignee => is_one_of(&self.assignee, identity),
            Part::Manager => self
                .assignee
                .iter()
                .filter_map(|assignee| user_of(assignee))
                .any(|assignee| identity.authority.reports.contains(assignee)),
            Part::ProcessOwner => process_role("Owner"),
            Part::ProcessReviewer => process_role("Reviewer"),
        })
    }
}

/// The user that a name of a task means; none for a group or role.
fn user_of(name: &str) -> Option<&str> {
    match name.split_once(':') {
        Some(("user", name)) => Some(name),
        Some(("group" | "role", _)) => None,
        _ => Some(name),
    }
}

fn is_one_of(names: &[String], identity: &Identity) -> bool {
    names.iter().any(|name| match name.split_once(':') {
        Some(("role", role)) => identity.authority.roles.contains(role),
        Some(("group", group)) => identity.authority.groups.contains(group),
        _ => user_of(name) == Some(identity.user_name.as_str()),
    })
}

/// True when the user of a session may do this, or see this, with a task.
pub fn is_allowed(identity: &Identity, task: &Task, kind: Kind, name: &str) -> bool {
    identity.is_authenticated
        && definitions()
            .rights(task, kind)
            .and_then(|rights| rights.get(name))
            .is_some_and(|parts| task.is_played(parts, identity))
}

/// Everything of a kind that the user of a session may do with a task, or see of it.
pub fn allowed(identity: &Identity, task: &Task, kind: Kind) -> Vec<String> {
    if !identity.is_authenticated {
        return Vec::new();
    }
    let definitions = definitions();
    let rights = definitions.rights(task, kind).into_iter().flatten();
    rights
        .filter(|(_, parts)| task.is_played(parts, identity))
        .map(|(name, _)| name.clone())
        .collect()
}

/// The attributes of a task that the user of a session may see.
pub fn visible(identity: &Identity, document: &Value) -> Value {
    let names = allowed(identity, &Task::read(document), Kind::Content);
    let seen: Map<String, Value> = names
        .into_iter()
        .filter_map(|name| Some((name.clone(), document.get(&name)?.clone())))
        .collect();
    Value::Object(seen)
}

/// Which parts are allowed what some names say, for each kind of task that is named among them, or for all: kind of task, name, parts.
pub fn parts(kind: Kind, names: &[String]) -> Vec<(String, String, Vec<&'static str>)> {
    let definitions = definitions();
    let is_named = |task_type: &String| names.contains(task_type);
    let is_any_named = definitions.types.keys().any(is_named);
    let mut found: Vec<_> = definitions
        .types
        .iter()
        .filter(|(task_type, _)| !is_any_named || is_named(task_type))
        .flat_map(|(task_type, (actions, content))| {
            let rights = match kind {
                Kind::Action => actions,
                Kind::Content => content,
            };
            rights
                .iter()
                .filter(|(name, _)| names.contains(name))
                .map(|(name, parts)| {
                    let parts = parts.iter().map(|part| part.as_str()).collect();
                    (task_type.clone(), name.clone(), parts)
                })
        })
        .collect();
    found.sort();
    found
}

impl Definitions {
    fn rights(&self, task: &Task, kind: Kind) -> Option<&Rights> {
        let (actions, content) = self.types.get(&task.task_type)?;
        Some(match kind {
            Kind::Action => actions,
            Kind::Content => content,
        })
    }
}

fn definitions() -> Rc<Definitions> {
    // The generation first: a change that commits in between is then read twice and never missed.
    let generation = shmem::authority_generation();
    // What only this transaction sees is read again each time.
    let is_passing = change::has_changed();
    let known = DEFINITIONS.with_borrow(|known| {
        let (known_in, definitions) = known.as_ref()?;
        (*known_in == generation && !is_passing).then(|| Rc::clone(definitions))
    });
    known.unwrap_or_else(|| {
        let definitions = Rc::new(spi::announced(read_definitions));
        let read_in = if is_passing { 0 } else { generation };
        let former = DEFINITIONS.replace(Some((read_in, Rc::clone(&definitions))));
        if former.is_some_and(|(_, former)| former != definitions) {
            context::definitions_changed();
        }
        definitions
    })
}

/// Looks whether the definitions are still what this backend has read.
pub fn follow_changes() {
    if DEFINITIONS.with_borrow(Option::is_some) {
        definitions();
    }
}

fn read_definitions() -> Definitions {
    let rows = RIGHTS.with(|statement| {
        statement.query(&[], |row| {
            Some((
                row.get::<String>(1)?,
                row.get::<String>(2)?,
                row.get::<String>(3)?,
                row.get::<Vec<String>>(4)?,
            ))
        })
    });
    let mut definitions = Definitions::default();
    for (task_type, kind, name, parts) in rows.into_iter().flatten() {
        let parts = parts.iter().filter_map(|part| Part::parse(part)).collect();
        let (actions, content) = definitions.types.entry(task_type).or_default();
        let rights = if kind == Kind::Action.as_str() {
            actions
        } else {
            content
        };
        rights.insert(name, parts);
    }
    definitions
}

/// Defines a kind of task.
pub fn define_type(name: &str, description: Option<&str>) -> Result<()> {
    check_name(name)?;
    change::begin();
    if DEFINE_TYPE.with(|statement| statement.execute(&[arg(name), arg(description)])) > 0 {
        change::record(
            "define",
            &format!("task_type:{name}"),
            json!({ "description": description }),
        );
    }
    Ok(())
}

/// Says which parts allow an action or show an attribute; none takes it away.
pub fn define_right(task_type: &str, kind: Kind, name: &str, parts: &[String]) -> Result<()> {
    check_name(name)?;
    if parts.iter().any(|part| Part::parse(part).is_none()) {
        let known: Vec<_> = Part::ALL.iter().map(|(_, name)| *name).collect();
        return Err(Error::argument(
            "unknown task role",
            format!("Use {}.", known.join(", ")),
        ));
    }
    change::begin();
    if HAS_TYPE
        .with(|statement| statement.query_one(&[arg(task_type)], |_| ()))
        .is_none()
    {
        return Err(Error::task_type_not_found(task_type));
    }
    let changed = if parts.is_empty() {
        REMOVE_RIGHT.with(|statement| statement.execute(&[arg(task_type), arg(kind.as_str()), arg(name)]))
    } else {
        DEFINE_RIGHT.with(|statement| {
            statement.execute(&[arg(task_type), arg(kind.as_str()), arg(name), arg(parts.to_vec())])
        })
    };
    if changed > 0 {
        let detail = json!({ "kind": kind.as_str(), "name": name, "task_roles": parts });
        change::record("define", &format!("task_type:{task_type}"), detail);
    }
    Ok(())
}

/// Drops a kind of task.
pub fn drop_type(name: &str) -> Result<()> {
    change::begin();
    if DROP_TYPE.with(|statement| statement.execute(&[arg(name)])) == 0 {
        return Err(Error::task_type_not_found(name));
    }
    change::record("drop", &format!("task_type:{name}"), json!({}));
    Ok(())
}
