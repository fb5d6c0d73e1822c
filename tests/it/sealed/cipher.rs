//! The cipher: whatever stands in the place of pgcrypto's functions, nothing is sealed with it, and nothing lies open.

use std::fs;
use std::process::Command;

use vpd_tests::{Cluster, Database, Extension, Library, Outcome, Result, outcome, role};

use super::scene::{people, people_in};

/// What an impostor would have to be given.
const STORE: &str = "INSERT INTO shop.people (id, email) VALUES (99, 'unsealed@planted.example')";

/// Owned by whoever may not be trusted, or not what it seems.
const IMPOSTORS: [(&str, &str); 4] = [
    (
        "ALTER FUNCTION encrypt_iv(bytea, bytea, bytea, text) OWNER TO app_owner",
        "ALTER FUNCTION encrypt_iv(bytea, bytea, bytea, text) OWNER TO postgres",
    ),
    (
        "ALTER FUNCTION decrypt_iv(bytea, bytea, bytea, text) OWNER TO app_owner",
        "ALTER FUNCTION decrypt_iv(bytea, bytea, bytea, text) OWNER TO postgres",
    ),
    (
        "CREATE OR REPLACE FUNCTION encrypt_iv(bytea, bytea, bytea, text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1';
         CREATE OR REPLACE FUNCTION decrypt_iv(bytea, bytea, bytea, text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1'",
        "CREATE OR REPLACE FUNCTION encrypt_iv(bytea, bytea, bytea, text) RETURNS bytea LANGUAGE c IMMUTABLE STRICT AS '$libdir/pgcrypto', 'pg_encrypt_iv';
         CREATE OR REPLACE FUNCTION decrypt_iv(bytea, bytea, bytea, text) RETURNS bytea LANGUAGE c IMMUTABLE STRICT AS '$libdir/pgcrypto', 'pg_decrypt_iv'",
    ),
    (
        "ALTER FUNCTION encrypt_iv(bytea, bytea, bytea, text) SECURITY DEFINER",
        "ALTER FUNCTION encrypt_iv(bytea, bytea, bytea, text) SECURITY INVOKER",
    ),
];

/// A library in which the functions of pgcrypto return what they are given.
const OPEN: &str = r#"
#include "postgres.h"
#include "fmgr.h"
PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(pg_encrypt_iv);
PG_FUNCTION_INFO_V1(pg_decrypt_iv);
Datum pg_encrypt_iv(PG_FUNCTION_ARGS) { PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0)); }
Datum pg_decrypt_iv(PG_FUNCTION_ARGS) { PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0)); }
"#;

fn token<T>(result: Outcome<T>) -> Option<String> {
    result.err().and_then(|refusal| refusal.token)
}

/// Stores a value on a connection of its own, as the owner of the table; the token of the refusal.
fn store(database: &Database<'_>) -> Result<Option<String>> {
    let mut owner = database.connect(role::OWNER)?;
    Ok(token(outcome(owner.batch_execute(STORE))))
}

fn stored(database: &Database<'_>) -> Result<i64> {
    let mut admin = database.admin()?;
    let count = "SELECT count(*) FROM shop.people WHERE id = 99";
    Ok(admin.query_one(count, &[])?.get(0))
}

#[test]
fn an_impostor_of_the_cipher_is_not_called() -> Result<()> {
    let database = people()?;
    let mut admin = database.admin()?;
    // A backend that knows the cipher learns of the change as well.
    let mut kept = database.connect(role::OWNER)?;
    for (replace, restore) in IMPOSTORS {
        kept.batch_execute(&format!("BEGIN; {STORE}; ROLLBACK"))?;
        admin.batch_execute(replace)?;
        assert_eq!(store(&database)?.as_deref(), Some("cipher_missing"), "{replace}");
        let again = token(outcome(kept.batch_execute(STORE)));
        assert_eq!(again.as_deref(), Some("cipher_missing"), "{replace}");
        let mut security = database.connect(role::SECURITY)?;
        let made = outcome(security.batch_execute("SELECT vpd.create_key('another', 'p:q')"));
        assert_eq!(token(made).as_deref(), Some("cipher_missing"), "{replace}");
        assert_eq!(stored(&database)?, 0, "{replace}");
        admin.batch_execute(restore)?;
        // Control: it was the impostor that was refused.
        assert_eq!(store(&database)?, None, "{restore}");
        assert_eq!(stored(&database)?, 1, "{restore}");
        admin.batch_execute("DELETE FROM shop.people WHERE id = 99")?;
    }
    Ok(())
}

/// Whoever replaces the library itself owns the machine; a library that is broken does the same. The known answer tells it.
#[test]
fn a_library_that_does_not_encrypt_is_refused() -> Result<()> {
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, "")?;
    let database = people_in(&cluster)?;
    let ask = |option: &str| -> Result<String> {
        let programs = std::env::var_os("PG_BIN").ok_or("no PG_BIN")?;
        let output = Command::new(std::path::Path::new(&programs).join("pg_config"))
            .arg(option)
            .output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    // The server looks there before it looks into its own folder.
    let folder = cluster.socket_folder().join("ext");
    let source = folder.join("open.c");
    fs::write(&source, OPEN)?;
    let library = format!("{}{}/pgcrypto.so", folder.display(), ask("--pkglibdir")?);
    let built = Command::new("cc")
        .args([
            "-shared",
            "-fPIC",
            "-I",
            &ask("--includedir-server")?,
            "-o",
            &library,
        ])
        .arg(&source)
        .output()?;
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let returned: Vec<u8> = database
        .admin()?
        .query_one(
            "SELECT encrypt_iv('in the clear', '0123456789abcdef', '0123456789abcdef', 'aes')",
            &[],
        )?
        .get(0);
    assert_eq!(returned, b"in the clear", "control: it does not encrypt");
    assert_eq!(store(&database)?.as_deref(), Some("cipher_missing"));
    assert_eq!(stored(&database)?, 0);
    let mut security = database.connect(role::SECURITY)?;
    for call in [
        "SELECT vpd.create_key('another', 'p:q')",
        "SELECT vpd.rotate_key('pii')",
    ] {
        assert_eq!(
            token(outcome(security.batch_execute(call))).as_deref(),
            Some("cipher_missing"),
            "{call}"
        );
    }
    fs::remove_file(&library)?;
    assert_eq!(
        store(&database)?,
        None,
        "control: with the library of the server it is stored"
    );
    Ok(())
}
