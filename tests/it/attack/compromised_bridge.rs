//! Whoever has taken over the HTTP service has its password, and may send any SQL. Without a token that an identity provider has signed there is no session for anybody.
//!
//! Each attempt is made by a role that has a profile of a program and nothing else; after each the sessions, their tokens, issuers and keys are what they were. The
//! controls: with the profile `session_creator` the first attempt works; who has both roles, that of the service and that of the keys, opens a session for anybody.

use postgres::Client;
use serde_json::json;
use vpd_tests::issuer::{SigningKey, claims};
use vpd_tests::{Database, Result, assert_refused, outcome, role};

const ISSUER: &str = "https://idp.example";

/// What must not change: sessions and whose they are, their tokens, issuers, keys, tokens that were used, who has which profile.
const STATE: &str = "
    SELECT jsonb_build_array(
               (SELECT jsonb_agg(jsonb_build_array(s.id, s.user_name) ORDER BY s.id) FROM vpd_private.session s),
               (SELECT count(*) FROM vpd_private.session_token),
               (SELECT jsonb_agg(to_jsonb(i) ORDER BY i.issuer) FROM vpd_private.issuer i),
               (SELECT jsonb_agg(to_jsonb(k) ORDER BY k.kid) FROM vpd_private.issuer_key k),
               (SELECT count(*) FROM vpd_private.identity_token),
               (SELECT jsonb_agg(to_jsonb(a) ORDER BY a.name) FROM vpd_private.app a),
               (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.profile, p.object) FROM vpd_private.profile_privilege p),
               (SELECT md5(string_agg(p.oid::text || p.prosrc || coalesce(p.proacl::text, ''), ',' ORDER BY p.oid)) FROM pg_proc p
                 WHERE p.pronamespace IN ('vpd'::regnamespace, 'vpd_private'::regnamespace)),
               (SELECT count(*) FROM pg_auth_members))::text";

/// Every function of the extension, called with what its arguments are named after; whether the role may call it.
const CALLS: &str = r#"
    SELECT format('%s %I.%I(%s)',
                  CASE p.prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT * FROM' END,
                  n.nspname, p.proname,
                  (SELECT string_agg(
                              CASE WHEN a.name IN ('user_name', 'username', 'acting_for') THEN quote_literal('bob') || '::text'
                                   WHEN a.name IN ('app', 'target_app', 'source_app') THEN quote_literal('portal') || '::text'
                                   WHEN a.name = 'issuer' THEN quote_literal('https://idp.example') || '::text'
                                   WHEN a.name = 'jwks' THEN quote_literal($3) || '::jsonb'
                                   WHEN a.name IN ('token', 'ticket', 'verifier', 'message', 'nonce') THEN quote_literal($2) || '::text'
                                   WHEN a.name = 'profile' THEN quote_literal('session_creator') || '::text'
                                   WHEN t.typname IN ('regrole') THEN quote_literal($1) || '::regrole'
                                   WHEN t.typname IN ('regclass') THEN quote_literal('vpd_private.session') || '::regclass::oid::regclass'
                                   WHEN t.typname IN ('text', 'name', 'varchar') THEN quote_literal('alice') || '::' || t.typname
                                   WHEN t.typname = '_text' THEN quote_literal('{alice}') || '::text[]'
                                   WHEN t.typname IN ('json', 'jsonb') THEN quote_literal('{}') || '::' || t.typname
                                   WHEN t.typname IN ('int2', 'int4', 'int8', 'oid', 'float8', 'numeric') THEN '1::' || t.typname
                                   WHEN t.typname = 'bool' THEN 'true'
                                   WHEN t.typname = 'uuid' THEN quote_literal('00000000-0000-4000-8000-000000000000') || '::uuid'
                                   WHEN t.typname = 'interval' THEN quote_literal('1 hour') || '::interval'
                                   WHEN t.typname = 'timestamptz' THEN 'now()'
                                   ELSE 'NULL::' || format_type(a.type, NULL) END, ', ' ORDER BY a.place)
                     FROM unnest(p.proargtypes, p.proargnames[1:p.pronargs]) WITH ORDINALITY AS a (type, name, place)
                     JOIN pg_type t ON t.oid = a.type)),
           has_function_privilege($1, p.oid, 'EXECUTE')
      FROM pg_proc p
      JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname IN ('vpd', 'vpd_private') AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) AND p.prokind <> 'a'
     ORDER BY 1"#;

/// Every table and view of the extension, and whether the role may read it.
const RELATIONS: &str = "
    SELECT format('%I.%I', n.nspname, c.relname), has_any_column_privilege($1, c.oid, 'SELECT')
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('vpd', 'vpd_private') AND c.relkind IN ('r', 'v', 'p', 'm')
     ORDER BY 1";

/// Whatever else SQL offers. `KEY` is a set of keys that the attacker made, `FORGED` a token that they signed.
const ATTEMPTS: [&str; 44] = [
    "SELECT vpd.create_session('bob', 'portal')",
    "SELECT vpd.create_session(user_name => 'bob', app => 'portal', roles => '{manager}')",
    "SELECT vpd.create_session_from_token('FORGED', 'portal')",
    "SELECT vpd.create_session_from_token(NULL, 'portal')",
    "SELECT vpd.create_session_on_behalf('FORGED', 'bob')",
    "SELECT vpd.set_issuer_keys('https://idp.example', 'KEY')",
    "SELECT vpd.trust_issuer('https://idp.example', '{portal-client}')",
    "SELECT vpd.trust_issuer('https://evil.example', '{portal-client}')",
    "SELECT vpd.alter_issuer('https://idp.example', user_claim => 'jti')",
    "SELECT vpd.distrust_issuer('https://idp.example')",
    "SELECT vpd.grant_profile('session_creator', 'ME')",
    "SELECT vpd.grant_profile('key_steward', 'ME')",
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA vpd TO ME",
    "GRANT ALL ON ALL TABLES IN SCHEMA vpd_private TO ME",
    "GRANT app_bridge TO ME",
    "GRANT pg_write_all_data TO ME",
    "SET ROLE app_bridge",
    "SET ROLE app_keys",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "RESET SESSION AUTHORIZATION; SELECT vpd.create_session('bob', 'portal')",
    "ALTER ROLE ME SUPERUSER",
    "ALTER SYSTEM SET session_replication_role = 'replica'",
    "SET session_replication_role = replica",
    "SET row_security = off; SELECT * FROM vpd_private.session_token",
    "SET vpd.user_name = 'bob'; SELECT vpd.create_session('bob', 'portal')",
    "SET search_path = pg_temp, vpd_private; INSERT INTO issuer_key VALUES ('https://idp.example', 'one', 'x', 'KEY')",
    "DO $$ BEGIN PERFORM vpd.create_session('bob', 'portal'); END $$",
    "DO $$ BEGIN EXECUTE 'SELECT vpd.create_session(''bob'', ''portal'')'; EXCEPTION WHEN OTHERS THEN
        INSERT INTO vpd_private.session_token SELECT * FROM vpd_private.session_token; END $$",
    "CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$SELECT vpd.create_session('bob', 'portal')$$; SELECT pg_temp.f()",
    "CREATE OR REPLACE FUNCTION vpd.guard() RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'",
    "CREATE FUNCTION public.f() RETURNS text LANGUAGE c AS 'pg_vpd', 'create_session_wrapper'",
    "CREATE FUNCTION pg_temp.f(text, text) RETURNS text LANGUAGE c AS 'MODULE_PATHNAME', 'create_session_wrapper'",
    "CREATE TEMP TABLE issuer AS SELECT 'https://idp.example' AS issuer; CREATE TEMP TABLE issuer_key AS SELECT 'one' AS kid;
     SELECT vpd.create_session_from_token('FORGED', 'portal')",
    "CREATE TEMP VIEW v AS SELECT vpd.create_session('bob', 'portal'); SELECT * FROM v",
    "PREPARE p AS SELECT vpd.create_session($1, 'portal'); EXECUTE p('bob')",
    "DECLARE c CURSOR WITH HOLD FOR SELECT vpd.create_session('bob', 'portal')",
    "EXPLAIN ANALYZE SELECT vpd.create_session('bob', 'portal')",
    "COPY (SELECT vpd.create_session('bob', 'portal')) TO STDOUT",
    "COPY vpd_private.issuer_key FROM PROGRAM 'cat /dev/null'",
    "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION vpd.guard()",
    "ALTER EXTENSION pg_vpd DROP FUNCTION vpd.guard()",
    "DROP EXTENSION pg_vpd CASCADE",
    "SELECT pg_read_file('pg_hba.conf'), lo_import('/etc/passwd')",
];

struct Scene {
    database: Database<'static>,
    own: SigningKey,
    state: String,
}

fn header() -> serde_json::Value {
    json!({"alg": "ES256", "kid": "one"})
}

/// Alice has a session that a good token opened; the attacker has a key of his own.
fn scene() -> Result<Scene> {
    let database = Database::create()?;
    let (good, own) = (SigningKey::generate("ES256")?, SigningKey::generate("ES256")?);
    database.connect(role::SECURITY)?.batch_execute(&format!(
        "SELECT vpd.trust_issuer('{ISSUER}', '{{portal-client}}')"
    ))?;
    database.connect(role::KEYS)?.query(
        "SELECT FROM vpd.set_issuer_keys($1, $2::text::jsonb)",
        &[&ISSUER, &json!({"keys": [good.public("one")]}).to_string()],
    )?;
    let token = good.sign(&header(), &claims(ISSUER, "alice"))?;
    database
        .connect(role::WEB)?
        .query_one("SELECT vpd.create_session_from_token($1, 'portal')", &[&token])?;
    let mut scene = Scene {
        database,
        own,
        state: String::new(),
    };
    scene.state = scene.look()?;
    Ok(scene)
}

impl Scene {
    fn look(&self) -> Result<String> {
        Ok(self.database.admin()?.query_one(STATE, &[])?.get(0))
    }

    fn keys(&self) -> String {
        json!({"keys": [self.own.public("one")]}).to_string()
    }

    fn forged(&self) -> Result<String> {
        self.own.sign(&header(), &claims(ISSUER, "bob"))
    }

    /// Makes every attempt as a role, each on its own; `may` are calls that are its business and change what they say.
    fn attack(&self, attacker: &str, may: &[&str]) -> Result<()> {
        let mut admin = self.database.admin()?;
        let (forged, keys) = (self.forged()?, self.keys());
        let mut client = self.database.connect(attacker)?;
        let mut count = (0, 0);
        let mut attempt = |client: &mut Client, statement: &str, must_fail: bool| -> Result<()> {
            let done = outcome(client.batch_execute(statement));
            assert!(
                !must_fail || done.is_err(),
                "{attacker}: {statement} went through"
            );
            let state: String = admin.query_one(STATE, &[])?.get(0);
            assert_eq!(state, self.state, "{attacker}: {statement}");
            client.batch_execute("ROLLBACK")?;
            client.batch_execute("DISCARD ALL")?;
            count = if done.is_ok() {
                (count.0 + 1, count.1)
            } else {
                (count.0, count.1 + 1)
            };
            Ok(())
        };
        let calls = self
            .database
            .admin()?
            .query(CALLS, &[&attacker, &forged, &keys])?;
        assert!(calls.len() > 150, "{}", calls.len());
        for row in calls {
            let (call, is_allowed): (String, bool) = (row.get(0), row.get(1));
            if !may.iter().any(|name| call.contains(&format!(" vpd.{name}("))) {
                attempt(&mut client, &call, !is_allowed)?;
            }
        }
        for row in self.database.admin()?.query(RELATIONS, &[&attacker])? {
            let (name, is_readable): (String, bool) = (row.get(0), row.get(1));
            attempt(&mut client, &format!("SELECT * FROM {name}"), !is_readable)?;
            for write in [
                format!("INSERT INTO {name} DEFAULT VALUES"),
                format!("DELETE FROM {name}"),
                format!("TRUNCATE {name} CASCADE"),
                format!("COPY {name} FROM PROGRAM 'true'"),
                format!(
                    "CREATE TRIGGER t BEFORE INSERT ON {name} EXECUTE FUNCTION vpd_private.track_changes()"
                ),
                format!("ALTER TABLE {name} OWNER TO {attacker}"),
            ] {
                attempt(&mut client, &write, true)?;
            }
        }
        for text in ATTEMPTS {
            // What he is he may be.
            if *text == *format!("SET ROLE {attacker}") {
                continue;
            }
            let statement = text
                .replace("FORGED", &forged)
                .replace("KEY", &keys)
                .replace("ME", attacker);
            if !may
                .iter()
                .any(|name| statement.starts_with(&format!("SELECT vpd.{name}(")))
            {
                attempt(&mut client, &statement, true)?;
            }
        }
        assert!(count.0 > 5 && count.1 > 500, "{count:?}");
        Ok(())
    }
}

#[test]
fn whoever_has_the_bridge_opens_no_session() -> Result<()> {
    let scene = scene()?;
    scene.attack(role::WEB, &[])?;
    // control: a login service that is trusted by decision opens one for anybody
    let mut admin = scene.database.admin()?;
    admin.execute(
        "SELECT vpd.grant_profile('session_creator', $1::text::regrole)",
        &[&role::WEB],
    )?;
    let mut web = scene.database.connect(role::WEB)?;
    web.query_one(ATTEMPTS[0], &[])?;
    let state = scene.look()?;
    assert!(state != scene.state && state.contains("bob"), "{state}");
    Ok(())
}

#[test]
fn whoever_has_the_keys_opens_no_session() -> Result<()> {
    let scene = scene()?;
    scene.attack(role::KEYS, &["set_issuer_keys"])?;
    // He may hand in keys of his own, and is stopped where tokens are brought.
    let mut keys = scene.database.connect(role::KEYS)?;
    let set = "SELECT FROM vpd.set_issuer_keys($1, $2::text::jsonb)";
    keys.query(set, &[&ISSUER, &scene.keys()])?;
    let create = "SELECT vpd.create_session_from_token($1, 'portal')";
    let forged = scene.forged()?;
    let refused = keys.query_one(create, &[&forged]);
    assert_eq!(
        outcome(refused)
            .err()
            .map(|refusal| refusal.state.code().to_owned()),
        Some("42501".into())
    );
    // control: who has both is whoever he likes, and SECURITY.md says so; the service alone was not
    scene.database.connect(role::WEB)?.query_one(create, &[&forged])?;
    assert!(scene.look()?.contains("bob"));
    Ok(())
}

#[test]
fn a_token_that_was_stolen_on_its_way_opens_one_session_for_whom_it_names() -> Result<()> {
    let scene = scene()?;
    let good = SigningKey::generate("ES256")?;
    scene.database.connect(role::KEYS)?.query(
        "SELECT FROM vpd.set_issuer_keys($1, $2::text::jsonb)",
        &[&ISSUER, &json!({"keys": [good.public("one")]}).to_string()],
    )?;
    let token = good.sign(&header(), &claims(ISSUER, "bob"))?;
    let create = "SELECT vpd.create_session_from_token($1, $2)";
    let mut web = scene.database.connect(role::WEB)?;
    web.query_one(create, &[&token, &"portal"])?;
    // Not a second one, not in another application, and not under another name.
    for app in ["portal", "floor"] {
        assert_refused(web.query_one(create, &[&token, &app]), "28000", "token_refused");
    }
    Ok(())
}
