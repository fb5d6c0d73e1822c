-- What each policy costs and refuses. The counters are in shared memory and start over with the server.

CREATE FUNCTION vpd.policy_counters() RETURNS TABLE (
    relation oid,
    policy_name text,
    function_calls bigint,
    cache_hits bigint,
    total_ms double precision,
    max_ms double precision,
    errors bigint,
    write_denials bigint,
    counted_since timestamptz
)
    LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'policy_counters_wrapper';
COMMENT ON FUNCTION vpd.policy_counters IS
'The counters of this database as they stand in shared memory, those of dropped policies too; see the view vpd.stat_policies.
Errors: 55000 not_ready.';

CREATE FUNCTION vpd.policy_counter_usage() RETURNS TABLE (entries bigint, max_entries bigint, lost_events bigint)
    LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 1 AS 'MODULE_PATHNAME', 'policy_counter_usage_wrapper';
COMMENT ON FUNCTION vpd.policy_counter_usage IS
'How full the table of counters is, for all databases of the server, and how many events found no room since the last reset.
Errors: 55000 not_ready.';

CREATE FUNCTION vpd.reset_stat_policies() RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'reset_stat_policies_wrapper';
COMMENT ON FUNCTION vpd.reset_stat_policies IS 'Sets the counters of this database to nothing, at once and for everybody. Errors: 55000 not_ready.';

CREATE VIEW vpd.stat_policies AS
    SELECT p.relation,
           p.policy_name,
           coalesce(c.function_calls, 0) AS function_calls,
           coalesce(c.cache_hits, 0) AS cache_hits,
           coalesce(c.total_ms, 0) AS total_ms,
           coalesce(c.max_ms, 0) AS max_ms,
           coalesce(c.errors, 0) AS errors,
           coalesce(c.write_denials, 0) AS write_denials,
           c.counted_since
      FROM vpd_private.policy p
      LEFT JOIN vpd.policy_counters() c ON c.relation = p.relation::oid AND c.policy_name = p.policy_name
     ORDER BY p.relation::text, p.policy_name;
COMMENT ON VIEW vpd.stat_policies IS
'Cost and refusals of each policy since counted_since (its first event, the last reset or the start of the server): calls of the policy
function that returned and their time in milliseconds; uses of a predicate, when a plan was made, that ran no function; functions that failed
or returned no predicate; new rows refused with 44000. A plan that is used again costs nothing and is not counted; templates have no function.';
COMMENT ON COLUMN vpd.stat_policies.function_calls IS 'Calls of the policy function that returned.';
COMMENT ON COLUMN vpd.stat_policies.cache_hits IS 'Plans that used a predicate without a call of the function.';
COMMENT ON COLUMN vpd.stat_policies.total_ms IS 'Time of those calls, in milliseconds.';
COMMENT ON COLUMN vpd.stat_policies.max_ms IS 'The longest of them, in milliseconds.';
COMMENT ON COLUMN vpd.stat_policies.errors IS 'Calls of the function that failed.';
COMMENT ON COLUMN vpd.stat_policies.write_denials IS 'Rows that the policy refused to write.';
COMMENT ON COLUMN vpd.stat_policies.counted_since IS 'Since when: the first event, the last reset or the start of the server.';
