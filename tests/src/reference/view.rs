//! Views: plain ones, barriers, those that read as the invoker, with check options, over a table or over another view; and rules that
//! put other statements in the place of what is aimed at them. They show every column of their table under its own name.

use super::evaluation::{Role, TABLES, World};
use super::expression::{Condition, name};
use super::random::Random;
use super::scene::Command;

/// Where rows of a table are read or written: the table itself, or a view over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Number of the table.
    pub table: usize,
    /// Number of the view.
    pub view: Option<usize>,
}

impl Source {
    /// A table, or now and then a view over it.
    pub fn random(table: usize, views: &[View], percent: usize, random: &mut Random) -> Self {
        let over: Vec<usize> = (0..views.len())
            .filter(|view| views[*view].base.table == table)
            .collect();
        let view = (!over.is_empty() && random.chance(percent)).then(|| *random.pick(&over));
        Self { table, view }
    }

    /// As an entry of FROM, under the name of the table.
    #[must_use]
    pub fn sql(self, schema: &str) -> String {
        let table = self.table;
        self.view.map_or_else(
            || format!("{schema}.t{table}"),
            |view| format!("{schema}.v{view} AS t{table}"),
        )
    }
}

/// WITH CHECK OPTION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Local,
    Cascaded,
}

/// What a rule does instead of a statement aimed at a view: the same to the table, row by row, as the owner of the view.
#[derive(Debug, Clone)]
pub struct Instead {
    /// The command that is replaced.
    pub event: Command,
    /// The column that an UPDATE takes over.
    pub column: usize,
    /// What the rule asks of rows of the table besides.
    pub condition: Option<Condition>,
}

/// A view.
#[derive(Debug, Clone)]
pub struct View {
    /// What it reads.
    pub base: Source,
    condition: Option<Condition>,
    is_barrier: bool,
    is_invoker: bool,
    check: Option<Check>,
    /// Rules, one for a command at most.
    pub instead: Vec<Instead>,
}

impl View {
    /// A view over a table, or over a view that has no rules; `has_rules` says that the table has rules of its own.
    pub fn random(
        table: usize,
        views: &[Self],
        width: usize,
        has_rules: bool,
        random: &mut Random,
        mut condition: impl FnMut(&mut Random) -> Condition,
    ) -> Self {
        let mut base = Source::random(table, views, 30, random);
        if base.view.is_some_and(|view| !views[view].instead.is_empty()) {
            base.view = None;
        }
        let mut instead = vec![];
        if base.view.is_none() && !has_rules && random.chance(60) {
            for event in [Command::Insert, Command::Update, Command::Delete] {
                if random.chance(60) {
                    let asks = event != Command::Insert && random.chance(50);
                    instead.push(Instead {
                        event,
                        column: random.between(1, width - 1),
                        condition: asks.then(|| condition(random)),
                    });
                }
            }
        }
        let can_check = instead.is_empty() && random.chance(40);
        Self {
            base,
            condition: random.chance(75).then(|| condition(random)),
            is_barrier: random.chance(50),
            is_invoker: random.chance(35),
            check: can_check.then(|| *random.pick(&[Check::Local, Check::Cascaded])),
            instead,
        }
    }

    /// As whom it reads, and evaluates its condition.
    #[must_use]
    pub fn role(&self, user: Role) -> Role {
        if self.is_invoker { user } else { Role::Owner }
    }

    /// Whether it lets a row pass that its base shows.
    #[must_use]
    pub fn shows(&self, world: &World<'_>) -> bool {
        let world = world.read_as(self.role(world.user));
        self.condition
            .as_ref()
            .is_none_or(|condition| condition.truth(&world) == Some(true))
    }

    /// The rule for a command.
    #[must_use]
    pub fn rule(&self, event: Command) -> Option<&Instead> {
        self.instead.iter().find(|rule| rule.event == event)
    }

    /// The view and its rules, for their owner.
    #[must_use]
    pub fn sql(&self, number: usize, schema: &str, columns: usize) -> String {
        let table = self.base.table;
        let names: Vec<String> = (0..columns)
            .map(|column| format!("t{table}.{}", name(table, column)))
            .collect();
        let options: Vec<&str> = [
            self.is_barrier.then_some("security_barrier"),
            self.is_invoker.then_some("security_invoker"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let options = if options.is_empty() {
            String::new()
        } else {
            format!(" WITH ({})", options.join(", "))
        };
        let check = match self.check {
            None => "",
            Some(Check::Local) => " WITH LOCAL CHECK OPTION",
            Some(Check::Cascaded) => " WITH CASCADED CHECK OPTION",
        };
        let condition = self.condition.as_ref().map_or(String::new(), |condition| {
            format!(" WHERE {}", condition.sql(schema))
        });
        let mut script = format!(
            "CREATE VIEW {schema}.v{number}{options} AS SELECT {} FROM {}{condition}{check};
             ALTER VIEW {schema}.v{number} OWNER TO app_owner;
             GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.v{number} TO app_user;\n",
            names.join(", "),
            self.base.sql(schema)
        );
        for rule in &self.instead {
            let key = name(table, 0);
            let condition = rule.condition.as_ref().map_or(String::new(), |condition| {
                format!(" AND ({})", condition.sql(schema))
            });
            let place = format!("WHERE t{table}.{key} = old.{key}{condition}");
            let action = match rule.event {
                Command::Insert => {
                    let values: Vec<String> = (0..columns)
                        .map(|column| format!("new.{}", name(table, column)))
                        .collect();
                    format!("INSERT INTO {schema}.t{table} VALUES ({})", values.join(", "))
                }
                Command::Update => {
                    let column = name(table, rule.column);
                    format!("UPDATE {schema}.t{table} SET {column} = new.{column} {place}")
                }
                _ => format!("DELETE FROM {schema}.t{table} {place}"),
            };
            let event = rule.event.sql();
            script += &format!(
                "CREATE RULE i_{event} AS ON {event} TO {schema}.v{number} DO INSTEAD {action} RETURNING t{table}.*;\n"
            );
        }
        script
    }

    /// The control: the server reads the view as a superuser, past policies.
    #[must_use]
    pub fn sabotage(number: usize, schema: &str) -> String {
        format!("ALTER VIEW {schema}.v{number} OWNER TO postgres;\n")
    }

    /// The control: the server forgets the rules.
    #[must_use]
    pub fn rule_sabotage(&self, number: usize, schema: &str) -> String {
        let rules = self
            .instead
            .iter()
            .map(|rule| format!("DROP RULE i_{} ON {schema}.v{number};\n", rule.event.sql()));
        rules.collect()
    }
}

/// As whom the table below a view is read or written.
#[must_use]
pub fn base_role(source: Source, views: &[View], user: Role) -> Role {
    match source.view {
        None => user,
        Some(view) => match views[view].base.view {
            Some(_) => base_role(views[view].base, views, user),
            None => views[view].role(user),
        },
    }
}

/// Whether the views on the way to a table show its current row, which stands in the world as it is seen.
#[must_use]
pub fn pass(source: Source, views: &[View], world: &World<'_>) -> bool {
    source
        .view
        .is_none_or(|view| views[view].shows(world) && pass(views[view].base, views, world))
}

/// Whether the check options of the views let a new row in.
#[must_use]
pub fn admit(source: Source, views: &[View], is_cascaded: bool, world: &World<'_>) -> bool {
    let Some(view) = source.view.map(|view| &views[view]) else {
        return true;
    };
    let is_checked = is_cascaded || view.check.is_some();
    let is_cascaded = is_cascaded || view.check == Some(Check::Cascaded);
    (!is_checked || view.shows(world)) && admit(view.base, views, is_cascaded, world)
}

/// Which tables a sub-select may read, for the order in which things are made.
#[must_use]
pub fn inner(table: usize) -> Vec<usize> {
    (table + 1..TABLES).collect()
}
