WITH columns AS (
    DELETE FROM vpd_private.tracked_column c WHERE c.relation = $1::regclass
)
DELETE FROM vpd_private.tracked_table t WHERE t.relation = $1::regclass;
