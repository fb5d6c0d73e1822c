//! The definitions of Virtual Private Database in Oracle's dictionary, read from dumps and checked.
//!
//! Invariant: what is kept here can be written into a script as it is; what cannot is reported and left out.

mod cell;

use std::collections::{BTreeSet, HashMap};

use super::definition::{Context, DrivingContext, Function, Object, Policy};
use super::dump::{Row, read};
use super::name::Name;
use super::report::{Finding, Report};
use super::source::{Source, View};
pub use cell::is_oracles;
use cell::{Outcome, is_usable_namespace, is_yes, name, object, optional_name, policy_type, wrong};

/// The group every policy without a group belongs to.
pub const SYS_DEFAULT: &str = "SYS_DEFAULT";

/// What the dumps define.
#[derive(Debug, Default)]
pub struct Dictionary {
    /// Whether names keep Oracle's upper case.
    pub keep_case: bool,
    /// In the order of the dump.
    pub policies: Vec<Policy>,
    /// Policy groups but SYS_DEFAULT.
    pub groups: BTreeSet<(Object, String)>,
    /// In the order of the dump.
    pub driving_contexts: Vec<DrivingContext>,
    /// In the order of the dump.
    pub contexts: Vec<Context>,
    /// Kinds of objects, when DBA_OBJECTS was dumped.
    pub(super) kinds: HashMap<Object, BTreeSet<String>>,
}

impl Dictionary {
    /// Reads the dumps; lines in error are reported and left out.
    pub fn read(sources: &[Source], keep_case: bool, report: &mut Report) -> Self {
        let mut dictionary = Self {
            keep_case,
            ..Self::default()
        };
        let has_groups = sources.iter().any(|source| source.view == View::PolicyGroups);
        // What others refer to comes first, in whatever order the dumps were named.
        for view in [
            View::Objects,
            View::PolicyGroups,
            View::Policies,
            View::RelevantColumns,
            View::PolicyAttributes,
            View::PolicyContexts,
            View::Contexts,
        ] {
            for source in sources.iter().filter(|source| source.view == view) {
                for row in read(&source.file, &source.content, view.required(), report) {
                    let outcome = match view {
                        View::Objects => dictionary.read_object(&row),
                        View::PolicyGroups => dictionary.read_group(&row),
                        View::Policies => dictionary.read_policy(&row, has_groups),
                        View::RelevantColumns => dictionary.read_relevant_column(&row),
                        View::PolicyAttributes => dictionary.read_attribute(&row),
                        View::PolicyContexts => dictionary.read_driving_context(&row),
                        View::Contexts => dictionary.read_context(&row),
                    };
                    if let Err(finding) = outcome {
                        report.add(*finding);
                    }
                }
            }
        }
        dictionary
    }

    /// A name as PostgreSQL will have it.
    pub fn fold(&self, name: &str) -> Name {
        Name::fold(name, self.keep_case)
    }

    fn read_object(&mut self, row: &Row) -> Outcome {
        let object = Object {
            owner: name(row, "OWNER")?,
            name: name(row, "OBJECT_NAME")?,
        };
        let kind = row.get("OBJECT_TYPE").to_uppercase();
        self.kinds.entry(object).or_default().insert(kind);
        Ok(())
    }

    fn read_group(&mut self, row: &Row) -> Outcome {
        let object = object(row)?;
        let group = name(row, "POLICY_GROUP")?;
        if group == SYS_DEFAULT {
            return Ok(());
        }
        if let Some((_, other)) = self
            .groups
            .iter()
            .find(|(of, known)| *of == object && known.eq_ignore_ascii_case(&group))
        {
            let reason = if *other == group {
                "this policy group is there twice"
            } else {
                "another policy group differs in case only: names of groups are not case-sensitive here"
            };
            return wrong(row, "POLICY_GROUP", "duplicate", reason);
        }
        self.groups.insert((object, group));
        Ok(())
    }

    fn read_policy(&mut self, row: &Row, has_groups: bool) -> Outcome {
        let object = object(row)?;
        let group = name(row, "POLICY_GROUP")?;
        let policy_name = name(row, "POLICY_NAME")?;
        if policy_name.chars().any(char::is_control) || policy_name.to_lowercase().starts_with("vpd_") {
            let reason = "names of policies have no control characters and do not begin with vpd_ here";
            return wrong(row, "POLICY_NAME", "name_invalid", reason);
        }
        let is_same =
            |policy: &&Policy| policy.object == object && self.fold(&policy.name) == self.fold(&policy_name);
        if let Some(other) = self.policies.iter().find(is_same) {
            let reason = format!(
                "line {} has a policy of this name on the table: names are unique for a table here, whatever the group",
                other.place.line
            );
            return wrong(row, "POLICY_NAME", "duplicate", &reason);
        }
        if group != SYS_DEFAULT && !self.groups.contains(&(object.clone(), group.clone())) {
            if has_groups {
                return wrong(
                    row,
                    "POLICY_GROUP",
                    "group_unknown",
                    "DBA_POLICY_GROUPS has no such group for this object",
                );
            }
            self.groups.insert((object.clone(), group.clone()));
        }
        let function = Function {
            owner: name(row, "PF_OWNER")?,
            package: optional_name(row, "PACKAGE")?,
            name: name(row, "FUNCTION")?,
        };
        let mut statement_types = Vec::new();
        for (column, statement) in [
            ("SEL", "SELECT"),
            ("INS", "INSERT"),
            ("UPD", "UPDATE"),
            ("DEL", "DELETE"),
            ("IDX", "INDEX"),
        ] {
            if is_yes(row, column)? {
                statement_types.push(statement);
            }
        }
        let (policy_type, mut left_out) = policy_type(row)?;
        if statement_types.is_empty() {
            left_out = Some("it applies to no statement".to_owned());
        }
        self.policies.push(Policy {
            place: row.place.clone(),
            object,
            group,
            name: policy_name,
            function,
            statement_types,
            update_check: is_yes(row, "CHK_OPTION")?,
            enabled: is_yes(row, "ENABLE")?,
            policy_type,
            long_predicate: is_yes(row, "LONG_PREDICATE")?,
            relevant_columns: Vec::new(),
            is_masking: false,
            attributes: Vec::new(),
            left_out,
        });
        Ok(())
    }

    fn read_relevant_column(&mut self, row: &Row) -> Outcome {
        let column = name(row, "SEC_REL_COLUMN")?;
        let is_masking = match row.get("COLUMN_OPTION").to_uppercase().as_str() {
            "" | "NONE" => false,
            "ALL_ROWS" => true,
            _ => {
                return wrong(
                    row,
                    "COLUMN_OPTION",
                    "value_unknown",
                    "NONE or ALL_ROWS was expected",
                );
            }
        };
        let policy = self.policy_of(row)?;
        if policy.relevant_columns.contains(&column) {
            return wrong(row, "SEC_REL_COLUMN", "duplicate", "this column is there twice");
        }
        if !policy.relevant_columns.is_empty() && policy.is_masking != is_masking {
            return wrong(
                row,
                "COLUMN_OPTION",
                "value_unknown",
                "the columns of a policy have one option",
            );
        }
        policy.relevant_columns.push(column);
        policy.is_masking = is_masking;
        Ok(())
    }

    fn read_attribute(&mut self, row: &Row) -> Outcome {
        let pair = (name(row, "NAMESPACE")?, name(row, "ATTRIBUTE")?);
        let policy = self.policy_of(row)?;
        if policy.attributes.contains(&pair) {
            return wrong(row, "ATTRIBUTE", "duplicate", "this attribute is there twice");
        }
        policy.attributes.push(pair);
        Ok(())
    }

    fn read_driving_context(&mut self, row: &Row) -> Outcome {
        let context = DrivingContext {
            object: object(row)?,
            namespace: name(row, "NAMESPACE")?,
            attribute: name(row, "ATTRIBUTE")?,
        };
        let is_same = |other: &DrivingContext| {
            other.object == context.object
                && other.namespace == context.namespace
                && other.attribute == context.attribute
        };
        if self.driving_contexts.iter().any(is_same) {
            return wrong(
                row,
                "ATTRIBUTE",
                "duplicate",
                "this driving context is there twice",
            );
        }
        self.driving_contexts.push(context);
        Ok(())
    }

    fn read_context(&mut self, row: &Row) -> Outcome {
        let namespace = name(row, "NAMESPACE")?;
        let schema = name(row, "SCHEMA")?;
        let package = name(row, "PACKAGE")?;
        let mut left_out = None;
        let is_global = match row.get("TYPE").to_uppercase().as_str() {
            "ACCESSED LOCALLY" => false,
            "ACCESSED GLOBALLY" => true,
            "INITIALIZED EXTERNALLY" | "INITIALIZED GLOBALLY" => {
                left_out = Some(
                    "its values come from outside the database: set them as attributes of the session"
                        .to_owned(),
                );
                false
            }
            _ => {
                return wrong(
                    row,
                    "TYPE",
                    "value_unknown",
                    "a type of context was expected, such as ACCESSED LOCALLY",
                );
            }
        };
        if self.contexts.iter().any(|other| other.namespace == namespace) {
            return wrong(row, "NAMESPACE", "duplicate", "this context is there twice");
        }
        if is_oracles(&schema) {
            left_out = Some("it belongs to Oracle itself".to_owned());
        } else if !is_usable_namespace(&namespace) {
            return wrong(
                row,
                "NAMESPACE",
                "name_invalid",
                "a namespace is a letter and then letters, digits, _, $ and #, and not USERENV",
            );
        }
        self.contexts.push(Context {
            namespace,
            schema,
            package,
            is_global,
            left_out,
        });
        Ok(())
    }

    fn policy_of(&mut self, row: &Row) -> Result<&mut Policy, Box<Finding>> {
        let object = object(row)?;
        let group = name(row, "POLICY_GROUP")?;
        let policy_name = name(row, "POLICY_NAME")?;
        let position = self.policies.iter().position(|policy| {
            policy.object == object && policy.group == group && policy.name == policy_name
        });
        match position {
            Some(position) => Ok(&mut self.policies[position]),
            None => Err(Box::new(
                Finding::error(&row.place, "policy_unknown", "DBA_POLICIES has no such policy")
                    .of("POLICY_NAME", &policy_name)
                    .about(object.to_string()),
            )),
        }
    }

    /// Schema and name a function has here: a package is a schema.
    pub fn place_of(&self, function: &Function) -> (Name, Name) {
        let schema = if function.package.is_empty() {
            &function.owner
        } else {
            &function.package
        };
        (self.fold(schema), self.fold(&function.name))
    }

    /// True when statements of the script name the object.
    pub fn is_imported(&self, object: &Object) -> bool {
        self.policies
            .iter()
            .any(|policy| policy.object == *object && policy.left_out.is_none())
    }
}
