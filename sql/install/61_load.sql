-- Loads of CSV files: users, groups, who belongs to what, nodes of hierarchies and who has them. All or nothing, with a report of every fault.

CREATE FUNCTION vpd.load_csv(kind text, content text, dry_run boolean DEFAULT false)
    RETURNS TABLE (line bigint, column_name text, value text, reason text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'load_csv_wrapper';
COMMENT ON FUNCTION vpd.load_csv IS
'Loads a CSV file: all of it, or nothing and a row for each fault (line of the file, the header being line 1; column; value; reason).
No rows: it is loaded, and a notice tells what was added, changed and there already; with dry_run everything is checked and nothing kept.
Kinds and columns, in any order, * for those that must be there:
users: user_name*, source, display_name, unit, manager, is_enabled, is_test; every further column is an attribute, name:json one that holds JSON;
groups: group_name*, description, member_of;
group_members: group_name*, user_name*, valid_from, valid_until, reason;
role_members: role_name*, user_name or group_name, valid_from, valid_until, reason;
data_group_members: data_group*, user_name or group_name, valid_from, valid_until, reason;
nodes: hierarchy*, key*, parent, level, label;
group_nodes: data_group*, hierarchy*, node*, valid_from, valid_until, reason.
Managers and groups may stand below those who refer to them. Loading a file again changes nothing.
Errors: 22023 argument_invalid, 53400 limit_load (1 GiB, 5 million lines).';

CREATE FUNCTION vpd.begin_load(kind text, dry_run boolean DEFAULT false) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'begin_load_wrapper';
COMMENT ON FUNCTION vpd.begin_load IS
'Begins a load whose file comes in parts, in one transaction: then load_part for each part and finish_load. Gives up a load begun before.
Kinds are those of load_csv. Errors: 22023 argument_invalid.';

CREATE FUNCTION vpd.load_part(part bytea) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'load_part_wrapper';
COMMENT ON FUNCTION vpd.load_part IS
'Takes the next part of the file, UTF-8, cut anywhere; returns how many lines were read so far. Nothing is written yet.
Errors: 55000 load_not_begun, 53400 limit_load.';

CREATE FUNCTION vpd.finish_load()
    RETURNS TABLE (line bigint, column_name text, value text, reason text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'finish_load_wrapper';
COMMENT ON FUNCTION vpd.finish_load IS
'Ends the load: checks everything and writes it, or returns the faults, as load_csv. Tells by notices how far it is.
Errors: 55000 load_not_begun.';

INSERT INTO vpd_private.profile_privilege (profile, object) VALUES
    ('security_admin', 'load_csv'),
    ('security_admin', 'begin_load'),
    ('security_admin', 'load_part'),
    ('security_admin', 'finish_load');
