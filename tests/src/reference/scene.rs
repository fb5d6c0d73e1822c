//! Random tables, rows, policies and subjects: in memory, and as SQL for the server.

use super::effect::{Action, CHILD, ForeignKey, Read, Rule, Trigger};
use super::evaluation::{Data, Row, TABLES};
use super::expression::{ALL, Columns, Condition, name};
use super::generation::Generator;
use super::native::Native;
use super::policy::{Mask, Policy, Text};
use super::random::Random;
use super::subject::GROUPS;
pub use super::subject::{PRIVILEGES, ROLES, Subject};
use super::value::{Seal, Type, Value, sql};
use super::view::{Source, View, inner};

/// Commands that policies tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Select,
    Insert,
    Update,
    Delete,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Select, Self::Insert, Self::Update, Self::Delete];

    /// As SQL writes it, in lower case.
    #[must_use]
    pub fn sql(self) -> &'static str {
        ["select", "insert", "update", "delete"][self as usize]
    }
}

/// Everything statements are run against.
#[derive(Debug)]
pub struct Scene {
    /// Where the tables are.
    pub schema: String,
    /// Types of the columns of each table; the first is the key.
    pub columns: [Vec<Type>; TABLES],
    /// Rows.
    pub data: Data,
    /// Who asks; the last run is without a session.
    pub subjects: Vec<Subject>,
    /// PostgreSQL's own policies.
    pub natives: Vec<Native>,
    /// Views; those over other views come later.
    pub views: Vec<View>,
    /// Rules of tables.
    pub rules: Vec<Rule>,
    /// Row triggers, in the order in which they fire.
    pub triggers: Vec<Trigger>,
    /// What the first table refers to.
    pub foreign_key: Option<ForeignKey>,
    pub(super) policies: Vec<Policy>,
    pub(super) masks: Vec<Mask>,
    /// What stands for sealed values where the privilege is missing.
    sealed: Vec<Mask>,
    /// Whether a driving context chooses among the groups of a table.
    is_driven: [bool; TABLES],
}

impl Scene {
    /// A scene with everything in it.
    #[must_use]
    pub fn random(number: u64, random: &mut Random) -> Self {
        let mut columns = std::array::from_fn(|table| {
            let count = random.between(2, 4);
            let mut kinds = vec![Type::Int];
            kinds.extend((0..count).map(|_| {
                // Not where nothing protects the rows: without a session values are envelopes, of which no two are alike.
                if table + 1 < TABLES && random.chance(20) {
                    Type::Sealed(*random.pick(&Seal::ALL))
                } else {
                    *random.pick(&Type::ALL)
                }
            }));
            kinds
        });
        let foreign_key = random
            .chance(55)
            .then(|| ForeignKey::random(columns[CHILD].len(), random));
        if foreign_key.is_some() {
            columns[CHILD].push(Type::Int);
        }
        let sealed = Mask::sealing(&columns);
        let mut scene = Self {
            schema: format!("r{number}"),
            columns,
            data: [const { vec![] }; TABLES],
            subjects: (0..4).map(|_| Subject::random(random)).collect(),
            natives: vec![],
            views: vec![],
            rules: vec![],
            triggers: vec![],
            foreign_key,
            policies: vec![],
            masks: vec![],
            sealed,
            is_driven: [(); TABLES].map(|()| random.chance(25)),
        };
        // From the last table to the first: what a table reads is there before it.
        for table in (0..TABLES).rev() {
            let count = i64::try_from(random.between(3, 14)).unwrap_or(3);
            scene.data[table] = (1..=count).map(|id| scene.row(table, id, random)).collect();
            let mut has_rules = random.chance(30);
            // What a rule of a table does inside a referential action is nobody's statement.
            if scene.is_child(table) {
                has_rules = false;
            }
            for _ in 0..random.below(3) {
                scene.add_view(table, has_rules, random);
            }
            for _ in 0..if has_rules { random.between(1, 2) } else { 0 } {
                scene.add_rule(table, random);
            }
            scene.add_policies(table, random);
        }
        for table in 0..TABLES {
            for _ in 0..if random.chance(if scene.is_child(table) { 75 } else { 35 }) {
                random.between(1, 2)
            } else {
                0
            } {
                scene.add_trigger(table, random);
            }
        }
        scene
    }

    /// A row with a key.
    pub fn row(&self, table: usize, key: i64, random: &mut Random) -> Row {
        let others = (1..self.columns[table].len()).map(|column| match &self.foreign_key {
            Some(reference) if table == CHILD && column == reference.column && random.chance(90) => {
                reference.datum(&self.data[reference.parent], random)
            }
            // A row that refers to nothing is refused; those that are there refer to something.
            Some(reference)
                if table == CHILD && column == reference.column && self.data[table].is_empty() =>
            {
                None
            }
            _ => self.columns[table][column].datum(random),
        });
        std::iter::once(Some(Value::Int(key))).chain(others).collect()
    }

    fn add_policies(&mut self, table: usize, random: &mut Random) {
        // The last table is sometimes one that nothing protects.
        let count = if table + 1 == TABLES && random.chance(40) {
            0
        } else {
            random.between(1, 3)
        };
        for _ in 0..count {
            let policy = self.policy(table, random);
            self.policies.push(policy);
        }
        for column in 1..self.columns[table].len() {
            let kind = self.columns[table][column];
            if count > 0 && kind == kind.plain() && random.chance(25) {
                let mask = self.mask(table, column, random);
                self.masks.push(mask);
            }
        }
        for _ in 0..if count > 0 && random.chance(45) {
            random.between(1, 3)
        } else {
            0
        } {
            let number = self.natives.len();
            let native = Native::random(number, table, random, |random| self.condition(table, 2, random));
            self.natives.push(native);
        }
    }

    fn add_view(&mut self, table: usize, has_rules: bool, random: &mut Random) {
        let width = self.columns[table].len();
        let view = View::random(table, &self.views, width, has_rules, random, |random| {
            self.condition(table, 2, random)
        });
        self.views.push(view);
    }

    fn add_rule(&mut self, table: usize, random: &mut Random) {
        let event = *random.pick(&[Command::Insert, Command::Update, Command::Delete]);
        let action = if random.chance(65) {
            Action::Also(self.read(&[0, 1, 2], random))
        } else {
            Action::Nothing
        };
        let is_nothing = matches!(action, Action::Nothing);
        let condition = (is_nothing || random.chance(50)).then(|| self.condition(table, 1, random));
        self.rules.push(Rule {
            table,
            event,
            condition,
            action,
        });
    }

    fn add_trigger(&mut self, table: usize, random: &mut Random) {
        let is_before = table + 1 < TABLES && random.chance(60);
        // In the middle of a statement a trigger reads what the statement does not change, and no policy of that reads it either.
        let is_changing = is_before || self.is_child(table);
        let read: Vec<usize> = (table + usize::from(is_changing)..TABLES).collect();
        let all = [Command::Insert, Command::Update, Command::Delete];
        let mut events: Vec<Command> = all.into_iter().filter(|_| random.chance(60)).collect();
        if events.is_empty() {
            events = all.to_vec();
        }
        let last = match &self.foreign_key {
            Some(reference) if table == CHILD => reference.column - 1,
            _ => self.columns[table].len() - 1,
        };
        let set = (is_before && random.chance(30)).then(|| {
            let column = random.between(1, last);
            let kind = self.columns[table][column];
            (column, kind, kind.datum(random))
        });
        self.triggers.push(Trigger {
            table,
            is_before,
            events,
            is_definer: random.chance(50),
            read: self.read(&read, random),
            set,
        });
    }

    /// A query over one of these tables.
    fn read(&self, tables: &[usize], random: &mut Random) -> Read {
        let table = *random.pick(tables);
        let source = Source::random(table, &self.views, 35, random);
        let width = self.columns[table].len();
        let columns = 1 << random.below(width) | 1 << random.below(width);
        let condition = random.chance(40).then(|| self.condition(table, 1, random));
        Read::new(source, columns, condition)
    }

    /// A condition over a table that reads later tables only, so that nothing leads back.
    fn condition(&self, table: usize, depth: usize, random: &mut Random) -> Condition {
        Generator::new(&self.columns, &self.views, &inner(table), random).condition(&[table], depth)
    }

    fn policy(&self, table: usize, random: &mut Random) -> Policy {
        let condition = |random: &mut Random| self.condition(table, 3, random);
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
                    Text::Function(random.pick::<&str>(&ROLES), inside, outside),
                    *random.pick(&kinds),
                )
            }
            _ => (Text::Template(condition(random)), None),
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
        Mask {
            table,
            column,
            value: self.columns[table][column].datum(random),
            visible: self.condition(table, 2, random),
            is_enabled: random.chance(90),
        }
    }

    /// The masks in force over the columns of a table.
    pub fn masks(&self, table: usize) -> impl Iterator<Item = &Mask> {
        self.masks
            .iter()
            .chain(&self.sealed)
            .filter(move |mask| mask.table == table && mask.is_enabled)
    }

    /// Whether any column is sealed.
    #[must_use]
    pub fn is_any_sealed(&self) -> bool {
        !self.sealed.is_empty()
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

    /// The rules of a table for a command, each with its number.
    pub fn rules(&self, table: usize, event: Command) -> impl Iterator<Item = (usize, &Rule)> {
        self.rules
            .iter()
            .enumerate()
            .filter(move |(_, rule)| rule.table == table && rule.event == event)
    }

    /// Whether it refers to another table.
    #[must_use]
    pub fn is_child(&self, table: usize) -> bool {
        self.foreign_key.is_some() && table == CHILD
    }

    /// Whether another table refers to it.
    #[must_use]
    pub fn is_parent(&self, table: usize) -> bool {
        self.foreign_key
            .as_ref()
            .is_some_and(|reference| reference.parent == table)
    }

    /// Whether a table has rules, with which some statements are refused.
    #[must_use]
    pub fn has_rules(&self, table: usize) -> bool {
        self.rules.iter().any(|rule| rule.table == table)
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

    /// Tables, rows, what happens beside statements, native policies and the functions that look past all policies; for a superuser.
    #[must_use]
    pub fn tables_sql(&self) -> String {
        let schema = &self.schema;
        let mut script = format!(
            "CREATE SCHEMA {schema};\nGRANT USAGE ON SCHEMA {schema} TO PUBLIC;
             CREATE TABLE {schema}.log (line text); GRANT INSERT ON {schema}.log TO app_user;
             ALTER TABLE {schema}.log OWNER TO app_owner;\n"
        );
        let mut dump = format!("SELECT 'log|' || line FROM {schema}.log");
        for table in 0..TABLES {
            let columns: Vec<String> = self.columns[table]
                .iter()
                .enumerate()
                .map(|(column, kind)| {
                    let key = if column == 0 { " PRIMARY KEY" } else { "" };
                    format!("{} {}{key}", name(table, column), kind.column_sql())
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
                "GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.t{table} TO app_user;
                 ALTER TABLE {schema}.t{table} OWNER TO app_owner;\n"
            );
            dump += &format!(
                " UNION ALL SELECT array_to_string(ARRAY['{table}', {}], '|', '~') FROM {schema}.t{table}",
                self.text_sql(table, ALL)
            );
        }
        script += &format!(
            "CREATE FUNCTION {schema}.dump() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $${dump}$$;
             CREATE FUNCTION {schema}.rows(query text) RETURNS SETOF text LANGUAGE plpgsql
                 AS $$BEGIN RETURN QUERY EXECUTE query; END$$;\n"
        );
        if let Some(reference) = &self.foreign_key {
            script += &reference.sql(schema);
        }
        for (number, view) in self.views.iter().enumerate() {
            script += &view.sql(number, schema, self.columns[view.base.table].len());
        }
        for (number, rule) in self.rules.iter().enumerate() {
            script += &rule.sql(number, self);
        }
        for (number, trigger) in self.triggers.iter().enumerate() {
            script += &trigger.sql(number, self);
        }
        for policy in &self.policies {
            script += &policy.function_sql(schema);
        }
        for native in &self.natives {
            script += &native.sql(schema);
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
