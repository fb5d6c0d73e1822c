//! Dumps of the views of Oracle's dictionary, as they were spooled.

/// A view of Oracle's dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// DBA_POLICIES.
    Policies,
    /// DBA_POLICY_GROUPS.
    PolicyGroups,
    /// DBA_POLICY_CONTEXTS.
    PolicyContexts,
    /// DBA_POLICY_ATTRIBUTES.
    PolicyAttributes,
    /// DBA_SEC_RELEVANT_COLS.
    RelevantColumns,
    /// DBA_CONTEXT.
    Contexts,
    /// DBA_OBJECTS.
    Objects,
}

impl View {
    /// Name of its dump in a folder, without extension.
    pub fn file_stem(self) -> &'static str {
        match self {
            Self::Policies => "dba_policies",
            Self::PolicyGroups => "dba_policy_groups",
            Self::PolicyContexts => "dba_policy_contexts",
            Self::PolicyAttributes => "dba_policy_attributes",
            Self::RelevantColumns => "dba_sec_relevant_cols",
            Self::Contexts => "dba_context",
            Self::Objects => "dba_objects",
        }
    }

    /// Columns without which its rows have no meaning.
    pub fn required(self) -> &'static [&'static str] {
        match self {
            Self::Policies => &[
                "OBJECT_OWNER",
                "OBJECT_NAME",
                "POLICY_GROUP",
                "POLICY_NAME",
                "PF_OWNER",
                "PACKAGE",
                "FUNCTION",
                "SEL",
                "INS",
                "UPD",
                "DEL",
                "CHK_OPTION",
                "ENABLE",
            ],
            Self::PolicyGroups => &["OBJECT_OWNER", "OBJECT_NAME", "POLICY_GROUP"],
            Self::PolicyContexts => &["OBJECT_OWNER", "OBJECT_NAME", "NAMESPACE", "ATTRIBUTE"],
            Self::PolicyAttributes => &[
                "OBJECT_OWNER",
                "OBJECT_NAME",
                "POLICY_GROUP",
                "POLICY_NAME",
                "NAMESPACE",
                "ATTRIBUTE",
            ],
            Self::RelevantColumns => &[
                "OBJECT_OWNER",
                "OBJECT_NAME",
                "POLICY_GROUP",
                "POLICY_NAME",
                "SEC_REL_COLUMN",
            ],
            Self::Contexts => &["NAMESPACE", "SCHEMA", "PACKAGE", "TYPE"],
            Self::Objects => &["OWNER", "OBJECT_NAME", "OBJECT_TYPE"],
        }
    }
}

/// A dump in memory.
#[derive(Debug)]
pub struct Source {
    /// The view it was spooled from.
    pub view: View,
    /// Name of the file, for messages.
    pub file: String,
    /// What it holds.
    pub content: Vec<u8>,
}
