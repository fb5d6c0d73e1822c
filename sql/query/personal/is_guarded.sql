-- The column of a table ($1) whose person it is that what comes into another column ($2) is sealed for, when the trigger is there and fires, and the check of the column is there. Before that, whether it is a view: what comes to it goes to its triggers.
SELECT c.relkind = 'v',
       (
           SELECT k.person
             FROM vpd_private.person_check k
            WHERE k.relation = $1
              AND k.number = $2
              AND EXISTS (
                      SELECT
                        FROM pg_trigger t
                       WHERE t.tgrelid = $1
                         AND t.tgfoid = 'vpd_private.seal_for_person()'::regprocedure
                         AND t.tgenabled IN ('O', 'A')
                  )
            LIMIT 1
       )
  FROM pg_class c
 WHERE c.oid = $1;
