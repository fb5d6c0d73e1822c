\set ECHO none
-- How often a function ran that counts its runs.
CREATE SEQUENCE hr.runs;
GRANT USAGE, SELECT ON SEQUENCE hr.runs TO app_user;
CREATE VIEW hr.runs_so_far AS SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS runs FROM hr.runs;
GRANT SELECT ON hr.runs_so_far TO app_user;
\set ECHO all
