-- Forgets who $1 was, in the records of actions too: what was done stays done, by somebody who is not known. Who has no pseudonym gets $2 there.
WITH part AS MATERIALIZED (
    SELECT r.id FROM vpd_private.action_record r WHERE $1 = ANY (r.persons)
), known AS (
    UPDATE vpd_private.pseudonym SET user_name = NULL, erased_at = clock_timestamp() WHERE user_name = $1 RETURNING pseudonym
), fresh AS (
    INSERT INTO vpd_private.pseudonym (pseudonym, erased_at)
    SELECT $2, clock_timestamp()
     WHERE EXISTS (SELECT FROM part)
       AND NOT EXISTS (SELECT FROM known)
    RETURNING pseudonym
), erased AS (
    SELECT k.pseudonym FROM known k
    UNION ALL
    SELECT f.pseudonym FROM fresh f
), renamed AS (
    UPDATE vpd_private.action_record r
       SET user_name = CASE WHEN r.user_name = $1 THEN e.pseudonym ELSE r.user_name END,
           persons = array_replace(r.persons, $1, e.pseudonym)
      FROM part
     CROSS JOIN erased e
     WHERE r.id = part.id
)
SELECT e.pseudonym FROM erased e;
