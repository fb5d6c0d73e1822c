//! An explanation as lines for people.

use serde_json::Value;

/// The lines.
pub fn lines(explanation: &Value) -> Vec<String> {
    let text = |name: &str| shown(&explanation[name]);
    let mut lines = vec![format!(
        "{} {} {} on {} {}",
        text("user_name"),
        match explanation["is_allowed"].as_bool() {
            Some(true) => "MAY",
            Some(false) => "MAY NOT",
            None => "MAY SOMETIMES",
        },
        text("command"),
        text("relation"),
        explanation["key"]
    )];
    lines.push(format!("  because: {}", text("why")));
    lines.push(match explanation["session"].as_object() {
        Some(session) => format!(
            "  session: {} of {}, roles {}, {}",
            shown(&session["session_id"]),
            shown(&session["app"]),
            shown(&session["roles"]),
            match &session["issuer"] {
                Value::String(issuer) => format!("by a token of {issuer}"),
                _ => "without a token".to_owned(),
            }
        ),
        None => "  session: none that lives".to_owned(),
    });
    let exists = explanation["row_exists"] == Value::Bool(true);
    lines.push(format!(
        "  row: {}",
        if exists { "exists" } else { "does not exist" }
    ));
    if explanation["is_protected"] == Value::Bool(false) {
        lines.push("  policies: the table is not under policy".to_owned());
    }
    for policy in explanation["policies"].as_array().into_iter().flatten() {
        lines.extend(policy_lines(policy));
    }
    for mask in explanation["masks"].as_array().into_iter().flatten() {
        let outcome = match (&mask["error"], mask["is_visible"].as_bool()) {
            (Value::String(error), _) => format!("FAILS ({error})"),
            (_, Some(true)) => "the value is shown".to_owned(),
            _ => "MASKED".to_owned(),
        };
        lines.push(format!("  column {}: {outcome}", shown(&mask["column"])));
        lines.push(format!("    visible when {}", shown(&mask["visible_when"])));
        lines.extend(authority_lines(mask));
    }
    for audit in explanation["audits"].as_array().into_iter().flatten() {
        let outcome = match (&audit["condition"], &audit["is_met"]) {
            (Value::Null, _) => "recorded".to_owned(),
            (condition, Value::Bool(true)) => format!("recorded, because {}", shown(condition)),
            (condition, Value::Bool(false)) => format!("not recorded: not {}", shown(condition)),
            (condition, Value::String(error)) => format!("{} FAILS ({error})", shown(condition)),
            (condition, _) => format!("recorded when {}", shown(condition)),
        };
        lines.push(format!(
            "  audit policy {} ({}): {outcome}",
            shown(&audit["name"]),
            shown(&audit["mode"])
        ));
        if audit["columns"].is_array() {
            lines.push(format!("    statements that name {}", shown(&audit["columns"])));
        }
    }
    if explanation["roles_above_policies"]
        .as_array()
        .is_some_and(|roles| !roles.is_empty())
    {
        lines.push(format!(
            "  not asked: database roles {}, to whom policies do not apply",
            text("roles_above_policies")
        ));
    }
    lines
}

fn policy_lines(policy: &Value) -> Vec<String> {
    let outcome = match (&policy["error"], &policy["truth"], policy["applies"].as_bool()) {
        (_, _, Some(false)) => format!("does not apply: {}", shown(&policy["why"])),
        (_, _, None) => format!("not evaluated: {}", shown(&policy["why"])),
        (Value::String(error), _, _) => format!("FAILS ({error})"),
        (_, Value::Bool(true), _) => "true".to_owned(),
        (_, Value::Bool(false), _) => "FALSE".to_owned(),
        (_, Value::String(_), _) => "NULL, which counts as false".to_owned(),
        _ => "not evaluated: there is no row".to_owned(),
    };
    let mut lines = vec![format!(
        "  policy {} ({}, {}): {outcome}",
        shown(&policy["name"]),
        shown(&policy["group"]),
        shown(&policy["kind"])
    )];
    if policy["source"] != "template" {
        lines.push(format!("    function: {}", shown(&policy["source"])));
    }
    if policy["applies"] == Value::Bool(true) && policy["relevant_columns"] != serde_json::json!([]) {
        lines.push(format!("    {}", shown(&policy["why"])));
    }
    if let Some(predicate) = policy["predicate"].as_str() {
        lines.extend(predicate.lines().map(|line| format!("    {line}")));
    }
    if let Some(understood) = policy["understood"].as_str() {
        lines.push(format!("    understood as {understood}"));
    }
    lines.extend(authority_lines(policy));
    lines
}

/// What is asked for by name, each with the way to it. With several sets a row has to match in each.
fn authority_lines(explained: &Value) -> Vec<String> {
    let line = |asked: &Value| {
        let way = match (
            &asked["note"],
            asked["is_held"].as_bool(),
            asked["path"].as_array(),
        ) {
            (Value::String(note), ..) => note.clone(),
            (_, Some(true), Some(path)) => path.iter().map(shown).collect::<Vec<_>>().join(" → "),
            (_, Some(true), None) => "brought by the login".to_owned(),
            _ => "NOT HELD".to_owned(),
        };
        let set = match asked["set"].as_i64() {
            Some(set) => format!("set {set}, "),
            None => String::new(),
        };
        format!("    {set}{}: {way}", shown(&asked["asks"]))
    };
    let asked = explained["authority"].as_array().into_iter().flatten();
    asked.map(line).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    }
}
