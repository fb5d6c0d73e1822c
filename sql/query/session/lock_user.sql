-- One creation at a time for a user and application, so that the limit of sessions holds.
SELECT pg_advisory_xact_lock(hashtextextended('vpd.session ' || $2 || ' ' || $1, 0));
