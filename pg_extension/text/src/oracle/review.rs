//! A look at the whole of what was read: what the script cannot do, what behaves differently here, what has to be written by hand.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::{Function, Object};
use super::dictionary::{Dictionary, is_oracles};
use super::name::Name;
use super::report::{Finding, Place, Report, Severity};

impl Dictionary {
    /// Looks at the whole: what the script cannot do, what behaves differently, what has to be written by hand.
    pub fn examine(&mut self, report: &mut Report) {
        self.examine_names(report);
        self.leave_out();
        let mut functions: BTreeMap<Function, (Place, Vec<String>)> = BTreeMap::new();
        for policy in &self.policies {
            if let Some(reason) = &policy.left_out {
                report.add(
                    Finding::new(Severity::Hand, "policy_left_out", format!("left out: {reason}"))
                        .at(&policy.place)
                        .about(policy.title()),
                );
                continue;
            }
            functions
                .entry(policy.function.clone())
                .or_insert_with(|| (policy.place.clone(), Vec::new()))
                .1
                .push(policy.title());
            if policy.statement_types.contains(&"INDEX") {
                report.add(
                    Finding::new(
                        Severity::Note,
                        "index_statement",
                        "INDEX: CREATE INDEX is refused (ORA-28133) to those whom the policy restricts",
                    )
                    .at(&policy.place)
                    .about(policy.title()),
                );
            }
            if !policy.enabled {
                report.add(
                    Finding::new(
                        Severity::Note,
                        "policy_disabled",
                        "it is disabled in Oracle and stays so",
                    )
                    .at(&policy.place)
                    .about(policy.title()),
                );
            }
        }
        for (function, (place, users)) in &functions {
            report.add(self.function_finding(function, users.len()).at(place));
        }
        self.examine_packages(&functions, report);
        self.examine_contexts(report);
        if !functions.is_empty() {
            report.add(Finding::new(
                Severity::Hand,
                "null_predicate",
                "in Oracle a function that returns NULL or nothing shows every row, here it shows none: return 'true' where all rows are meant, \
                 or let a superuser set vpd.null_predicate",
            ));
            report.add(Finding::new(
                Severity::Hand,
                "exemptions",
                "grants of EXEMPT ACCESS POLICY are not in these dumps: SELECT grantee FROM dba_sys_privs WHERE privilege = 'EXEMPT ACCESS POLICY', then vpd.grant_exempt",
            ));
        }
        report.counts.policies = self
            .policies
            .iter()
            .filter(|policy| policy.left_out.is_none())
            .count();
        report.counts.left_out = self.policies.len() - report.counts.policies;
        report.counts.groups = self.groups.len();
        report.counts.driving_contexts = self.driving_contexts.len();
        report.counts.contexts = self
            .contexts
            .iter()
            .filter(|context| context.left_out.is_none())
            .count();
    }

    /// Two names of Oracle's that become one here.
    fn examine_names(&self, report: &mut Report) {
        let mut objects: BTreeMap<(Name, Name), BTreeSet<&Object>> = BTreeMap::new();
        for policy in &self.policies {
            let object = &policy.object;
            objects
                .entry((self.fold(&object.owner), self.fold(&object.name)))
                .or_default()
                .insert(object);
        }
        for ((owner, name), sources) in objects {
            if sources.len() > 1 {
                let sources: Vec<_> = sources.iter().map(ToString::to_string).collect();
                report.add(
                    Finding::new(
                        Severity::Error,
                        "name_collision",
                        format!(
                            "they become one name, {}.{}: use --keep-case",
                            owner.quoted(),
                            name.quoted()
                        ),
                    )
                    .about(sources.join(" and ")),
                );
            } else if !(owner.is_plain() && name.is_plain()) {
                let source = sources.iter().next().map(ToString::to_string).unwrap_or_default();
                report.add(
                    Finding::new(
                        Severity::Note,
                        "name_quoted",
                        format!("it needs quotes here: {}.{}", owner.quoted(), name.quoted()),
                    )
                    .about(source),
                );
            }
        }
    }

    fn leave_out(&mut self) {
        let kinds = std::mem::take(&mut self.kinds);
        let keep_case = self.keep_case;
        for policy in &mut self.policies {
            let function = &policy.function;
            let reason = if is_oracles(&policy.object.owner) {
                Some("the object belongs to Oracle itself".to_owned())
            } else if function.owner == "LBACSYS" {
                Some("it is a policy of Oracle Label Security: write its rules as predicates".to_owned())
            } else if is_oracles(&function.owner) {
                Some("its function belongs to Oracle itself".to_owned())
            } else if let Some(kind) = kinds.get(&policy.object).and_then(not_a_table) {
                Some(format!(
                    "the object is a {kind}: add the policy to the tables under it"
                ))
            } else if !kinds.is_empty() && !kinds.contains_key(&policy.object) {
                Some("DBA_OBJECTS has no such object".to_owned())
            } else if [&function.package, &function.name]
                .iter()
                .any(|name| name.contains('.'))
            {
                Some("a dot in the name of its function or package cannot be passed: rename it".to_owned())
            } else if policy.relevant_columns.iter().any(|column| {
                column.contains([',', ' ', '"'])
                    || Name::fold(column, keep_case).as_str() != Name::fold(column, keep_case).as_str().trim()
            }) {
                Some("the name of a relevant column has a space, a comma or a quote and cannot be passed: use vpd.add_policy".to_owned())
            } else {
                None
            };
            if reason.is_some() {
                policy.left_out = reason;
            }
        }
        self.kinds = kinds;
    }

    fn function_finding(&self, function: &Function, users: usize) -> Finding {
        let (schema, name) = self.place_of(function);
        Finding::new(
            Severity::Hand,
            "policy_function",
            format!(
                "write it as {}.{}(object_schema text, object_name text) RETURNS text, for {users} {}; a stub is in the script",
                schema.quoted(),
                name.quoted(),
                if users == 1 { "policy" } else { "policies" }
            ),
        )
        .about(format!("PL/SQL function {function}"))
    }

    fn examine_packages(&self, functions: &BTreeMap<Function, (Place, Vec<String>)>, report: &mut Report) {
        let mut packages: BTreeMap<Name, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for function in functions.keys() {
            let (schema, _) = self.place_of(function);
            packages
                .entry(schema)
                .or_default()
                .insert((&function.owner, &function.package));
        }
        for (schema, sources) in packages {
            let names: Vec<_> = sources
                .iter()
                .map(|(owner, package)| {
                    if package.is_empty() {
                        (*owner).to_owned()
                    } else {
                        format!("{owner}.{package}")
                    }
                })
                .collect();
            if sources.len() > 1 {
                report.add(
                    Finding::new(
                        Severity::Hand,
                        "package_collision",
                        format!(
                            "they share the schema {} here: see that functions of the same name are the same",
                            schema.quoted()
                        ),
                    )
                    .about(names.join(" and ")),
                );
            } else if sources.iter().any(|(_, package)| !package.is_empty()) {
                report.add(
                    Finding::new(Severity::Note, "package", format!("a package is a schema here: {}; variables of the package are for application contexts", schema.quoted()))
                        .about(names.join("")),
                );
            }
        }
    }

    fn examine_contexts(&self, report: &mut Report) {
        for context in &self.contexts {
            let title = format!("context {}", context.namespace);
            match &context.left_out {
                Some(reason) => report.add(
                    Finding::new(Severity::Note, "context_left_out", format!("left out: {reason}")).about(title),
                ),
                None => report.add(
                    Finding::new(
                        Severity::Hand,
                        "trusted_function",
                        format!(
                            "write the package {}.{} as one function or procedure {}.{} that calls dbms_session.set_context; a stub is in the script",
                            context.schema,
                            context.package,
                            self.fold(&context.schema).quoted(),
                            self.fold(&context.package).quoted()
                        ),
                    )
                    .about(title),
                ),
            }
        }
        if self.contexts.is_empty() {
            return;
        }
        for driving in &self.driving_contexts {
            let is_known = self
                .contexts
                .iter()
                .any(|context| context.namespace.eq_ignore_ascii_case(&driving.namespace));
            if !is_known && !driving.namespace.eq_ignore_ascii_case("USERENV") {
                report.add(
                    Finding::new(
                        Severity::Hand,
                        "context_unknown",
                        "DBA_CONTEXT has no such namespace: until it is created every group applies",
                    )
                    .about(format!(
                        "driving context {} {}.{}",
                        driving.object, driving.namespace, driving.attribute
                    )),
                );
            }
        }
    }
}

/// The kind, when none of the objects of that name is a table.
fn not_a_table(kinds: &BTreeSet<String>) -> Option<String> {
    if kinds.contains("TABLE") {
        return None;
    }
    kinds.iter().next().map(|kind| kind.to_lowercase())
}
