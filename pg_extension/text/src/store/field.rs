//! The fields of a definition: what may stand in the document, and the one form in which two definitions are compared.

use super::moment;
use crate::load::value;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text, of one line unless it is an expression or a description.
    Text,
    /// A table or view, as SQL names it.
    Relation,
    /// A function by name and types of its arguments, as SQL names it.
    Routine,
    /// A function by its name alone, as SQL names it.
    Function,
    /// The namespace of a context, which is kept in upper case.
    Namespace,
    /// The name of a policy group, which is kept in upper case.
    Group,
    /// A word in any case.
    Word,
    /// A list of texts whose order means something.
    List,
    /// A list of texts whose order means nothing.
    Set,
    /// A list of words in any case whose order means nothing.
    Words,
    /// True or false.
    Flag,
    /// A whole number.
    Whole,
    /// A length of time, such as `35 minutes`.
    Duration,
    /// A moment in UTC: `2027-01-31T00:00:00Z`.
    Moment,
    /// A table of anything.
    Table,
    /// A list of tables.
    Tables,
    /// A list of times: tables of `valid_from`, `valid_until`, `reason` and `seeded_by`.
    Times,
}

/// What holds when the document does not say.
#[derive(Debug, Clone, Copy)]
pub enum Absent {
    /// It must say.
    Refused,
    /// Nothing.
    Nothing,
    /// A text.
    Text(&'static str),
    /// A truth value.
    Flag(bool),
    /// A number.
    Whole(i64),
    /// A list.
    List(&'static [&'static str]),
}

/// A field.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub form: Form,
    /// What holds when it is left out.
    pub absent: Absent,
}

/// What is wrong with a field.
#[derive(Debug)]
pub struct Misfit {
    /// Its name, as it was given.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

/// A field that must be given.
pub const fn required(name: &'static str, form: Form) -> Field {
    Field {
        name,
        form,
        absent: Absent::Refused,
    }
}

/// A field that may be left out.
pub const fn optional(name: &'static str, form: Form) -> Field {
    Field {
        name,
        form,
        absent: Absent::Nothing,
    }
}

/// A field that has a value when it is left out.
pub const fn defaulting(name: &'static str, form: Form, absent: Absent) -> Field {
    Field { name, form, absent }
}

impl Absent {
    fn value(self) -> Option<Value> {
        match self {
            Self::Refused | Self::Nothing => None,
            Self::Text(text) => Some(json!(text)),
            Self::Flag(flag) => Some(json!(flag)),
            Self::Whole(number) => Some(json!(number)),
            Self::List(texts) => Some(json!(texts)),
        }
    }
}

/// The form in which definitions are compared: no NULL, nothing that holds anyway, sets in order.
pub fn normalize(fields: &[Field], given: &Map<String, Value>) -> Result<Map<String, Value>, Vec<Misfit>> {
    let mut misfits: Vec<Misfit> = given
        .keys()
        .filter(|key| fields.iter().all(|field| field.name != key.as_str()))
        .map(|key| Misfit {
            field: key
                .chars()
                .filter(|letter| !letter.is_control())
                .take(60)
                .collect(),
            reason: "there is no such field".to_owned(),
        })
        .collect();
    let mut normal = Map::new();
    for field in fields {
        let mut refuse = |reason: &str| {
            misfits.push(Misfit {
                field: field.name.to_owned(),
                reason: reason.to_owned(),
            });
        };
        match given.get(field.name).filter(|value| !value.is_null()) {
            None if matches!(field.absent, Absent::Refused) => refuse("it is missing"),
            None => (),
            Some(value) => match field.form.normal(value) {
                Err(reason) => refuse(reason),
                Ok(value) if field.absent.value().as_ref() == Some(&value) => (),
                Ok(value) => {
                    normal.insert(field.name.to_owned(), value);
                }
            },
        }
    }
    if misfits.is_empty() {
        Ok(normal)
    } else {
        Err(misfits)
    }
}

impl Form {
    fn normal(self, value: &Value) -> Result<Value, &'static str> {
        match self {
            Self::Text | Self::Relation | Self::Routine | Self::Function => {
                text(value).map(|text| json!(text))
            }
            // What is no ASCII is no namespace, and is not made one.
            Self::Namespace => text(value).map(|text| json!(text.to_ascii_uppercase())),
            Self::Group => text(value).map(|text| json!(text.trim().to_uppercase())),
            Self::Word => text(value).map(|text| json!(text.to_ascii_lowercase())),
            Self::Flag if value.is_boolean() => Ok(value.clone()),
            Self::Flag => Err("it must be true or false"),
            Self::Whole if value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) => {
                Ok(value.clone())
            }
            Self::Whole => Err("it must be a whole number"),
            Self::List => texts(value).map(|texts| json!(texts)),
            Self::Set => texts(value).map(|texts| set(texts.into_iter().map(str::to_owned))),
            Self::Words => {
                texts(value).map(|texts| set(texts.into_iter().map(|text| text.trim().to_ascii_lowercase())))
            }
            Self::Table => table(value).ok_or("it must be a table, or one as JSON in a text"),
            Self::Tables
                if value
                    .as_array()
                    .is_some_and(|list| list.iter().all(Value::is_object)) =>
            {
                Ok(value.clone())
            }
            Self::Tables => Err("it must be a list of tables"),
            Self::Times => times(value)
                .ok_or("it must be a list of times: tables of valid_from, valid_until, reason and seeded_by"),
            Self::Duration => duration(value).ok_or("it must be a length of time, such as \"35 minutes\""),
            Self::Moment => {
                moment::normal(value).ok_or("it must be a moment in UTC, such as \"2027-01-31T00:00:00Z\"")
            }
        }
    }
}

/// A file has it as JSON in a text where it holds what the file's own form cannot say: NULL, numbers of any length.
fn table(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => value::json(text).ok().filter(Value::is_object),
        other => Some(other.clone()).filter(Value::is_object),
    }
}

/// The fields of each of several times.
const OF_A_TIME: &[Field] = &[
    optional("valid_from", Form::Moment),
    optional("valid_until", Form::Moment),
    optional("reason", Form::Text),
    optional("seeded_by", Form::Text),
];

/// A list of times with each in normal form; nothing when it is none.
pub fn times(list: &Value) -> Option<Value> {
    let each = |time: &Value| Some(Value::Object(normalize(OF_A_TIME, time.as_object()?).ok()?));
    list.as_array()?
        .iter()
        .map(each)
        .collect::<Option<_>>()
        .map(Value::Array)
}

fn text(value: &Value) -> Result<&str, &'static str> {
    value.as_str().ok_or("it must be a text")
}

fn set(texts: impl Iterator<Item = String>) -> Value {
    json!(texts.collect::<BTreeSet<_>>())
}

fn texts(value: &Value) -> Result<Vec<&str>, &'static str> {
    value
        .as_array()
        .and_then(|list| list.iter().map(Value::as_str).collect())
        .ok_or("it must be a list of texts")
}

const UNITS: [(&str, i64); 4] = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];

/// A whole number of the largest unit that fits, else seconds with a fraction. The database gives seconds, people write units.
fn duration(value: &Value) -> Option<Value> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => {
            let (number, unit) = text.trim().split_once(' ')?;
            let unit = unit.trim().trim_end_matches('s');
            let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
            let number = number.trim();
            let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            number.parse::<f64>().ok().filter(|_| is_plain)? * *length as f64
        }
        _ => return None,
    };
    // Nothing is finer than a microsecond in the database.
    let seconds = (seconds * 1e6).round() / 1e6;
    if seconds.fract() != 0.0 || !(0.0..1e12).contains(&seconds) {
        return Some(json!(format!("{seconds} seconds")));
    }
    let seconds = seconds as i64;
    let (unit, length) = UNITS.into_iter().find(|(_, length)| seconds % length == 0)?;
    let number = seconds / length;
    let plural = if number == 1 { "" } else { "s" };
    Some(json!(format!("{number} {unit}{plural}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_one_spelling() {
        for (given, spelled) in [
            (json!(2100), "35 minutes"),
            (json!("2100 seconds"), "35 minutes"),
            (json!("1 hour"), "1 hour"),
            (json!("24 hours"), "1 day"),
            (json!(0), "0 days"),
            (json!(90.5), "90.5 seconds"),
            (json!("90.5 seconds"), "90.5 seconds"),
            (json!("1.5 minutes"), "90 seconds"),
            (json!(0.000001), "0.000001 seconds"),
        ] {
            assert_eq!(duration(&given), Some(json!(spelled)), "{given}");
        }
        for bad in [
            json!("soon"),
            json!("-1 hours"),
            json!("1e3 hours"),
            json!("inf hours"),
            json!(". hours"),
            json!("1 fortnight"),
            json!(true),
        ] {
            assert_eq!(duration(&bad), None, "{bad}");
        }
    }

    #[test]
    fn what_holds_anyway_is_left_out_and_sets_are_ordered() {
        let fields = [
            required("name", Form::Text),
            defaulting("enabled", Form::Flag, Absent::Flag(true)),
            optional("origins", Form::Set),
        ];
        let given = json!({"name": "a", "enabled": true, "origins": ["b", "a", "b"]});
        let normal = normalize(&fields, given.as_object().unwrap_or(&Map::new())).ok();
        assert_eq!(
            normal.map(Value::Object),
            Some(json!({"name": "a", "origins": ["a", "b"]}))
        );
    }

    #[test]
    fn what_sql_takes_in_any_case_has_one_spelling() {
        for (form, given, spelled) in [
            (Form::Namespace, json!("order_Ctx"), json!("ORDER_CTX")),
            (Form::Namespace, json!("straße"), json!("STRAßE")),
            (Form::Group, json!(" Größe "), json!("GRÖSSE")),
            (Form::Word, json!("Shared_Static"), json!("shared_static")),
            (
                Form::Words,
                json!(["UPDATE", " select", "Select "]),
                json!(["select", "update"]),
            ),
            (Form::Set, json!(["B", "b", "B"]), json!(["B", "b"])),
        ] {
            assert_eq!(form.normal(&given), Ok(spelled), "{form:?} {given}");
        }
        for form in [
            Form::Routine,
            Form::Function,
            Form::Namespace,
            Form::Group,
            Form::Word,
        ] {
            assert!(form.normal(&json!(1)).is_err(), "{form:?}");
        }
    }

    #[test]
    fn every_misfit_is_told() {
        let fields = [required("name", Form::Text), optional("enabled", Form::Flag)];
        let given = json!({"enabled": "yes", "extra": 1});
        let misfits = normalize(&fields, given.as_object().unwrap_or(&Map::new()))
            .err()
            .unwrap_or_default();
        let names: Vec<_> = misfits.iter().map(|misfit| misfit.field.as_str()).collect();
        assert_eq!(names, ["extra", "name", "enabled"]);
    }
}
