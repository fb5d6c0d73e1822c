-- Keeps a name that stands for somebody who was erased. $1 the name.
INSERT INTO vpd_private.pseudonym (pseudonym, erased_at)
VALUES ($1, clock_timestamp())
    ON CONFLICT DO NOTHING;
