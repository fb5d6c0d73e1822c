-- Whether this connection has temporary tables.
SELECT EXISTS (
    SELECT FROM pg_class c WHERE c.relnamespace = pg_my_temp_schema() AND c.relkind IN ('r', 'p', 'm')
);
