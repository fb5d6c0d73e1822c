//! A client calls functions by a message of their own, without a query (PQfn in libpq). No statement starts then, and what ended or was taken back must count all the same.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use vpd_tests::{Database, Result, Subject, role};

/// A connection that speaks the protocol itself.
struct Wire(UnixStream);

/// What a function or a query came to: the value or first column as text, or an SQLSTATE.
type Reply = std::result::Result<Option<String>, String>;

impl Wire {
    fn connect(database: &Database<'_>, role: &str) -> Result<Self> {
        let cluster = database.cluster();
        let path = cluster
            .socket_folder()
            .join(format!(".s.PGSQL.{}", cluster.port()));
        let mut wire = Self(UnixStream::connect(path)?);
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for word in ["user", role, "database", database.name(), ""] {
            body.extend(word.as_bytes());
            body.push(0);
        }
        wire.0.write_all(&(body.len() as u32 + 4).to_be_bytes())?;
        wire.0.write_all(&body)?;
        wire.reply()?.map_err(|state| format!("no connection: {state}"))?;
        Ok(wire)
    }

    fn send(&mut self, kind: u8, body: &[u8]) -> Result<Reply> {
        self.0.write_all(&[kind])?;
        self.0.write_all(&(body.len() as u32 + 4).to_be_bytes())?;
        self.0.write_all(body)?;
        self.reply()
    }

    fn query(&mut self, text: &str) -> Result<Reply> {
        self.send(b'Q', &[text.as_bytes(), &[0]].concat())
    }

    /// Calls a function with arguments as texts.
    fn call(&mut self, function: u32, arguments: &[&str]) -> Result<Reply> {
        let mut body = function.to_be_bytes().to_vec();
        body.extend(0_u16.to_be_bytes());
        body.extend((arguments.len() as u16).to_be_bytes());
        for argument in arguments {
            body.extend((argument.len() as u32).to_be_bytes());
            body.extend(argument.as_bytes());
        }
        body.extend(0_u16.to_be_bytes());
        self.send(b'F', &body)
    }

    /// Reads until the server is ready again.
    fn reply(&mut self) -> Result<Reply> {
        let mut found: Reply = Ok(None);
        loop {
            let mut head = [0; 5];
            self.0.read_exact(&mut head)?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let mut body = vec![0; length - 4];
            self.0.read_exact(&mut body)?;
            match head[0] {
                b'V' => found = Ok(value(&body)),
                b'D' => found = Ok(value(body.get(2..).unwrap_or_default())),
                b'E' => {
                    let fields = body.split(|byte| *byte == 0);
                    let state = fields.filter_map(|field| field.strip_prefix(b"C")).next();
                    found = Err(String::from_utf8_lossy(state.unwrap_or_default()).into_owned());
                }
                b'Z' => return Ok(found),
                _ => (),
            }
        }
    }
}

/// A length and so many bytes; NULL has none.
fn value(bytes: &[u8]) -> Option<String> {
    let (length, rest) = bytes.split_at_checked(4)?;
    let length = i32::from_be_bytes(length.try_into().ok()?);
    let text = rest.get(..usize::try_from(length).ok()?)?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// A function, its arguments as the protocol has them, and as SQL has them.
struct Reader {
    oid: u32,
    arguments: Vec<&'static str>,
    text: String,
}

/// Every function that a session may ask about itself, with something to ask.
fn readers(database: &Database<'_>) -> Result<Vec<Reader>> {
    let rows = database.admin()?.query(
        "SELECT oid, proname::text, ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) WITH ORDINALITY a (t, n) ORDER BY n)
           FROM pg_proc
          WHERE pronamespace = 'vpd'::regnamespace AND provolatile = 's' AND prokind = 'f' AND NOT proretset AND has_function_privilege($1, oid, 'EXECUTE')
          ORDER BY 2, 1",
        &[&role::USER],
    )?;
    let mut readers = Vec::new();
    for row in rows {
        let (oid, name, types): (u32, String, Vec<String>) = (row.get(0), row.get(1), row.get(2));
        let known: Option<Vec<&'static str>> = match (name.as_str(), types.len()) {
            (_, 0) => Some(Vec::new()),
            ("attribute" | "attribute_list" | "sys_context", 2) => Some(vec!["app", "region"]),
            ("has_resource", 2) => Some(vec!["order", "approve"]),
            ("has_privilege", 1) => Some(vec!["order:approve"]),
            ("user_in_role" | "user_in_all_roles", 1) => Some(vec!["{Approver}"]),
            _ => None,
        };
        if let Some(arguments) = known {
            let listed: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
            let variadic = if name.starts_with("user_in_") {
                "VARIADIC "
            } else {
                ""
            };
            let text = format!("SELECT vpd.{name}({variadic}{})", listed.join(", "));
            readers.push(Reader { oid, arguments, text });
        }
    }
    assert!(readers.len() >= 12, "{}", readers.len());
    Ok(readers)
}

fn scene() -> Result<(Database<'static>, String)> {
    let database = Database::create()?;
    database.connect(role::SECURITY)?.batch_execute(
        "SELECT vpd.define_resource('order', 'table', 'Orders'), vpd.define_privilege('order:approve'), vpd.define_role('Approver', 'job');
         SELECT vpd.define_user('alice');
         SELECT vpd.grant_authority('privilege:order:approve', 'role:Approver'), vpd.grant_authority('role:Approver', 'user:alice')",
    )?;
    let token = Subject::in_region("alice", "East").log_in(&database)?;
    Ok((database, token))
}

/// A transaction with the session attached.
fn attached(database: &Database<'_>, token: &str) -> Result<Wire> {
    let mut wire = Wire::connect(database, role::USER)?;
    for text in ["BEGIN", &format!("SELECT vpd.attach_session('{token}')")] {
        wire.query(text)?.map_err(|state| format!("{text}: {state}"))?;
    }
    Ok(wire)
}

#[test]
fn an_ended_session_answers_no_call() -> Result<()> {
    let (database, _) = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    for reader in readers(&database)? {
        let token = Subject::in_region("alice", "East").log_in(&database)?;
        let (mut by_call, mut by_query) = (attached(&database, &token)?, attached(&database, &token)?);
        // The control: a call answers as a query does.
        let answer = by_call.call(reader.oid, &reader.arguments)?;
        assert!(answer.is_ok(), "{}: {answer:?}", reader.text);
        assert_eq!(answer, by_query.query(&reader.text)?, "{}", reader.text);
        security.batch_execute("SELECT vpd.end_user_sessions('alice')")?;
        assert_eq!(
            by_query.query(&reader.text)?,
            Err("28000".to_owned()),
            "{}",
            reader.text
        );
        let answer = by_call.call(reader.oid, &reader.arguments)?;
        assert_eq!(answer, Err("28000".to_owned()), "{}", reader.text);
    }
    Ok(())
}

#[test]
fn what_was_taken_back_is_not_told_to_a_call() -> Result<()> {
    let (database, token) = scene()?;
    let mut security = database.connect(role::SECURITY)?;
    let mut told = 0;
    for reader in readers(&database)? {
        let (mut by_call, mut by_query) = (attached(&database, &token)?, attached(&database, &token)?);
        let before = by_call.call(reader.oid, &reader.arguments)?;
        assert_eq!(before, by_query.query(&reader.text)?, "{}", reader.text);
        security.batch_execute("SELECT vpd.revoke_authority('role:Approver', 'user:alice')")?;
        let after = by_query.query(&reader.text)?;
        told += i32::from(after != before);
        assert_eq!(
            by_call.call(reader.oid, &reader.arguments)?,
            after,
            "{}",
            reader.text
        );
        security.batch_execute("SELECT vpd.grant_authority('role:Approver', 'user:alice')")?;
    }
    // The control: some of them tell it at all.
    assert!(told >= 4, "{told}");
    Ok(())
}
