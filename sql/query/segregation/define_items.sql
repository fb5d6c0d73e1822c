-- The items of a rule, and no others.
WITH gone AS (
    DELETE FROM vpd_private.sod_rule_item i WHERE i.rule_id = $1 AND i.authority_id <> ALL ($2::integer[])
)
INSERT INTO vpd_private.sod_rule_item (rule_id, authority_id)
SELECT $1, item FROM unnest($2::integer[]) item
    ON CONFLICT DO NOTHING;
