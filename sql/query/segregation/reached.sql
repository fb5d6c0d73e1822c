-- The users whom a change of some nodes reaches; NULL stands for everybody, because a parametric role is on the way.
WITH RECURSIVE above (id) AS (
    SELECT unnest($1::integer[])
    UNION
    SELECT g.holder_id FROM above a JOIN vpd_private.authority_grant g ON g.granted_id = a.id AND g.valid_until > clock_timestamp()
)
SELECT CASE
           WHEN EXISTS (SELECT FROM above JOIN vpd_private.role_detail d ON d.role_id = above.id AND d.kind = 'parametric') THEN NULL
           ELSE ARRAY(SELECT a.id FROM above JOIN vpd_private.authority a ON a.id = above.id AND a.kind = 'user')
       END;
