-- Name of the first duration that is out of range, in seconds, as it will be stored: a day has 24 hours, a year 365.25 days.
SELECT CASE
           WHEN idle IS NULL OR idle NOT BETWEEN 1 AND 86400 THEN 'idle_timeout'
           WHEN absolute IS NULL OR absolute NOT BETWEEN idle AND 2592000 THEN 'absolute_timeout'
           WHEN ticket IS NULL OR ticket NOT BETWEEN 1 AND 120 THEN 'ticket_lifetime'
           WHEN age NOT BETWEEN 1 AND 2592000 THEN 'max_auth_age'
       END
  FROM (
      SELECT extract(epoch FROM $1::interval) AS idle,
             extract(epoch FROM $2::interval) AS absolute,
             extract(epoch FROM $3::interval) AS ticket,
             extract(epoch FROM $4::interval) AS age
  ) seconds;
