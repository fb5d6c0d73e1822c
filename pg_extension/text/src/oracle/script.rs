//! The script: what the dumps define, as calls of `dbms_rls` and `vpd`, in the order in which they work.
//!
//! Invariant: every name of a dump is written as a literal, as a quoted identifier or inside a comment.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::definition::{Context, Function, Policy};
use super::dictionary::{Dictionary, SYS_DEFAULT};
use super::name::{comment, dollar_quote, literal, shown};
use super::source::Source;

/// Writes the script.
pub fn write(dictionary: &Dictionary, sources: &[Source]) -> String {
    let mut script = "SET client_encoding = 'UTF8';\n\n".to_owned() + &header(sources);
    for function in functions(dictionary) {
        script.push_str(&policy_function_stub(dictionary, function));
    }
    for context in contexts(dictionary) {
        script.push_str(&trusted_function_stub(dictionary, context));
    }
    script.push_str("BEGIN;\n\n");
    script.push_str(&check(dictionary));
    section(
        &mut script,
        "Application contexts.",
        contexts(dictionary).map(|context| create_context(dictionary, context)),
    );
    let groups = dictionary
        .groups
        .iter()
        .filter(|(object, _)| dictionary.is_imported(object));
    section(
        &mut script,
        "Policy groups.",
        groups.map(|(object, group)| {
            call(
                "dbms_rls.create_policy_group",
                &[
                    (
                        "object_schema",
                        literal(&dictionary.fold(&object.owner).argument()),
                    ),
                    ("object_name", literal(&dictionary.fold(&object.name).argument())),
                    ("policy_group", literal(group)),
                ],
            )
        }),
    );
    section(
        &mut script,
        "Policies.",
        dictionary
            .policies
            .iter()
            .map(|policy| add_policy(dictionary, policy)),
    );
    let driving = dictionary
        .driving_contexts
        .iter()
        .filter(|driving| dictionary.is_imported(&driving.object));
    section(
        &mut script,
        "Driving contexts: the value of the attribute names the policy group that applies.",
        driving.map(|driving| {
            call(
                "dbms_rls.add_policy_context",
                &[
                    (
                        "object_schema",
                        literal(&dictionary.fold(&driving.object.owner).argument()),
                    ),
                    (
                        "object_name",
                        literal(&dictionary.fold(&driving.object.name).argument()),
                    ),
                    ("namespace", literal(&driving.namespace)),
                    ("attribute", literal(&driving.attribute)),
                ],
            )
        }),
    );
    script.push_str("COMMIT;\n");
    script
}

fn header(sources: &[Source]) -> String {
    let mut text = String::from(
        "Policies of an Oracle database, for pg_vpd. Written by session-bridge oracle-import; read it before you run it.\n\
         Run it as a role with the profile security_admin, in the database that has the tables:\n\
         \x20   psql --set ON_ERROR_STOP=on --file FILE DATABASE\n\
         It is one transaction: when a table or function is missing, nothing is changed. The functions have to be written first:\n\
         the stubs below hide every row until their bodies are.\n\
         Read from:\n",
    );
    for source in sources {
        let _infallible = writeln!(text, "    {}", shown(&source.file));
    }
    comment(text.trim_end()) + "\n"
}

fn section(script: &mut String, title: &str, statements: impl Iterator<Item = String>) {
    let statements: Vec<_> = statements.collect();
    if !statements.is_empty() {
        script.push_str(&comment(title));
        script.push_str(&statements.concat());
        script.push('\n');
    }
}

/// The functions of policies that are imported.
fn functions(dictionary: &Dictionary) -> BTreeSet<&Function> {
    dictionary
        .policies
        .iter()
        .filter(|policy| policy.left_out.is_none())
        .map(|policy| &policy.function)
        .collect()
}

fn contexts(dictionary: &Dictionary) -> impl Iterator<Item = &Context> {
    dictionary
        .contexts
        .iter()
        .filter(|context| context.left_out.is_none())
}

fn policy_function_stub(dictionary: &Dictionary, function: &Function) -> String {
    let (schema, name) = dictionary.place_of(function);
    let schema = schema.quoted();
    comment(&format!(
        "Stub for the PL/SQL function {}:\n\
         CREATE SCHEMA IF NOT EXISTS {schema};\n\
         GRANT USAGE ON SCHEMA {schema} TO PUBLIC;\n\
         CREATE FUNCTION {schema}.{}(object_schema text, object_name text) RETURNS text\n\
         \x20   LANGUAGE plpgsql STABLE AS $$\n\
         BEGIN\n\
         \x20   -- Return one boolean expression over the columns of the table, such as 'region = sys_context(...)'.\n\
         \x20   RETURN 'false';\n\
         END $$;",
        shown(&function.to_string()),
        name.quoted(),
    )) + "\n"
}

fn trusted_function_stub(dictionary: &Dictionary, context: &Context) -> String {
    let schema = dictionary.fold(&context.schema).quoted();
    comment(&format!(
        "Stub for the package {}.{}, which sets the context {}:\n\
         CREATE SCHEMA IF NOT EXISTS {schema};\n\
         CREATE PROCEDURE {schema}.{}()\n\
         \x20   LANGUAGE plpgsql AS $$\n\
         BEGIN\n\
         \x20   -- CALL dbms_session.set_context({}, 'ATTRIBUTE', value);\n\
         \x20   NULL;\n\
         END $$;",
        shown(&context.schema),
        shown(&context.package),
        shown(&context.namespace),
        dictionary.fold(&context.package).quoted(),
        literal(&context.namespace),
    )) + "\n"
}

/// Names everything that is missing at once.
fn check(dictionary: &Dictionary) -> String {
    let tables: BTreeSet<_> = dictionary
        .policies
        .iter()
        .filter(|policy| policy.left_out.is_none())
        .map(|policy| {
            (
                dictionary.fold(&policy.object.owner),
                dictionary.fold(&policy.object.name),
            )
        })
        .map(|(schema, name)| format!("({}, {})", literal(schema.as_str()), literal(name.as_str())))
        .collect();
    let functions: BTreeSet<_> = functions(dictionary)
        .into_iter()
        .map(|function| dictionary.place_of(function))
        .map(|(schema, name)| format!("({}, {})", literal(schema.as_str()), literal(name.as_str())))
        .collect();
    if tables.is_empty() {
        return String::new();
    }
    let list = |names: &BTreeSet<String>| {
        names
            .iter()
            .cloned()
            .collect::<Vec<_>>()
            .join(",\n                   ")
    };
    let body = format!(
        "
DECLARE
    missing text;
BEGIN
    SELECT string_agg(format('table %I.%I', t.schema_name, t.object_name), ', ' ORDER BY t.schema_name, t.object_name)
      INTO missing
      FROM (VALUES {}) AS t (schema_name, object_name)
     WHERE NOT EXISTS (
               SELECT FROM pg_catalog.pg_class c
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = t.schema_name AND c.relname = t.object_name AND c.relkind IN ('r', 'p'));
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'no tables of these names: %', missing;
    END IF;
    SELECT string_agg(format('function %I.%I', f.schema_name, f.object_name), ', ' ORDER BY f.schema_name, f.object_name)
      INTO missing
      FROM (VALUES {}) AS f (schema_name, object_name)
     WHERE NOT EXISTS (
               SELECT FROM pg_catalog.pg_proc p
                 JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                WHERE n.nspname = f.schema_name AND p.proname = f.object_name
                  AND p.proargtypes = '25 25'::pg_catalog.oidvector AND p.prorettype = 'text'::pg_catalog.regtype);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'no policy functions (text, text) RETURNS text of these names: %', missing;
    END IF;
END
",
        list(&tables),
        list(&functions),
    );
    let quote = dollar_quote(&body);
    format!("{}DO {quote}{body}{quote};\n\n", comment("What has to be there."))
}

fn create_context(dictionary: &Dictionary, context: &Context) -> String {
    let function = format!(
        "{}.{}",
        dictionary.fold(&context.schema).quoted(),
        dictionary.fold(&context.package).quoted()
    );
    call(
        "vpd.create_context",
        &[
            ("namespace", literal(&context.namespace)),
            ("trusted_function", literal(&function)),
            ("accessed_globally", context.is_global.to_string()),
        ],
    )
}

fn add_policy(dictionary: &Dictionary, policy: &Policy) -> String {
    let function = &policy.function;
    let policy_function = if function.package.is_empty() {
        dictionary.fold(&function.name).argument()
    } else {
        format!(
            "{}.{}",
            dictionary.fold(&function.package).argument(),
            dictionary.fold(&function.name).argument()
        )
    };
    let object = [
        (
            "object_schema",
            literal(&dictionary.fold(&policy.object.owner).argument()),
        ),
        (
            "object_name",
            literal(&dictionary.fold(&policy.object.name).argument()),
        ),
    ];
    let policy_name = ("policy_name", literal(&dictionary.fold(&policy.name).argument()));
    let is_grouped = policy.group != SYS_DEFAULT;
    let group = is_grouped.then(|| ("policy_group", literal(&policy.group)));

    let mut arguments = object.to_vec();
    arguments.extend(group.clone());
    arguments.extend([
        policy_name.clone(),
        (
            "function_schema",
            literal(&dictionary.fold(&function.owner).argument()),
        ),
        ("policy_function", literal(&policy_function)),
        ("statement_types", literal(&policy.statement_types.join(","))),
        ("update_check", policy.update_check.to_string()),
        ("enable", policy.enabled.to_string()),
        ("policy_type", format!("dbms_rls.{}()", policy.policy_type)),
    ]);
    if policy.long_predicate {
        arguments.push(("long_predicate", "true".to_owned()));
    }
    if !policy.relevant_columns.is_empty() {
        let columns: Vec<_> = policy
            .relevant_columns
            .iter()
            .map(|column| dictionary.fold(column).argument())
            .collect();
        arguments.push(("sec_relevant_cols", literal(&columns.join(","))));
        if policy.is_masking {
            arguments.push(("sec_relevant_cols_opt", "dbms_rls.all_rows()".to_owned()));
        }
    }
    let name = if is_grouped {
        "dbms_rls.add_grouped_policy"
    } else {
        "dbms_rls.add_policy"
    };
    let mut text = call(name, &arguments);
    for (namespace, attribute) in &policy.attributes {
        let mut arguments = object.to_vec();
        arguments.extend(group.clone());
        arguments.extend([
            policy_name.clone(),
            ("alter_option", "dbms_rls.add_attribute_association()".to_owned()),
            ("namespace", literal(namespace)),
            ("attribute", literal(attribute)),
        ]);
        let name = if is_grouped {
            "dbms_rls.alter_grouped_policy"
        } else {
            "dbms_rls.alter_policy"
        };
        text.push_str(&call(name, &arguments));
    }
    match &policy.left_out {
        None => text,
        Some(reason) => comment(&format!("Left out: {reason}.\n{}", text.trim_end())),
    }
}

fn call(function: &str, arguments: &[(&str, String)]) -> String {
    let arguments: Vec<_> = arguments
        .iter()
        .map(|(name, value)| format!("    {name} => {value}"))
        .collect();
    format!("SELECT {function}(\n{}\n);\n", arguments.join(",\n"))
}
