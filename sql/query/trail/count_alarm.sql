-- Counts alarms of one event ($1): the last of them was $2 microseconds after the beginning of 2000, $3 in number.
INSERT INTO vpd_private.audit_alarm AS a (event, last_at, alarms)
VALUES ($1, '2000-01-01 00:00:00+00'::timestamptz + $2 * interval '1 microsecond', $3)
    ON CONFLICT (event) DO UPDATE
       SET alarms = a.alarms + excluded.alarms,
           last_at = greatest(a.last_at, excluded.last_at);
