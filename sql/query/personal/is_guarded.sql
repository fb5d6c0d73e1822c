-- Whether what comes into a column ($2) of a table ($1) is sealed for the person of its row: the trigger is there and fires, and the check of the column is there. Before that, whether it is a view: what comes to it goes to its triggers.
SELECT c.relkind = 'v',
       EXISTS (
           SELECT
             FROM pg_trigger t
            WHERE t.tgrelid = $1
              AND t.tgfoid = 'vpd_private.seal_for_person()'::regprocedure
              AND t.tgenabled IN ('O', 'A')
       )
       AND EXISTS (SELECT FROM vpd_private.person_check k WHERE k.relation = $1 AND $2 = ANY (k.columns))
  FROM pg_class c
 WHERE c.oid = $1;
