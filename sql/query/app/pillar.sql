-- The pillar of an application, which nobody else changes until the transaction ends.
SELECT pillar FROM vpd_private.app WHERE name = $1 FOR UPDATE;
