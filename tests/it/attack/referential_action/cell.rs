//! One cell: an event, what runs inside the query that it starts, who reads there and through what.

use super::begin;
use super::event::{EVENTS, Event, Sent};
use postgres::Client;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use vpd_tests::{Database, Notices, Result, role};

/// Something of the role's own that the server runs with its query.
#[derive(Clone, Copy)]
pub struct Carrier {
    name: &'static str,
    /// With which queries it runs.
    with: &'static [Sent],
    /// Before the tables are made; behind their columns; after they are made.
    before: &'static str,
    more: &'static str,
    after: &'static str,
    /// Types of the key and of the column that refers to it.
    key: &'static str,
    child: &'static str,
    /// The default of that column.
    default: &'static str,
}

const CHANGES: &[Sent] = &[Sent::NewKey, Sent::Null, Sent::Default];
const WRITES: &[Sent] = &[Sent::Delete, Sent::NewKey, Sent::Null, Sent::Default];
const COMPARES: &[Sent] = &[
    Sent::Delete,
    Sent::Null,
    Sent::LookAtReferencing,
    Sent::LookAtReferenced,
];

const NONE: Carrier = Carrier {
    name: "",
    with: WRITES,
    before: "",
    more: "",
    after: "",
    key: "integer",
    child: "integer",
    default: "2",
};

const CARRIERS: &[Carrier] = &[
    Carrier {
        name: "BEFORE trigger",
        after: "CREATE TRIGGER t BEFORE UPDATE OR DELETE ON c FOR EACH ROW EXECUTE FUNCTION pg_temp.on_row()",
        ..NONE
    },
    Carrier {
        name: "BEFORE trigger of the statement",
        after: "CREATE TRIGGER t BEFORE UPDATE OR DELETE ON c EXECUTE FUNCTION pg_temp.on_row()",
        ..NONE
    },
    Carrier {
        name: "condition of a trigger",
        after: "CREATE FUNCTION pg_temp.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN coalesce(NEW, OLD); END';
                CREATE TRIGGER t BEFORE UPDATE OR DELETE ON c FOR EACH ROW WHEN (pg_temp.probe()) EXECUTE FUNCTION pg_temp.nothing()",
        ..NONE
    },
    Carrier {
        name: "AFTER trigger",
        after: "CREATE TRIGGER t AFTER UPDATE OR DELETE ON c FOR EACH ROW EXECUTE FUNCTION pg_temp.on_row()",
        ..NONE
    },
    Carrier {
        name: "CHECK",
        with: CHANGES,
        after: "ALTER TABLE c ADD CHECK (pg_temp.probe()) NOT VALID",
        ..NONE
    },
    Carrier {
        name: "CHECK of a domain",
        with: &[Sent::NewKey, Sent::Default],
        before: "CREATE DOMAIN pg_temp.checked AS integer CHECK (pg_temp.probe())",
        child: "pg_temp.checked",
        ..NONE
    },
    Carrier {
        name: "default",
        with: &[Sent::Default],
        default: "pg_temp.given(2)",
        ..NONE
    },
    Carrier {
        name: "generated column",
        with: CHANGES,
        more: ", g integer GENERATED ALWAYS AS (pg_temp.given(id)) STORED",
        ..NONE
    },
    Carrier {
        name: "expression of an index",
        with: CHANGES,
        after: "CREATE INDEX ON c (pg_temp.given(id))",
        ..NONE
    },
    Carrier {
        name: "condition of an index",
        with: CHANGES,
        after: "CREATE INDEX ON c (id) WHERE pg_temp.given(id) > 0",
        ..NONE
    },
    Carrier {
        name: "cast",
        with: COMPARES,
        before: "CREATE TYPE pg_temp.word AS ENUM ('1', '2', '3');
                 CREATE FUNCTION pg_temp.read(pg_temp.word) RETURNS integer LANGUAGE plpgsql IMMUTABLE
                     AS 'BEGIN PERFORM pg_temp.probe(); RETURN $1::text::integer; END';
                 CREATE CAST (pg_temp.word AS integer) WITH FUNCTION pg_temp.read(pg_temp.word) AS IMPLICIT",
        child: "pg_temp.word",
        ..NONE
    },
    Carrier {
        name: "operator",
        with: COMPARES,
        key: "shop.level",
        child: "shop.level",
        ..NONE
    },
    Carrier {
        name: "function in a rule",
        after: "CREATE RULE u AS ON UPDATE TO c DO ALSO SELECT pg_temp.probe();
                CREATE RULE d AS ON DELETE TO c DO ALSO SELECT pg_temp.probe()",
        ..NONE
    },
    Carrier {
        name: "condition of a rule",
        after: "CREATE RULE u AS ON UPDATE TO c WHERE NOT pg_temp.probe() DO INSTEAD NOTHING;
                CREATE RULE d AS ON DELETE TO c WHERE NOT pg_temp.probe() DO INSTEAD NOTHING",
        ..NONE
    },
];

/// Who reads, and what: `{kin}` is a member of the owner's role.
const READERS: &[(&str, &str, &str)] = &[
    ("view of the owner", role::USER, "shop.all_orders"),
    ("view over a view of the owner", role::USER, "shop.over_view"),
    ("function of the owner", role::USER, "shop.every_order()"),
    ("owner", role::OWNER, "shop.orders"),
    ("member of the owner's role", "{kin}", "shop.orders"),
];

/// A cell.
pub struct Cell {
    event: Event,
    carrier: Carrier,
    reader: &'static str,
    role: String,
    source: &'static str,
}

/// All of them.
fn cells(kin: &str) -> Vec<Cell> {
    let mut cells = Vec::new();
    for event in EVENTS {
        for carrier in CARRIERS
            .iter()
            .filter(|carrier| carrier.with.contains(&event.sent))
        {
            // A column of a list of columns cannot be compared by an operator class that the list does not name.
            if carrier.name == "operator" && event.columns.contains("(a, id)") {
                continue;
            }
            // Who reads makes no difference to what starts it: every reader meets a query of each sort, the first one every event.
            let is_sample = ["delete cascade", "update cascade", "check of a new row"].contains(&event.name);
            let readers = if is_sample { READERS.len() } else { 1 };
            for (reader, role, source) in &READERS[..readers] {
                cells.push(Cell {
                    event: *event,
                    carrier: *carrier,
                    reader,
                    role: role.replace("{kin}", kin),
                    source,
                });
            }
        }
    }
    cells
}

/// The functions a role brings along: what reads, and what calls it.
pub fn probe(source: &str) -> String {
    format!(
        "CREATE FUNCTION pg_temp.probe() RETURNS boolean LANGUAGE plpgsql AS $$
         DECLARE seen text;
         BEGIN
             -- Planned anew each time: a plan of before the query of the server would be used in it.
             EXECUTE 'SELECT coalesce(json_agg(json_build_array(id, amount) ORDER BY id), ''[]'') FROM {source}' INTO seen;
             RAISE NOTICE 'seen %', seen;
             RETURN true;
         END $$;
         CREATE FUNCTION pg_temp.on_row() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_temp.probe(); IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$;
         CREATE FUNCTION pg_temp.given(i anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $$
         BEGIN PERFORM pg_temp.probe(); RETURN i; END $$;"
    )
}

/// The most that a probe printed since the last look.
pub fn widest(notices: &Notices) -> Option<String> {
    notices
        .take()
        .iter()
        .filter_map(|notice| notice.message().strip_prefix("seen ").map(str::to_owned))
        .max_by_key(String::len)
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (event, carrier) = (self.event.name, self.carrier.name);
        write!(formatter, "{event}, {carrier}, {}", self.reader)
    }
}

impl Cell {
    /// AFTER triggers run when the query of the server is over.
    pub fn is_inside(&self) -> bool {
        self.carrier.name != "AFTER trigger"
    }

    fn tables(&self) -> String {
        let (event, carrier) = (&self.event, &self.carrier);
        let unique = if carrier.key == "shop.level" {
            "CREATE UNIQUE INDEX ON p (id shop.level_ops)"
        } else {
            "ALTER TABLE p ADD UNIQUE (id), ADD UNIQUE (a, id)"
        };
        let columns = event
            .columns
            .replace("{child}", carrier.child)
            .replace("{default}", carrier.default);
        format!(
            "{};
             CREATE TEMP TABLE p (a integer DEFAULT 7, id {}) ON COMMIT DROP;
             {unique};
             CREATE TEMP TABLE c ({columns}{}) ON COMMIT DROP;
             INSERT INTO p (id) VALUES ('1'), ('2');
             INSERT INTO c (id) VALUES ('1');
             SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;
             {};",
            carrier.before, carrier.key, carrier.more, carrier.after
        )
    }

    /// The most that was read at a time. An error when nothing ran.
    fn seen(&self, client: &mut Client, notices: &Notices, token: Option<&str>) -> Result<String> {
        begin(client, token)?;
        let failed = |error| format!("{self:?}: {error:?}");
        client
            .batch_execute(&format!("{}{}", probe(self.source), self.tables()))
            .map_err(failed)?;
        drop(notices.take());
        client.batch_execute(self.event.fire).map_err(failed)?;
        let seen = widest(notices).ok_or_else(|| format!("nothing ran inside: {self:?}"))?;
        client.batch_execute("ROLLBACK")?;
        Ok(seen)
    }
}

/// What was read in each cell, on one connection for each role, which goes on from cell to cell as a pool's does.
pub fn read(database: &Database<'_>, kin: &str, token: Option<&str>) -> Result<Vec<(Cell, String)>> {
    let mut clients = HashMap::new();
    cells(kin)
        .into_iter()
        .map(|cell| {
            let (client, notices) = match clients.entry(cell.role.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(database.connect_noticing(&cell.role)?),
            };
            let seen = cell.seen(client, notices, token)?;
            Ok((cell, seen))
        })
        .collect()
}
