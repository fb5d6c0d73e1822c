//! Keys in memory: a core dump of a backend that has unsealed holds none of their bits. What it showed to somebody it may hold: that was in the clear.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use vpd_tests::{Cluster, Extension, Library, Result, attach, give_to_server, role};

use super::scene::{manager, people_in};

const MASTER: &str = "5f0c91d2a7e3b8464d1e2f30918273645546372819f0e1d2c3b4a5968778695a";

/// All keys there are, by their names, from the master key and what the database holds.
const KEYS: &str = r"
WITH master AS (SELECT decode($1, 'hex') AS bits),
     wrapping AS (
         SELECT bits, hmac('pg_vpd 1 wrapping encryption', bits, 'sha256') AS encrypting,
                hmac('pg_vpd 1 wrapping authentication', bits, 'sha256') AS authenticating
           FROM master),
     unwrapped AS (
         SELECT k.name || ' ' || v.version AS name, v.version,
                decrypt_iv(substr(v.wrapped, 17, length(v.wrapped) - 48), w.encrypting, substr(v.wrapped, 1, 16), 'aes-cbc/pad:pkcs') AS bits
           FROM wrapping w, vpd_private.sealing_key_version v JOIN vpd_private.sealing_key k USING (key_number))
SELECT 'master', bits FROM master
UNION ALL SELECT 'master, encrypting', encrypting FROM wrapping
UNION ALL SELECT 'master, authenticating', authenticating FROM wrapping
UNION ALL SELECT name, bits FROM unwrapped
UNION ALL SELECT name || ', encrypting', hmac('pg_vpd 1 column encryption', bits, 'sha256') FROM unwrapped WHERE version > 0
UNION ALL SELECT name || ', authenticating', hmac('pg_vpd 1 column authentication', bits, 'sha256') FROM unwrapped WHERE version > 0
UNION ALL SELECT name || ', equality', hmac('pg_vpd 1 column equality', bits, 'sha256') FROM unwrapped WHERE version = 0";

/// Which of these are in the memory.
fn found<'a>(memory: &[u8], needles: &'a [(String, Vec<u8>)]) -> Vec<&'a str> {
    let mut by_start: HashMap<[u8; 4], Vec<usize>> = HashMap::new();
    let mut is_first = [false; 256];
    for (number, (_, needle)) in needles.iter().enumerate() {
        if let Some(start) = needle.first_chunk() {
            is_first[usize::from(start[0])] = true;
            by_start.entry(*start).or_default().push(number);
        }
    }
    let mut is_found = vec![false; needles.len()];
    for (at, byte) in memory.iter().enumerate() {
        if !is_first[usize::from(*byte)] {
            continue;
        }
        let rest = &memory[at..];
        let numbers = rest.first_chunk().and_then(|start: &[u8; 4]| by_start.get(start));
        for number in numbers.into_iter().flatten() {
            is_found[*number] |= rest.starts_with(&needles[*number].1);
        }
    }
    let names = needles.iter().zip(is_found);
    names
        .filter(|(_, found)| *found)
        .map(|((name, _), _)| name.as_str())
        .collect()
}

/// The memory of a process that can be written; all of it, or what the kernel writes into a core dump.
fn memory(process: i32, is_all: bool) -> Result<Vec<u8>> {
    let file = File::open(format!("/proc/{process}/mem"))?;
    let mut bytes = vec![];
    let mut range = None;
    for line in fs::read_to_string(format!("/proc/{process}/smaps"))?.lines() {
        let first = line.split(' ').next().unwrap_or_default();
        if let Some((start, end)) = first.split_once('-') {
            let number = |text| u64::from_str_radix(text, 16);
            range = match (number(start), number(end)) {
                (Ok(start), Ok(end)) if line.contains(" rw") => Some((start, end)),
                _ => None,
            };
        } else if let (Some((start, end)), Some(flags)) = (range, line.strip_prefix("VmFlags:"))
            && (is_all || !flags.split(' ').any(|flag| flag == "dd"))
        {
            let mut part = vec![0; usize::try_from(end - start)?];
            // Some mappings of devices cannot be read, and are in no dump.
            if file.read_exact_at(&mut part, start).is_ok() {
                bytes.extend(part);
            }
        }
    }
    Ok(bytes)
}

/// Where the kernel writes core dumps, if it writes them into the folder of the process.
fn core_of(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    entries.filter_map(|entry| Some(entry.ok()?.path())).find(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("core"))
    })
}

#[test]
fn a_core_dump_holds_no_key() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("vpd-core-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    let file = folder.join("master");
    fs::write(&file, format!("core = {MASTER}\n"))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    give_to_server(&file)?;
    let settings = format!(
        "shared_buffers = '8MB'\nvpd.master_key_command = ''\nvpd.master_key_file = '{}'",
        file.display()
    );
    let cluster = Cluster::start(&Extension::debug()?, Library::Preloaded, &settings)?;
    let database = people_in(&cluster)?;
    let mut needles: Vec<(String, Vec<u8>)> = database
        .admin()?
        .query(KEYS, &[&MASTER])?
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    assert!(needles.len() > 10, "{}", needles.len());
    needles.push(("master in digits".to_owned(), MASTER.as_bytes().to_vec()));
    needles.push(("heap".to_owned(), b"ordinary value of the heap".to_vec()));
    let token = manager(&database)?;
    database.admin()?.batch_execute(
        "CREATE TABLE shop.heap AS SELECT 'ordinary value ' || 'of the heap' AS value; GRANT SELECT ON shop.heap TO app_user",
    )?;
    let mut user = database.connect(role::USER)?;
    let process: i32 = user.query_one("SELECT pg_backend_pid()", &[])?.get(0);
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.batch_execute(
        "SELECT ssn, salary, hint FROM shop.people; SELECT id FROM shop.people WHERE ssn = '555-101';
         UPDATE shop.people SET email = 'other@planted.example'; SELECT value FROM shop.heap",
    )?;
    session.commit()?;
    // Control: the keys are in memory, and are found there.
    let alive = found(&memory(process, true)?, &needles).join("; ");
    for name in [
        "master",
        "pii 1, encrypting",
        "pii 1, authenticating",
        "pii 0, equality",
        "pay 1, encrypting",
        "heap",
    ] {
        assert!(
            alive.split("; ").any(|found| found == name),
            "control: {name} in {alive}"
        );
    }
    // A key that was destroyed is wiped, wherever it was.
    database
        .connect(role::SECURITY)?
        .batch_execute("SELECT vpd.destroy_key('pay', 'pay')")?;
    let mut session = user.transaction()?;
    attach(&mut session, &token)?;
    session.batch_execute("SELECT ssn, salary FROM shop.people")?;
    session.commit()?;
    let kept = found(&memory(process, true)?, &needles).join("; ");
    assert!(kept.contains("pii 1") && !kept.contains("pay"), "{kept}");
    let left = found(&memory(process, false)?, &needles).join("; ");
    // The dump itself, where the kernel writes it into the folder of the server and hands it to no program.
    let mut dumped = left.clone();
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern")?;
    if pattern.starts_with("core") {
        cluster.abort(process)?;
        let core = core_of(&cluster.data_folder()).ok_or("no core dump")?;
        dumped = found(&fs::read(core)?, &needles).join("; ");
    }
    fs::remove_dir_all(&folder)?;
    assert_eq!(
        (left.as_str(), dumped.as_str()),
        ("heap", "heap"),
        "memory that a dump would hold, and a dump"
    );
    Ok(())
}
