-- The table whose turn it is to be sealed anew by the purge worker: the one that waits longest, and did not fail since $1. Until it is known how that ends, it failed: one that stops the worker lets the others have their turn.
UPDATE vpd_private.resealing r
   SET failure = 'it did not end', updated_at = clock_timestamp()
 WHERE r.relation = (
           SELECT o.relation
             FROM vpd_private.resealing o
            WHERE o.in_background
              AND NOT (o.failure IS NOT NULL AND o.updated_at >= $1)
              AND EXISTS (SELECT FROM pg_class c WHERE c.oid = o.relation)
            ORDER BY o.failure IS NOT NULL, o.updated_at, o.relation
            LIMIT 1
              FOR UPDATE SKIP LOCKED
       )
RETURNING r.relation::oid;
