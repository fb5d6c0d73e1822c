//! The difference between a file and a database, for people.

use std::fmt;

use serde_json::Value;
use vpd_text::oracle::name::escaped;

/// A line of what the database answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// add, change, remove, skip or fault.
    pub change: String,
    /// Kind of the definition.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it is, what becomes of it, or why not.
    pub detail: Value,
}

/// All of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference(pub Vec<Change>);

impl Difference {
    /// How many lines say this.
    pub fn count(&self, change: &str) -> usize {
        self.0.iter().filter(|line| line.change == change).count()
    }

    /// True when an import would change something.
    pub fn is_any(&self) -> bool {
        self.count("add") + self.count("change") + self.count("remove") > 0
    }

    /// What would be changed, without what is skipped.
    pub fn effect(&self) -> impl Iterator<Item = &Change> {
        self.0.iter().filter(|line| line.change != "skip")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.0 {
            writeln!(formatter, "{line}")?;
        }
        let counted = [
            ("add", "to add"),
            ("change", "to change"),
            ("remove", "to remove"),
            ("skip", "skipped"),
            ("fault", "in error"),
        ];
        let counts: Vec<String> = counted
            .iter()
            .map(|(change, words)| (self.count(change), words))
            .filter(|(count, _)| *count > 0)
            .map(|(count, words)| format!("{count} {words}"))
            .collect();
        if counts.is_empty() {
            return writeln!(formatter, "no difference");
        }
        writeln!(formatter, "{}", counts.join(", "))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |field: &str| escaped(self.detail.get(field).and_then(Value::as_str).unwrap_or_default());
        let what = format!("{} {}", self.kind, escaped(&self.name));
        match self.change.as_str() {
            "add" => write!(formatter, "+ {what}"),
            "remove" => write!(formatter, "- {what}"),
            "skip" => write!(formatter, "  {what}: skipped, {}", text("reason")),
            "fault" => {
                write!(formatter, "! {}", text("place"))?;
                if !self.name.is_empty() {
                    write!(formatter, " ({})", escaped(&self.name))?;
                }
                write!(formatter, ": {} [{}]", text("reason"), text("code"))
            }
            _ => {
                write!(formatter, "~ {what}")?;
                for (field, change) in self.detail.as_object().into_iter().flatten() {
                    let value = |side: &str| match change.get(side) {
                        None | Some(Value::Null) => "default".to_owned(),
                        Some(value) => escaped(&value.to_string()),
                    };
                    write!(
                        formatter,
                        "\n      {}: {} -> {}",
                        escaped(field),
                        value("from"),
                        value("to")
                    )?;
                }
                Ok(())
            }
        }
    }
}
