//! Envelopes that travel: dumps and copies need no key, and an envelope is good for its own column alone.

use std::io::{Read, Write};

use vpd_tests::{Database, Result, attach, outcome, role};

use super::scene::{manager, people, seen, without_session};

fn envelope(database: &Database<'_>, column: &str, id: i32) -> Result<String> {
    let text = without_session(
        database,
        "postgres",
        &format!("SELECT {column} FROM shop.people WHERE id = {id}"),
    )?;
    Ok(text
        .map_err(|refusal| refusal.text)?
        .trim_end_matches(['|', '\n'])
        .to_owned())
}

#[test]
fn a_copy_by_text_or_binary_needs_no_key() -> Result<()> {
    let database = people()?;
    let manager = manager(&database)?;
    let mut admin = database.admin()?;
    admin.batch_execute("CREATE TABLE shop.back (LIKE shop.people); GRANT ALL ON shop.back TO app_user")?;
    for format in ["text", "csv", "binary"] {
        let mut bytes = Vec::new();
        admin
            .copy_out(&format!("COPY shop.people TO STDOUT (FORMAT {format})"))?
            .read_to_end(&mut bytes)?;
        assert!(!bytes.windows(7).any(|window| window == b"planted"), "{format}");
        admin.batch_execute("TRUNCATE shop.back")?;
        let mut sink = admin.copy_in(&format!("COPY shop.back FROM STDIN (FORMAT {format})"))?;
        sink.write_all(&bytes)?;
        sink.finish()?;
        let all = "SELECT ssn, email, salary, points, born, badge, profile, hint, code FROM {t} ORDER BY id";
        let of = |table| seen(&database, &manager, &all.replace("{t}", table));
        assert_eq!(of("shop.back")?, of("shop.twins")?, "{format}");
    }
    Ok(())
}

#[test]
fn an_envelope_is_good_for_its_own_column_alone() -> Result<()> {
    let database = people()?;
    let own = envelope(&database, "ssn", 1)?;
    let mut admin = database.admin()?;
    // It goes back where it came from, also into another row: a restore is nothing else.
    admin.batch_execute(&format!(
        "UPDATE shop.people SET ssn = NULL WHERE id = 1; UPDATE shop.people SET ssn = '{own}' WHERE id = 1"
    ))?;
    let flipped: Vec<String> = (11..own.len())
        .step_by(5)
        .map(|at| {
            let mut letters = own.clone().into_bytes();
            letters[at] = if letters[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8_lossy(&letters).into_owned()
        })
        .filter(|flipped| *flipped != own)
        .collect();
    assert!(flipped.len() > 20);
    for bad in flipped.iter().map(String::as_str).chain([
        "vpd:sealed:",
        "vpd:sealed:AAAA",
        "vpd:sealed:%",
        &own[..own.len() - 4],
    ]) {
        let refused =
            outcome(admin.execute(&format!("UPDATE shop.people SET ssn = '{bad}' WHERE id = 1"), &[]));
        let token = refused
            .err()
            .and_then(|refusal| refusal.token)
            .unwrap_or_default();
        assert!(
            ["envelope_broken", "envelope_misplaced", "envelope_later"].contains(&token.as_str()),
            "{bad}: {token}"
        );
    }
    for (column, token) in [
        ("email", "unseal_refused"),
        ("hint", "unseal_refused"),
        ("salary", "envelope_broken"),
        ("born", "envelope_broken"),
    ] {
        let refused = outcome(admin.execute(
            &format!("UPDATE shop.people SET {column} = '{own}' WHERE id = 2"),
            &[],
        ));
        assert_eq!(
            refused.err().and_then(|refusal| refusal.token).as_deref(),
            Some(token),
            "{column}"
        );
        let refused = outcome(admin.execute(
            &format!("UPDATE shop.people SET {column} = ssn::text WHERE id = 2"),
            &[],
        ));
        assert!(refused.is_err(), "{column}");
    }
    for statement in [
        "UPDATE shop.people SET email = ssn",
        "INSERT INTO shop.people (id, email) SELECT 9, ssn FROM shop.people WHERE id = 1",
        "SELECT ssn::vpd.sealed_text('quiet') FROM shop.people",
    ] {
        let refused = outcome(admin.batch_execute(statement));
        assert_eq!(
            refused.err().and_then(|refusal| refusal.token).as_deref(),
            Some("unseal_refused"),
            "{statement}"
        );
    }
    // Whoever may unseal may move it, and it is sealed anew.
    let manager = manager(&database)?;
    let mut user = database.connect(role::USER)?;
    let mut session = user.transaction()?;
    attach(&mut session, &manager)?;
    session.execute("UPDATE shop.people SET email = ssn WHERE id = 1", &[])?;
    session.commit()?;
    assert_eq!(
        seen(&database, &manager, "SELECT email FROM shop.people WHERE id = 1")?.as_deref(),
        Ok("555-101|")
    );
    Ok(())
}

#[test]
fn a_dump_is_restored_without_keys_and_read_with_them() -> Result<()> {
    let database = people()?;
    let cluster = database.cluster();
    let dump = cluster
        .client_program("pg_dump", "postgres")
        .arg(database.name())
        .output()?;
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let twins = String::from_utf8_lossy(&dump.stdout);
    let sealed_part: String = twins
        .split("COPY shop.twins")
        .next()
        .unwrap_or_default()
        .to_owned();
    assert!(!sealed_part.contains("@planted") && !sealed_part.contains("555-10"));
    let copy = Database::create_bare_in(cluster)?;
    let mut restore = cluster
        .client_program("psql", "postgres")
        .args([
            "--quiet",
            "--no-psqlrc",
            "--set",
            "ON_ERROR_STOP=1",
            "--output",
            "/dev/null",
            copy.name(),
        ])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    restore.stdin.take().ok_or("no pipe")?.write_all(&dump.stdout)?;
    let restored = restore.wait_with_output()?;
    assert!(
        restored.status.success(),
        "{}",
        String::from_utf8_lossy(&restored.stderr)
    );
    let manager = manager(&copy)?;
    let all = "SELECT ssn, email, salary, points, born, badge, profile, hint, code FROM {t} ORDER BY id";
    let of = |table| seen(&copy, &manager, &all.replace("{t}", table));
    assert_eq!(of("shop.people")?, of("shop.twins")?);
    assert_eq!(
        seen(
            &copy,
            &manager,
            "SELECT id FROM shop.people WHERE ssn = '555-104'"
        )?
        .as_deref(),
        Ok("4|")
    );
    // An envelope of one database is none of another that made its own key.
    let other = people()?;
    let foreign = envelope(&other, "ssn", 1)?;
    let refused = outcome(copy.admin()?.execute(
        &format!("UPDATE shop.people SET ssn = '{foreign}' WHERE id = 1"),
        &[],
    ));
    assert_eq!(
        refused.err().and_then(|refusal| refusal.token).as_deref(),
        Some("envelope_broken")
    );
    Ok(())
}

#[test]
fn keys_that_are_called_like_words_of_sql_come_through_a_dump() -> Result<()> {
    let database = people()?;
    let words = [
        "user", "select", "order", "left", "values", "row", "integer", "pii_2",
    ];
    let mut admin = database.admin()?;
    for word in words {
        admin.batch_execute(&format!(
            "SELECT vpd.create_key('{word}', 'pii:read', searchable => true);
             CREATE TABLE shop.of_{word} (a vpd.sealed_text('{word}'), b text);
             INSERT INTO shop.of_{word} VALUES ('planted', 'planted'); SELECT vpd.seal_column('shop.of_{word}', 'b', '{word}')"
        ))?;
        // As pg_dump writes a definition.
        let kind: String = admin
            .query_one(
                "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'a'",
                &[&format!("shop.of_{word}")],
            )?
            .get(0);
        admin.batch_execute(&format!(
            "CREATE TABLE shop.copy_of_{word} (a {kind}); INSERT INTO shop.copy_of_{word} SELECT a FROM shop.of_{word};
             GRANT SELECT ON shop.copy_of_{word}, shop.of_{word} TO app_user"
        ))?;
        let manager = manager(&database)?;
        let read = format!("SELECT c.a, o.b FROM shop.copy_of_{word} c, shop.of_{word} o");
        assert_eq!(
            seen(&database, &manager, &read)?.as_deref(),
            Ok("planted|planted|"),
            "{kind}"
        );
    }
    Ok(())
}
