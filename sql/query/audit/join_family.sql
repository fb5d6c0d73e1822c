-- A table follows another from now on: what it kept by itself is said there.
WITH columns AS (
    DELETE FROM vpd_private.tracked_column c WHERE c.relation = $1::regclass
), actions AS (
    DELETE FROM vpd_private.protected_action p WHERE p.relation = $1::regclass
)
DELETE FROM vpd_private.tracked_table t WHERE t.relation = $1::regclass;
