//! A policy as the catalogue has it, and whether it is about a command.

use crate::policy::chosen::Chosen;
use crate::sys::Oid;
use crate::sys::restriction::Command;
use crate::sys::spi::{oid_arg, statements};
use serde_json::{Value, json};

statements! {
    POLICIES = "explain/policies.sql";
}

/// A policy as the catalogue has it.
pub struct Listed {
    pub name: String,
    group: String,
    kind: String,
    statements: Vec<String>,
    is_enabled: bool,
    relevant_columns: Vec<String>,
    is_masking: bool,
    source: String,
    is_checked: bool,
}

/// The policies of a table.
pub fn listed(table: Oid) -> Vec<Listed> {
    POLICIES.with(|statement| {
        statement.query(&[oid_arg(table)], |row| Listed {
            name: row.required(1),
            group: row.required(2),
            kind: row.required(3),
            statements: row.required(4),
            is_enabled: row.required(5),
            relevant_columns: row.get(6).unwrap_or_default(),
            is_masking: row.required(7),
            source: row.required(8),
            is_checked: row.required(9),
        })
    })
}

impl Listed {
    /// Why it says nothing about the commands, if it does not.
    pub fn reason_not_to_apply(&self, commands: &[Command], chosen: &Chosen) -> Option<&'static str> {
        let is_for = |command: &Command| {
            let is_named = self
                .statements
                .iter()
                .any(|name| Command::parse(name) == Some(*command));
            is_named && (*command != Command::Insert || self.is_checked)
        };
        if !self.is_enabled {
            Some("it is disabled")
        } else if !commands.iter().any(is_for) {
            Some("it is for other commands")
        } else if !chosen.includes(&self.group) {
            Some("the driving context chooses another group")
        } else if self.is_masking {
            Some("it masks columns and hides no row")
        } else {
            None
        }
    }

    /// When it says something.
    pub fn reason_to_apply(&self) -> String {
        if self.relevant_columns.is_empty() {
            "it applies".to_owned()
        } else {
            format!(
                "it applies to statements that use {}",
                self.relevant_columns.join(", ")
            )
        }
    }

    /// What is told of it.
    pub fn json(
        &self,
        applies: Option<bool>,
        why: &str,
        predicate: Option<&str>,
        truth: Option<Value>,
        error: Option<&str>,
    ) -> Value {
        json!({
            "name": self.name,
            "group": self.group,
            "kind": self.kind,
            "source": self.source,
            "statements": self.statements,
            "is_enabled": self.is_enabled,
            "relevant_columns": self.relevant_columns,
            "applies": applies,
            "why": why,
            "predicate": predicate,
            "understood": null,
            "truth": truth,
            "error": error,
        })
    }
}
