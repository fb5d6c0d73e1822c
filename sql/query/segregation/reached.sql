-- What holds some nodes, now or later, these among it; NULL when that is $2 nodes or more. And whether a parametric role is among it: whoever meets its
-- rule holds them as well.
WITH RECURSIVE above (id) AS (
    SELECT unnest($1::integer[])
    UNION
    SELECT g.holder_id FROM above a JOIN vpd_private.authority_grant g ON g.granted_id = a.id AND g.valid_until > clock_timestamp()
), part AS MATERIALIZED (
    SELECT a.id FROM above a LIMIT $2
)
SELECT CASE WHEN (SELECT count(*) FROM part) < $2 THEN ARRAY(SELECT p.id FROM part p) END,
       EXISTS (SELECT FROM part p JOIN vpd_private.role_detail d ON d.role_id = p.id AND d.kind = 'parametric');
