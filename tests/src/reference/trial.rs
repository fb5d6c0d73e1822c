//! One scene on the server: set up, every statement as every subject, compared, and taken down.

use postgres::error::DbError;
use postgres::{Client, SimpleQueryMessage};

use super::Report;
use super::evaluation::World;
use super::outcome::Outcome;
use super::random::Random;
use super::sabotage::Sabotage;
use super::scene::{Scene, Subject};
use super::statement::Statement;
use super::value::Seal;
use crate::{Database, Result, attach, role};

/// Queries and writing statements of a scene.
const QUERIES: usize = 40;
const WRITES: usize = 14;

/// The connections of one worker; they stay while scenes come and go, so that what they keep of one could harm the next.
pub struct Trial {
    admin: Client,
    security: Client,
    bridge: Client,
    user: Client,
    sabotage: Option<Sabotage>,
}

impl Trial {
    /// Opens the connections.
    pub fn new(database: &Database<'_>, sabotage: Option<Sabotage>) -> Result<Self> {
        Ok(Self {
            admin: database.admin()?,
            security: database.connect(role::SECURITY)?,
            bridge: database.connect(role::BRIDGE)?,
            user: database.connect(role::USER)?,
            sabotage,
        })
    }

    /// Runs a scene.
    pub fn scene(&mut self, seed: u64, number: u64) -> Result<Report> {
        let mut random = Random::of(seed, number);
        let mut scene = Scene::random(number, &mut random);
        let queries: Vec<Statement> = (0..QUERIES)
            .map(|_| Statement::select(&scene, &mut random))
            .collect();
        let writes: Vec<Statement> = (0..WRITES)
            .map(|_| Statement::write(&scene, &mut random))
            .collect();
        let mode = *random.pick(&["auto", "force_generic_plan", "force_custom_plan"]);
        let mut script = Seal::KEYS.to_owned() + &scene.tables_sql();
        run_as(&mut self.admin, &scene.tables_sql())?;
        run_as(&mut self.security, &scene.policies_sql())?;
        script += &scene.policies_sql();
        if let Some(sabotage) = self.sabotage {
            run_as(&mut self.admin, &scene.sabotage(sabotage))?;
        }
        let mut tokens = vec![];
        let sees_all = |login: crate::Subject| {
            let privileges = Seal::ALL.map(Seal::privilege).into_iter();
            privileges.fold(login, |login, privilege| login.privilege(privilege))
        };
        for subject in &scene.subjects {
            let mut login = subject.login();
            if self.sabotage == Some(Sabotage::Seals) {
                login = sees_all(login);
            }
            tokens.push(Some(login.log_in_with(&mut self.bridge)?));
        }
        // What tables hold afterwards is looked at in another session, which sees all that is sealed.
        let keeper = if scene.is_any_sealed() {
            Some(sees_all(crate::Subject::new("keeper")).log_in_with(&mut self.bridge)?)
        } else {
            None
        };
        tokens.push(None);
        let prepare = prepare_sql(&scene, &queries, &writes, mode);
        run_as(&mut self.user, &prepare)?;

        let mut report = Report::default();
        // The plans are kept while subjects change and while a policy is switched on or off.
        for _ in 0..2 {
            for (subject, token) in tokens.iter().enumerate() {
                let asked = Asked {
                    scene: &scene,
                    subject: scene.subjects.get(subject),
                    token: token.as_deref(),
                    keeper: keeper.as_deref(),
                    script: &format!("{script}SET plan_cache_mode = {mode};\n"),
                };
                self.ask(&asked, &queries, &writes, &mut report)?;
            }
            let flip = scene.flip(&mut random);
            if self.sabotage.is_none() {
                run_as(&mut self.security, &flip)?;
            }
            script += &flip;
        }
        run_as(&mut self.user, "DEALLOCATE ALL")?;
        for token in tokens.iter().flatten().chain(&keeper) {
            self.bridge.execute("SELECT vpd.end_session($1)", &[token])?;
        }
        let schema = &scene.schema;
        run_as(
            &mut self.admin,
            &format!("SET client_min_messages = error; DROP SCHEMA {schema} CASCADE"),
        )?;
        Ok(report)
    }

    /// Every statement of a subject, each for itself, in one transaction that is rolled back.
    fn ask(
        &mut self,
        asked: &Asked<'_>,
        queries: &[Statement],
        writes: &[Statement],
        report: &mut Report,
    ) -> Result<()> {
        self.user.batch_execute("BEGIN")?;
        if let Some(token) = asked.token {
            attach(&mut self.user, token)?;
        }
        let world = World::new(asked.scene, &asked.scene.data, asked.subject);
        let batch: String = (0..queries.len())
            .map(|number| format!("EXECUTE q{number};\n"))
            .collect();
        let answers = answers(&mut self.user, &format!("SAVEPOINT s;{batch}"))?;
        for (number, query) in queries.iter().enumerate() {
            let seen = match &answers {
                Ok(answers) => answers
                    .get(number + 1)
                    .cloned()
                    .map(|rows| Outcome::Rows(rows, None)),
                Err(refusal) => Some(refused(refusal)),
            };
            let seen = seen.ok_or("an answer is missing")?;
            asked.compare(query, &query.outcome(&world), (&seen, ""), report);
        }
        self.user.batch_execute("ROLLBACK TO s")?;
        for (number, write) in writes.iter().enumerate() {
            if asked.token.is_none() && write.may_insert() {
                continue;
            }
            let text = if write.is_preparable() {
                format!("EXECUTE w{number}")
            } else {
                write.sql(asked.scene)
            };
            let mut message = String::new();
            let seen = match self::answers(&mut self.user, &text)? {
                Ok(answers) => {
                    let dumped = asked.dump(&mut self.user)?;
                    Outcome::Rows(answers.into_iter().next().unwrap_or_default(), dumped)
                }
                Err(refusal) => {
                    message = format!("{refusal}");
                    refused(&refusal)
                }
            };
            self.user.batch_execute("ROLLBACK TO s")?;
            asked.compare(write, &write.outcome(&world), (&seen, &message), report);
        }
        self.user.batch_execute("ROLLBACK")?;
        Ok(())
    }
}

/// Who asks, and how to get there by hand.
struct Asked<'a> {
    scene: &'a Scene,
    subject: Option<&'a Subject>,
    token: Option<&'a str>,
    /// The session of somebody who sees all that is sealed.
    keeper: Option<&'a str>,
    script: &'a str,
}

impl Asked<'_> {
    /// What all tables hold, for the session that sees it. Tokens are bound: the server writes the text of a statement that fails to its log.
    fn dump(&self, user: &mut Client) -> Result<Option<Vec<String>>> {
        if let Some(keeper) = self.keeper {
            if self.token.is_some() {
                user.batch_execute("SELECT vpd.detach_session()")?;
            }
            attach(user, keeper)?;
        }
        let dump = format!("SELECT * FROM {}.dump()", self.scene.schema);
        Ok(answers(user, &dump)??.into_iter().next())
    }

    fn compare(
        &self,
        statement: &Statement,
        expected: &Outcome,
        (seen, message): (&Outcome, &str),
        report: &mut Report,
    ) {
        report.cases += 1;
        report.effects += usize::from(expected.has_log());
        let agrees = match (expected, seen) {
            (Outcome::Refused(expected), Outcome::Refused(seen)) => {
                report.refused += 1;
                seen.is_subset(expected)
            }
            _ => expected == seen,
        };
        if !agrees {
            report.different += 1;
            if report.mismatches.len() < super::KEPT {
                report
                    .mismatches
                    .push(self.reproduction(statement, expected, seen) + message + "\n");
            }
        }
    }

    fn reproduction(&self, statement: &Statement, expected: &Outcome, seen: &Outcome) -> String {
        let login = self.subject.map_or("-- without a session".to_owned(), |subject| {
            format!("-- the session of {:?}", subject.login())
        });
        format!(
            "{}\n{login}\n{};\n-- expected {expected:?}\n-- seen     {seen:?}\n",
            self.script,
            statement.sql(self.scene)
        )
    }
}

fn prepare_sql(scene: &Scene, queries: &[Statement], writes: &[Statement], mode: &str) -> String {
    let mut script = format!("SET jit = off; SET plan_cache_mode = {mode};\n");
    for (number, query) in queries.iter().enumerate() {
        script += &format!("PREPARE q{number} AS {};\n", query.sql(scene));
    }
    for (number, write) in writes
        .iter()
        .enumerate()
        .filter(|(_, write)| write.is_preparable())
    {
        script += &format!("PREPARE w{number} AS {};\n", write.sql(scene));
    }
    script
}

/// The lines of each statement of a text, or the SQLSTATE of the refusal.
fn answers(user: &mut Client, text: &str) -> Result<std::result::Result<Vec<Vec<String>>, DbError>> {
    let messages = match user.simple_query(text) {
        Ok(messages) => messages,
        Err(error) => match error.as_db_error() {
            Some(refusal) => return Ok(Err(refusal.clone())),
            None => return Err(error.into()),
        },
    };
    let (mut answers, mut lines) = (vec![], vec![]);
    for message in messages {
        match message {
            SimpleQueryMessage::Row(row) => lines.push(row.get(0).unwrap_or("").to_owned()),
            SimpleQueryMessage::CommandComplete(_) => {
                lines.sort();
                answers.push(std::mem::take(&mut lines));
            }
            _ => (),
        }
    }
    Ok(Ok(answers))
}

fn refused(refusal: &DbError) -> Outcome {
    Outcome::Refused([refusal.code().code().to_owned()].into())
}

fn run_as(client: &mut Client, script: &str) -> Result<()> {
    client
        .batch_execute(script)
        .map_err(|error| format!("{error:?}\n{script}").into())
}
