-- What follows the DDL of applications. Partitions and children are seen by the library where the server makes them, whatever the command
-- is called; this is for what happened while the library was away, for columns that were renamed, and for what is dropped.

CREATE FUNCTION vpd_private.follow_ddl() RETURNS event_trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'follow_ddl_wrapper';
COMMENT ON FUNCTION vpd_private.follow_ddl IS
'Keeps the catalogue of policies in step with the tables: a partition of a protected table that was made without the library is protected (rows are
then seen through the parent only), renamed columns are followed, the policies of a dropped table go with it. Warns of what cannot be protected.';

CREATE EVENT TRIGGER vpd_follow_create ON ddl_command_end
    WHEN TAG IN (
        'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA', 'CREATE SCHEMA',
        'ALTER TABLE', 'ALTER FOREIGN TABLE', 'ALTER TYPE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER INDEX', 'ALTER SEQUENCE'
    )
    EXECUTE FUNCTION vpd_private.follow_ddl();
COMMENT ON EVENT TRIGGER vpd_follow_create IS 'Follows renamed columns; protects what joined a protected table while the library was away.';
CREATE EVENT TRIGGER vpd_follow_drop ON sql_drop
    EXECUTE FUNCTION vpd_private.follow_ddl();
COMMENT ON EVENT TRIGGER vpd_follow_drop IS 'Forgets the policies of dropped tables.';
