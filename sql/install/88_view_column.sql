-- Comments of views' columns that show a column of a table, or of another view, as it is: what was said of that one.

DO $$
DECLARE
    shown record;
    command text;
BEGIN
    -- In the order in which the views were made: each reads those before it.
    FOR shown IN
        SELECT c.oid AS relation, a.attnum, a.attname, format('%s.%I', c.oid::regclass, a.attname) AS name
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relnamespace IN ('vpd'::regnamespace, 'vpd_private'::regnamespace)
           AND c.relkind = 'v'
         ORDER BY c.oid, a.attnum
    LOOP
        CONTINUE WHEN col_description(shown.relation, shown.attnum) IS NOT NULL;
        SELECT format('COMMENT ON COLUMN %s IS %L', shown.name, min(said.said))
          INTO command
          FROM pg_rewrite r
          JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
          JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attname = shown.attname
         CROSS JOIN LATERAL col_description(a.attrelid, a.attnum) AS said (said)
         WHERE r.ev_class = shown.relation
           AND d.refobjid <> shown.relation
        -- Where two columns of that name say different things, the view's file says what its own is.
        HAVING count(DISTINCT said.said) = 1;
        CONTINUE WHEN command IS NULL;
        EXECUTE command;
    END LOOP;
END
$$;
