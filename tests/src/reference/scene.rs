//! Random tables, rows, policies and subjects: in memory, and as SQL for the server.

use std::collections::HashSet;

use serde_json::{Map, Value as Json, json};

use super::evaluation::{Row, TABLES, World};
use super::expression::{ALL, Columns, Condition, name};
use super::generation::Generator;
use super::random::Random;
use super::value::{Datum, Type, Value, sql};

/// Commands that policies tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Select,
    Insert,
    Update,
    Delete,
}

impl Command {
    const ALL: [Self; 4] = [Self::Select, Self::Insert, Self::Update, Self::Delete];

    fn sql(self) -> &'static str {
        ["select", "insert", "update", "delete"][self as usize]
    }
}

/// Where the text of a policy comes from; no text means that nothing is visible.
#[derive(Debug, Clone)]
enum Source {
    Template(Condition),
    /// One text for those in a role, another for the rest.
    Function(&'static str, Option<Condition>, Option<Condition>),
}

/// A policy of ours.
#[derive(Debug, Clone)]
pub struct Policy {
    name: String,
    table: usize,
    source: Source,
    kind: Option<&'static str>,
    commands: Vec<Command>,
    /// It applies only where one of these columns is referenced.
    relevant: Option<Columns>,
    /// Whether new rows are checked.
    pub is_checked: bool,
    /// A disabled one restricts nothing.
    pub is_enabled: bool,
    /// One of two groups of its table; none: it applies always.
    group: Option<usize>,
}

/// A mask over a column.
#[derive(Debug, Clone)]
pub struct Mask {
    table: usize,
    /// Number of the column, never the key.
    pub column: usize,
    /// What is seen instead of the value.
    pub value: Datum,
    /// Where the value is seen.
    pub visible: Condition,
    is_enabled: bool,
}

/// A policy of PostgreSQL's own, restrictive, and for one command or all.
#[derive(Debug, Clone)]
pub struct Native {
    name: String,
    table: usize,
    command: Option<Command>,
    /// What it asks of rows that exist and of new ones.
    pub condition: Condition,
}

/// An attribute of a session.
#[derive(Debug, Clone)]
enum Attribute {
    One(Value),
    List(Vec<Value>),
}

/// Somebody with a session.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Name of the user.
    pub name: String,
    /// Roles.
    pub roles: HashSet<&'static str>,
    /// Privileges.
    pub privileges: HashSet<&'static str>,
    attributes: Vec<(Type, Attribute)>,
    /// What the driving context names.
    mode: Option<usize>,
}

/// Everything statements are run against.
#[derive(Debug)]
pub struct Scene {
    /// Where the tables are.
    pub schema: String,
    /// Types of the columns of each table; the first is the key.
    pub columns: [Vec<Type>; TABLES],
    /// Rows.
    pub data: [Vec<Row>; TABLES],
    /// Who asks; the last run is without a session.
    pub subjects: Vec<Subject>,
    policies: Vec<Policy>,
    natives: Vec<Native>,
    masks: Vec<Mask>,
    /// Whether a driving context chooses among the groups of a table.
    is_driven: [bool; TABLES],
}

/// The two groups of every table with a driving context.
const GROUPS: [&str; 2] = ["ONE", "TWO"];

/// Roles that sessions may have.
pub const ROLES: [&str; 3] = ["clerk", "manager", "auditor"];
/// Privileges that sessions may have.
pub const PRIVILEGES: [&str; 2] = ["read", "write"];

impl Subject {
    fn random(random: &mut Random) -> Self {
        let mut attributes = vec![];
        for kind in Type::ALL {
            match random.below(4) {
                0 => (),
                1 => {
                    let count = random.below(4);
                    let list = (0..count).map(|_| kind.value(random)).collect();
                    attributes.push((kind, Attribute::List(list)));
                }
                _ => attributes.push((kind, Attribute::One(kind.value(random)))),
            }
        }
        Self {
            name: (*random.pick(&["East", "West", "O'Neil", "user"])).to_owned(),
            roles: ROLES.into_iter().filter(|_| random.chance(40)).collect(),
            privileges: PRIVILEGES.into_iter().filter(|_| random.chance(50)).collect(),
            attributes,
            mode: random.chance(70).then(|| random.below(GROUPS.len())),
        }
    }

    /// A single attribute; a list is none.
    #[must_use]
    pub fn attribute(&self, kind: Type) -> Datum {
        self.attributes
            .iter()
            .find_map(|(known, attribute)| match attribute {
                Attribute::One(value) if *known == kind => Some(value.clone()),
                _ => None,
            })
    }

    /// An attribute as a list; a single value is a list of one.
    #[must_use]
    pub fn attribute_list(&self, kind: Type) -> Option<Vec<Datum>> {
        self.attributes
            .iter()
            .find_map(|(known, attribute)| match attribute {
                _ if *known != kind => None,
                Attribute::One(value) => Some(vec![Some(value.clone())]),
                Attribute::List(values) => Some(values.iter().cloned().map(Some).collect()),
            })
    }

    /// What the bridge stores.
    #[must_use]
    pub fn login(&self) -> crate::Subject {
        let as_json = |value: &Value| match value {
            Value::Int(number) => json!(number),
            Value::Bool(flag) => json!(flag),
            value => json!(value.text()),
        };
        let mut attributes = Map::new();
        for (kind, attribute) in &self.attributes {
            let value = match attribute {
                Attribute::One(value) => as_json(value),
                Attribute::List(values) => Json::Array(values.iter().map(as_json).collect()),
            };
            attributes.insert(kind.attribute().to_owned(), value);
        }
        if let Some(mode) = self.mode {
            attributes.insert("mode".to_owned(), json!(GROUPS[mode].to_lowercase()));
        }
        let mut login = crate::Subject::new(&self.name).attributes(json!({ "app": attributes }));
        for role in &self.roles {
            login = login.role(role);
        }
        for privilege in &self.privileges {
            login = login.privilege(privilege);
        }
        login
    }
}

impl Policy {
    /// Whether it lets a row pass: only what is true does.
    #[must_use]
    pub fn holds(&self, world: &World<'_>) -> bool {
        let condition = match &self.source {
            Source::Template(condition) => Some(condition),
            Source::Function(role, inside, outside) => {
                let is_inside = world.subject.is_some_and(|subject| subject.roles.contains(role));
                if is_inside {
                    inside.as_ref()
                } else {
                    outside.as_ref()
                }
            }
        };
        condition.is_some_and(|condition| condition.truth(world) == Some(true))
    }

    /// The function, for its owner.
    fn function_sql(&self, schema: &str) -> String {
        let text = |condition: &Option<Condition>| {
            condition
                .as_ref()
                .map_or("NULL".to_owned(), |condition| quoted(condition, schema))
        };
        match &self.source {
            Source::Template(_) => String::new(),
            Source::Function(role, inside, outside) => format!(
                "CREATE FUNCTION {schema}.f_{}(text, text) RETURNS text LANGUAGE sql STABLE RETURN
                     CASE WHEN vpd.user_in_role('{role}') THEN {} ELSE {} END;\n",
                self.name,
                text(inside),
                text(outside)
            ),
        }
    }

    fn sql(&self, schema: &str) -> String {
        let source = match &self.source {
            Source::Template(condition) => format!("predicate => {}", quoted(condition, schema)),
            Source::Function(..) => format!("policy_function => '{schema}.f_{}'", self.name),
        };
        let kind = self
            .kind
            .map_or(String::new(), |kind| format!(", kind => '{kind}'"));
        let relevant = self.relevant.map_or(String::new(), |relevant| {
            let columns = (0..32).filter(|column| relevant & 1 << column != 0);
            let columns: Vec<String> = columns.map(|column| name(self.table, column)).collect();
            format!(", relevant_columns => '{{{}}}'", columns.join(","))
        });
        let group = self.group.map_or(String::new(), |group| {
            format!(", policy_group => '{}'", GROUPS[group])
        });
        let commands: Vec<&str> = self.commands.iter().map(|command| command.sql()).collect();
        format!(
            "SELECT vpd.add_policy('{schema}.t{}', '{}', {source}{kind}{relevant}{group}, statement_types => '{{{}}}', update_check => {}, enabled => {});\n",
            self.table,
            self.name,
            commands.join(","),
            self.is_checked,
            self.is_enabled
        )
    }
}

impl Mask {
    fn sql(&self, schema: &str, kind: Type) -> String {
        format!(
            "SELECT vpd.add_mask('{schema}.t{}', '{}', $m${}$m$, {}, enabled => {});\n",
            self.table,
            name(self.table, self.column),
            sql(&self.value, kind),
            quoted(&self.visible, schema),
            self.is_enabled
        )
    }
}

fn quoted(condition: &Condition, schema: &str) -> String {
    format!("$p${}$p$", condition.sql(schema))
}

impl Scene {
    /// A scene with everything in it.
    #[must_use]
    pub fn random(number: u64, random: &mut Random) -> Self {
        let columns = [(); TABLES].map(|()| {
            let count = random.between(2, 4);
            let mut kinds = vec![Type::Int];
            kinds.extend((0..count).map(|_| *random.pick(&Type::ALL)));
            kinds
        });
        let data = columns.each_ref().map(|kinds| {
            let count = i64::try_from(random.between(3, 14)).unwrap_or(3);
            (1..=count)
                .map(|id| {
                    let others = kinds[1..].iter().map(|kind| kind.datum(random));
                    std::iter::once(Some(Value::Int(id))).chain(others).collect()
                })
                .collect()
        });
        let mut scene = Self {
            schema: format!("r{number}"),
            columns,
            data,
            subjects: (0..4).map(|_| Subject::random(random)).collect(),
            policies: vec![],
            natives: vec![],
            masks: vec![],
            is_driven: [(); TABLES].map(|()| random.chance(25)),
        };
        for table in 0..TABLES {
            // The last table is sometimes one that nothing protects.
            let count = if table + 1 == TABLES && random.chance(40) {
                0
            } else {
                random.between(1, 3)
            };
            for _ in 0..count {
                let policy = scene.policy(table, random);
                scene.policies.push(policy);
            }
            for column in 1..scene.columns[table].len() {
                if count > 0 && random.chance(25) {
                    let mask = scene.mask(table, column, random);
                    scene.masks.push(mask);
                }
            }
            if count > 0 && random.chance(35) {
                let native = scene.native(table, random);
                scene.natives.push(native);
            }
        }
        scene
    }

    fn policy(&self, table: usize, random: &mut Random) -> Policy {
        let inner: Vec<usize> = (table + 1..TABLES).collect();
        let condition =
            |random: &mut Random| Generator::new(&self.columns, &inner, random).condition(&[table], 3);
        let (source, kind) = match random.below(5) {
            0 => {
                let text =
                    |random: &mut Random, condition: Condition| (!random.chance(10)).then_some(condition);
                let (inside, outside) = (condition(random), condition(random));
                let (inside, outside) = (text(random, inside), text(random, outside));
                let kinds = [
                    Some("context_sensitive"),
                    Some("shared_context_sensitive"),
                    Some("dynamic"),
                    None,
                ];
                (
                    Source::Function(random.pick::<&str>(&ROLES), inside, outside),
                    *random.pick(&kinds),
                )
            }
            _ => (Source::Template(condition(random)), None),
        };
        let mut commands: Vec<Command> = Command::ALL.into_iter().filter(|_| random.chance(75)).collect();
        if commands.is_empty() {
            commands = Command::ALL.to_vec();
        }
        let relevant = random.chance(20).then(|| {
            1 << random.below(self.columns[table].len()) | 1 << random.below(self.columns[table].len())
        });
        Policy {
            name: format!("p{}", self.policies.len()),
            table,
            source,
            kind,
            commands,
            relevant,
            is_checked: random.chance(75),
            is_enabled: random.chance(85),
            group: (self.is_driven[table] && random.chance(60)).then(|| random.below(GROUPS.len())),
        }
    }

    fn mask(&self, table: usize, column: usize, random: &mut Random) -> Mask {
        let inner: Vec<usize> = (table + 1..TABLES).collect();
        Mask {
            table,
            column,
            value: self.columns[table][column].datum(random),
            visible: Generator::new(&self.columns, &inner, random).condition(&[table], 2),
            is_enabled: random.chance(90),
        }
    }

    /// The masks in force over the columns of a table.
    pub fn masks(&self, table: usize) -> impl Iterator<Item = &Mask> {
        self.masks
            .iter()
            .filter(move |mask| mask.table == table && mask.is_enabled)
    }

    fn native(&self, table: usize, random: &mut Random) -> Native {
        let inner: Vec<usize> = (table + 1..TABLES).collect();
        let command = (!random.chance(40)).then(|| *random.pick(&Command::ALL));
        Native {
            name: format!("n{}", self.natives.len()),
            table,
            command,
            condition: Generator::new(&self.columns, &inner, random).condition(&[table], 2),
        }
    }

    /// Whether any policy stands on a table.
    #[must_use]
    pub fn is_protected(&self, table: usize) -> bool {
        self.policies.iter().any(|policy| policy.table == table)
    }

    /// The policies that a command of a subject meets where these columns are referenced.
    #[must_use]
    pub fn policies(
        &self,
        table: usize,
        command: Command,
        columns: Columns,
        subject: Option<&Subject>,
    ) -> Vec<&Policy> {
        let mode = subject.and_then(|subject| subject.mode);
        let is_chosen =
            |policy: &Policy| mode.is_none() || policy.group.is_none_or(|group| Some(group) == mode);
        let applies = |policy: &&Policy| {
            policy.table == table
                && is_chosen(policy)
                && policy.is_enabled
                && policy.commands.contains(&command)
                && policy.relevant.is_none_or(|relevant| relevant & columns != 0)
        };
        self.policies.iter().filter(applies).collect()
    }

    /// Whether a policy of a table is about some columns only.
    #[must_use]
    pub fn has_relevant(&self, table: usize) -> bool {
        self.policies
            .iter()
            .any(|policy| policy.table == table && policy.relevant.is_some())
    }

    /// The native policies that a command meets.
    #[must_use]
    pub fn natives(&self, table: usize, command: Command) -> Vec<&Native> {
        let applies =
            |native: &&Native| native.table == table && native.command.is_none_or(|known| known == command);
        self.natives.iter().filter(applies).collect()
    }

    /// Enables or disables some policy or mask; what the administrator has to do for it.
    pub fn flip(&mut self, random: &mut Random) -> String {
        if !self.masks.is_empty() && random.chance(40) {
            let number = random.below(self.masks.len());
            let mask = &mut self.masks[number];
            mask.is_enabled = !mask.is_enabled;
            return format!(
                "SELECT vpd.enable_mask('{}.t{}', '{}', {});\n",
                self.schema,
                mask.table,
                name(mask.table, mask.column),
                mask.is_enabled
            );
        }
        let number = random.below(self.policies.len());
        let policy = &mut self.policies[number];
        policy.is_enabled = !policy.is_enabled;
        format!(
            "SELECT vpd.enable_policy('{}.t{}', '{}', {});\n",
            self.schema, policy.table, policy.name, policy.is_enabled
        )
    }

    /// Switches a policy off on the server alone: the control of the whole comparison.
    #[must_use]
    pub fn sabotage(&self) -> String {
        let tables = self.policies.iter().map(|policy| {
            format!(
                "SELECT vpd.enable_policy('{}.t{}', '{}', false);\n",
                self.schema, policy.table, policy.name
            )
        });
        tables.collect()
    }

    /// These columns of a table as texts.
    #[must_use]
    pub fn text_sql(&self, table: usize, columns: Columns) -> String {
        let columns: Vec<String> = (0..self.columns[table].len())
            .filter(|column| columns & 1 << column != 0)
            .map(|column| format!("{}::text", name(table, column)))
            .collect();
        columns.join(", ")
    }

    /// Tables, rows, native policies and the functions that look past all policies; for a superuser.
    #[must_use]
    pub fn tables_sql(&self) -> String {
        let schema = &self.schema;
        let mut script = format!("CREATE SCHEMA {schema};\nGRANT USAGE ON SCHEMA {schema} TO PUBLIC;\n");
        for table in 0..TABLES {
            let columns: Vec<String> = self.columns[table]
                .iter()
                .enumerate()
                .map(|(column, kind)| {
                    let key = if column == 0 { " PRIMARY KEY" } else { "" };
                    format!("{} {}{key}", name(table, column), kind.sql())
                })
                .collect();
            script += &format!("CREATE TABLE {schema}.t{table} ({});\n", columns.join(", "));
            for row in &self.data[table] {
                script += &format!(
                    "INSERT INTO {schema}.t{table} VALUES ({});\n",
                    self.row_sql(table, row)
                );
            }
            script += &format!(
                "CREATE FUNCTION {schema}.dump{table}() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER
                     AS $$SELECT array_to_string(ARRAY[{}], '|', '~') FROM {schema}.t{table}$$;
                 GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.t{table} TO app_user;\n",
                self.text_sql(table, ALL)
            );
        }
        script += &format!(
            "CREATE FUNCTION {schema}.rows(query text) RETURNS SETOF text LANGUAGE plpgsql
                 AS $$BEGIN RETURN QUERY EXECUTE query; END$$;\n"
        );
        for policy in &self.policies {
            script += &policy.function_sql(schema);
        }
        for native in &self.natives {
            let condition = native.condition.sql(schema);
            let (command, clause) = match native.command {
                None => ("ALL", "USING"),
                Some(Command::Insert) => ("INSERT", "WITH CHECK"),
                Some(command) => (command.sql(), "USING"),
            };
            script += &format!(
                "CREATE POLICY {} ON {schema}.t{} AS RESTRICTIVE FOR {command} {clause} ({condition});\n",
                native.name, native.table
            );
        }
        script
    }

    /// The policies; for the security administrator.
    #[must_use]
    pub fn policies_sql(&self) -> String {
        let schema = &self.schema;
        let mut script = String::new();
        for table in (0..TABLES).filter(|table| self.is_driven[*table]) {
            for group in GROUPS {
                script += &format!("SELECT vpd.create_policy_group('{schema}.t{table}', '{group}');\n");
            }
            script += &format!("SELECT vpd.add_policy_context('{schema}.t{table}', 'app', 'mode');\n");
        }
        for policy in &self.policies {
            script += &policy.sql(schema);
        }
        for mask in &self.masks {
            script += &mask.sql(schema, self.columns[mask.table][mask.column]);
        }
        script
    }

    /// A row as SQL writes it.
    #[must_use]
    pub fn row_sql(&self, table: usize, row: &Row) -> String {
        let values: Vec<String> = row
            .iter()
            .zip(&self.columns[table])
            .map(|(datum, kind)| sql(datum, *kind))
            .collect();
        values.join(", ")
    }
}

/// These columns of a row in one text, as the server is asked to make it.
#[must_use]
pub fn text(row: &Row, columns: Columns) -> String {
    let texts: Vec<String> = row
        .iter()
        .enumerate()
        .filter(|(column, _)| columns & 1 << column != 0)
        .map(|(_, datum)| datum.as_ref().map_or_else(|| "~".to_owned(), Value::text))
        .collect();
    texts.join("|")
}
