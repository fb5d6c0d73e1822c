//! `vpd.can_act` and its kin: what the session's user may do with a task of the application.

use super::{Answer, require_primary, require_ready, required, without_null};
use crate::context;
use crate::sys::document::Document;
use crate::task::right::{self, Kind, Task};
use pgrx::JsonB;
use pgrx::prelude::*;
use serde_json::json;

#[pg_extern(sql = false)]
fn define_task_type(name: Option<&str>, description: Option<&str>) -> Answer<()> {
    require_primary()?;
    right::define_type(required(name, "name")?, description)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn define_task_action(
    task_type: Option<&str>,
    action: Option<&str>,
    task_roles: Option<Vec<Option<String>>>,
) -> Answer<()> {
    define(task_type, Kind::Action, action, task_roles)
}

#[pg_extern(sql = false)]
fn define_task_content(
    task_type: Option<&str>,
    attribute: Option<&str>,
    task_roles: Option<Vec<Option<String>>>,
) -> Answer<()> {
    define(task_type, Kind::Content, attribute, task_roles)
}

fn define(
    task_type: Option<&str>,
    kind: Kind,
    name: Option<&str>,
    task_roles: Option<Vec<Option<String>>>,
) -> Answer<()> {
    require_primary()?;
    let parts = without_null(required(task_roles, "task_roles")?, "task_roles")?;
    right::define_right(
        required(task_type, "task_type")?,
        kind,
        required(name, "the name")?,
        &parts,
    )?;
    Ok(())
}

#[pg_extern(sql = false)]
fn drop_task_type(name: Option<&str>) -> Answer<()> {
    require_primary()?;
    right::drop_type(required(name, "name")?)?;
    Ok(())
}

#[pg_extern(sql = false)]
fn can_act(task: Document, action: &str) -> Answer<bool> {
    is_allowed(&Task::read(task.known()), Kind::Action, action)
}

#[pg_extern(sql = false)]
fn can_act_on(
    task_type: Option<String>,
    action: Option<&str>,
    owner: Option<String>,
    assignee: Option<String>,
    reviewer: Option<String>,
    process: Option<String>,
) -> Answer<bool> {
    let task = task_of(task_type, owner, assignee, reviewer, process);
    is_allowed(&task, Kind::Action, action.unwrap_or_default())
}

#[pg_extern(sql = false)]
fn can_see(
    task_type: Option<String>,
    attribute: Option<&str>,
    owner: Option<String>,
    assignee: Option<String>,
    reviewer: Option<String>,
    process: Option<String>,
) -> Answer<bool> {
    let task = task_of(task_type, owner, assignee, reviewer, process);
    is_allowed(&task, Kind::Content, attribute.unwrap_or_default())
}

#[pg_extern(sql = false)]
fn visible_content(task: Document) -> Answer<JsonB> {
    require_ready()?;
    let content =
        context::identity().map_or_else(|| json!({}), |identity| right::visible(&identity, task.known()));
    Ok(JsonB(content))
}

#[pg_extern(sql = false)]
fn task_actions(task: Document) -> Answer<Vec<String>> {
    require_ready()?;
    let task = Task::read(task.known());
    let actions = context::identity().map(|identity| right::allowed(&identity, &task, Kind::Action));
    Ok(actions.unwrap_or_default())
}

fn is_allowed(task: &Task, kind: Kind, name: &str) -> Answer<bool> {
    require_ready()?;
    Ok(context::identity().is_some_and(|identity| right::is_allowed(&identity, task, kind, name)))
}

fn task_of(
    task_type: Option<String>,
    owner: Option<String>,
    assignee: Option<String>,
    reviewer: Option<String>,
    process: Option<String>,
) -> Task {
    Task {
        task_type: task_type.unwrap_or_default(),
        owner: owner.into_iter().collect(),
        assignee: assignee.into_iter().collect(),
        reviewer: reviewer.into_iter().collect(),
        process,
    }
}
