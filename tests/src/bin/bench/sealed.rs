//! Sealed columns: beside plain text, and beside pgcrypto as experts write it by hand.
//!
//! By hand a value is an IV and what `encrypt_iv` made of it, and equality goes by a column of its own with an `hmac`. Unlike an envelope that has nothing
//! which tells whether the value was changed, or stands where it was put; and the keys are bind parameters of every statement.
//!
//! And beside the extension `column_encrypt`, where `COLUMN_ENCRYPT` named the folder of its source: its type for the value, its blind index for equality.

use postgres::types::Type;
use postgres::{Client, Statement};
use vpd_tests::{Extension, Result, Subject, attach, role};

use crate::contest::{Pace, Side, Target, compare};
use crate::scene::{COLUMN_ENCRYPT, ROWS, Scene};
use crate::table;

/// Microseconds.
const UNSEAL: Target = Target::time(10.0, Some(5.0));
const BY_HAND: Target = Target::time(1.0, None);
const EQUALITY: Target = Target::rate(0.7, None);
const INSERT: Target = Target::rate(0.6, None);
const AS_BY_HAND: Target = Target::rate(1.0, None);

/// How many values a statement opens or inserts.
const VALUES: i32 = 1_000;

/// The keys of what is done by hand.
const KEYS: [&[u8]; 2] = [&[7; 32], &[9; 32]];

/// The value of a row: in no order, so that no index grows at its end.
const SSN: &str = "to_char(n::bigint * 612847601 % 1000000000, 'FM000-00-0000')";

/// The same values sealed, in the clear, by hand with a raw cipher, and by hand as OpenPGP messages.
const TABLES: &str = r"
CREATE TABLE bench.sealed (id integer PRIMARY KEY, ssn vpd.sealed_text('bench') UNIQUE);
CREATE TABLE bench.clear (id integer PRIMARY KEY, ssn text UNIQUE);
CREATE TABLE bench.by_hand (id integer PRIMARY KEY, ssn bytea, tag bytea UNIQUE);
CREATE TABLE bench.by_pgp (id integer PRIMARY KEY, ssn bytea);
INSERT INTO bench.sealed SELECT n, SSN FROM generate_series(1, ROWS) n;
INSERT INTO bench.clear SELECT n, SSN FROM generate_series(1, ROWS) n;
INSERT INTO bench.by_hand
    SELECT n, iv || encrypt_iv(convert_to(SSN, 'UTF8'), '\xFIRST', iv, 'aes'), hmac(convert_to(SSN, 'UTF8'), '\xSECOND', 'sha256')
      FROM generate_series(1, ROWS) n CROSS JOIN LATERAL (SELECT gen_random_bytes(16 + n - n) AS iv) fresh;
INSERT INTO bench.by_pgp SELECT n, pgp_sym_encrypt(SSN, 'FIRST', 'cipher-algo=aes256') FROM generate_series(1, VALUES) n;
CREATE TABLE bench.new_sealed (LIKE bench.sealed INCLUDING ALL);
CREATE TABLE bench.new_clear (LIKE bench.clear INCLUDING ALL);
CREATE TABLE bench.new_by_hand (LIKE bench.by_hand INCLUDING ALL);
GRANT SELECT, INSERT ON bench.sealed, bench.clear, bench.by_hand, bench.by_pgp, bench.new_sealed, bench.new_clear, bench.new_by_hand TO app_user;
";

/// The same values in the type of `column_encrypt`, with its blind index beside it.
const BESIDE: &str = r"
CREATE SCHEMA encrypt;
CREATE EXTENSION column_encrypt;
SELECT encrypt.register_key('FIRST', 'passphrase');
GRANT column_encrypt_user TO app_user;
GRANT USAGE ON SCHEMA encrypt TO app_user;
SELECT encrypt.load_key('passphrase');
SET search_path = public, encrypt;
CREATE TABLE bench.beside (id integer PRIMARY KEY, ssn encrypt.encrypted_text, tag text UNIQUE);
INSERT INTO bench.beside SELECT n, SSN, encrypt.blind_index(SSN, 'SECOND') FROM generate_series(1, ROWS) n;
CREATE TABLE bench.new_beside (LIKE bench.beside INCLUDING ALL);
GRANT SELECT, INSERT ON bench.beside, bench.new_beside TO app_user;
RESET search_path;
";

/// Measures P-18 and P-23.
pub fn measure(scene: &Scene<'_>, pace: &Pace, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    if !wanted("P-18") && !wanted("P-23") {
        return Ok(());
    }
    scene
        .database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.create_key('bench', 'bench:read', searchable => true)")?;
    let mut admin = scene.database.admin()?;
    let is_beside = Extension::release()?.comes_with(COLUMN_ENCRYPT);
    let tables = [
        ("SSN", SSN),
        ("ROWS", &ROWS.to_string()),
        ("VALUES", &VALUES.to_string()),
        ("FIRST", &"07".repeat(32)),
        ("SECOND", &"09".repeat(32)),
    ]
    .iter()
    .fold(
        format!("{TABLES}{}", if is_beside { BESIDE } else { "" }),
        |text, (name, value)| text.replace(name, value),
    );
    admin.batch_execute(&tables)?;
    admin.batch_execute("VACUUM ANALYZE")?;
    admin.batch_execute("CHECKPOINT")?;
    let token = Subject::new("treasurer")
        .privilege("bench:read")
        .log_in(&scene.database)?;
    if !is_beside {
        table::print_note("column_encrypt is not measured: name the folder of its source in COLUMN_ENCRYPT");
    }
    let actors = Actors {
        scene,
        token,
        is_beside,
    };
    if wanted("P-18") {
        actors.measure_opening(pace)?;
    }
    if wanted("P-23") {
        actors.measure_equality(pace)?;
        actors.measure_inserts(pace)?;
    }
    Ok(())
}

/// Who does it: one connection a side, in a transaction that stays open, so that no commit hides what is measured.
struct Actors<'a> {
    scene: &'a Scene<'a>,
    token: String,
    is_beside: bool,
}

impl Actors<'_> {
    /// In a session that may unseal.
    fn ours(&self) -> Result<Client> {
        let mut user = self.scene.database.connect(role::USER)?;
        user.batch_execute("BEGIN")?;
        attach(&mut user, &self.token)?;
        Ok(user)
    }

    /// With the keys of `column_encrypt` loaded.
    fn beside(&self) -> Result<Client> {
        let mut user = self.scene.database.connect(role::USER)?;
        user.batch_execute(
            "SET search_path = public, encrypt; BEGIN; SELECT encrypt.load_key('passphrase')",
        )?;
        Ok(user)
    }

    fn measure_opening(&self, pace: &Pace) -> Result<()> {
        let opened = |opened: &str, table: &str| {
            format!("SELECT count({opened}) FROM bench.{table} WHERE id <= {VALUES}")
        };
        let ours = || self.opening(&opened);
        let raw = "convert_from(decrypt_iv(substr(ssn, 17), $1, substr(ssn, 1, 16), 'aes'), 'UTF8')";
        let by_hand = || scan(self.ours()?, &opened(raw, "by_hand"), Some(KEYS[0]));
        let pgp = "pgp_sym_decrypt(ssn, encode($1, 'hex'))";
        let by_pgp = || scan(self.ours()?, &opened(pgp, "by_pgp"), Some(KEYS[0]));
        let each = |rate: f64| 1e6 / (rate * f64::from(VALUES));
        let work = || {
            let outcome = compare(pace, BY_HAND, ours()?, by_hand()?)?;
            let pgp = compare(pace, BY_HAND, ours()?, by_pgp()?)?;
            Ok((outcome, pgp))
        };
        let Some((outcome, pgp)) = self.scene.bound.within(work)? else {
            table::print_endless("P-18", "opening values", self.scene.bound.limit());
            return Ok(());
        };
        let (ours, theirs) = outcome.server_rates;
        table::print_ratio(
            "P-18",
            "microseconds of the server to unseal a value",
            UNSEAL,
            each(ours),
        );
        table::print_note(&format!(
            "pgcrypto by hand: decrypt_iv {:.2} µs, pgp_sym_decrypt {:.0} µs",
            each(theirs),
            each(pgp.server_rates.1)
        ));
        table::print("P-18", "vpd.unseal : decrypt_iv by hand", BY_HAND, &outcome);
        if self.is_beside {
            let beside = scan(self.beside()?, &opened("ssn::text", "beside"), None)?;
            self.scene.row(
                "P-18",
                "vpd.unseal : column_encrypt",
                pace,
                BY_HAND,
                self.opening(&opened)?,
                beside,
            )?;
        }
        Ok(())
    }

    fn opening(&self, opened: &dyn Fn(&str, &str) -> String) -> Result<Side<'static>> {
        scan(self.ours()?, &opened("vpd.unseal(ssn)", "sealed"), None)
    }

    fn measure_equality(&self, pace: &Pace) -> Result<()> {
        let sealed = || find(self.ours()?, "SELECT id FROM bench.sealed WHERE ssn = $1", None);
        let clear = find(self.ours()?, "SELECT id FROM bench.clear WHERE ssn = $1", None)?;
        let by_hand = find(
            self.ours()?,
            "SELECT id FROM bench.by_hand WHERE tag = hmac(convert_to($1, 'UTF8'), $2, 'sha256')",
            Some(KEYS[1]),
        )?;
        let what = "row found by a sealed value, prepared : plain text";
        self.scene.row("P-23", what, pace, EQUALITY, sealed()?, clear)?;
        let what = "the same : hmac column by hand";
        self.scene
            .row("P-23", what, pace, AS_BY_HAND, sealed()?, by_hand)?;
        if self.is_beside {
            let beside = find(
                self.beside()?,
                &format!(
                    "SELECT id FROM bench.beside WHERE tag = encrypt.blind_index($1, '{}')",
                    "09".repeat(32)
                ),
                None,
            )?;
            let what = "the same : blind index of column_encrypt";
            self.scene
                .row("P-23", what, pace, AS_BY_HAND, sealed()?, beside)?;
        }
        Ok(())
    }

    fn measure_inserts(&self, pace: &Pace) -> Result<()> {
        for (count, what) in [
            (1, "INSERT of one row, prepared, no commit"),
            (VALUES, "INSERT of 1 000 rows, no commit"),
        ] {
            let rows = match count {
                1 => "(SELECT $1::int AS n, $2::text AS ssn) rows".to_owned(),
                _ => format!(
                    "(SELECT n, {SSN} AS ssn FROM generate_series($1::int, $1 + {VALUES} - 1) n WHERE $2 <> '') rows"
                ),
            };
            let insert = |table: &str| {
                let values = format!("INSERT INTO bench.{table} SELECT n, ssn FROM {rows}");
                grow(self.ours()?, &values, count, &[])
            };
            let by_hand = format!(
                r"INSERT INTO bench.new_by_hand
                  SELECT n, iv || encrypt_iv(convert_to(ssn, 'UTF8'), $3, iv, 'aes'), hmac(convert_to(ssn, 'UTF8'), $4, 'sha256')
                    FROM {rows} CROSS JOIN LATERAL (SELECT gen_random_bytes(16 + n - n) AS iv) fresh"
            );
            let by_hand = grow(self.ours()?, &by_hand, count, &KEYS)?;
            self.scene.row(
                "P-23",
                &format!("{what} : plain text"),
                pace,
                INSERT,
                insert("new_sealed")?,
                insert("new_clear")?,
            )?;
            self.scene.row(
                "P-23",
                "the same : encrypt_iv and hmac by hand",
                pace,
                AS_BY_HAND,
                insert("new_sealed")?,
                by_hand,
            )?;
            if self.is_beside {
                let beside = format!(
                    "INSERT INTO bench.new_beside SELECT n, ssn, encrypt.blind_index(ssn, '{}') FROM {rows}",
                    "09".repeat(32)
                );
                self.scene.row(
                    "P-23",
                    "the same : column_encrypt with its blind index",
                    pace,
                    AS_BY_HAND,
                    insert("new_sealed")?,
                    grow(self.beside()?, &beside, count, &[])?,
                )?;
            }
        }
        Ok(())
    }
}

/// The value of a row, as [`SSN`] says.
fn ssn(id: i32) -> String {
    let number = i64::from(id) * 612_847_601 % 1_000_000_000;
    format!(
        "{:03}-{:02}-{:04}",
        number / 1_000_000,
        number / 10_000 % 100,
        number % 10_000
    )
}

/// Repeats a query that opens values.
fn scan(mut reader: Client, query: &str, key: Option<&'static [u8]>) -> Result<Side<'static>> {
    let statement = reader.prepare(query)?;
    Side::repeat(reader, move |reader| {
        let row = match key {
            Some(key) => reader.query_one(&statement, &[&key])?,
            None => reader.query_one(&statement, &[])?,
        };
        if row.get::<_, i64>(0) == i64::from(VALUES) {
            Ok(())
        } else {
            Err("not every value was opened".into())
        }
    })
}

/// Repeats a look for one value.
fn find(mut reader: Client, query: &str, key: Option<&'static [u8]>) -> Result<Side<'static>> {
    let statement: Statement = match key {
        Some(_) => reader.prepare_typed(query, &[Type::TEXT, Type::BYTEA])?,
        None => reader.prepare_typed(query, &[Type::TEXT])?,
    };
    let mut ids = (0..ROWS).cycle().map(|n| n * 7919 % ROWS + 1);
    Side::repeat(reader, move |reader| {
        let id = ids.next().ok_or("no value")?;
        let ssn = ssn(id);
        let row = match key {
            Some(key) => reader.query_one(&statement, &[&ssn, &key])?,
            None => reader.query_one(&statement, &[&ssn])?,
        };
        if row.get::<_, i32>(0) == id {
            Ok(())
        } else {
            Err("another row was found".into())
        }
    })
}

/// Repeats an insertion; its first parameters are the next number and its value. What it inserted goes with its transaction.
fn grow(
    mut writer: Client,
    query: &str,
    count: i32,
    keys: &'static [&'static [u8]],
) -> Result<Side<'static>> {
    let statement = writer.prepare(query)?;
    let mut next = 1;
    Side::repeat(writer, move |writer| {
        match keys {
            [first, second] => writer.execute(&statement, &[&next, &ssn(next), first, second])?,
            _ => writer.execute(&statement, &[&next, &ssn(next)])?,
        };
        next += count;
        Ok(())
    })
}
