WITH items AS (
    DELETE FROM vpd_private.sod_rule_item i WHERE i.rule_id = $1
), existing AS (
    DELETE FROM vpd_private.sod_existing x WHERE x.rule_id = $1
)
DELETE FROM vpd_private.sod_rule r WHERE r.id = $1;
