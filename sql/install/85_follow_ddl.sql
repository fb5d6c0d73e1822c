-- What follows the DDL of applications: new partitions come under their parent's policies, dropped tables take theirs along.

CREATE FUNCTION vpd_private.follow_ddl() RETURNS event_trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'follow_ddl_wrapper';
COMMENT ON FUNCTION vpd_private.follow_ddl IS
'Keeps the catalogue of policies in step with the tables: a new partition of a protected table is protected at once (rows are
then seen through the parent only), the policies of a dropped table go with it.';

CREATE EVENT TRIGGER vpd_follow_create ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE', 'CREATE FOREIGN TABLE')
    EXECUTE FUNCTION vpd_private.follow_ddl();
COMMENT ON EVENT TRIGGER vpd_follow_create IS 'Protects new partitions of protected tables.';
CREATE EVENT TRIGGER vpd_follow_drop ON sql_drop
    WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'ALTER TABLE', 'DROP EXTENSION', 'DROP TYPE', 'DROP MATERIALIZED VIEW')
    EXECUTE FUNCTION vpd_private.follow_ddl();
COMMENT ON EVENT TRIGGER vpd_follow_drop IS 'Forgets the policies of dropped tables.';
