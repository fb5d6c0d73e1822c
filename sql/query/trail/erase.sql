-- Forgets who somebody was in the personal parts of records. $1 his name, $2 what stands there from now on. What else was told beside it goes as well, because it may name him.
UPDATE vpd_private.audit_person p
   SET salt = NULL,
       user_name = CASE WHEN p.user_name = $1 THEN $2 ELSE p.user_name END,
       audit_identity = CASE WHEN p.audit_identity = $1 THEN $2 ELSE p.audit_identity END,
       actors = (SELECT jsonb_agg(CASE WHEN a.name = $1 THEN $2 ELSE a.name END ORDER BY a.place)::text
                   FROM jsonb_array_elements_text(p.actors::jsonb) WITH ORDINALITY a (name, place)),
       client_address = NULL,
       statement = NULL,
       details = NULL
 WHERE p.user_name = $1
    OR p.audit_identity = $1
    OR p.actors::jsonb ? $1
    OR position($1 IN p.details) > 0;
