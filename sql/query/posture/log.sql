-- Settings that would write tokens, values or passwords down.
WITH server AS (
    SELECT name, value FROM vpd_private.posture_setting WHERE place = 'server'
), writes_statements AS (
    SELECT coalesce(bool_or(
               (s.name = 'log_statement' AND s.value <> 'none')
               OR (s.name IN ('log_min_duration_statement', 'log_min_duration_sample') AND s.value <> '-1')
               OR (s.name = 'log_transaction_sample_rate' AND s.value NOT IN ('0', '0.0'))
           ), false) AS is_true
      FROM vpd_private.posture_setting s
)
SELECT 'high' AS severity,
       'log_parameters' AS finding,
       s.place AS object,
       'statements are logged with their parameters, which carry session tokens and tickets' AS detail,
       s.set_command || '0' || s.afterwards AS remedy
  FROM vpd_private.posture_setting s
 CROSS JOIN writes_statements w
 WHERE s.name = 'log_parameter_max_length'
   AND s.value NOT IN ('0', '0B')
   AND w.is_true
UNION ALL
SELECT 'high',
       'log_parameters_on_error',
       s.place,
       'parameters of statements that fail are logged; they carry session tokens and tickets',
       s.set_command || '0' || s.afterwards
  FROM vpd_private.posture_setting s
 WHERE s.name = 'log_parameter_max_length_on_error'
   AND s.value NOT IN ('0', '0B')
UNION ALL
SELECT 'medium',
       'log_query_trees',
       format('%s at %s', s.name, s.place),
       'predicates and values are written to the log',
       s.set_command || 'off' || s.afterwards
  FROM vpd_private.posture_setting s
 WHERE s.name IN ('debug_print_parse', 'debug_print_rewritten', 'debug_print_plan')
   AND lower(s.value) IN ('on', 'true', 'yes', '1')
UNION ALL
SELECT 'high',
       'auto_explain_parameters',
       s.place,
       'plans are logged with their parameters, which carry session tokens and tickets',
       s.set_command || '0' || s.afterwards
  FROM vpd_private.posture_setting s
 WHERE s.name = 'auto_explain.log_parameter_max_length'
   AND s.value NOT IN ('0', '0B')
   AND EXISTS (SELECT FROM vpd_private.posture_setting d WHERE d.name = 'auto_explain.log_min_duration' AND d.value <> '-1')
UNION ALL
SELECT 'high',
       'audit_log_parameters',
       s.place,
       'pgaudit writes parameters, which carry session tokens and tickets, whatever log_parameter_max_length says',
       s.set_command || 'off' || s.afterwards
  FROM vpd_private.posture_setting s
 WHERE s.name = 'pgaudit.log_parameter'
   AND lower(s.value) IN ('on', 'true', 'yes', '1')
UNION ALL
SELECT 'low',
       'statement_statistics_utility',
       s.place,
       'pg_stat_statements keeps the text of utility commands, passwords among them',
       s.set_command || 'off' || s.afterwards
  FROM vpd_private.posture_setting s
 WHERE s.name = 'pg_stat_statements.track_utility'
   AND lower(s.value) IN ('on', 'true', 'yes', '1');
