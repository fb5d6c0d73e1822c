//! What the truth of the policies comes to.

use serde_json::{Value, json};

/// Whether the command reaches the row, and the first reason; NULL when it depends on the columns that the statement uses.
pub fn verdict(
    command: &str,
    row_exists: bool,
    has_session: bool,
    policies: Option<&[Value]>,
) -> (Option<bool>, String) {
    let name = |policy: &Value| policy["name"].as_str().unwrap_or_default().to_owned();
    if !row_exists {
        let what = "there is no such row; whoever is told nothing of it is told the truth";
        return (Some(false), what.to_owned());
    }
    let Some(policies) = policies else {
        return (Some(true), "the table is not under policy".to_owned());
    };
    if !has_session {
        return (
            Some(false),
            "the user has no live session, and without one no row is shown".to_owned(),
        );
    }
    if policies.is_empty() {
        let what = "the table has no policy of its own; its rows are read through the table it is a part of";
        return (Some(false), what.to_owned());
    }
    let applying: Vec<&Value> = policies
        .iter()
        .filter(|policy| policy["applies"] == json!(true))
        .collect();
    if let Some(policy) = applying.iter().find(|policy| !policy["error"].is_null()) {
        return (
            Some(false),
            format!("policy \"{}\" fails, and so does every statement", name(policy)),
        );
    }
    let untrue: Vec<&&Value> = applying
        .iter()
        .filter(|policy| policy["truth"] != json!(true))
        .collect();
    let is_always = |policy: &&&Value| policy["relevant_columns"] == json!([]);
    if let Some(policy) = untrue.iter().find(|policy| is_always(policy)) {
        let truth = if policy["truth"] == json!(false) {
            "false"
        } else {
            "NULL"
        };
        return (
            Some(false),
            format!("policy \"{}\" is {truth} for the row", name(policy)),
        );
    }
    match untrue.first() {
        Some(policy) => (
            None,
            format!(
                "no, when the statement uses a column that policy \"{}\" is about",
                name(policy)
            ),
        ),
        None => (
            Some(true),
            format!(
                "every policy that applies to {} is true for the row",
                command.trim().to_ascii_lowercase()
            ),
        ),
    }
}
