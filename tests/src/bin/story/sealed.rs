//! Chapter: a sealed column. Managers see the addresses of customers, clerks a mask, and the disk holds none; a customer is forgotten, and his row stays.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use postgres::{Client, SimpleQueryMessage};
use reqwest::Method;
use vpd_tests::Result;
use vpd_tests::superstore::{DOMAIN, Line, address, grouped};

use crate::connection::{ADMIN, RUNTIME, connect};
use crate::rows::{of_alice, of_bob};
use crate::script::Script;
use crate::stage::Stage;

/// Customers, each with the address or what stands in its place.
type Addresses = BTreeMap<String, String>;

/// # Errors
/// A figure differs.
pub fn play(stage: &Stage, script: &mut Script) -> Result<()> {
    script.chapter("Sealed: addresses that the disk does not hold, and a customer who is forgotten");
    let mut admin = connect(ADMIN)?;
    let before: i64 = admin.query_one("SELECT vpd.flush_audit()", &[])?.get(0);
    let mask: String = admin
        .query_one("SELECT mask FROM vpd.keys WHERE name = 'customer'", &[])?
        .get(0);
    // Somebody whose row both see.
    let of_bobs = stage.file.customers(of_bob);
    let mut of_alices = stage.file.customers(of_alice).into_keys();
    let customer = of_alices
        .find(|customer| of_bobs.contains_key(customer))
        .ok_or("no customer is seen by both")?;

    let twin = plant(&mut admin, customer)?;
    let shown = who_sees_what(stage, script, &mut admin, &mask)?;
    search(script, &mut admin, &twin)?;
    let shown = shown + forget(stage, script, &mut admin, (customer, &mask))?;
    trail(script, &mut admin, before, (customer, shown))
}

/// The customer's address comes in, as a parameter as from any application, and a twin of it into a table that is not sealed. Whoever was forgotten when the story was played before comes back so.
fn plant(admin: &mut Client, customer: &str) -> Result<String> {
    let random: String = admin.query_one("SELECT gen_random_uuid()::text", &[])?.get(0);
    let twin = format!("{random}@twins.example");
    admin.execute(
        "UPDATE demo.customers SET email = $1::text WHERE customer_id = $2",
        &[&address(customer), &customer],
    )?;
    // One of a story that was broken off would be in the way.
    admin.batch_execute("DROP TABLE IF EXISTS demo.twin; CREATE TABLE demo.twin (email text)")?;
    admin.execute("INSERT INTO demo.twin VALUES ($1::text)", &[&twin])?;
    Ok(twin)
}

/// The same question as alice, as bob and as a superuser. Returns how many addresses were given out.
fn who_sees_what(stage: &Stage, script: &mut Script, admin: &mut Client, mask: &str) -> Result<i64> {
    let alice = ask_as(stage, "alice")?;
    let shown = readable(&alice)?;
    let expected = loaded(stage, of_alice)?;
    customers(script, "alice, manager, sees", alice.len().try_into()?, expected)?;
    customers(script, "and the addresses of", shown, expected)?;
    let bob = ask_as(stage, "bob")?;
    customers(
        script,
        "bob, clerk, sees",
        bob.len().try_into()?,
        loaded(stage, of_bob)?,
    )?;
    script.holds(
        "and in place of each address",
        bob.values().all(|seen| seen == mask),
        mask,
    )?;
    let envelopes = "SELECT count(*) FROM demo.customers WHERE email::text LIKE 'vpd:sealed:%'";
    customers(
        script,
        "a superuser sees vpd:sealed:… of",
        admin.query_one(envelopes, &[])?.get(0),
        loaded(stage, |_| true)?,
    )?;
    Ok(shown)
}

/// Every file of the server is read: none holds any customer's address, though one at least holds the twin.
fn search(script: &mut Script, admin: &mut Client, twin: &str) -> Result<()> {
    admin.batch_execute("CHECKPOINT")?;
    let folder: String = admin
        .query_one("SELECT current_setting('data_directory')", &[])?
        .get(0);
    let mut files = Files::default();
    files.search(Path::new(&folder), &[DOMAIN, twin])?;
    let of_all = |found: i64| format!("{found} of {} files", grouped(files.read));
    script.holds(
        "after a checkpoint any of these addresses is in",
        files.found[0] == 0,
        &of_all(files.found[0]),
    )?;
    script.holds(
        "for contrast: its twin, which is not sealed, is in",
        files.found[1] > 0,
        &of_all(files.found[1]),
    )?;
    admin.batch_execute("DROP TABLE demo.twin")?;
    Ok(())
}

/// The customer is forgotten. Returns how many addresses were given out afterwards.
fn forget(
    stage: &Stage,
    script: &mut Script,
    admin: &mut Client,
    (customer, mask): (&str, &str),
) -> Result<i64> {
    let per_person = admin.query_one("SELECT count(*) FROM vpd.keys WHERE per_person", &[])?;
    let destroyed = admin.query_one("SELECT vpd.forget_person($1)", &[&customer])?;
    let name = stage.file.customers(|line| line.customer == customer);
    let name = name.values().next().copied().unwrap_or_default();
    script.equal(
        &format!("to forget {name} a key of his own is destroyed in"),
        destroyed.get::<_, i64>(0),
        per_person.get(0),
        "key per person",
    )?;
    let alice = ask_as(stage, "alice")?;
    let seen = alice.get(customer).map_or("no row", String::as_str);
    script.answer("alice sees the row, and in place of the address", seen, mask)?;
    let shown = readable(&alice)?;
    let others = loaded(stage, |line| of_alice(line) && line.customer != customer)?;
    customers(
        script,
        "the addresses of the others she sees as before",
        shown,
        others,
    )?;
    let lines = "SELECT count(*) FROM demo.customers c JOIN demo.orders o USING (customer_id) WHERE c.customer_id = $1";
    script.lines(
        "the order lines of the forgotten one are there",
        admin.query_one(lines, &[&customer])?.get(0),
        stage.file.totals(|line| line.customer == customer).count,
    )?;
    Ok(shown)
}

/// What the trail tells of it.
fn trail(script: &mut Script, admin: &mut Client, before: i64, (customer, shown): (&str, i64)) -> Result<()> {
    admin.query_one("SELECT vpd.flush_audit()", &[])?;
    let forgotten = admin.query(
        "SELECT command || ' by ' || database_role FROM vpd.audit_trail
          WHERE sequence > $1 AND event = 'changed' AND command LIKE '%person' AND details::jsonb ->> 'name' = $2",
        &[&before, &customer],
    )?;
    let told: Vec<String> = forgotten.iter().map(|row| row.get(0)).collect();
    script.answer(
        "the trail has of the forgotten one",
        &told.join(", "),
        &format!("vpd.forget_person by {ADMIN}"),
    )?;
    let unsealed = admin.query_one(
        "SELECT string_agg(DISTINCT user_name, ', '), coalesce(sum(row_count), 0)::bigint FROM vpd.audit_trail
          WHERE sequence > $1 AND event = 'unsealed' AND relation = 'demo.customers' AND details::jsonb ->> 'column' = 'email'",
        &[&before],
    )?;
    let who: Option<&str> = unsealed.get(0);
    script.answer("it says who unsealed", who.unwrap_or_default(), "alice")?;
    let [recorded, shown] = [unsealed.get(1), shown].map(grouped);
    script.equal(
        "and how many values, in both looks",
        recorded,
        shown,
        "that were seen",
    )
}

/// The customers as somebody sees them, who asks as the run-time role and knows nothing of sealing.
fn ask_as(stage: &Stage, user: &str) -> Result<Addresses> {
    let token = stage.service_session(user)?;
    let mut runtime = connect(RUNTIME)?;
    let mut transaction = runtime.transaction()?;
    transaction.execute("SELECT vpd.attach_session($1)", &[&token])?;
    let answer = transaction.simple_query("SELECT customer_id, email FROM demo.customers")?;
    transaction.commit()?;
    stage.call(Method::DELETE, "/v1/sessions/current", &token)?;
    let mut seen = Addresses::new();
    for message in answer {
        if let SimpleQueryMessage::Row(row) = message {
            let text = |column| row.get(column).unwrap_or_default().to_owned();
            seen.insert(text(0), text(1));
        }
    }
    Ok(seen)
}

/// A step that finds this many customers where the file has so many.
fn customers(script: &mut Script, what: &str, found: i64, counted: i64) -> Result<()> {
    let [found, counted] = [found, counted].map(|count| format!("{} customers", grouped(count)));
    script.equal(what, found, counted, "in the CSV")
}

/// How many have the address with which they were loaded.
fn readable(seen: &Addresses) -> Result<i64> {
    let is_readable = |(customer, found): &(&String, &String)| **found == address(customer);
    Ok(i64::try_from(seen.iter().filter(is_readable).count())?)
}

/// How many customers the lines have that meet a condition.
fn loaded(stage: &Stage, condition: impl Fn(&Line) -> bool) -> Result<i64> {
    Ok(i64::try_from(stage.file.customers(condition).len())?)
}

/// How many files were read, and how many hold each of the texts.
#[derive(Default)]
struct Files {
    read: i64,
    found: [i64; 2],
}

impl Files {
    fn search(&mut self, folder: &Path, texts: &[&str; 2]) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.search(&entry.path(), texts)?;
            } else if kind.is_file() {
                let bytes = match fs::read(entry.path()) {
                    // The server works on and removes some.
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    read => read?,
                };
                self.read += 1;
                for (found, text) in self.found.iter_mut().zip(texts) {
                    *found += i64::from(holds(&bytes, text.as_bytes()));
                }
            }
        }
        Ok(())
    }
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
