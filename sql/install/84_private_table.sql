-- Who may read or write every table, by pg_read_all_data or pg_write_all_data, does not reach these: no policy lets anybody in, and the library's
-- own statements and the views of the extension work as a superuser.
DO $$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'vpd_private'::regnamespace AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    END LOOP;
END
$$;
