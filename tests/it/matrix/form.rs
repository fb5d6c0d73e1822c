//! The forms of statement that keep a plan somewhere.

use postgres::{Client, Statement};

/// Names of the forms.
pub const NAMES: [&str; 12] = [
    "protocol",
    "PREPARE",
    "SPI",
    "plpgsql",
    "plpgsql expression",
    "SQL function",
    "inlined function",
    "CTE",
    "sublink",
    "view",
    "security_invoker view",
    "partitioned parent",
];

/// One form on one table.
pub struct Form {
    pub name: &'static str,
    /// The kind of policy on its table.
    pub kind: String,
    /// The same question without any plan kept.
    pub plain: String,
    how: How,
}

enum How {
    /// A statement prepared by the protocol, with one parameter.
    Prepared(Statement),
    /// A text sent each time; what it calls keeps the plan.
    Text(String),
}

impl Form {
    /// All forms on the tables of these kinds, prepared on a connection without a session.
    pub fn all(client: &mut Client, kinds: &[&str]) -> Result<Vec<Self>, postgres::Error> {
        let mut forms = vec![];
        for kind in kinds {
            client.batch_execute(&format!(
                "PREPARE prepared_{kind} (integer) AS SELECT id FROM m.t_{kind} WHERE id > $1"
            ))?;
            for name in NAMES {
                let table = if name == "partitioned parent" { "p" } else { "t" };
                forms.push(Self {
                    name,
                    kind: (*kind).to_owned(),
                    plain: format!("SELECT id FROM m.{table}_{kind} WHERE id > 0"),
                    how: how(client, name, kind)?,
                });
            }
        }
        Ok(forms)
    }

    /// Runs it once; ids in order.
    pub fn run(&mut self, client: &mut Client) -> Result<Vec<i32>, postgres::Error> {
        let rows = match &self.how {
            How::Prepared(statement) => client.query(statement, &[&0])?,
            How::Text(text) => client.query(text, &[])?,
        };
        let mut ids: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        ids.sort_unstable();
        Ok(ids)
    }
}

fn how(client: &mut Client, name: &str, kind: &str) -> Result<How, postgres::Error> {
    let text = match name {
        "PREPARE" => format!("EXECUTE prepared_{kind} (0)"),
        "SPI" => format!("SELECT unnest(m.spi_{kind}(0))"),
        "plpgsql" => format!("SELECT unnest(m.plpgsql_{kind}(0))"),
        "plpgsql expression" => format!("SELECT unnest(m.expression_{kind}(0))"),
        "SQL function" => format!("SELECT m.sql_{kind}(0)"),
        _ => {
            let statement = match name {
                "inlined function" => format!("SELECT id FROM m.inlined_{kind}($1) AS f (id)"),
                "CTE" => format!(
                    "WITH c AS MATERIALIZED (SELECT id FROM m.t_{kind} WHERE id > $1) SELECT id FROM c"
                ),
                "sublink" => format!(
                    "SELECT n FROM m.numbers WHERE n > $1 AND n IN (SELECT id FROM m.t_{kind})
                        AND EXISTS (SELECT FROM m.t_{kind} WHERE id = n)"
                ),
                "view" => format!("SELECT id FROM m.view_{kind} WHERE id > $1"),
                "security_invoker view" => format!("SELECT id FROM m.invoker_{kind} WHERE id > $1"),
                "partitioned parent" => format!("SELECT id FROM m.p_{kind} WHERE id > $1"),
                _ => format!("SELECT id FROM m.t_{kind} WHERE id > $1"),
            };
            return client.prepare(&statement).map(How::Prepared);
        }
    };
    Ok(How::Text(text))
}
