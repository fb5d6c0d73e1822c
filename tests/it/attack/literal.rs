//! Literals in predicates and masks: the server reads one by the input function of its type, and that runs the checks of a domain inside of it. Whoever
//! owns the type waits for an administrator to write one. Types × texts × administrators.

use postgres::Client;
use vpd_tests::{Database, Notices, Result, Subject, attach, refusal, role};

/// What the owner makes; each check tells as whom it ran.
const SCENE: &str = "
CREATE SCHEMA trap AUTHORIZATION app_owner;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
SET ROLE app_owner;
CREATE FUNCTION trap.spring(integer) RETURNS boolean LANGUAGE plpgsql AS
    $$BEGIN RAISE NOTICE 'sprung as %', current_user; RETURN true; END$$;
CREATE DOMAIN trap.checked AS integer CHECK (trap.spring(VALUE));
CREATE DOMAIN trap.above AS trap.checked;
CREATE TYPE trap.pair AS (a trap.checked, b integer);
CREATE TYPE trap.nested AS (p trap.pair, c integer);
CREATE DOMAIN trap.paired AS trap.pair;
CREATE TYPE trap.listed AS (l trap.above[], c integer);
CREATE TYPE trap.span AS RANGE (SUBTYPE = trap.checked);
CREATE TABLE trap.rows (x trap.checked);
";

/// The table under policy, with a column of a type.
const TABLE: &str = "
DROP TABLE IF EXISTS trap.t;
SET ROLE app_owner;
CREATE TABLE trap.t (id integer PRIMARY KEY, plain integer, direct trap.checked, x %T);
RESET ROLE;
SELECT vpd.add_policy('trap.t', 'good', 'id > 0');
";

/// Types, and a literal of each.
const LITERALS: [(&str, &str); 9] = [
    ("trap.pair", "(1,2)"),
    ("trap.nested", "(\"(1,2)\",3)"),
    ("trap.paired", "(1,2)"),
    ("trap.listed", "({1},2)"),
    ("trap.checked[]", "{1,2}"),
    ("trap.pair[]", "{\"(1,2)\"}"),
    ("trap.span", "[1,2)"),
    ("trap.span_multirange", "{[1,2)}"),
    ("trap.rows", "(1)"),
];

/// Where a literal can stand; `%L` is the literal with its quotes, `%T` its type.
const TEXTS: [&str; 7] = [
    "%L::%T IS NOT NULL",
    "CAST(%L AS %T) IS NOT NULL",
    "x = %L",
    "x IN (%L, %L)",
    "CASE WHEN id = 1 THEN x ELSE %L END IS NULL",
    "id IN (SELECT 1 WHERE x IS DISTINCT FROM %L)",
    "coalesce(x, %L) IS NULL AND id = ANY (ARRAY(SELECT i FROM generate_series(1, 2) i WHERE %L::%T IS NULL))",
];

/// How a text comes to be read by an administrator.
const READERS: [&str; 4] = [
    "SELECT vpd.add_policy('trap.t', 'bad', $p$%P$p$)",
    "SELECT vpd.shadow_policy('trap.t', 'good', $p$%P$p$)",
    "SELECT vpd.add_mask('trap.t', 'plain', 'NULL', $p$%P$p$)",
    "SELECT vpd.add_mask('trap.t', 'plain', $p$CASE WHEN %P THEN 1 END$p$)",
];

fn scene() -> Result<Database<'static>> {
    let database = Database::create()?;
    database.admin()?.batch_execute(SCENE)?;
    Ok(database)
}

fn text(text: &str, kind: &str, literal: &str) -> String {
    text.replace("%L", &format!("'{literal}'")).replace("%T", kind)
}

fn sprung(notices: &Notices) -> Vec<String> {
    let taken = notices.take();
    let told = taken
        .iter()
        .filter(|notice| notice.message().starts_with("sprung"));
    told.map(|notice| notice.message().to_owned()).collect()
}

/// Runs a statement and takes back what it did.
fn tried(client: &mut Client, statement: &str) -> Result<std::result::Result<(), postgres::Error>> {
    client.batch_execute("BEGIN")?;
    let outcome = client.batch_execute(statement);
    client.batch_execute("ROLLBACK")?;
    Ok(outcome)
}

#[test]
fn no_literal_runs_the_code_of_its_type_as_whoever_adds_a_predicate() -> Result<()> {
    let database = scene()?;
    let mut count = 0;
    for administrator in ["postgres", role::SECURITY] {
        let (mut client, notices) = database.connect_noticing(administrator)?;
        for (kind, literal) in LITERALS {
            database.admin()?.batch_execute(&TABLE.replace("%T", kind))?;
            for predicate in TEXTS {
                for reader in READERS {
                    let statement = reader.replace("%P", &text(predicate, kind, literal));
                    let outcome = tried(&mut client, &statement)?;
                    assert_eq!(
                        sprung(&notices),
                        Vec::<String>::new(),
                        "{administrator}: {statement}"
                    );
                    let refused = refusal(outcome);
                    let code = refused.token.as_deref();
                    assert!(
                        matches!(code, Some("predicate_invalid" | "mask_invalid")),
                        "{statement}: {refused:?}"
                    );
                    count += 1;
                }
            }
        }
    }
    assert_eq!(count, 2 * 9 * 7 * 4);
    Ok(())
}

/// The control, and what may be written in their place: it runs as whoever reads rows, as a check of the table does.
#[test]
fn control_the_server_runs_it_and_constructors_run_nothing_until_rows_are_read() -> Result<()> {
    let database = scene()?;
    let (mut admin, notices) = database.connect_noticing("postgres")?;
    for (kind, literal) in LITERALS {
        admin.batch_execute(&format!("SELECT '{literal}'::{kind}"))?;
        let sprung = sprung(&notices);
        assert_eq!(
            sprung.first().map(String::as_str),
            Some("sprung as postgres"),
            "{kind}"
        );
    }
    admin.batch_execute(&TABLE.replace("%T", "trap.pair"))?;
    for predicate in [
        "ROW(1, 2)::trap.pair IS NOT NULL",
        "ROW('1', '2')::trap.pair IS NOT NULL",
        "ARRAY['1']::trap.checked[] IS NOT NULL",
        "direct = '1' OR direct IN ('1', '2') OR '1'::trap.checked = id",
        "direct IS DISTINCT FROM '3'::trap.above",
    ] {
        tried(
            &mut admin,
            &format!("SELECT vpd.add_policy('trap.t', 'other', $p${predicate}$p$)"),
        )??;
        assert_eq!(sprung(&notices), Vec::<String>::new(), "{predicate}");
    }
    Ok(())
}

/// Every way a quoted literal gets a type, or none, means what it means to the server.
#[test]
fn literals_mean_what_they_mean_without_policies() -> Result<()> {
    let database = scene()?;
    let mut admin = database.admin()?;
    admin.batch_execute(
        "CREATE TABLE public.words (id integer PRIMARY KEY, word text, day date, flag boolean, tags text[], pay numeric(6,2), more jsonb,
                                    span interval, bits bit(3), code varchar(3), kind \"char\");
         INSERT INTO public.words VALUES (1, 'a', '2026-01-02', true, '{x,y}', 1.50, '{\"k\": \"v\"}', '1 day', B'101', 'abc', 'q'),
                                         (2, 'b''\\', NULL, false, '{}', NULL, '[1]', '2 hours', B'000', 'x', 'r'),
                                         (3, NULL, 'infinity', NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL);
         GRANT SELECT ON public.words TO app_user; SELECT vpd.add_policy('public.words', 'p', 'true')",
    )?;
    let token = Subject::new("alice").log_in(&database)?;
    let mut user = database.connect(role::USER)?;
    for predicate in [
        "word = 'a'",
        "word IN ('a', 'b''\\')",
        "word LIKE 'a%' ESCAPE '\\'",
        "word ~ '^[a-b]' AND word || 'x' <> 'ax'",
        "day = 'infinity' OR day > '2026-01-01' AND day < DATE '2027-01-01'",
        "flag = 't' OR flag = 'off'",
        "tags @> '{x}' OR 'y' = ANY (tags) OR tags = '{}'",
        "pay = '1.5' OR pay + '1' > '2' OR pay BETWEEN '0' AND '0.5'",
        "more ->> 'k' = 'v' OR more @> '[1]' OR more #>> '{k}' = 'w'",
        "span = INTERVAL '1' DAY OR span < '3 hours'",
        "bits = '101' OR bits = B'000'",
        "code = 'abc'::varchar(3) OR code = CAST('xyz' AS varchar(1))",
        "kind = 'q'",
        "format('%s-%s', id, 'z') = '1-z'",
        "num_nulls('a', NULL, word) = 1",
        "concat('a', 'b') = 'ab' AND pg_typeof('a')::text = 'unknown'",
        "coalesce(word, 'none') = 'none' OR nullif(word, 'a') IS NULL",
        "greatest(word, 'aa') = 'aa' OR (word, id) = ('a', '1') OR ROW('a', id) > ROW(word, '0')",
        "CASE word WHEN 'a' THEN 'yes' ELSE 'no' END = 'yes'",
        "id IN (SELECT v.column1 FROM (VALUES ('1'::integer), ('3')) v)",
        "id = (SELECT 1 FROM (SELECT 'a' AS w) s WHERE s.w = word)",
        "EXISTS (SELECT FROM (SELECT 'a' UNION SELECT 'b') s (w) WHERE s.w = word LIMIT '1')",
        "EXISTS (SELECT 'z' AS w WHERE word = 'a' ORDER BY 1)",
        "extract(year FROM day) = '2026' OR (day AT TIME ZONE 'UTC')::text LIKE 'inf%'",
        "position('a' IN word) = '1' OR overlay('xx' PLACING word FROM 1) = 'bx'",
        "word COLLATE \"C\" = 'a' OR 'a' COLLATE \"C\" < word",
        "ARRAY['a', word] = '{a,a}' OR ARRAY[['a'], ['b']] = ARRAY[[word], ['b']]",
        "word IS DISTINCT FROM 'a' OR day IS NOT DISTINCT FROM 'infinity'",
        "xmlelement(name w, 'a')::text = '<w>' || word || '</w>'",
        "U&'\\0061' = word OR E'b\\'\\\\' = word OR $q$a$q$ = word",
        "'1'::integer = id OR integer '2' = id",
        "row_to_json(ROW('a', word))::text LIKE '%\"f2\":\"a\"%'",
    ] {
        let ids = |client: &mut Client, condition: &str| -> Result<Vec<i32>> {
            let query = format!("SELECT id FROM public.words WHERE {condition} ORDER BY id");
            let rows = client
                .query(&query, &[])
                .map_err(|error| format!("{predicate}: {error:?}"))?;
            Ok(rows.iter().map(|row| row.get(0)).collect())
        };
        let expected = ids(&mut admin, predicate)?;
        admin
            .execute(
                "SELECT vpd.alter_policy('public.words', 'p', predicate => $1)",
                &[&predicate],
            )
            .map_err(|error| format!("{predicate}: {error:?}"))?;
        user.batch_execute("BEGIN")?;
        attach(&mut user, &token)?;
        let seen = ids(&mut user, "true")?;
        user.batch_execute("COMMIT")?;
        assert_eq!(seen, expected, "{predicate}");
    }
    // A parameter of the text's own is none.
    let refused = refusal(
        admin.batch_execute("SELECT vpd.alter_policy('public.words', 'p', predicate => 'word = $1')"),
    );
    assert_eq!(refused.token.as_deref(), Some("predicate_invalid"), "{refused:?}");
    Ok(())
}
