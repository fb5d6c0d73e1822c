//! Three tables for each reader: one whose value a mask hides by its answer, one whose rows a template hides by it, and one whose rows a policy
//! function hides whose text depends on it.

use std::sync::OnceLock;

use postgres::{Client, Statement};
use vpd_tests::{Cluster, Database, Extension, Library, Outcome, Result, Subject, attach, outcome, role};

use super::reader::READERS;

/// What keeps something derived from an answer.
pub const KEEPERS: [&str; 3] = ["mask", "template", "function"];

const DEFINITIONS: &str = "
SELECT vpd.define_privilege('read'), vpd.define_resource('doc'), vpd.define_role('Reader'), vpd.define_role('Clerk'), vpd.define_user('alice'), vpd.define_user('bob');
SELECT vpd.define_privilege('doc:open'), vpd.define_resource('session'), vpd.define_privilege('session:set_audit_identity');
SELECT vpd.grant_authority('privilege:read', 'role:Reader'), vpd.grant_authority('privilege:doc:open', 'role:Reader'),
       vpd.grant_authority('privilege:session:set_audit_identity', 'role:Reader');
SELECT vpd.define_hierarchy('places', '{globe,part,town}');
SELECT vpd.define_node('places', 'world'), vpd.define_node('places', 'north', 'world'), vpd.define_node('places', 'south', 'world');
SELECT vpd.define_node('places', 'city', 'south');
SELECT vpd.define_data_group('some'), vpd.grant_authority('data_group:some', 'user:alice');
SELECT vpd.define_task_type('job'), vpd.define_task_action('job', 'do', '{owner,assignee}'), vpd.define_task_content('job', 'note', '{owner}');
SELECT vpd.create_context('own', 'shop.work'), vpd.create_context('shared', 'shop.work', true);
SELECT vpd.grant_delegation('user:alice', 'user:bob');
";

const SCHEMA: &str = "
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA dbms_session TO app_user;
CREATE PROCEDURE shop.work(statement text) LANGUAGE plpgsql AS $$BEGIN EXECUTE statement; END$$;
CREATE TABLE shop.some (value integer);
INSERT INTO shop.some VALUES (1);
";

/// Two users, a session on behalf of one of them, and the tables.
pub struct Scene {
    pub database: Database<'static>,
    pub alice: String,
    bob: String,
    behalf: String,
    /// The questions, in the order of the readers.
    questions: Vec<String>,
}

/// A server of its own: a role gets a member here.
fn cluster() -> Result<&'static Cluster> {
    static CLUSTER: OnceLock<std::result::Result<Cluster, String>> = OnceLock::new();
    let start = || Cluster::start(&Extension::debug()?, Library::Preloaded, "");
    match CLUSTER.get_or_init(|| start().map_err(|error| error.to_string())) {
        Ok(cluster) => Ok(cluster),
        Err(reason) => Err(reason.clone().into()),
    }
}

impl Scene {
    pub fn new() -> Result<Self> {
        let database = Database::create_in(cluster()?)?;
        let mut admin = database.admin()?;
        admin.batch_execute(SCHEMA)?;
        // The attacker has a twin with the same rights.
        admin.batch_execute("CREATE ROLE app_twin; GRANT app_twin TO app_user")?;
        let mut security = database.connect(role::SECURITY)?;
        security.batch_execute(DEFINITIONS)?;
        security.batch_execute("SELECT vpd.add_mask('shop.some', 'value', visible_when => 'false')")?;
        let pseudonym: String = admin
            .query_one("SELECT vpd.audit_pseudonym('alice')", &[])?
            .get(0);
        let alice = Subject::in_region("alice", "East").log_in(&database)?;
        let bob = Subject::in_region("bob", "West").log_in(&database)?;
        let mut bridge = database.connect(role::BRIDGE)?;
        admin.batch_execute(
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA vpd TO app_user, app_twin, app_bridge",
        )?;
        let behalf = bridge
            .query_one("SELECT vpd.create_session_on_behalf($1, 'bob')", &[&alice])?
            .get(0);
        let session: String = admin
            .query_one(
                "SELECT id::text FROM vpd_private.session WHERE user_name = 'alice'",
                &[],
            )?
            .get(0);
        let questions: Vec<String> = READERS
            .iter()
            .map(|reader| {
                reader
                    .question
                    .replace(":session", &session)
                    .replace(":pseudonym", &pseudonym)
            })
            .collect();
        for (number, question) in questions.iter().enumerate() {
            admin.batch_execute(&tables(number))?;
            admin.execute(
                "SELECT vpd.add_mask(('shop.mask_' || $1::text)::regclass, 'value', visible_when => $2)",
                &[&number.to_string(), &question],
            )?;
            admin.execute(
                "SELECT vpd.add_policy(('shop.template_' || $1::text)::regclass, 'p', $2)",
                &[&number.to_string(), &question],
            )?;
            admin.batch_execute(&format!(
                "CREATE FUNCTION shop.text_{number}(text, text) RETURNS text LANGUAGE plpgsql STABLE AS
                     $f$BEGIN RETURN CASE WHEN NOT vpd.is_established() THEN 'false' WHEN {question} THEN 'true' ELSE 'false' END; END$f$;
                 SELECT vpd.add_policy('shop.function_{number}', 'p', policy_function => 'shop.text_{number}', kind => 'context_sensitive')"
            ))?;
        }
        Ok(Self {
            database,
            alice,
            bob,
            behalf,
            questions,
        })
    }

    /// The session that a name means.
    pub fn token(&self, name: &str) -> &str {
        match name {
            "bob" => &self.bob,
            "behalf" => &self.behalf,
            _ => &self.alice,
        }
    }

    /// What the questions are answered with on a connection; nothing is seen without a session.
    pub fn ask(&self, client: &mut Client, roll_back: &str) -> Result<Vec<Outcome<i32>>> {
        let mut answers = vec![];
        for question in &self.questions {
            let text = format!("SELECT (vpd.is_established() AND coalesce(({question}), false))::integer");
            let seen = answer(client.query_one(text.as_str(), &[]));
            if seen.is_err() {
                client.batch_execute(roll_back)?;
            }
            answers.push(seen);
        }
        Ok(answers)
    }

    /// Sets the shared value, in a session of somebody else.
    pub fn share(&self, value: &str) -> Result<()> {
        let mut user = self.database.connect(role::USER)?;
        let mut session = user.transaction()?;
        attach(&mut session, &self.bob)?;
        session.batch_execute(&format!(
            "CALL shop.work('CALL dbms_session.set_context(''shared'', ''a'', ''{value}'')')"
        ))?;
        Ok(session.commit()?)
    }
}

fn tables(number: usize) -> String {
    KEEPERS
        .iter()
        .map(|keeper| {
            format!(
                "CREATE TABLE shop.{keeper}_{number} (value integer);
                 INSERT INTO shop.{keeper}_{number} VALUES (1);
                 GRANT SELECT ON shop.{keeper}_{number} TO app_user, app_twin;"
            )
        })
        .collect()
}

/// The statement of a cell: whether the value, or the row, is seen.
fn text(keeper: &str, number: usize) -> String {
    format!("SELECT count(value)::integer FROM shop.{keeper}_{number}")
}

/// The statements of a reader, prepared.
pub fn prepare(client: &mut Client, reader: usize) -> Result<Vec<Statement>> {
    KEEPERS
        .iter()
        .map(|keeper| Ok(client.prepare(&text(keeper, reader))?))
        .collect()
}

/// What a statement answers; a refusal by its code.
pub fn answer(result: std::result::Result<postgres::Row, postgres::Error>) -> Outcome<i32> {
    outcome(result).map(|row| row.get(0))
}
