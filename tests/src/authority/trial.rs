//! One graph on the server: defined, changed, asked, compared, and taken back with its transaction.

use postgres::{Client, SimpleQueryMessage};

use super::Report;
use super::change::{self, Change, DONE, date, text};
use super::evaluation::days;
use super::login::{self, Session};
use super::model::{ALWAYS, DAY, Excuse, FIRST, KEYS, Model, NOW, SECOND, THEN, UNITS};
use super::scene::{Login, Scene};
use crate::reference::random::Random;
use crate::{Database, Result};

/// What every graph finds: units, a source, a hierarchy, and functions that tell what a statement is answered.
const SETTING: &str = "
SET client_min_messages = error;
CREATE SCHEMA trial;
CREATE TABLE trial.token (number integer, token text);
CREATE FUNCTION trial.code(state text, detail text, message text) RETURNS text LANGUAGE sql AS
    $$SELECT state || ' ' || coalesce(substring(detail FROM 'code: ([a-z_]+)'), message)$$;
CREATE FUNCTION trial.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
    EXECUTE statement;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN trial.code(SQLSTATE, detail, SQLERRM);
END$$;
CREATE FUNCTION trial.log_in(number integer, actor integer, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; given text;
BEGIN
    IF actor IS NOT NULL AND NOT EXISTS (SELECT FROM trial.token t WHERE t.number = actor) THEN
        RETURN '28000 session_invalid';
    END IF;
    EXECUTE statement INTO given USING (SELECT t.token FROM trial.token t WHERE t.number = actor);
    INSERT INTO trial.token VALUES (number, given);
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN trial.code(SQLSTATE, detail, SQLERRM);
END$$;
-- Attaches, looks, and takes it back.
CREATE FUNCTION trial.look(number integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; given text; seen text;
BEGIN
    SELECT t.token INTO given FROM trial.token t WHERE t.number = look.number;
    IF given IS NULL THEN RETURN 'none'; END IF;
    PERFORM vpd.attach_session(given);
    SELECT array_to_string(ARRAY(SELECT r FROM unnest(s.roles) r ORDER BY r COLLATE \"C\"), ',') || '|' ||
           array_to_string(ARRAY(SELECT p FROM unnest(s.privileges) p ORDER BY p COLLATE \"C\"), ',') || '|' ||
           array_to_string(ARRAY(SELECT v.node_key FROM vpd.visible_nodes('h') v ORDER BY v.node_key COLLATE \"C\"), ',') || '|' ||
           array_to_string(ARRAY(SELECT k FROM unnest('{n0,n1,n2,n3,n4}'::text[]) k WHERE vpd.sees_node('h', k) ORDER BY k COLLATE \"C\"), ',')
      INTO seen
      FROM vpd.current_session() s;
    RAISE EXCEPTION USING ERRCODE = 'ZZ001', MESSAGE = seen;
EXCEPTION
    WHEN SQLSTATE 'ZZ001' THEN RETURN SQLERRM;
    WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
        RETURN trial.code(SQLSTATE, detail, SQLERRM);
END$$;
SELECT vpd.define_source('hr', 10);
SELECT vpd.define_hierarchy('h', '{top,middle,low}');
SELECT vpd.define_resource('session');
";

/// The connection of one worker; it stays while graphs come and go, so that what it keeps of one could harm the next.
pub struct Trial {
    admin: Client,
    is_production: bool,
    is_sabotaged: bool,
}

/// A question to the server, and what it has to answer: lines in any order, or one for each of several things in turn.
struct Question {
    what: String,
    sql: String,
    expected: Vec<String>,
    is_sorted: bool,
}

/// A text for the server with the questions in it, in their order.
#[derive(Default)]
struct Script {
    text: String,
    questions: Vec<Question>,
}

impl Trial {
    /// Opens the connection and sets up what every graph finds.
    pub fn new(database: &Database<'_>, is_production: bool, is_sabotaged: bool) -> Result<Self> {
        let mut admin = database.admin()?;
        admin.batch_execute(SETTING)?;
        for (unit, above) in UNITS {
            admin.execute("SELECT vpd.define_unit($1, $2)", &[&unit, &above])?;
        }
        for (key, above, level) in KEYS {
            admin.execute("SELECT vpd.define_node('h', $1, $2, $3)", &[&key, &above, &level])?;
        }
        Ok(Self {
            admin,
            is_production,
            is_sabotaged,
        })
    }

    /// Runs a graph.
    pub fn graph(&mut self, seed: u64, number: u64) -> Result<Report> {
        let mut random = Random::of(seed, number);
        let scene = Scene::random(self.is_production, &mut random);
        let (script, questions) = self.written(&scene);
        let answers = match answers(&mut self.admin, &script) {
            Ok(answers) => answers,
            Err(error) => {
                self.admin.batch_execute("ROLLBACK")?;
                return Err(format!("graph {number} of seed {seed}: {error}\n{script}").into());
            }
        };
        let mut report = Report::default();
        let mut different = Vec::new();
        for (question, answer) in questions.iter().zip(answers) {
            let mut answer = answer;
            if question.is_sorted {
                answer.sort();
            }
            report.answers += question.expected.len().max(1);
            report.refused += question
                .expected
                .iter()
                .filter(|line| line.starts_with("42501 ") || line.starts_with("28000 "))
                .count();
            if answer != question.expected {
                let missing: Vec<_> = question
                    .expected
                    .iter()
                    .filter(|line| !answer.contains(line))
                    .collect();
                let added: Vec<_> = answer
                    .iter()
                    .filter(|line| !question.expected.contains(line))
                    .collect();
                different.push(format!(
                    "-- {}\n{};\n--   only expected: {missing:#?}\n--   only seen: {added:#?}",
                    question.what, question.sql
                ));
            }
        }
        if !different.is_empty() {
            report.different = 1;
            report.mismatches.push(format!(
                "-- graph {number} of seed {seed}, {}\n{script}\n{}",
                if self.is_production {
                    "production"
                } else {
                    "not production"
                },
                different.join("\n")
            ));
        }
        Ok(report)
    }

    /// The script of a scene, and what it has to answer.
    fn written(&self, scene: &Scene) -> (String, Vec<Question>) {
        let mut model = scene.start.clone();
        let mut script = Script::default();
        script.run(&format!("BEGIN;\n{}", definitions(&model)));
        change_all(&mut script, &mut model, &scene.first, FIRST, |_, _| ());
        script.run(&excuses(&model, &scene.excuses));
        model.excuses.clone_from(&scene.excuses);
        let mut sessions: Vec<Option<Session>> = Vec::new();
        for (number, login) in scene.logins.iter().enumerate() {
            let made = login::log_in(&model, &sessions, login);
            script.ask(Question {
                what: format!("login {number}"),
                sql: log_in(number, login),
                expected: vec![made.as_ref().err().map_or(DONE, |refused| refused).to_owned()],
                is_sorted: false,
            });
            sessions.push(made.ok());
        }
        script.run("SELECT set_config('trial.then', clock_timestamp()::text, true);\n");
        change_all(
            &mut script,
            &mut model,
            &scene.second,
            SECOND,
            |model, change| match change {
                Change::Drop { node } | Change::Switch { node, .. } if model.nodes[*node].kind == "user" => {
                    login::end(&mut sessions, &model.nodes[*node].name);
                }
                _ => (),
            },
        );
        if self.is_sabotaged {
            script.run(
                "UPDATE vpd_private.authority_grant SET valid_until = clock_timestamp()
                  WHERE valid_until > clock_timestamp() AND valid_from < clock_timestamp();\n",
            );
        }
        ask_sessions(&mut script, &model, &sessions);
        ask_entitlements(&mut script, &model, &scene.logins);
        ask_viewers(&mut script, &model, &sessions);
        ask_conflicts(&mut script, &model);
        script.run("ROLLBACK;\n");
        (script.text, script.questions)
    }
}

impl Script {
    fn run(&mut self, statements: &str) {
        self.text += statements;
    }

    fn ask(&mut self, question: Question) {
        self.text += &format!("{};\n", question.sql);
        self.questions.push(question);
    }
}

/// Exceptions that were approved; asking for them takes sessions of several persons, and is tested elsewhere.
fn excuses(model: &Model, excuses: &[Excuse]) -> String {
    let insert = |excuse: &Excuse| {
        let names: Vec<String> = excuse
            .items
            .iter()
            .map(|item| text(&model.nodes[*item].reference()))
            .collect();
        format!(
            "INSERT INTO vpd_private.sod_exception
                    (rule_id, rule_name, items, scope, user_name, reason, expires_at, requested_by, requested_persons, approved_by, approved_at)
             SELECT r.id, r.name, ARRAY(SELECT a.id FROM vpd_private.authority a WHERE a.kind || ':' || a.name IN ({})), r.scope,
                    {}, 'x', {}, 'x', '{{}}', 'y', clock_timestamp()
               FROM vpd_private.sod_rule r WHERE r.name = {};\n",
            names.join(", "),
            text(&excuse.user),
            date(Some(excuse.until)),
            text(&excuse.rule)
        )
    };
    excuses.iter().map(insert).collect()
}

/// The nodes, and what stands beside grants.
fn definitions(model: &Model) -> String {
    let mut script = String::from("DO $do$ BEGIN\n");
    let mut perform = |statement: String| {
        script.push_str(&statement.replacen("SELECT", "PERFORM", 1));
        script.push_str(";\n");
    };
    for node in &model.nodes {
        perform(change::define(node));
    }
    for given in &model.group_nodes {
        perform(format!(
            "SELECT vpd.grant_node({}, 'h', {}, {}, {})",
            text(&model.nodes[given.group].name),
            text(given.key),
            date((given.from != FIRST).then_some(given.from)),
            date((given.until != ALWAYS).then_some(given.until))
        ));
    }
    for delegation in &model.delegations {
        perform(format!(
            "SELECT vpd.grant_delegation({}, {}, {}, {}, {})",
            text(&delegation.actor),
            delegation.subject.as_deref().map_or("NULL".to_owned(), text),
            delegation.is_full,
            date((delegation.from != FIRST).then_some(delegation.from)),
            date((delegation.until != ALWAYS).then_some(delegation.until))
        ));
    }
    if model.is_open {
        perform("SELECT vpd.set_hierarchy_mode('h', 'open', 'x')".to_owned());
    }
    script + "END $do$;\n"
}

fn change_all(
    script: &mut Script,
    model: &mut Model,
    changes: &[Change],
    at: i64,
    mut done: impl FnMut(&Model, &Change),
) {
    for change in changes {
        let sql = change.sql(model);
        let before = model.clone();
        let answer = change.apply(model, at);
        if answer == DONE {
            done(&before, change);
        }
        script.ask(Question {
            what: format!("{change:?}"),
            sql: format!("SELECT trial.attempt({})", text(&sql)),
            expected: vec![answer.to_owned()],
            is_sorted: false,
        });
    }
}

fn log_in(number: usize, login: &Login) -> String {
    let array = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| text(name)).collect();
        format!("ARRAY[{}]::text[]", names.join(", "))
    };
    let statement = match login.actor {
        Some(_) => format!("SELECT vpd.create_session_on_behalf($1, {})", text(&login.user)),
        None => format!(
            "SELECT vpd.create_session({}, 'portal', '{{}}', {}, {}, assumed_role => {})",
            text(&login.user),
            array(&login.roles),
            array(&login.privileges),
            login.assumed.as_deref().map_or("NULL".to_owned(), text)
        ),
    };
    format!(
        "SELECT trial.log_in({number}, {}, {})",
        login.actor.map_or("NULL".to_owned(), |actor| actor.to_string()),
        text(&statement)
    )
}

fn ask_sessions(script: &mut Script, model: &Model, sessions: &[Option<Session>]) {
    for (number, session) in sessions.iter().enumerate() {
        let Some(session) = session else { continue };
        let expected = match login::share(model, sessions, session) {
            Err(refused) => refused.to_owned(),
            Ok(share) => {
                let visible = login::list(&model.visible(&share.has.groups));
                format!(
                    "{}|{}|{visible}|{visible}",
                    login::list(&share.has.roles),
                    login::list(&share.has.privileges)
                )
            }
        };
        script.ask(Question {
            what: format!("session {number}"),
            sql: format!("SELECT trial.look({number})"),
            expected: vec![expected],
            is_sorted: false,
        });
    }
}

fn ask_entitlements(script: &mut Script, model: &Model, logins: &[Login]) {
    let claims = logins.first().map_or(&[][..], |login| &login.roles);
    for user in ["u0", "u1"] {
        for (at, moment) in [
            (-5 * DAY, "now() - interval '5 days'"),
            (THEN, "current_setting('trial.then')::timestamptz"),
            (NOW, "clock_timestamp()"),
            (4 * DAY, "now() + interval '4 days'"),
            (12 * DAY, "now() + interval '12 days'"),
        ] {
            let names: Vec<String> = claims.iter().map(|name| text(name)).collect();
            let expected = model.entitlements(user, claims, at);
            let mut expected: Vec<String> = expected
                .into_iter()
                .map(|(what, way, count)| format!("{what}; {way}; {count}"))
                .collect();
            expected.sort();
            script.ask(Question {
                what: format!("entitlements of {user} at {at}"),
                sql: format!(
                    "SELECT kind || ':' || name || '; ' || array_to_string(path, ' > ') || '; ' || paths FROM vpd.entitlements_at('{user}', {moment}, ARRAY[{}]::text[])",
                    names.join(", ")
                ),
                expected,
                is_sorted: true,
            });
        }
    }
}

fn ask_viewers(script: &mut Script, model: &Model, sessions: &[Option<Session>]) {
    let claims = login::claims(sessions);
    for key in ["n0", "n3", "n4"] {
        let expected = model.viewers(key, &claims);
        let mut expected: Vec<String> = expected
            .into_iter()
            .map(|(user, group, node, way)| {
                format!("{}; {group}; {node}; {way}", user.as_deref().unwrap_or("-"))
            })
            .collect();
        expected.sort();
        script.ask(Question {
            what: format!("who can see {key}"),
            sql: format!(
                "SELECT coalesce(user_name, '-') || '; ' || data_group || '; ' || granted_node || '; ' || path FROM vpd.who_can_see('h', '{key}')"
            ),
            expected,
            is_sorted: true,
        });
    }
}

fn ask_conflicts(script: &mut Script, model: &Model) {
    let mut expected: Vec<String> = model
        .conflicts(NOW)
        .iter()
        .map(|conflict| {
            let mut items: Vec<String> = conflict
                .items
                .iter()
                .map(|item| model.nodes[*item].reference())
                .collect();
            items.sort();
            let allowance = model.allowance(conflict, NOW);
            format!(
                "{}; {}; {}; {}; {}; {}",
                conflict.rule,
                model.nodes[conflict.user].name,
                items.join(","),
                days(conflict.since),
                allowance.is_excused,
                allowance.is_accepted
            )
        })
        .collect();
    expected.sort();
    script.ask(Question {
        what: "conflicts".to_owned(),
        sql: "SELECT rule || '; ' || user_name || '; ' || array_to_string(ARRAY(SELECT i FROM unnest(items) i ORDER BY i COLLATE \"C\"), ',') || '; ' ||
                     floor(extract(epoch FROM since - now()) / 86400)::integer || '; ' || (exception_id IS NOT NULL) || '; ' || is_accepted
                FROM vpd.sod_conflicts"
            .to_owned(),
        expected,
        is_sorted: true,
    });
}

/// The lines of each query of a script that was asked for an answer.
fn answers(admin: &mut Client, script: &str) -> Result<Vec<Vec<String>>> {
    let messages = admin.simple_query(script).map_err(|error| format!("{error:?}"))?;
    let (mut answers, mut lines, mut is_answer) = (vec![], vec![], false);
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                is_answer = columns.iter().all(|column| column.name() != "set_config");
            }
            SimpleQueryMessage::Row(row) => lines.push(row.get(0).unwrap_or("").to_owned()),
            SimpleQueryMessage::CommandComplete(_) => {
                let lines = std::mem::take(&mut lines);
                if is_answer {
                    answers.push(lines);
                }
                is_answer = false;
            }
            _ => (),
        }
    }
    Ok(answers)
}
