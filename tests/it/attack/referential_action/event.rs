//! What makes the server query a table for a foreign key. Every script makes temporary tables `p` and `c`; `{type}` is the type
//! of the key, `{ops}` its operator class, `{child}` the type of the column that refers to it, `{more}` whatever else stands in `c`.

/// Which statement the server sends to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// DELETE on `c`.
    Delete,
    /// UPDATE of `c` with the new key of `p`.
    NewKey,
    /// UPDATE of `c` with NULL.
    Null,
    /// UPDATE of `c` with the default of the column.
    Default,
    /// A look at `c`.
    LookAtReferencing,
    /// A look at `p`.
    LookAtReferenced,
}

/// One of them.
#[derive(Clone, Copy)]
pub struct Event {
    pub name: &'static str,
    pub sent: Sent,
    /// The columns of `c`.
    pub columns: &'static str,
    /// What starts it.
    pub fire: &'static str,
}

const fn event(name: &'static str, sent: Sent, columns: &'static str, fire: &'static str) -> Event {
    Event {
        name,
        sent,
        columns,
        fire,
    }
}

pub const EVENTS: &[Event] = &[
    event(
        "delete cascade",
        Sent::Delete,
        "id {child} REFERENCES p (id) ON DELETE CASCADE",
        "DELETE FROM p WHERE id = '1'",
    ),
    event(
        "delete set null",
        Sent::Null,
        "id {child} REFERENCES p (id) ON DELETE SET NULL",
        "DELETE FROM p WHERE id = '1'",
    ),
    event(
        "delete set null, of some columns",
        Sent::Null,
        "a integer DEFAULT 7, id {child}, FOREIGN KEY (a, id) REFERENCES p (a, id) ON DELETE SET NULL (id)",
        "DELETE FROM p WHERE id = '1'",
    ),
    event(
        "delete set default",
        Sent::Default,
        "id {child} DEFAULT {default} REFERENCES p (id) ON DELETE SET DEFAULT",
        "DELETE FROM p WHERE id = '1'",
    ),
    event(
        "update cascade",
        Sent::NewKey,
        "id {child} REFERENCES p (id) ON UPDATE CASCADE",
        "UPDATE p SET id = '3' WHERE id = '1'",
    ),
    event(
        "update set null",
        Sent::Null,
        "id {child} REFERENCES p (id) ON UPDATE SET NULL",
        "UPDATE p SET id = '3' WHERE id = '1'",
    ),
    event(
        "update set default",
        Sent::Default,
        "id {child} DEFAULT {default} REFERENCES p (id) ON UPDATE SET DEFAULT",
        "UPDATE p SET id = '3' WHERE id = '1'",
    ),
    event(
        "cascade of a deferrable key",
        Sent::Delete,
        "id {child} REFERENCES p (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
        "DELETE FROM p WHERE id = '1'",
    ),
    event(
        "no action",
        Sent::LookAtReferencing,
        "id {child} REFERENCES p (id)",
        "DELETE FROM p WHERE id = '2'",
    ),
    event(
        "restrict",
        Sent::LookAtReferencing,
        "id {child} REFERENCES p (id) ON DELETE RESTRICT",
        "DELETE FROM p WHERE id = '2'",
    ),
    event(
        "no action, deferred",
        Sent::LookAtReferencing,
        "id {child} REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED",
        "DELETE FROM p WHERE id = '2'; SET CONSTRAINTS ALL IMMEDIATE",
    ),
    event(
        "check of a new row",
        Sent::LookAtReferenced,
        "id {child} REFERENCES p (id)",
        "INSERT INTO c (id) VALUES ('2')",
    ),
    event(
        "check of a new row, deferred",
        Sent::LookAtReferenced,
        "id {child} REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED",
        "INSERT INTO c (id) VALUES ('2'); SET CONSTRAINTS ALL IMMEDIATE",
    ),
];
