-- Whether rows that come into a table ($1) are sealed for persons: its trigger is there and fires.
SELECT EXISTS (
    SELECT
      FROM pg_trigger t
     WHERE t.tgrelid = $1
       AND t.tgfoid = 'vpd_private.seal_for_person()'::regprocedure
       AND t.tgenabled IN ('O', 'A')
);
