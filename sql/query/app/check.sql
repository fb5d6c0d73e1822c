-- Name of the first duration that is out of range.
SELECT CASE
           WHEN $1::interval IS NULL OR $1 NOT BETWEEN interval '1 second' AND interval '24 hours' THEN 'idle_timeout'
           WHEN $2::interval IS NULL OR $2 NOT BETWEEN $1 AND interval '30 days' THEN 'absolute_timeout'
           WHEN $3::interval IS NULL OR $3 NOT BETWEEN interval '1 second' AND interval '120 seconds' THEN 'ticket_lifetime'
       END;
