-- Ends an era: everything that was made in it, committed or not, is dead when this commits.
INSERT INTO vpd_private.session_era AS e (subject, generation)
VALUES ($1, 1)
    ON CONFLICT (subject) DO UPDATE
   SET generation = e.generation + 1;
